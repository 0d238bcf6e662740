"""A search that was cut short goes on: nothing completed is repeated or lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

import auditor
from auditor import GridSearch, RandomSearch
from auditor.errors import DirectoryError, ReadError
from auditor.files import write_whole
from tests.search.helpers import (
    build_tiny,
    curve,
    dummy,
    fit_arguments,
    grid_of,
    keys,
    layers_and_units,
    replace_writer,
    statuses,
    stored,
)

TWELVE = grid_of(4, 3)
ALL_TWELVE = keys({"a": a, "b": b} for a in range(4) for b in range(3))


def value(values: Any) -> float:
    return 1.0 + values["a"] + 0.1 * values.get("b", 0)


def completed(path: Path) -> dict[str, Any]:
    """Trials that a directory holds as completed."""
    return {t: s for t, s in stored(path).items() if s["status"] == "COMPLETED"}


def values_of(trials: dict[str, Any]) -> list[str]:
    return keys(trial["hyperparameters"]["values"] for trial in trials.values())


@pytest.mark.parametrize("tuner_class", [GridSearch, RandomSearch])
def test_a_kill_after_any_write_costs_at_most_the_trial_under_way(
    tuner_class: Any, make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots: list[Path] = []

    def write(file: Any, content: str | bytes) -> None:
        write_whole(file, content)
        snapshots.append(tmp_path / f"killed after write {len(snapshots)}")
        shutil.copytree(tmp_path / "sweep", snapshots[-1])

    kwargs = {"max_trials": 6, "seed": 1}
    with monkeypatch.context() as patch:
        replace_writer(patch, write)
        make(dummy(tuner_class, value), grid_of(3, 2), **kwargs).search(verbose=0)
    assert len(snapshots) > 25
    for snapshot in snapshots:
        before = completed(snapshot)
        tuner = make(dummy(tuner_class, value), grid_of(3, 2), project_name=snapshot.name, **kwargs)
        tuner.search(verbose=0)
        after = completed(snapshot)
        assert len(after) == len(set(values_of(after))) == 6
        assert keys(tuner.ran) == sorted(set(values_of(after)) - set(values_of(before)))
        assert {trial: after[trial]["score"] for trial in before} == {
            trial: before[trial]["score"] for trial in before
        }


@pytest.mark.parametrize("tuner_class", [GridSearch, RandomSearch])
@pytest.mark.parametrize("at", [0, 5, 11])
def test_ctrl_c_inside_a_callback_keeps_all_completed_trials(
    tuner_class: Any, at: int, make: Callable[..., Any], path: Path
) -> None:
    kwargs = {"max_trials": 12, "seed": 1}
    whole = make(dummy(tuner_class, value), TWELVE, project_name="whole", **kwargs)
    whole.search(verbose=0)
    ran = 0

    def interrupted(values: Any) -> float:
        nonlocal ran
        ran += 1
        if ran == at + 1:
            raise KeyboardInterrupt
        return value(values)

    first = make(dummy(tuner_class, interrupted), TWELVE, **kwargs)
    with pytest.raises(KeyboardInterrupt) as caught:
        first.search(verbose=0)
    assert f"{at} completed trials are kept in {path}" in caught.value.__notes__[0]
    assert len(completed(path)) == at
    second = make(dummy(tuner_class, value), TWELVE, **kwargs)
    second.search(verbose=0)
    assert len(second.ran) == 12 - at
    assert first.ran[:at] + second.ran == whole.ran


def test_a_search_goes_on_in_the_same_process_too(make: Callable[..., Any]) -> None:
    stop = True

    def interrupted(values: Any) -> float:
        if stop and values == {"a": 1, "b": 0}:
            raise KeyboardInterrupt
        return value(values)

    tuner = make(dummy(GridSearch, interrupted), TWELVE)
    with pytest.raises(KeyboardInterrupt):
        tuner.search(verbose=0)
    stop = False
    tuner.search(verbose=0)
    assert statuses(tuner) == ["COMPLETED"] * 12
    assert keys(tuner.ran) == sorted([*ALL_TWELVE, *keys([{"a": 1, "b": 0}])])


class StopInTrial(keras.callbacks.Callback):
    """Ctrl-C in the second epoch of the second trial."""

    trainings = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            type(self).trainings += 1
            if type(self).trainings == 2:
                raise KeyboardInterrupt


def test_a_real_search_that_was_interrupted_ends_with_the_curves_of_one_that_was_not(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    kwargs = {"seed": 7, "max_trials": 2}
    make(GridSearch, build_tiny, project_name="whole", **kwargs).search(**fit_arguments())
    StopInTrial.trainings = 0
    with pytest.raises(KeyboardInterrupt):
        make(GridSearch, build_tiny, **kwargs).search(**fit_arguments(callbacks=[StopInTrial()]))
    tuner = make(GridSearch, build_tiny, **kwargs)
    tuner.search(**fit_arguments())
    whole, resumed = auditor.read(tmp_path / "whole"), tuner.trials()
    assert resumed.hyperparameters == whole.hyperparameters
    for run in whole.runs:
        for metric in whole.metrics:
            np.testing.assert_array_equal(
                resumed.curve(run, metric).values, whole.curve(run, metric).values
            )


# Damaged directories


def half_done(make: Callable[..., Any], tuner_class: Any) -> list[Any]:
    """Complete five of twelve trials, stopping in the sixth; what was completed."""

    def interrupted(values: Any) -> float:
        if len(tuner.ran) == 6:
            raise KeyboardInterrupt
        return value(values)

    tuner = make(dummy(tuner_class, interrupted), TWELVE, max_trials=12)
    with pytest.raises(KeyboardInterrupt):
        tuner.search(verbose=0)
    completed: list[Any] = tuner.ran[:5]
    return completed


def remove(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    file.write_text(file.read_text()[: len(file.read_text()) // 2])


def make_stale(file: Path) -> None:
    """As of the second trial."""
    state = json.loads(file.read_text())
    state["start_order"], state["end_order"] = state["start_order"][:2], state["end_order"][:1]
    state["seed_state"] = 1
    file.write_text(json.dumps(state))


@pytest.mark.parametrize("tuner_class", [GridSearch, RandomSearch])
@pytest.mark.parametrize("damage", [remove, cut, make_stale])
def test_oracle_json_is_not_needed_to_go_on(
    tuner_class: Any, damage: Any, make: Callable[..., Any], path: Path
) -> None:
    before = half_done(make, tuner_class)
    damage(path / "oracle.json")
    tuner = make(dummy(tuner_class, value), TWELVE, max_trials=12, seed=1)
    tuner.search(verbose=0)
    assert keys(before + tuner.ran) == ALL_TWELVE
    assert len(json.loads((path / "oracle.json").read_text())["end_order"]) == 12


@pytest.mark.parametrize("damage", [remove, cut])
def test_tuner0_json_is_not_needed_to_go_on(
    damage: Any, make: Callable[..., Any], path: Path
) -> None:
    before = half_done(make, GridSearch)
    damage(path / "tuner0.json")
    tuner = make(dummy(GridSearch, value), TWELVE)
    tuner.search(verbose=0)
    assert keys(before + tuner.ran) == ALL_TWELVE


@pytest.mark.parametrize("tuner_class", [GridSearch, RandomSearch])
@pytest.mark.parametrize("lost", [0, 2, 4])
def test_a_cut_off_trial_is_lost_alone_and_its_id_is_not_used_again(
    tuner_class: Any, lost: int, make: Callable[..., Any], path: Path
) -> None:
    before = half_done(make, tuner_class)
    file = path / f"trial_{lost:02d}" / "trial.json"
    cut(file)
    damaged = file.read_text()
    tuner = make(dummy(tuner_class, value), TWELVE, max_trials=12, seed=1)
    tuner.search(verbose=0)
    assert file.read_text() == damaged
    assert keys([*before[:lost], *before[lost + 1 :], *tuner.ran]) == ALL_TWELVE
    assert len(completed(path)) == 12
    problems = tuner.trials().provenance.problems
    assert [p.trial_id for p in problems] == [f"{lost:02d}"]
    assert sorted(tuner.oracle.trials)[-1] == "12"


def test_a_cut_off_sweep_json_is_named_and_removing_it_lets_the_search_go_on(
    make: Callable[..., Any], path: Path
) -> None:
    before = half_done(make, GridSearch)
    cut(path / "sweep.json")
    with pytest.raises(ReadError, match=r"sweep\.json"):
        make(dummy(GridSearch, value), TWELVE)
    (path / "sweep.json").unlink()
    tuner = make(dummy(GridSearch, value), TWELVE)
    tuner.search(verbose=0)
    assert keys(before + tuner.ran) == ALL_TWELVE


def test_overwrite_starts_anew(make: Callable[..., Any], path: Path) -> None:
    half_done(make, GridSearch)
    tuner = make(dummy(RandomSearch, value), grid_of(2), "val_accuracy", overwrite=True)
    tuner.search(verbose=0)
    assert len(tuner.ran) == len(stored(path)) == 2


@pytest.mark.parametrize(
    ("tuner_class", "objective"), [(GridSearch, "val_accuracy"), (RandomSearch, "val_loss")]
)
def test_the_directory_of_another_sweep_is_refused_and_left_alone(
    tuner_class: Any, objective: str, make: Callable[..., Any], path: Path
) -> None:
    half_done(make, GridSearch)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with pytest.raises(DirectoryError, match="overwrite=True"):
        make(tuner_class, TWELVE, objective)
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_before_any_trial_has_ended_everything_may_still_change(make: Callable[..., Any]) -> None:
    def interrupted(values: Any) -> float:
        raise KeyboardInterrupt

    first = make(dummy(GridSearch, interrupted), TWELVE)
    with pytest.raises(KeyboardInterrupt):
        first.search(np.zeros((4, 2)), np.zeros(4), verbose=0)
    second = make(dummy(RandomSearch, value), TWELVE, "accuracy", max_trials=12)
    second.search(np.ones((4, 2)), np.zeros(4), verbose=0)
    assert keys(second.ran) == ALL_TWELVE


@pytest.mark.parametrize("in_new_process", [True, False])
def test_a_sweep_does_not_go_on_with_other_data(
    in_new_process: bool, make: Callable[..., Any]
) -> None:
    x = np.zeros((4, 2))
    tuner = make(dummy(GridSearch, value), TWELVE, max_trials=5)
    tuner.search(x, np.zeros(4), verbose=0)
    if in_new_process:
        tuner = make(dummy(GridSearch, value), TWELVE)
    with pytest.raises(DirectoryError, match="other data"):
        tuner.search(x + 1, np.zeros(4), verbose=0)


# Larger searches in the same directory


def test_a_new_hyperparameter_makes_new_configurations_of_all(make: Callable[..., Any]) -> None:
    make(dummy(GridSearch, value), grid_of(3)).search(verbose=0)
    wider = make(dummy(GridSearch, value), grid_of(3, 2))
    wider.search(verbose=0)
    assert keys(wider.ran) == keys({"a": a, "b": b} for a in range(3) for b in range(2))
    sizes = sorted(len(values) for values in wider.trials().hyperparameters.values())
    assert sizes == [1] * 3 + [2] * 6
    again = make(dummy(GridSearch, value), grid_of(3, 2))
    again.search(verbose=0)
    assert again.ran == []


def test_a_value_that_was_taken_away_is_tried_no_more(make: Callable[..., Any]) -> None:
    make(dummy(GridSearch, value), grid_of(4, 3), max_trials=2).search(verbose=0)
    narrower = make(dummy(GridSearch, value), grid_of(2, 2))
    narrower.search(verbose=0)
    assert [(v["a"], v["b"]) for v in narrower.ran] == [(1, 0), (1, 1)]


def wider_layers_and_units(hp: keras_tuner.HyperParameters) -> None:
    for i in range(hp.Int("layers", 1, 3)):
        hp.Choice(f"units_{i}", [8, 16, 32] if i == 1 else [8, 16])


def test_a_value_is_added_to_a_hyperparameter_that_only_some_builds_ask_for(
    make: Callable[..., Any],
) -> None:
    make(dummy(GridSearch), layers_and_units).search(verbose=0)
    wider = make(dummy(GridSearch), wider_layers_and_units)
    wider.search(verbose=0)
    assert {(v["layers"], v["units_1"]) for v in wider.ran} == {(2, 32), (3, 32)}
    assert len(wider.ran) == 2 + 4


def test_a_finished_search_runs_nothing_when_asked_again(make: Callable[..., Any]) -> None:
    make(dummy(GridSearch), layers_and_units).search(verbose=0)
    again = make(dummy(GridSearch), layers_and_units)
    again.search(verbose=0)
    again.search(verbose=0)
    assert again.ran == []


def test_new_entries_that_are_not_tuned_stay_so_after_a_restart(make: Callable[..., Any]) -> None:
    def tuner(max_trials: int) -> Any:
        hp = keras_tuner.HyperParameters()
        hp.Choice("a", [0, 1, 2])
        kwargs = {"hyperparameters": hp, "tune_new_entries": False, "max_trials": max_trials}
        return make(dummy(GridSearch), grid_of(3, 5), **kwargs)

    tuner(2).search(verbose=0)
    second = tuner(9)
    second.search(verbose=0)
    assert second.ran == [{"a": 2, "b": 0}]


# Both ways between the two packages


@pytest.mark.parametrize("name", ["GridSearch", "RandomSearch"])
def test_a_directory_of_plain_kerastuner_is_taken_up(name: str, make: Callable[..., Any]) -> None:
    def result(values: Any) -> Any:
        if values["a"] == 1:
            raise ZeroDivisionError
        return curve(value(values))

    theirs = getattr(keras_tuner, name)
    first = make(dummy(theirs, result), TWELVE, max_trials=5, seed=1)
    first.search(verbose=0)
    tuner = make(dummy(getattr(auditor, name), result), TWELVE, max_trials=12, seed=1)
    scores = {trial: t.score for trial, t in first.oracle.trials.items()}
    assert {trial: t.score for trial, t in tuner.oracle.trials.items()} == scores
    tuner.search(verbose=0)
    assert keys(first.ran + tuner.ran) == ALL_TWELVE
    assert {t: tuner.oracle.trials[t].score for t in scores} == scores


# A real kill

SCRIPT = """
import sys, time
from auditor import GridSearch

def space(hp):
    hp.Choice("a", list(range(40)))

class Slow(GridSearch):
    def run_trial(self, trial, *args, **kwargs):
        value = trial.hyperparameters.get("a")
        time.sleep(0.02)
        print("ran", value, flush=True)
        return float(value)

tuner = Slow(space, "val_loss", directory=sys.argv[1], project_name="sweep")
tuner.search(verbose=0)
"""


@pytest.mark.slow
def test_kill_9_costs_at_most_the_trial_under_way(tmp_path: Path, path: Path) -> None:
    script = tmp_path / "search.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(tmp_path)]
    root = Path(auditor.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    ran: list[str] = []
    for _ in range(3):
        before = completed(path)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            if line.startswith("ran"):
                lines.append(line)
            if len(lines) == 7:
                time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        assert before.items() <= completed(path).items()
        assert len(completed(path)) >= len(before) + 6
        ran += lines
    last = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert len(stored(path)) == len(completed(path)) == 40
    assert len(set(values_of(completed(path)))) == 40
    lines = ran + [line for line in last.stdout.splitlines(True) if line.startswith("ran")]
    assert len(lines) <= 40 + 3 * 2  # what was under way, and what had not been written down yet
