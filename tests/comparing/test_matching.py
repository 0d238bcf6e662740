"""Which trials are the same configuration."""

import pytest

from auditor.comparing.matching import match
from auditor.files import Json

Values = dict[str, dict[str, Json]]


def pairs(before: Values, after: Values) -> set[tuple[str, str]]:
    return set(match(before, after).pairs)


def test_equal_values_match_whatever_their_ids_and_order() -> None:
    before: Values = {"a": {"lr": 0.1, "act": "relu"}, "b": {"lr": 0.01, "act": "relu"}}
    after: Values = {"0": {"act": "relu", "lr": 0.01}, "1": {"act": "relu", "lr": 1.0}}
    found = match(before, after)
    assert found.pairs == (("b", "0"),)
    assert (found.names, found.alone_before, found.alone_after) == (("lr",), 1, 1)


@pytest.mark.parametrize(
    ("mine", "theirs", "equal"),
    [
        (1, 1.0, True),
        (0.1, 0.10000000149011612, True),  # as float32 has it
        (0.1, 0.1001, False),
        (1, True, False),
        (1, "1", False),
        ([1, 2], [1, 2], True),
        (None, 0, False),
    ],
)
def test_values_are_equal_as_people_see_them(mine: Json, theirs: Json, equal: bool) -> None:
    before: Values = {"a": {"x": mine}, "b": {"x": "other"}}
    assert bool(pairs(before, {"a": {"x": theirs}})) == equal


def test_what_is_constant_on_both_sides_is_what_changed_and_keeps_nothing_apart() -> None:
    before: Values = {"a": {"lr": 0.1, "l2": 0.0}, "b": {"lr": 0.01, "l2": 0.0}}
    after: Values = {"a": {"lr": 0.1, "l2": 0.01}, "b": {"lr": 0.01, "l2": 0.01}}
    found = match(before, after)
    assert len(found.pairs) == 2
    assert found.fixed == (("l2", 0.0, 0.01),)


def test_an_axis_of_one_side_matches_the_value_of_the_other() -> None:
    before: Values = {"a": {"lr": 0.1, "units": 16}, "b": {"lr": 0.2, "units": 16}}
    after: Values = {"a": {"lr": 0.1, "units": 16}, "b": {"lr": 0.1, "units": 64}}
    assert pairs(before, after) == {("a", "a")}


def test_absent_is_a_value_of_its_own() -> None:
    before: Values = {"a": {"lr": 0.1}, "b": {"lr": 0.1, "momentum": 0.9}}
    after: Values = {"c": {"lr": 0.1, "momentum": 0.9}, "d": {"lr": 0.1}}
    assert pairs(before, after) == {("b", "c"), ("a", "d")}


def test_repeats_are_paired_one_by_one() -> None:
    before: Values = {"a": {"lr": 0.1}, "b": {"lr": 0.1}, "c": {"lr": 0.2}}
    assert pairs(before, {"0": {"lr": 0.1}}) == {("a", "0")}


def test_without_hyperparameters_names_decide_unless_each_side_has_one_trial() -> None:
    assert pairs({"a": {}, "b": {}}, {"b": {}, "c": {}}) == {("b", "b")}
    assert pairs({"before.log": {}}, {"after.log": {}}) == {("before.log", "after.log")}
