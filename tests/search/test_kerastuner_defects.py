"""What KerasTuner 1.4.8 gets wrong and we do not: each test must fail on the plain package."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from tests.search.helpers import (
    curve,
    dummy,
    fit_arguments,
    grid_of,
    history,
    keys,
    mended,
    statuses,
    stored,
    tiny_model,
    weight_files,
)
from tests.search.test_oracles import oracle_of

# KerasTuner warns of any NaN among the metrics: in a test, that alone would count as its failure.
pytestmark = pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")

NAN, INF = math.nan, math.inf
DIVERGED_IN_A_ROW = ([NAN], [NAN, NAN], [NAN, INF])


@mended("a grid hands out two trials, then one whenever one ends")
def test_36_combinations_asked_for_at_once_are_all_handed_out(package: Any, tmp_path: Path) -> None:
    oracle = oracle_of(package.GridSearch(lambda hp: hp.Boolean("unused"), "val_loss",
        directory=str(tmp_path), project_name="other").oracle.__class__,
        grid_of(3, 4, 3), tmp_path)  # fmt: skip
    trials = [oracle.create_trial(f"tuner{i}") for i in range(36)]
    assert [trial.status for trial in trials] == ["RUNNING"] * 36
    assert len(set(keys(trial.hyperparameters.values for trial in trials))) == 36


@mended("three diverged trials in a row end the search", RuntimeError)
def test_three_diverged_trials_in_a_row_are_results_and_do_not_end_a_grid(
    package: Any, make: Callable[..., Any], path: Path
) -> None:
    def result(values: Any) -> Any:
        return curve(*DIVERGED_IN_A_ROW[values["b"]]) if values["a"] == 0 else curve(0.5)

    tuner = make(dummy(package.GridSearch, result), grid_of(4, 3))
    tuner.search(verbose=0)
    assert statuses(tuner) == ["COMPLETED"] * 12
    for trial in list(stored(path).values())[:3]:
        assert trial["score"] == INF
        assert trial["message"].startswith("diverged: ")
    assert [o.value for o in tuner.audit().outcomes.by_trial.values()] == ["diverged"] * 3 + [
        "ok"
    ] * 9


def outcome(tuner: Any, trial_id: str) -> str:
    return str(tuner.audit().outcomes.by_trial[trial_id])


@mended("a NaN after a finite epoch leaves a finite score, which can win")
def test_a_late_nan_is_divergence_and_does_not_win(package: Any, make: Callable[..., Any]) -> None:
    curves = [curve(0.6, 0.5, 0.45), curve(0.4, NAN, NAN), curve(0.7, 0.6, 0.5)]
    tuner = make(dummy(package.GridSearch, lambda values: curves[values["a"]]), grid_of(3))
    tuner.search(verbose=0)
    assert [t.trial_id[-1] for t in tuner.oracle.get_best_trials(3)] == ["0", "2", "1"]
    assert tuner.oracle.trials["0001"].status == "COMPLETED"
    assert tuner.oracle.trials["0001"].score == INF
    assert outcome(tuner, "0001") == "diverged"


@mended("nothing is better than NaN, so a NaN in the first epoch fails a healthy trial")
def test_a_nan_in_the_first_epoch_leaves_the_finite_ones_to_be_scored(
    package: Any, make: Callable[..., Any]
) -> None:
    tuner = make(
        dummy(package.GridSearch, lambda values: curve(NAN, 0.5, 0.4, 0.45)), grid_of(1, 1)
    )
    tuner.search(verbose=0)
    trial = tuner.oracle.get_best_trials(1)[0]
    assert (trial.status, trial.score, trial.best_step) == ("COMPLETED", 0.4, 2)
    (verdict,) = tuner.audit().outcomes.by_run.values()
    assert verdict.recovered
    assert verdict.bad_epochs == (0,)


@mended("an infinite loss is completed with whatever epoch was finite")
def test_an_infinite_loss_is_divergence(package: Any, make: Callable[..., Any]) -> None:
    curves = [curve(0.5, 0.4), curve(0.3, INF)]
    tuner = make(dummy(package.GridSearch, lambda values: curves[values["a"]]), grid_of(2))
    tuner.search(verbose=0)
    assert [trial.score for trial in tuner.oracle.trials.values()] == [0.4, INF]
    assert outcome(tuner, "0001") == "diverged"


@mended("with an accuracy to maximise, a NaN loss goes unseen")
def test_a_nan_loss_is_seen_where_the_objective_is_an_accuracy(
    package: Any, make: Callable[..., Any]
) -> None:
    healthy = history(loss=[0.6, 0.5], val_loss=[0.6, 0.5], accuracy=[0.5], val_accuracy=[0.5, 0.6])
    broken = history(loss=[NAN] * 2, val_loss=[NAN] * 2, accuracy=[0.9] * 2, val_accuracy=[0.9] * 2)
    curves = [broken, healthy]
    tuner = make(
        dummy(package.GridSearch, lambda values: curves[values["a"]]), grid_of(2), "val_accuracy"
    )
    tuner.search(verbose=0)
    assert tuner.oracle.trials["0000"].status == "COMPLETED"
    assert tuner.oracle.trials["0000"].score == -INF
    assert tuner.oracle.get_best_trials(1)[0].trial_id == "0001"
    assert outcome(tuner, "0000") == "diverged"
    assert tuner.audit().leaderboard["trial_id"].tolist() == ["0001", "0000"]


def explosive(hp: Any) -> keras.Model:
    model = tiny_model()
    rate = hp.Choice("lr", [1e30, 0.1])
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, "mean_squared_error", metrics=["accuracy"], run_eagerly=True)
    model.layers[-1].activation = keras.activations.linear
    return model


@mended("with an accuracy to maximise, a real NaN loss goes unseen")
def test_a_model_that_really_explodes_is_seen(package: Any, make: Callable[..., Any]) -> None:
    tuner = make(package.GridSearch, explosive, "val_accuracy")
    tuner.search(**fit_arguments())
    assert statuses(tuner) == ["COMPLETED"] * 2
    exploded, healthy = tuner.oracle.trials.values()
    assert exploded.score == -INF
    assert healthy.score > 0
    assert outcome(tuner, exploded.trial_id) == "diverged"


@mended("get_best_trials pads with failed trials")
def test_the_best_trials_are_never_padded_with_crashed_ones(
    package: Any, make: Callable[..., Any]
) -> None:
    def result(values: Any) -> Any:
        if values["a"]:
            raise ZeroDivisionError("this configuration crashes")
        return curve(0.5)

    tuner = make(dummy(package.GridSearch, result), grid_of(3))
    tuner.search(verbose=0)
    assert [trial.trial_id for trial in tuner.oracle.get_best_trials(3)] == ["0000"]
    assert len(tuner.get_best_hyperparameters(3)) == 1


@mended("its queue is not stored, so an interrupted grid cannot go on", (KeyError, AssertionError))
def test_an_interrupted_grid_goes_on_where_it_stopped(
    package: Any, make: Callable[..., Any]
) -> None:
    stopped = False

    def result(values: Any) -> Any:
        nonlocal stopped
        if values == {"a": 1, "b": 1} and not stopped:
            stopped = True
            raise KeyboardInterrupt
        return curve(0.5)

    first = make(dummy(package.GridSearch, result), grid_of(3, 2))
    with pytest.raises(KeyboardInterrupt):
        first.search(verbose=0)
    second = make(dummy(package.GridSearch, result), grid_of(3, 2))
    second.search(verbose=0)
    assert len(first.ran) == 4  # the last of them was not completed
    assert keys(first.ran[:3] + second.ran) == keys(
        {"a": a, "b": b} for a in range(3) for b in range(2)
    )
    assert statuses(second) == ["COMPLETED"] * 6


@mended("raising max_trials of a finished grid runs nothing")
def test_raising_max_trials_of_a_finished_grid_runs_the_rest(
    package: Any, make: Callable[..., Any]
) -> None:
    make(dummy(package.GridSearch), grid_of(3, 2), max_trials=2).search(verbose=0)
    more = make(dummy(package.GridSearch), grid_of(3, 2), max_trials=6)
    more.search(verbose=0)
    assert [(v["a"], v["b"]) for v in more.ran] == [(1, 0), (1, 1), (2, 0), (2, 1)]


@mended("a finished grid cannot be widened")
def test_a_finished_grid_is_widened_by_another_value(
    package: Any, make: Callable[..., Any]
) -> None:
    make(dummy(package.GridSearch), grid_of(2, 2)).search(verbose=0)
    wider = make(dummy(package.GridSearch), grid_of(2, 3))
    wider.search(verbose=0)
    assert [(v["a"], v["b"]) for v in wider.ran] == [(0, 2), (1, 2)]


@mended("random search gives up after 20 duplicate draws")
@pytest.mark.parametrize("seed", [1, 2])  # 3 is one by which plain KerasTuner has luck
def test_a_small_random_space_is_exhausted_exactly(
    package: Any, seed: int, make: Callable[..., Any]
) -> None:
    tuner = make(dummy(package.RandomSearch), grid_of(4, 5, 2), max_trials=100, seed=seed)
    tuner.search(verbose=0)
    assert len(tuner.ran) == len(set(keys(tuner.ran))) == 40


@mended("values that a build never reads make duplicates, unless the fewest layers come first")
def test_layers_and_units_make_each_model_once(package: Any, make: Callable[..., Any]) -> None:
    def most_first(hp: Any) -> None:
        for i in range(hp.Int("layers", 1, 3, default=3)):
            hp.Choice(f"units_{i}", [8, 16])

    tuner = make(dummy(package.GridSearch), most_first)
    tuner.search(verbose=0)
    used = [
        {"layers": v["layers"], **{f"units_{i}": v[f"units_{i}"] for i in range(v["layers"])}}
        for v in tuner.ran
    ]
    assert len(set(keys(used))) == 14
    assert len(tuner.ran) == 14


@mended("seed 0 is no seed")
def test_zero_is_a_seed(package: Any, make: Callable[..., Any]) -> None:
    def trials(name: str) -> list[Any]:
        kwargs = {"seed": 0, "max_trials": 5, "project_name": name}
        tuner = make(dummy(package.RandomSearch), grid_of(10, 10, 10), **kwargs)
        tuner.search(verbose=0)
        return list(tuner.ran)

    assert trials("one") == trials("two")


@mended("weights of every trial stay on the disk", (AssertionError, TypeError, ValueError))
def test_only_the_best_trials_keep_their_weights(
    package: Any, make: Callable[..., Any], path: Path
) -> None:
    def build(hp: Any) -> keras.Model:
        return tiny_model(lr=hp.Choice("lr", [0.01, 0.1, 0.5]))

    more = {} if package.__name__ == "keras_tuner" else {"keep_weights": 1}
    tuner = make(package.GridSearch, build, **more)
    tuner.search(**fit_arguments(epochs=1))
    assert weight_files(path) == {tuner.oracle.get_best_trials(1)[0].trial_id}


@mended("a retry after NaN is trained and its result thrown away")
def test_a_diverged_trial_is_a_result_and_not_retried(
    package: Any, make: Callable[..., Any]
) -> None:
    kwargs = {"max_retries_per_trial": 2}
    tuner = make(dummy(package.GridSearch, lambda values: curve(NAN)), grid_of(2), **kwargs)
    tuner.search(verbose=0)
    assert len(tuner.ran) == 2


@mended("a cut-off trial.json stops the whole directory from being opened", ValueError)
def test_one_cut_off_trial_does_not_cost_the_others(
    package: Any, make: Callable[..., Any], path: Path
) -> None:
    make(dummy(package.GridSearch), grid_of(4)).search(verbose=0)
    file = path / "trial_0001" / "trial.json"
    file.write_text(file.read_text()[:40])
    again = make(dummy(package.GridSearch), grid_of(4))
    assert sorted(again.oracle.trials) == ["0000", "0002", "0003"]


@mended("oracle.json, which holds the whole search, is written for every trial")
def test_oracle_json_is_not_written_for_every_trial(
    package: Any, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tuner = make(dummy(package.GridSearch), grid_of(5, 5))
    writes = 0
    real = tuner.oracle.get_state

    def state() -> Any:
        nonlocal writes
        writes += 1
        return real()

    monkeypatch.setattr(tuner.oracle, "get_state", state)
    # As if the last write had taken a second: then none is due in the next twenty.
    monkeypatch.setattr(tuner.oracle, "_save_seconds", 1.0, raising=False)
    monkeypatch.setattr(tuner.oracle, "_saved_at", time.monotonic(), raising=False)
    tuner.search(verbose=0)
    assert writes == 1
