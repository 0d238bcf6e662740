"""Search spaces: every combination once, and what counts as tried, against brute force."""

from contextlib import ExitStack
from itertools import product
from typing import Any

import keras_tuner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.search.space import (
    TracedHyperParameters,
    Tried,
    combinations,
    count_combinations,
    finite_values,
    grid_values,
)
from tests.search.helpers import keys

Values = dict[str, Any]


@st.composite
def spaces(draw: st.DrawFn) -> keras_tuner.HyperParameters:
    """Up to five entries; a later one may hang on values of an earlier one, or share its name."""
    hp = keras_tuner.HyperParameters()
    for number in range(draw(st.integers(1, 5))):
        values = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True))
        parent = draw(st.sampled_from([None, *hp.space]))
        with ExitStack() as scopes:
            if parent is not None:
                for condition in parent.conditions:
                    scopes.enter_context(hp.conditional_scope(condition.name, condition.values))
                some = draw(st.lists(st.sampled_from(parent.values), min_size=1, unique=True))
                scopes.enter_context(hp.conditional_scope(parent.name, some))
            names = {entry.name for entry in hp.space}
            ancestors = {c.name for e in hp.space for c in e.conditions} | {
                parent.name if parent is not None else ""
            }
            taken = sorted(names - ancestors)
            name = draw(st.sampled_from([f"h{number}", *taken]))
            hp.Choice(name, values)
    return hp


def brute_force(hp: keras_tuner.HyperParameters) -> list[Values]:
    """All assignments in which exactly the active names have a value of their active entry."""
    names = list(dict.fromkeys(entry.name for entry in hp.space))
    every = {n: sorted({v for e in hp.space if e.name == n for v in e.values}) for n in names}
    found = []
    for chosen in product(*([None, *every[name]] for name in names)):
        values = {n: v for n, v in zip(names, chosen, strict=True) if v is not None}
        active: dict[str, Any] = {}
        for entry in hp.space:
            if all(c.is_active(values) for c in entry.conditions):
                active.setdefault(entry.name, entry)
        if active.keys() == values.keys() and all(values[n] in active[n].values for n in active):
            found.append(values)
    return found


@given(spaces())
def test_combinations_are_those_of_brute_force_each_once(hp: keras_tuner.HyperParameters) -> None:
    made = list(combinations(hp.space, grid_values))
    assert keys(made) == keys(brute_force(hp))
    assert count_combinations(hp.space, grid_values, 10**6) == len(made)


@given(spaces(), st.data())
def test_names_that_change_slowest_change_no_combination(
    hp: keras_tuner.HyperParameters, data: st.DataObject
) -> None:
    slow = frozenset(data.draw(st.sets(st.sampled_from([entry.name for entry in hp.space]))))
    assert keys(combinations(hp.space, grid_values, slow)) == keys(brute_force(hp))


def test_one_name_may_have_other_values_in_another_scope() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["dense", "conv"])
    with hp.conditional_scope("kind", ["dense"]):
        hp.Choice("size", [8, 16])
    with hp.conditional_scope("kind", ["conv"]):
        hp.Choice("size", [3, 5, 7])
    found = [(v["kind"], v["size"]) for v in combinations(hp.space, grid_values)]
    expected = [("dense", 8), ("dense", 16), ("conv", 3), ("conv", 5), ("conv", 7)]
    assert found == expected


def test_the_last_hyperparameter_changes_fastest_and_defaults_come_first() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Choice("a", [1, 2], default=2)
    hp.Int("b", 0, 2)
    found = [(v["a"], v["b"]) for v in combinations(hp.space, grid_values)]
    assert found == [(2, 0), (2, 1), (2, 2), (1, 0), (1, 1), (1, 2)]


def test_a_number_without_step_is_sampled_as_by_kerastuner() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Float("lr", 1e-4, 1.0, sampling="log")
    values = grid_values(hp.space[0])
    assert values == [1e-4, *sorted(hp.space[0].values)]
    assert len(values) == 11


@pytest.mark.parametrize("sampling", ["linear", "log"])
def test_a_huge_range_is_not_listed_value_by_value(sampling: str) -> None:
    hp = keras_tuner.HyperParameters()
    hp.Int("seed", 1, 10**12, sampling=sampling)
    assert finite_values(hp.space[0]) is None


def test_all_whole_numbers_of_a_log_range_can_be_drawn() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Int("units", 1, 20, sampling="log")
    assert finite_values(hp.space[0]) == list(range(1, 21))


# What a build reads


def test_values_asked_for_in_any_way_are_read_and_inactive_ones_are_not() -> None:
    hp = TracedHyperParameters()
    hp.Choice("kind", ["a", "b"])
    hp.Int("units", 1, 3)
    hp.read.clear()
    hp.get("units")
    with hp.conditional_scope("kind", ["b"]):
        assert hp.Int("only_b", 1, 3) is None
    assert hp.read == {"units"}
    with hp.name_scope("outer"):
        hp.Boolean("inner")
    assert hp["outer/inner"] is False
    assert hp.read == {"units", "outer/inner"}


def test_reads_of_a_copy_count_and_reads_of_the_search_do_not() -> None:
    hp = TracedHyperParameters()
    hp.Int("a", 1, 3)
    hp.Int("b", 1, 3)
    hp.read.clear()
    hp.copy().get("a")
    with hp.untraced():
        hp.get("b")
    assert hp.read == {"a"}


# What was tried

Build = dict[str, tuple[str, frozenset[int]]]
"""Per name the name and the values on which it is read; "" reads always."""


@st.composite
def builds(draw: st.DrawFn) -> tuple[keras_tuner.HyperParameters, Build]:
    """A space without conditions, and a build that reads some names in some branches only."""
    hp, build = keras_tuner.HyperParameters(), {}
    for number in range(draw(st.integers(1, 4))):
        size = draw(st.integers(1, 3))
        hp.Choice(f"h{number}", list(range(size)))
        parent = draw(st.sampled_from(["", *build]))
        when = draw(st.frozensets(st.integers(0, 2), min_size=1))
        build[f"h{number}"] = (parent, when)
    return hp, build


def reads(build: Build, values: Values) -> frozenset[str]:
    read: set[str] = set()
    for name, (parent, when) in build.items():
        if not parent or (parent in read and values[parent] in when):
            read.add(name)
    return frozenset(read)


@given(builds())
def test_a_grid_run_one_by_one_trains_each_different_model_once(
    case: tuple[keras_tuner.HyperParameters, Build],
) -> None:
    hp, build = case
    tried, trained = Tried(), []
    while True:
        never = frozenset(e.name for e in hp.space) - tried.ever_read if len(tried) else frozenset()
        fresh = combinations(hp.space, grid_values, never)
        values = next((v for v in fresh if not tried.covers(v)), None)
        if values is None:
            break
        number = str(len(tried))
        tried.add(number, values)
        assert tried.covers(values)
        read = reads(build, values)
        tried.add(number, values, read)
        assert tried.covers(values)
        trained.append((values, read))
    every = list(combinations(hp.space, grid_values))
    ever = frozenset().union(*(reads(build, v) for v in every))
    # A name that no build ever reads may be used in a way that leaves no trace: it counts.
    traceless = build.keys() - ever
    different = [{n: v[n] for n in reads(build, v) | traceless} for v in every]
    ran = [{n: v[n] for n in read | traceless} for v, read in trained]
    assert keys(ran) == sorted(set(keys(different)))


@given(builds(), st.data())
def test_what_is_covered_does_not_depend_on_when_the_reads_became_known(
    case: tuple[keras_tuner.HyperParameters, Build], data: st.DataObject
) -> None:
    hp, build = case
    every = list(combinations(hp.space, grid_values))
    some = data.draw(st.lists(st.sampled_from(every), max_size=6))
    at_once, later = Tried(), Tried()
    for number, values in enumerate(some):
        at_once.add(str(number), values, reads(build, values))
        later.add(str(number), values)
    for number, values in reversed(list(enumerate(some))):
        later.add(str(number), values, reads(build, values))
    assert [at_once.covers(v) for v in every] == [later.covers(v) for v in every]


def test_a_value_that_no_build_ever_read_makes_another_trial() -> None:
    tried = Tried()
    tried.add("0", {"a": 1, "unseen": 1}, frozenset({"a"}))
    assert tried.covers({"a": 1, "unseen": 1})
    assert not tried.covers({"a": 1, "unseen": 2})


def test_reading_a_name_elsewhere_shows_that_it_did_not_matter_here() -> None:
    tried = Tried()
    tried.add("0", {"a": 1, "b": 1}, frozenset({"a"}))
    tried.add("1", {"a": 2, "b": 1}, frozenset({"a", "b"}))
    assert tried.covers({"a": 1, "b": 2})
    assert not tried.covers({"a": 2, "b": 2})


def test_an_earlier_trial_says_nothing_about_a_new_hyperparameter() -> None:
    tried = Tried()
    tried.add("0", {"a": 1}, frozenset({"a"}))
    tried.require(frozenset({"new"}))
    assert not tried.covers({"a": 1, "new": 0})
    tried.add("1", {"a": 1, "new": 0}, frozenset({"a", "new"}))
    assert tried.covers({"a": 1, "new": 0})


def test_values_of_another_type_are_other_values() -> None:
    tried = Tried()
    tried.add("0", {"a": 1})
    assert not tried.covers({"a": True})
    assert not tried.covers({"a": 1.0})
