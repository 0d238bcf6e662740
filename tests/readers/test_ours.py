"""Our own directories: everything observed comes back, nothing else does."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.auditing import audit
from auditor.errors import ReadError
from auditor.files import to_json
from auditor.readers import read
from auditor.scoring import DEFAULT_GAP_PENALTY
from auditor.trials import Design, ModelFacts, Objective, Run, Trials
from tests.readers.sweeps import HEADER, SWEEP, notes, trial_json, write_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return write_sweep(tmp_path / "sweep")


def test_trials_come_in_the_order_of_their_start(sweep: Path) -> None:
    assert list(read(sweep).hyperparameters) == ["0002", "0000", "0001"]


def test_only_hyperparameters_that_the_build_read_are_kept(sweep: Path) -> None:
    hyperparameters = read(sweep).hyperparameters
    assert hyperparameters["0000"] == {"lr": 1.0, "layers": 1}
    assert hyperparameters["0001"] == {"lr": 1.0, "layers": 1, "unread": True}
    assert hyperparameters["0002"] == {"lr": 1.0, "unread": True}


def test_a_value_that_no_build_has_ever_read_counts_as_read(sweep: Path) -> None:
    file = sweep / "trial_0002" / "trial.json"
    file.write_text(file.read_text().replace('"read": ["lr", "unread"]', '"read": ["lr"]'))
    assert read(sweep).hyperparameters["0000"] == {"lr": 1.0, "layers": 1, "unread": True}


def test_the_penalty_of_the_search_is_the_default_of_its_audit(sweep: Path) -> None:
    (sweep / "sweep.json").write_text(to_json({**SWEEP, "gap_penalty": 0.4}))
    assert audit(read(sweep)).scores.gap_penalty == 0.4
    assert audit(read(sweep), 0.0).scores.gap_penalty == 0.0
    (sweep / "sweep.json").write_text(to_json({**SWEEP, "gap_penalty": -1}))
    assert audit(read(sweep)).scores.gap_penalty == DEFAULT_GAP_PENALTY


def test_nan_and_infinity_are_observed_and_an_empty_cell_is_not(sweep: Path) -> None:
    trials = read(sweep)
    epochs, values = trials.curve(Run("0000"), "loss")
    np.testing.assert_array_equal(values, [0.70, math.nan])
    epochs, values = trials.curve(Run("0000", 1), "val_loss")
    assert (epochs.tolist(), values.tolist()) == ([1], [0.6])


def test_losses_by_row_and_the_winner_on_test_data_are_read(sweep: Path) -> None:
    context = read(sweep).context
    assert {run: row.tolist() for run, row in context.losses.items()} == {
        Run("0000"): [0.5, math.inf, 0.75]
    }
    assert context.on_test is not None
    assert (context.on_test.trial_id, context.on_test.winners) == ("0000", 2)
    assert context.on_test.minus_validation(read(sweep).recorded)["loss"] == pytest.approx(0.09)


def test_columns_about_the_training_are_series_and_no_metrics(sweep: Path) -> None:
    trials = read(sweep)
    assert trials.metrics == ("loss", "val_loss")
    assert trials.series(Run("0000"), "learning_rate").values.tolist() == [0.1, 0.1]
    assert trials.series(Run("0000"), "clean_loss").epochs.tolist() == [0]
    assert trials.series(Run("0000", 1), "seconds").values.tolist() == [0.5, 0.4]


def test_each_run_has_what_was_recorded_of_it(sweep: Path) -> None:
    trials = read(sweep)
    first, second = trials.recorded[Run("0000")], trials.recorded[Run("0000", 1)]
    assert (first.status, first.best_epoch, first.seed, first.seconds) == ("completed", 0, 11, 0.9)
    assert first.started == "2026-01-01T00:00:00"
    assert second.metrics == {"loss": -math.inf, "val_loss": 0.6}
    assert (first.authoritative, second.authoritative) == (False, True)
    assert trials.recorded[Run("0001")].message == "ValueError: units=-1"
    assert trials.context.lane == {Run("0000"): "fit", Run("0000", 1, 1): "stacked"}


def test_which_stack_trained_a_run_is_read_and_saved(sweep: Path, tmp_path: Path) -> None:
    read(sweep).save(tmp_path / "saved")
    for trials in (read(sweep), Trials.load(tmp_path / "saved")):
        assert trials.context.stack == {Run("0000", 1, 1): "7"}


@pytest.mark.parametrize(
    ("noted", "facts", "problem"),
    [
        (
            {"layers": {"Dense": 2}, "activations": [None], "units": [3], "learning_rate": None},
            {"0000": ModelFacts({"Dense": 2}, activations=(None,), units=(3,))},
            None,
        ),
        (None, {}, None),
        ({"learning_rate": "fast"}, {}, "auditor.model.learning_rate: Input should be a valid"),
        ([1], {}, "auditor.model: "),
    ],
)
def test_what_a_model_is_made_of_is_read_and_saved(
    noted: Any, facts: dict[str, ModelFacts], problem: str | None, sweep: Path, tmp_path: Path
) -> None:
    file = sweep / "trial_0000" / "trial.json"
    state = json.loads(file.read_text())
    state["auditor"]["model"] = noted
    file.write_text(json.dumps(state))
    read(sweep).save(tmp_path / "saved")
    for trials in (read(sweep), Trials.load(tmp_path / "saved")):
        assert trials.context.models == facts
        messages = [p.message for p in trials.provenance.problems]
        assert [problem in message for message in messages] == ([True] if problem else [])


@pytest.mark.parametrize(
    ("plan", "why", "problem"),
    [
        ({"alone": {"0001": "a layer", "none": "x"}}, {"0001": "a layer"}, None),
        ({"alone": {"0001": "x" * 1_001}}, {}, "plan.alone.0001: String should have at most 1000"),
        ({"alone": {"0001": 7}}, {}, "plan.alone.0001: Input should be a valid string"),
        ([], {}, "plan: "),
    ],
)
def test_why_a_trial_was_not_stacked_is_read_and_saved(
    plan: Any, why: dict[str, str], problem: str | None, sweep: Path, tmp_path: Path
) -> None:
    file = sweep / "sweep.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "plan": plan}))
    read(sweep).save(tmp_path / "saved")
    for trials in (read(sweep), Trials.load(tmp_path / "saved")):
        assert trials.context.why_alone == why
        complaints = [p.message for p in trials.provenance.problems if "plan" in p.message]
        assert [problem in text for text in complaints] == ([True] if problem else [])
        assert trials.design.sampler == "grid"


def test_a_metric_measured_again_is_a_series_only_beside_its_training_metric(sweep: Path) -> None:
    file = sweep / "trial_0002" / "history.csv"
    names = "loss,clean_loss,acc,clean_acc,clean_val_acc,val_acc,clean_up"
    file.write_text(f"execution,fold,epoch,seconds,{names}\n0,0,0,1,1,1,1,1,1,1,1\n")
    trials = read(sweep)
    assert set(trials.curves[trials.curves["trial_id"] == "0002"]["metric"]) == {
        *("loss", "acc", "val_acc", "clean_val_acc", "clean_up")
    }
    assert trials.series(Run("0002"), "clean_acc").values.tolist() == [1.0]


def test_a_killed_trial_is_unfinished_with_the_epochs_it_had(sweep: Path) -> None:
    trials = read(sweep)
    assert trials.recorded[Run("0002")].status == "unfinished"
    assert trials.curve(Run("0002"), "val_loss").values.tolist() == [0.71]


def test_a_trial_that_plain_kerastuner_added_has_its_best_epoch(sweep: Path) -> None:
    trial = sweep / "trial_0003"
    trial.mkdir()
    observed = {
        name: {"direction": "min", "observations": [{"value": [value], "step": 2}]}
        for name, value in (("loss", 0.4), ("val_loss", 0.5))
    }
    more = {"metrics": {"metrics": observed}, "best_step": 2, "score": 0.5}
    (trial / "trial.json").write_text(trial_json("0003", {"lr": 0.1}, **more))
    trials = read(sweep)
    assert trials.recorded[Run("0003")].status == "completed"
    assert trials.recorded[Run("0003")].metrics == {"loss": 0.4, "val_loss": 0.5}
    assert trials.coverage(Run("0003")) == "best epoch"


def test_what_holds_for_the_whole_sweep(sweep: Path) -> None:
    trials = read(sweep)
    assert trials.objective == Objective("val_loss", "min", "sweep.json")
    assert trials.design == Design("grid", 0, 2, 3, gap_penalty=0.05)
    assert [axis.name for axis in trials.space] == ["lr", "layers", "unread"]
    assert trials.context.label_counts == {"0": 60, "1": 40}
    assert (trials.context.no_skill_loss, trials.context.target_variance) == (0.673, None)
    assert (trials.context.untrained_loss, trials.context.training_no_skill_loss) == (0.693, 0.671)
    assert trials.provenance.version == "0.1.0"
    assert trials.provenance.versions == {"keras": "3.15.0"}


@pytest.mark.parametrize(
    ("key", "value"),
    [("context", {"label_counts": 3}), ("seed", "x"), ("sampler", "magic"), ("space", 4)],
)
def test_a_wrong_entry_of_sweep_json_is_named_and_taken_as_unknown(
    sweep: Path, key: str, value: object
) -> None:
    (sweep / "sweep.json").write_text(to_json(SWEEP | {key: value}))
    trials = read(sweep)
    assert trials.objective.known_from == "sweep.json"
    (problem,) = trials.provenance.problems
    assert problem.file == "sweep.json"
    assert problem.message.startswith(key)


@pytest.mark.parametrize("name", ["untrained_loss", "training_no_skill_loss"])
def test_a_record_without_what_was_added_later_still_loads(
    sweep: Path, tmp_path: Path, name: str
) -> None:
    read(sweep).save(tmp_path / "saved")
    known = SWEEP["context"][name]
    assert getattr(Trials.load(tmp_path / "saved").context, name) == known
    file = tmp_path / "saved" / "trials.json"
    state = json.loads(file.read_text())
    del state["context"][name]
    file.write_text(json.dumps(state))
    assert getattr(Trials.load(tmp_path / "saved").context, name) is None


def test_a_sweep_of_another_schema_is_refused(sweep: Path) -> None:
    (sweep / "sweep.json").write_text(to_json(SWEEP | {"schema": 2}))
    with pytest.raises(ReadError, match="schema 2, this version reads 1; update"):
        read(sweep)


def test_a_multi_objective_keeps_its_parts(sweep: Path) -> None:
    parts = [{"name": "val_loss"}, {"name": "val_accuracy", "direction": "max"}]
    objective = {"name": "multi_objective", "direction": "min", "components": parts}
    (sweep / "sweep.json").write_text(to_json(SWEEP | {"objective": objective}))
    components = read(sweep).objective.components
    assert [(part.name, part.direction) for part in components] == [
        ("val_loss", "min"),
        ("val_accuracy", "max"),
    ]


def test_wrong_notes_of_a_trial_are_named(sweep: Path) -> None:
    wrong = {"auditor": {"read": ["lr"], "runs": [{"execution": "first"}]}}
    (sweep / "trial_0001" / "trial.json").write_text(trial_json("0001", {"lr": 0.1}, **wrong))
    trials = read(sweep)
    assert [problem.trial_id for problem in trials.provenance.problems] == ["0001"]
    assert Run("0001") in trials.recorded


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("0,0,zero,1,1,1,1,1\n", "line 2 is not a row"),
        ("0,0,0,1,1\n", "line 2 is not a row"),
        ("0,0,99999999999,1,1,1,1,1\n", "line 2 is not a row"),
        ("0,0,-1,1,1,1,1,1\n", "line 2 is not a row"),
        ("0,0,1,1,0.5,high,1,1\n0,0,1,1,2,2,2,2\n", "line 3 is an epoch for the second time"),
        ("0,0,1,1,0.5,high,1,1\n", "val_loss is 'high', not a number"),
        ("0,0,1,1,0.5,0.5,1,1\n0,0,2,1,0.5,0.", "cut off"),
    ],
)
def test_bad_rows_of_a_history_are_named_and_left_out(
    sweep: Path, rows: str, complaint: str
) -> None:
    (sweep / "trial_0000" / "history.csv").write_text(HEADER + rows)
    trials = read(sweep)
    problems = trials.provenance.problems
    assert any(complaint in problem.message for problem in problems)
    assert {(p.file, p.trial_id) for p in problems} == {("trial_0000/history.csv", "0000")}
    assert set(trials.curve(Run("0000"), "loss").values) <= {0.5}


@pytest.mark.parametrize("header", ["loss,val_loss\n", "execution,fold,epoch,loss,loss\n", "\0\n"])
def test_a_history_without_its_columns_is_named(sweep: Path, header: str) -> None:
    (sweep / "trial_0000" / "history.csv").write_text(header + "0,0,0,1,1\n")
    (problem,) = read(sweep).provenance.problems
    assert "columns" in problem.message


def test_a_directory_without_trials_is_an_empty_sweep(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text(to_json(SWEEP))
    (tmp_path / "oracle.json").write_text(json.dumps({}))
    trials = read(tmp_path)
    assert (len(trials.hyperparameters), trials.objective.name) == (0, "val_loss")


def test_inactive_values_are_absent(sweep: Path) -> None:
    parent = {"class_name": "Parent", "config": {"name": "lr", "values": [0.1]}}
    child = {"name": "momentum", "values": [0.5, 0.9], "conditions": [parent]}
    space = [*SWEEP["space"], {"class_name": "Choice", "config": child}]
    (sweep / "sweep.json").write_text(to_json(SWEEP | {"space": space}))
    for trial_id, rate in (("0000", 1.0), ("0001", 0.1)):
        text = trial_json(trial_id, {"lr": rate, "momentum": 0.9}, auditor=notes(None))
        (sweep / f"trial_{trial_id}" / "trial.json").write_text(text)
    trials = read(sweep)
    assert trials.hyperparameters["0000"] == {"lr": 1.0}
    assert trials.hyperparameters["0001"] == {"lr": 0.1, "momentum": 0.9}


def test_reruns_in_the_folder_are_read_beside_the_sweep(sweep: Path) -> None:
    alone = read(sweep)
    write_sweep(sweep / "confirm")
    trials = read(sweep)
    assert trials.reruns is not None
    assert trials.reruns.recorded == alone.recorded
    assert replace(trials, reruns=None, provenance=alone.provenance) == alone
    assert "confirm/trial_0000/history.csv" in trials.provenance.files


def test_reruns_that_cannot_be_read_are_a_problem_of_theirs(sweep: Path) -> None:
    (write_sweep(sweep / "confirm") / "sweep.json").write_text(to_json({**SWEEP, "schema": 99}))
    trials = read(sweep)
    assert trials.reruns is None
    assert [p.file for p in trials.provenance.problems if "schema 99" in p.message] == ["confirm"]
