"""The plan of a search for people: it is what the search then does, and making it has no effect."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

from auditor import GridSearch, PlanSummary, RandomSearch
from auditor.errors import DirectoryError
from auditor.search import planner
from auditor.search.plan_summary import MOST_LINES, StackSummary
from auditor.search.stacking import sizing
from tests.search.helpers import fit_arguments, tiny_model


@pytest.fixture(autouse=True, scope="module")
def two_cores() -> Iterator[None]:
    """As on a machine with two cores; graphs, which compile faster than XLA."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sizing, "cores", lambda: 2)
        patch.setattr(sizing, "is_compiled", lambda model, where: False)
        yield


class Draws(keras.layers.Layer):
    """Has a generator of random numbers."""

    def __init__(self) -> None:
        super().__init__(name="my_noise")
        self.generator = keras.random.SeedGenerator(0)

    def call(self, x: Any) -> Any:
        return x


def build(hp: Any) -> Any:
    """Eight models of which four can be stacked; what is read depends on a value."""
    layers = [keras.Input((3,)), keras.layers.Dense(2, activation=hp.Choice("f", ["relu", "tanh"]))]
    if hp.Boolean("draws"):
        layers.append(Draws())
    else:
        layers.append(keras.layers.Dropout(hp.Choice("drop", [0.1, 0.2])))
    model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
    rate = keras.optimizers.SGD(hp.Choice("lr", [0.1, 0.2]))
    model.compile(rate, "binary_crossentropy", metrics=["accuracy"])
    return model


def state(path: Path) -> list[tuple[Path, int]]:
    return sorted((file, file.stat().st_mtime_ns) for file in [path, *path.rglob("*")])


def order_of(tuner: Any, count: int) -> list[dict[str, Any]]:
    """The values of the next trials."""
    return [tuner.oracle.create_trial(f"t{i}").hyperparameters.values for i in range(count)]


Make = Callable[..., Any]


def test_the_search_does_what_the_summary_said(make: Make) -> None:
    tuner = make(GridSearch, build, lane="stacked")
    said = tuner.plan_summary(**fit_arguments())
    assert tuner.plan_summary().none.startswith("Nothing is planned yet")
    tuner.search(**fit_arguments())
    stored = tuner.plan_summary()
    stacks = tuple(replace(s, is_timed=False, compiled=False) for s in stored.stacks)
    assert replace(stored, stacks=stacks, total=None) == replace(said, total=None)
    assert "?" in str(said)
    assert "?" not in str(stored)
    assert set(stored.stacks[0].differences) == {
        *("learning rate", "rate of layer dropout", "activation of layer dense")
    }
    [(reason, alone)] = said.alone.items()
    assert reason.startswith("the layer my_noise ")
    context = tuner.trials().context
    assert {run.trial_id for run, lane in context.lane.items() if lane == "fit"} == set(alone)
    assert set(context.stack.values()) == {stack.name for stack in said.stacks}
    assert (said.stacked_trials, said.stacked_runs, said.alone_trials) == (8, 8, len(alone))


@pytest.mark.parametrize("tuner_class", [GridSearch, RandomSearch])
def test_a_search_goes_on_as_if_nothing_had_been_asked(
    tuner_class: Any, make: Make, tmp_path: Path
) -> None:
    orders = []
    for name in ("asked", "not"):
        tuner = make(tuner_class, build, project_name=name, max_trials=9)
        order_of(tuner, 2)
        tuner.oracle.ongoing_trials.clear()
        if name == "asked":
            before, files = tuner.oracle.get_state(), state(tmp_path)
            assert tuner.plan_summary(**fit_arguments()).stacks or tuner.oracle.trials
            assert tuner.oracle.get_state() == before
            assert state(tmp_path) == files
        orders.append([*order_of(tuner, 7), tuner.oracle.get_state()["seed_state"]])
    assert orders[0] == orders[1]


@pytest.mark.slow
def test_a_plan_for_the_rest_of_a_search_leaves_out_what_has_ended(make: Make, path: Path) -> None:
    def stop(now: Any) -> None:
        if now.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(GridSearch, build, lane="fit", progress=stop).search(**fit_arguments(epochs=1))
    tuner = make(GridSearch, build, lane="stacked")
    files = state(path)
    said = tuner.plan_summary(**fit_arguments(epochs=1))
    assert state(path) == files
    assert said.ended == 3
    planned = {trial for stack in said.stacks for trial in stack.trials}
    planned |= {trial for trials in said.alone.values() for trial in trials}
    assert planned.isdisjoint(["0000", "0001", "0002"])
    tuner.search(**fit_arguments(epochs=1))
    stored = tuner.plan_summary()
    assert [s.trials for s in stored.stacks] == [s.trials for s in said.stacks]
    assert stored.alone == said.alone
    assert "Nothing is left" in str(tuner.plan_summary(**fit_arguments(epochs=1)))


def test_data_of_another_search_are_refused(make: Make) -> None:
    make(GridSearch, build, max_trials=1, lane="fit").search(**fit_arguments(epochs=1))
    tuner, other = make(GridSearch, build), fit_arguments(epochs=1)
    with pytest.raises(DirectoryError, match="other data"):
        tuner.plan_summary(**{**other, "x": other["x"] + 1})


def test_a_plan_looks_no_further_than_the_first_wave(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "MOST_TRIALS", 3)

    def endless(hp: Any) -> Any:
        rate = keras.optimizers.SGD(hp.Float("lr", 0.1, 0.2))
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "sigmoid")])
        model.compile(rate, "binary_crossentropy")
        return model

    said = make(RandomSearch, endless, max_trials=10_000).plan_summary(**fit_arguments())
    assert (said.stacked_trials + said.alone_trials, said.has_more, said.total) == (3, True, 10_000)
    assert "first wave: more of 10,000 trials are planned" in str(said)


def own_run_trial(self: Any, trial: Any, *args: Any, **kwargs: Any) -> float:
    return 1.0


@pytest.mark.parametrize(
    ("more", "lane", "reason"),
    [({}, "fit", 'lane="fit"'), ({"run_trial": own_run_trial}, "auto", "a run_trial of its own")],
)
def test_a_search_that_stacks_nothing_says_why(
    more: dict[str, Any], lane: str, reason: str, make: Make
) -> None:
    tuner = make(type("Own", (GridSearch,), more), build, lane=lane)
    for said in (tuner.plan_summary(**fit_arguments()), tuner.plan_summary()):
        assert said.stacks == ()
        assert reason in str(said)


def test_the_text_fits_a_terminal_however_much_there_is() -> None:
    stacks = tuple(
        StackSummary(
            f"{n:08x}", ("0",), 9_999, 4_096, True, True, ("rate of layer " + "x" * 99,) * 9
        )
        for n in range(30)
    )
    alone = {f"{'reason ' * 30}{n}": tuple("0123456789") for n in range(30)}
    text = str(PlanSummary(stacks, alone, ended=3, has_more=True))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("XLA") == MOST_LINES
    assert "and 10 more stacks" in text
    assert "and 10 more reasons" in text
    assert "(0, 1, 2, 3, 4, 5, 6, 7 and 2 more)" in " ".join(text.split())
    assert text.startswith("1 trial (299,970 runs) in 30 stacks, 300 trials by Model.fit\n3 trials")


def test_a_notebook_shows_the_text_and_no_markup_of_others() -> None:
    assert PlanSummary(alone={"<b>": ("0",)})._repr_html_().count("<") == 2


def test_stacks_are_cut_by_the_number_of_executors(make: Make) -> None:
    def build(hp: Any) -> Any:
        return tiny_model(lr=hp.Choice("lr", [0.01 * n for n in range(1, 10)]), eager=False)

    tuner = make(GridSearch, build, n_jobs=3, lane="stacked")
    summary = tuner.plan_summary(**fit_arguments())
    assert [stack.runs for stack in summary.stacks] == [3, 3, 3]
