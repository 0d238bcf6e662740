"""Test data: the winner of a search is evaluated on them once, and nothing else sees them."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

import auditor
from auditor import GridSearch
from auditor.errors import SearchError
from auditor.search import on_test
from auditor.search.stacking import sizing
from tests.search.helpers import (
    Twice,
    build_two,
    dummy,
    fit_arguments,
    grid_of,
    tiny_data,
    weight_files,
)

RNG = np.random.default_rng(5)
TEST = (
    RNG.normal(size=(20, 3)).astype("float32"),
    RNG.integers(0, 2, 20).astype("float32"),
)
OTHER = (TEST[0], 1 - TEST[1])


def build(hp: Any) -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, "sigmoid")])
    rate = keras.optimizers.SGD(hp.Choice("lr", [0.1, 0.2]))
    model.compile(rate, "binary_crossentropy", metrics=["accuracy"])
    return model


def searched(make: Callable[..., Any], space: Any = build_two, **how: Any) -> Any:
    data = {"test_data": TEST, **{n: how.pop(n) for n in ("test_data",) if n in how}}
    tuner = make(GridSearch, space, **how)
    tuner.search(**fit_arguments(), **data)
    return tuner


@pytest.mark.parametrize("lane", ["stacked", pytest.param("fit", marks=pytest.mark.slow)])
def test_the_winner_is_evaluated_with_the_weights_of_its_best_epoch(
    lane: str, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "is_compiled", lambda model, where: False)
    tuner = searched(make, build, lane=lane)
    trials = tuner.trials()
    found = trials.context.on_test
    best = next(iter(tuner.audit().scores.by_trial))
    model = tuner.load_model(tuner.oracle.trials[best])
    expected = model.evaluate(*TEST, verbose=0, return_dict=True)
    assert found.trial_id == best
    assert list(found.metrics) == ["loss", "accuracy"]
    assert found.metrics == pytest.approx(expected, rel=1e-5)
    right = (model.predict(TEST[0], verbose=0)[:, 0] > 0.5) == TEST[1]
    assert found.errors["accuracy"] == pytest.approx(right.std(ddof=1) / math.sqrt(20))
    assert (found.rows, found.winners, len(found.runs)) == (20, 1, 1)
    assert auditor.read(tuner.project_dir) == trials
    seen = trials.recorded[trials.runs_of[best][0]].metrics["val_loss"]
    apart = found.minus_validation(trials.recorded)["loss"]
    assert apart == pytest.approx(expected["loss"] - seen, rel=1e-5)


@pytest.mark.parametrize("folds", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_every_run_of_the_winner_counts(folds: int, make: Callable[..., Any], path: Path) -> None:
    tuner = make(GridSearch, build_two, executions_per_trial=2, cross_validation=folds)
    given = fit_arguments()
    if folds:
        del given["validation_data"]
    tuner.search(**given, test_data=TEST)
    found = tuner.trials().context.on_test
    assert len(found.runs) == 2 * max(1, folds)
    losses = [run.metrics["loss"] for run in found.runs]
    assert len(set(losses)) == len(losses)
    assert found.metrics["loss"] == pytest.approx(np.mean(losses))
    assert found.errors["loss"] > 0
    others = list(path.glob(f"trial_{found.trial_id}/*-*.checkpoint.weights.h5"))
    assert len(others) == len(found.runs) - 1


def test_the_same_winner_is_never_evaluated_again(
    make: Callable[..., Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(make)
    before = (path / "test.json").read_text()
    monkeypatch.setattr(on_test, "_Evaluation", None)
    searched(make)
    assert (path / "test.json").read_text() == before


def test_another_winner_is_a_second_look_at_the_same_data(
    make: Callable[..., Any], path: Path
) -> None:
    searched(make)
    file = path / "test.json"
    state = json.loads(file.read_text())
    # As if another trial had won before the search went on.
    state["winner"]["trial_id"] = state["evaluated"][0]["trial_id"] = "before"
    file.write_text(json.dumps(state))
    assert searched(make).trials().context.on_test.winners == 2
    found = searched(make, test_data=OTHER).trials().context.on_test
    assert found.winners == 1
    entries = json.loads(file.read_text())["evaluated"]
    assert [entry["trial_id"] for entry in entries] == ["before", found.trial_id, found.trial_id]


@pytest.mark.slow
def test_a_search_that_goes_on_without_test_data_leaves_them_alone(
    make: Callable[..., Any], path: Path
) -> None:
    searched(make)
    before = (path / "test.json").read_text()
    searched(make, test_data=None)
    assert (path / "test.json").read_text() == before


def test_interrupted_before_its_end_it_is_evaluated_by_the_next_call(
    make: Callable[..., Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(on_test._Evaluation, "entry", interrupt)
        with pytest.raises(KeyboardInterrupt):
            searched(make)
    assert not (path / "test.json").exists()
    assert searched(make).trials().context.on_test.winners == 1


class Scales(keras_tuner.HyperModel):  # type: ignore[misc]
    def build(self, hp: Any) -> Any:
        return build_two(hp)

    def fit(self, hp: Any, model: Any, x: Any, y: Any, **kwargs: Any) -> Any:
        held = kwargs.pop("validation_data")
        return model.fit(5 * x, y, validation_data=(5 * held[0], held[1]), **kwargs)


class Batches(Scales):
    def fit(self, hp: Any, model: Any, x: Any, y: Any, **kwargs: Any) -> Any:
        return model.fit(x, y, **{**kwargs, "batch_size": 8})


@pytest.mark.parametrize(
    ("space", "how", "why"),
    [
        (build_two, {"keep_weights": 0}, "weights of its best epoch were not kept"),
        (Scales, {}, "the data went another way in training"),
        (Twice, {"lane": "fit"}, "of RuntimeError: no more"),
    ],
)
def test_a_winner_that_cannot_be_evaluated_says_why(
    space: Any, how: Any, why: str, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.search.searching.keep_predictions", lambda *_: None)
    trials = searched(make, space() if isinstance(space, type) else space, **how).trials()
    assert trials.context.on_test is None
    [said] = [text for text in trials.provenance.missing if "test data" in text]
    assert why in said


@pytest.mark.slow
def test_code_of_the_users_that_leaves_the_data_alone_is_no_obstacle(
    make: Callable[..., Any],
) -> None:
    assert searched(make, Batches()).trials().context.on_test.rows == 20


def test_nothing_but_the_winner_sees_them(make: Callable[..., Any]) -> None:
    seen: list[Any] = []
    x, y = tiny_data()

    class Looks(dummy(GridSearch)):  # type: ignore[misc]
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append((len(args), set(kwargs)))
            return super().run_trial(trial, *args, **kwargs)

    tuner = make(Looks, grid_of(2))
    tuner.search(x, y, epochs=1, test_data=TEST)
    assert seen == [(2, {"epochs"})] * 2
    assert "weights" in tuner.trials().provenance.missing[-1]


@pytest.mark.parametrize("given", [TEST[0], (TEST[0], TEST[1][:5]), (1, 2), [iter(())], "ab"])
def test_test_data_of_another_form_are_refused_at_once(
    given: Any, make: Callable[..., Any], path: Path
) -> None:
    tuner = make(GridSearch, build_two)
    with pytest.raises(SearchError, match=r"pair \(x_test, y_test\) of arrays"):
        tuner.search(**fit_arguments(), test_data=given)
    assert not list(path.glob("trial_*"))


def test_the_plan_of_a_search_needs_none(make: Callable[..., Any]) -> None:
    assert make(GridSearch, build_two).plan_summary(**fit_arguments(), test_data=TEST).total == 2


@pytest.mark.slow
def test_weights_of_other_runs_go_with_those_of_their_trial(
    make: Callable[..., Any], path: Path
) -> None:
    searched(make, executions_per_trial=2, keep_weights=1)
    [kept] = weight_files(path)
    names = {file.parent.name for file in path.glob("*/*-*.checkpoint.weights.h5")}
    assert names == {f"trial_{kept}"}


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"schema": 1}', '{"schema": 1, "winner": {"data": "", "trial_id": ""}, '
     '"evaluated": [{"data": "", "trial_id": "", "rows": "many"}]}'],
)  # fmt: skip
def test_a_damaged_file_is_a_problem_and_no_more(
    content: str, make: Callable[..., Any], path: Path
) -> None:
    tuner = make(dummy(GridSearch), grid_of(2))
    tuner.search()
    (path / "test.json").write_text(content)
    trials = tuner.trials()
    assert trials.context.on_test is None
    assert trials.provenance.problems[0].file == "test.json"
