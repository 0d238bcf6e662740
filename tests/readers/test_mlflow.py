"""MLflow: both stores give the same trials; text becomes what it surely was."""

import math
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import ReadError
from auditor.readers import READERS, find, read
from auditor.readers.looking import Look
from auditor.readers.mlflow.run import MlflowRun, hyperparameters, observed
from auditor.readers.tensorboard.events import Scalars
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data" / "mlflow-3.17.2"
STORES = ("mlruns", "mlflow.db")
stores = pytest.mark.parametrize("store", STORES)
EXPERIMENTS = {"autologged": 0, "by callback": 1, "by hand": 2}
OLD_SCHEMA = """
    CREATE TABLE experiments (experiment_id INTEGER, name TEXT);
    CREATE TABLE runs (run_uuid TEXT, experiment_id INTEGER, status TEXT);
    CREATE TABLE params (run_uuid TEXT, key TEXT, value TEXT);
    CREATE TABLE metrics (run_uuid TEXT, key TEXT, value REAL, timestamp INTEGER);
    INSERT INTO experiments VALUES (0, 'Default');
    INSERT INTO runs VALUES ('a', 0, 'FINISHED');
    INSERT INTO metrics VALUES ('a', 'loss', 0.5, 1), ('a', 'loss', 0.4, 1);
"""


def experiment(store: str, name: str) -> Trials:
    """An experiment of the fixture; the folders of the file store have random numbers."""
    sources = find(DATA / store)
    if store == "mlflow.db":
        return next(source for source in sources if source.part == name).read()
    by_name = {
        line.partition(": ")[2]: source
        for source in sources
        for line in (source.path / "meta.yaml").read_text().splitlines()
        if line.startswith("name: ")
    }
    return by_name[name].read()


def write_run(folder: Path, meta: str = "status: 3\n", **files: str) -> Path:
    """A run; "metrics__val__loss" is the file metrics/val/loss."""
    folder.mkdir(parents=True)
    text = f"lifecycle_stage: active\nrun_id: {folder.name}\n{meta}"
    (folder / "meta.yaml").write_text(text)
    for name, content in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder


def values(trials: Trials, trial_id: str, metric: str = "loss") -> dict[int, float]:
    epochs, found = trials.curve(Run(trial_id), metric)
    return dict(zip(epochs.tolist(), found.tolist(), strict=True))


def scalars(steps: list[int], logged: list[float]) -> Scalars:
    return Scalars(np.array(steps), np.zeros(len(steps)), np.array(logged, float))


@stores
def test_each_experiment_with_runs_is_a_sweep(store: str) -> None:
    sources = find(DATA / store)
    assert [source.reader.name for source in sources] == ["MLflow"] * 3
    if store == "mlflow.db":
        assert [source.part for source in sources] == list(EXPERIMENTS)


@stores
def test_autologged_trials_have_their_curves(store: str) -> None:
    trials = experiment(store, "autologged")
    assert trials.metrics == ("loss", "mae", "val_loss", "val_mae")
    first, to_infinity, to_nan, _ = trials.runs
    assert values(trials, first.trial_id, "val_loss").keys() == {0, 1, 2}
    np.testing.assert_array_equal(
        trials.curve(to_infinity, "val_loss").values, [math.inf, math.nan, math.nan]
    )
    assert np.isnan(trials.curve(to_nan, "val_loss").values).all()
    known = trials.hyperparameters[first.trial_id]
    assert (known["batch_norm"], known["units"], known["opt_name"]) == (False, 4, "sgd")
    assert known["opt_learning_rate"] == 0.01


@stores
def test_the_epoch_that_early_stopping_restored_is_not_there_twice(store: str) -> None:
    trials = experiment(store, "autologged")
    stopped = trials.runs[3]
    assert trials.recorded[stopped].best_epoch == 3
    assert list(values(trials, stopped.trial_id)) == [0, 1, 2, 3, 4]
    assert trials.recorded[stopped].metrics == {}


@stores
def test_a_run_that_holds_others_is_no_trial_and_said(store: str) -> None:
    trials = experiment(store, "autologged")
    assert len(trials.hyperparameters) == 4
    assert "Runs that only hold others together are no trials: 1." in trials.provenance.missing


@stores
def test_how_runs_ended_is_in_our_words(store: str) -> None:
    trials = experiment(store, "by callback")
    ended = [recorded.status for recorded in trials.recorded.values()]
    assert ended == ["completed"] * 3 + ["failed", "unfinished"]
    first = trials.recorded[trials.runs[0]]
    assert (first.started or "").startswith("2026-11-21T17:15")
    assert 0 < (first.seconds or 0) < 60
    assert "MLflow does not record why a run failed." in trials.provenance.missing
    assert [v["hidden/units"] for v in trials.hyperparameters.values() if "hidden/units" in v] == [
        *(4, 4, 8, -1)
    ]


@stores
def test_what_people_log_by_hand_is_read(store: str) -> None:
    trials = experiment(store, "by hand")
    assert trials.metrics == ("loss", "val_loss", "without_step")
    first = trials.runs[0]
    expected = [0.7, math.nan, math.inf, -math.inf, 0.5]
    np.testing.assert_array_equal(trials.curve(first, "loss").values, expected)
    assert values(trials, first.trial_id, "without_step") == {0: 0, 1: 0.5, 2: 1, 3: 1.5, 4: 2}
    assert trials.recorded[first].metrics == {"test_accuracy": 0.75}
    assert trials.hyperparameters[first.trial_id] == {"lr": 1.0, "name": "nan", "layers": "[4, 4]"}
    assert any("without a step" in sentence for sentence in trials.provenance.missing)
    assert "Runs that were deleted are left out: 1." in trials.provenance.missing
    again = trials.runs[2]
    assert values(trials, again.trial_id) == {0: 0.7, 1: 0.5}
    (problem,) = trials.provenance.problems
    assert (problem.trial_id, "same step" in problem.message) == (again.trial_id, True)


def test_one_run_may_be_given_alone() -> None:
    folder = next((DATA / "mlruns").glob("*/*/metrics")).parent
    assert list(read(folder).hyperparameters) == [folder.name]


@pytest.mark.skipif(
    "AUDITOR_TEST_DATA" not in os.environ,
    reason="AUDITOR_TEST_DATA, the folder of real data, unset",
)
def test_a_store_of_2022_holds_single_values() -> None:
    folder = Path(os.environ["AUDITOR_TEST_DATA"], "real_dirs/tb_mlflow_deepcnn/mlruns")
    trials = read(folder)
    ((run, recorded),) = trials.recorded.items()
    assert trials.hyperparameters[run.trial_id]["IMAGE_SIZE"] == "[224, 224, 3]"
    assert (recorded.status, sorted(recorded.metrics)) == ("unfinished", ["accuracy", "loss"])
    assert trials.coverage(run) == "best epoch"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0.1", 0.1), ("1e-3", 1e-3), ("-2", -2), ("0", 0), ("32", 32), (".5", 0.5), ("1.", 1.0)),
        *(("True", True), ("false", False), ("007", "007"), ("1_000", "1_000"), ("nan", "nan")),
        *(("inf", "inf"), ("1e999", math.inf), ("None", "None"), ("[1, 2]", "[1, 2]"), ("", "")),
        *(("9" * 30, "9" * 30), ("v2", "v2"), ("1e9999", "1e9999"), ("٣", "٣")),
    ],
)
def test_a_parameter_is_what_its_text_surely_was(text: str, value: Any) -> None:
    found = hyperparameters(MlflowRun("a", parameters={"p": text}))["p"]
    assert (found, type(found)) == (value, type(value))


def test_what_autologging_adds_to_names_and_numbers_is_taken_off() -> None:
    texts = {"opt_name": "sgd_12", "opt_learning_rate": "0.4000000059604645", "name": "run_1"}
    found = hyperparameters(MlflowRun("a", parameters=texts | {"opt_rho": "0.3"}))
    assert found == {"opt_name": "sgd", "opt_learning_rate": 0.4, "name": "run_1", "opt_rho": 0.3}


@pytest.mark.parametrize(
    ("metrics", "curves"),
    [
        ({"train_loss": scalars([1, 2], [3, 4])}, {"loss": {0: 3, 1: 4}}),
        (
            {"loss": scalars([10, 20, 30], [1, 2, 3]), "val_loss": scalars([20], [5])},
            {"loss": {0: 1.5}, "val_loss": {0: 5}},
        ),
        (
            {"val_loss": scalars([0, 1], [1, 2]), "validation_loss": scalars([0, 0], [8, 9])},
            {"val_loss": {0: 1, 1: 2}},
        ),
        ({"loss": scalars([1, 0, 1], [1, 2, 3])}, {"loss": {0: 2, 1: 3}}),
        (
            {"loss": scalars([49, 99], [1, 2]), "epoch": scalars([49, 99], [0, 3])},
            {"loss": {0: 1, 3: 2}},
        ),
        ({"system/cpu": scalars([0, 1], [1, 2])}, {}),
        ({"loss": scalars([], [])}, {}),
    ],
)
def test_steps_become_epochs(
    metrics: dict[str, Scalars], curves: dict[str, dict[int, float]]
) -> None:
    found = observed(MlflowRun("a", metrics=metrics)).curves
    assert {n: dict(zip(e.tolist(), v.tolist(), strict=True)) for n, (e, v) in found.items()} == (
        curves
    )


@pytest.mark.parametrize(
    ("content", "kept", "complaint"),
    [
        ("1 0.5 0\n2 0.4 1\n", {0: 0.5, 1: 0.4}, None),
        ("1 0.5\n2 0.4\n", {0: 0.5, 1: 0.4}, None),
        ("1 0.5 0 data 1f2e\r\n2 0.4 1 data 1f2e\r\n", {0: 0.5, 1: 0.4}, None),
        ("1 0.5 0\n2 0.4 1\n3 0.", {0: 0.5, 1: 0.4}, "cut off"),
        ("1 0.5 0\nhello\n2 0.4 1\n", {0: 0.5, 1: 0.4}, "left out: 1"),
        (
            "1 0.5 0\n2 0.4 99999999999999999999\n2 0.4 1\n",
            {0: 0.5, 1: 0.4},
            "left out: 1",
        ),
        ("1 0.5 0\n2 high 2\n2 0.4 1\n", {0: 0.5, 1: 0.4}, "left out: 1"),
        ("\0\xff\n", {}, "left out: 1"),
        ("", {}, None),
    ],
)
def test_lines_of_a_metric(
    tmp_path: Path, content: str, kept: dict[int, float], complaint: str | None
) -> None:
    write_run(tmp_path / "a", metrics__loss=content)
    trials = read(tmp_path)
    assert values(trials, "a") == kept
    problems = [(p.file, p.trial_id) for p in trials.provenance.problems]
    assert problems == ([("a/metrics/loss", "a")] if complaint else [])
    assert not complaint or complaint in trials.provenance.problems[0].message


def test_long_metrics_are_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.readers.lines.BLOCK_BYTES", 5)
    write_run(tmp_path / "a", metrics__loss="1 0.5 0\n2 high 1\n3 0.4 2\n3 0.3 1\n4 0")
    trials = read(tmp_path)
    assert values(trials, "a") == {0: 0.5, 1: 0.3, 2: 0.4}
    assert "left out: 1" in trials.provenance.problems[0].message


def test_a_file_of_other_lines_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.readers.lines.BLOCK_BYTES", 5)
    monkeypatch.setattr("auditor.readers.mlflow.files.MOST_BAD_LINES", 1)
    write_run(tmp_path / "a", metrics__loss="1 0.5 0\n2 0.4 1\n" + "hello\n" * 3 + "3 0.3 2\n")
    trials = read(tmp_path)
    assert values(trials, "a") == {0: 0.5, 1: 0.4}
    assert "left out: 2" in trials.provenance.problems[0].message
    assert "so is the rest" in trials.provenance.problems[0].message


@pytest.mark.parametrize("content", ["", "hello", "[" * 100_000, "a: &a [*a]\n", "\0\xff"])
def test_a_run_without_its_meta_keeps_its_metrics(tmp_path: Path, content: str) -> None:
    metric = "1 0.5 0\n2 0.4 1\n"
    for name in ("a", "b"):
        write_run(tmp_path / name, metrics__loss=metric, params__lr="0.1")
    (tmp_path / "a" / "meta.yaml").write_text(content)
    trials = read(tmp_path)
    assert {run.trial_id: r.status for run, r in trials.recorded.items()} == {
        "a": "unknown",
        "b": "completed",
    }
    assert values(trials, "a") == {0: 0.5, 1: 0.4}
    assert [problem.file for problem in trials.provenance.problems] == ["a/meta.yaml"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_links_pipes_and_long_parameters_are_not_read(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", metrics__loss="1 0.5 0\n2 0.4 1\n", params__long="x" * 70_000)
    (run / "metrics" / "self").symlink_to(run / "metrics")
    (run / "params" / "link").symlink_to("/etc/hostname")
    os.mkfifo(run / "params" / "pipe")
    (run / "tags").mkdir()
    os.mkfifo(run / "tags" / "mlflow.parentRunId")
    trials = read(tmp_path)
    assert dict(trials.hyperparameters) == {"a": {}}
    assert trials.metrics == ("loss",)
    assert [problem.file for problem in trials.provenance.problems] == ["a/params/long"]


def test_a_parent_that_trained_is_a_trial(tmp_path: Path) -> None:
    metric = "1 0.5 0\n2 0.4 1\n"
    write_run(tmp_path / "parent", metrics__loss=metric)
    write_run(tmp_path / "child", metrics__loss=metric)
    (tmp_path / "child" / "tags").mkdir()
    (tmp_path / "child" / "tags" / "mlflow.parentRunId").write_text("parent")
    assert set(read(tmp_path).hyperparameters) == {"parent", "child"}


def test_registered_models_and_deleted_experiments_are_no_sweeps(tmp_path: Path) -> None:
    version = tmp_path / "models" / "m" / "version-1"
    version.mkdir(parents=True)
    (version / "meta.yaml").write_text("name: m\nrun_id: a\nstatus: READY\n")
    write_run(tmp_path / "1" / "a", metrics__loss="1 0.5 0\n")
    (tmp_path / "1" / "meta.yaml").write_text("lifecycle_stage: deleted\n")
    reader = next(reader for reader in READERS if reader.name == "MLflow")
    for path in (version.parent, version, tmp_path / "1", tmp_path):
        assert not reader.matches(Look(path)).yes


def test_an_experiment_whose_runs_are_all_deleted_is_a_clear_error(tmp_path: Path) -> None:
    write_run(tmp_path / "a", meta="", metrics__loss="1 0.5 0\n")
    (tmp_path / "a" / "meta.yaml").write_text("lifecycle_stage: deleted\nrun_id: a\n")
    with pytest.raises(ReadError, match="all deleted"):
        read(tmp_path)


def test_a_database_of_an_old_schema_is_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as database:
        database.executescript(OLD_SCHEMA)
    trials = read(tmp_path)
    assert values(trials, "a") == {0: 0.5, 1: 0.4}
    assert trials.provenance.files == ("old.db",)


def test_cells_of_any_type_are_read_or_left_out(tmp_path: Path) -> None:
    copy = Path(shutil.copy(DATA / "mlflow.db", tmp_path / "mlflow.db"))
    with sqlite3.connect(copy) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        for column in ("value", "step", "timestamp", "is_nan", "key"):
            for cell in (b"\xff\0", "text", -(2**63), 1e308):
                database.execute(
                    f"UPDATE OR IGNORE metrics SET {column} = ? "
                    "WHERE rowid = (SELECT abs(random()) % 100)",
                    [cell],
                )
        database.execute("UPDATE runs SET start_time = 'x', status = x'ff' WHERE rowid = 1")
        database.execute("UPDATE params SET value = x'00ff' WHERE rowid < 5")
    for source in find(copy):
        source.read()


def test_a_deleted_experiment_of_a_database_is_no_sweep(tmp_path: Path) -> None:
    copy = Path(shutil.copy(DATA / "mlflow.db", tmp_path / "mlflow.db"))
    with sqlite3.connect(copy) as database:
        deleted = "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'by hand'"
        database.execute(deleted)
    assert [source.part for source in find(copy)] == ["autologged", "by callback"]


def test_experiments_of_one_name_are_told_apart(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as database:
        database.executescript(OLD_SCHEMA)
        database.execute("INSERT INTO experiments VALUES (7, 'Default')")
        database.execute("INSERT INTO runs VALUES ('b', 7, 'FAILED')")
    sources = find(tmp_path)
    assert [source.part for source in sources] == ["Default (0)", "Default (7)"]
    assert [list(source.read().hyperparameters) for source in sources] == [["a"], ["b"]]


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=60))
def test_a_metric_of_any_bytes_is_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    run = write_run(folder / "a", metrics__loss="")
    (run / "metrics" / "loss").write_bytes(content)
    read(folder)
