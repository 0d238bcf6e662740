"""Curves that TensorBoard's callback has logged of the trials of a KerasTuner project."""

import json
import math
import shutil
from pathlib import Path

import pytest

from auditor.readers import find, read
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data"
LOGGED, TWO = DATA / "keras_tuner-1.4.8" / "with_logs", DATA / "keras_tuner-1.3.5"
INSIDE, FIRST = DATA / "keras_tuner-1.1.3", DATA / "keras_tuner-1.0.2"


def has_curves(trials: Trials) -> list[tuple[str, int]]:
    return [run[:2] for run in trials.runs if trials.coverage(run) == "curves"]


def test_each_execution_has_its_curves() -> None:
    trials = read(LOGGED / "project")
    assert has_curves(trials) == [(t, execution) for t in "023" for execution in (0, 1)]
    assert trials.design.executions == 2
    assert trials.metrics == ("loss", "mae", "val_loss", "val_mae")
    best = [min(trials.curve(Run("0", k), "val_loss").values) for k in (0, 1)]
    assert trials.recorded[Run("0", 1)].score == pytest.approx(sum(best) / 2)
    assert trials.recorded[Run("0", 1)].metrics == {}
    assert math.isnan(trials.curve(Run("3"), "loss").values[-1])
    assert not [text for text in trials.provenance.missing if "curves" in text]


def test_logs_of_a_project_are_no_sweep_of_their_own() -> None:
    assert [source.reader.name for source in find(LOGGED)] == ["KerasTuner"]
    assert [source.reader.name for source in find(LOGGED / "logs")] == ["TensorBoard"]


def test_each_of_two_projects_has_its_own_logs() -> None:
    sweeps = {source.path.name: source.read() for source in find(TWO)}
    assert list(sweeps) == ["first", "second", "stopped"]
    for name in ("first", "second"):
        assert has_curves(sweeps[name]) == [("0", 0), ("1", 0), ("2", 0)]
        assert any(f"../logs/{name}/" in file for file in sweeps[name].provenance.files)
    recorded = sweeps["first"].recorded[Run("1")]
    epochs, values = sweeps["first"].curve(Run("1"), "val_loss")
    assert recorded.metrics["val_loss"] == pytest.approx(values[epochs == recorded.best_epoch][0])


def test_logs_in_the_project_belong_to_it_and_to_no_other() -> None:
    assert len(has_curves(read(INSIDE / "untitled_project"))) == 4
    assert has_curves(read(INSIDE / "bayesian")) == []


def test_hex_ids_find_their_logs() -> None:
    assert len(has_curves(read(FIRST / "random"))) == 10


def test_trials_of_hyperband_that_go_on_from_others_begin_at_their_own_start(
    tmp_path: Path,
) -> None:
    folder = shutil.copytree(TWO, tmp_path / "s")
    file = folder / "first" / "trial_1" / "trial.json"
    state = json.loads(file.read_text())
    state["hyperparameters"]["values"]["tuner/initial_epoch"] = 1
    for metric in state["metrics"]["metrics"].values():
        metric["observations"][0]["step"] = state["best_step"] = 0
    file.write_text(json.dumps(state))
    trials = read(folder / "first")
    epochs, values = trials.curve(Run("1"), "val_loss")
    assert epochs.tolist() == [0]
    assert trials.recorded[Run("1")].metrics["val_loss"] == pytest.approx(values[0])


def test_logs_that_fit_two_folders_are_not_used(tmp_path: Path) -> None:
    shutil.copytree(LOGGED, tmp_path / "s")
    shutil.copytree(LOGGED / "logs", tmp_path / "s" / "old")
    trials = read(tmp_path / "s" / "project")
    assert has_curves(trials) == []
    assert "logs and old fit" in trials.provenance.problems[0].message
    assert any("Learning curves" in sentence for sentence in trials.provenance.missing)


def edit_trial(file: Path, name: str) -> None:
    """Change the values, or the metrics, of a trial."""
    state = json.loads(file.read_text())
    if name == "values":
        state["hyperparameters"]["values"]["learning_rate"] = 0.5
    elif name == "a value of many digits":
        state["hyperparameters"]["values"]["learning_rate"] = 10**400
    else:
        state["metrics"]["metrics"]["val_loss"]["observations"][0]["value"] = [0.125]
    file.write_text(json.dumps(state))


@pytest.mark.parametrize("name", ["values", "metrics", "a value of many digits"])
def test_logs_of_another_search_under_the_same_id_are_not_used(tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(TWO, tmp_path / "s")
    edit_trial(folder / "first" / "trial_1" / "trial.json", name)
    trials = read(folder / "first")
    assert has_curves(trials) == [("0", 0), ("2", 0)]
    assert [problem.trial_id for problem in trials.provenance.problems] == ["1"]
    assert any(text.startswith("Of 1 trials") for text in trials.provenance.missing)


def test_a_damaged_log_costs_what_it_holds_only(tmp_path: Path) -> None:
    folder = shutil.copytree(TWO, tmp_path / "s")
    (file,) = (folder / "logs" / "first" / "1" / "execution0" / "validation").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    trials = read(folder / "first")
    assert len(has_curves(trials)) == 3
    assert [problem.trial_id for problem in trials.provenance.problems] == ["1"]
    assert (
        trials.provenance.problems[0].file == f"../logs/first/1/execution0/validation/{file.name}"
    )
