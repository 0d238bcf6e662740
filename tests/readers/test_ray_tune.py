"""Ray Tune: what the search and each trial noted comes back, whatever is left of the folder."""

import json
import math
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import ReadError
from auditor.readers import READERS, find, read
from auditor.readers.looking import Look
from auditor.readers.ray_tune.results import flat
from auditor.readers.ray_tune.state import id_in
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data"
VERSIONS = ("ray-2.3.1", "ray-2.60.0")
versions = pytest.mark.parametrize("version", VERSIONS)


def report(iteration: int | None, **values: Any) -> dict[str, Any]:
    return {"training_iteration": iteration, "done": False, "pid": 7, "timestamp": 5} | values


def write_trial(folder: Path, reports: Iterable[Mapping[str, Any]], **config: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps(config))
    (folder / "result.json").write_text("".join(json.dumps(r) + "\n" for r in reports))
    return folder


def write_state(folder: Path, *trials: Mapping[str, Any], session: str = "2026-01-01") -> Path:
    file = folder / f"experiment_state-{session}.json"
    file.write_text(json.dumps({"checkpoints": trials, "runner_data": {"_metric": "loss"}}))
    return file


def losses(trials: Trials, trial_id: str, metric: str = "loss") -> dict[int, float]:
    epochs, values = trials.curve(Run(trial_id), metric)
    return dict(zip(epochs.tolist(), values.tolist(), strict=True))


@versions
def test_a_grid_has_its_curves_statuses_and_nested_hyperparameters(version: str) -> None:
    trials = read(DATA / version / "grid")
    assert [run.status for run in trials.recorded.values()] == ["completed"] * 3 + ["failed"] * 3
    assert trials.metrics == ("loss", "val_loss")
    assert {frozenset(values) for values in trials.hyperparameters.values()} == {
        frozenset({"epochs", "units", "optimizer/name", "optimizer/lr"})
    }
    diverging = trials.runs[2]
    assert trials.hyperparameters[diverging.trial_id]["optimizer/lr"] == 1e120
    np.testing.assert_array_equal(
        trials.curve(diverging, "val_loss").values[1:], [math.inf, math.nan, math.nan]
    )
    assert trials.recorded[trials.runs[5]].message == "ValueError: units=-1: not a positive number"
    assert trials.objective.name == "val_loss"
    assert trials.objective.known_from.startswith("experiment_state")


@versions
def test_when_and_how_long_a_trial_ran_is_read(version: str) -> None:
    trials = read(DATA / version / "grid")
    first = trials.recorded[trials.runs[0]]
    assert (first.started or "").startswith("2026-11-21T17:1")
    assert first.seconds is not None
    assert 0 < first.seconds < 1


@versions
def test_trials_told_to_stop_early_are_counted_and_not_called_pruned(version: str) -> None:
    trials = read(DATA / version / "asha")
    assert {recorded.status for recorded in trials.recorded.values()} == {"completed"}
    assert "4 of 5 were told to stop" in trials.provenance.missing[1]


@versions
def test_reports_repeated_after_a_restart_replace_the_first_ones(version: str) -> None:
    trials = read(DATA / version / "restarted")
    ((trial_id, _),) = trials.hyperparameters.items()
    assert list(losses(trials, trial_id)) == [0, 1, 2, 3]
    assert trials.recorded[Run(trial_id)].status == "completed"
    (problem,) = trials.provenance.problems
    assert "repeated 2 reports" in problem.message


@versions
def test_without_the_state_trials_come_from_their_folders(version: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DATA / version / "grid", tmp_path / "grid"))
    whole = read(folder)
    next(folder.glob("experiment_state*")).unlink()
    trials = read(folder)
    assert dict(trials.hyperparameters) == dict(whole.hyperparameters)
    assert trials.curves.equals(whole.curves)
    assert [run.status for run in trials.recorded.values()] == ["unknown"] * 3 + ["failed"] * 3


@versions
def test_one_trial_may_be_given_alone(version: str) -> None:
    folder = next((DATA / version / "grid").glob("*_00001_1_*"))
    trials = read(folder)
    assert list(trials.hyperparameters) == [id_in(folder.name)]
    assert trials.epochs == 4


def test_experiments_below_a_folder_are_sweeps_of_their_own() -> None:
    sources = find(DATA / "ray-2.60.0")
    assert [(s.reader.name, s.path.name) for s in sources] == [
        ("Ray Tune", name) for name in ("asha", "grid", "restarted")
    ]


@pytest.mark.parametrize("as_text", [True, False])
def test_a_state_of_ray_1_is_read(tmp_path: Path, as_text: bool) -> None:
    write_trial(tmp_path / "train_1a2b3c4d_1_lr=0.1_2021-01-01", [report(1, loss=0.5)], lr=0.1)
    trial = {
        "trial_id": "1a2b3c4d",
        "status": "TERMINATED",
        "logdir": "/root/ray_results/e/train_1a2b3c4d_1_lr=0.1_2021-01-01",
        "config": {"lr": 0.1},
    }
    entry: Any = json.dumps(trial) if as_text else trial
    write_state(tmp_path, entry)
    trials = read(tmp_path)
    assert dict(trials.hyperparameters) == {"1a2b3c4d": {"lr": 0.1}}
    assert trials.recorded[Run("1a2b3c4d")].status == "completed"


def test_planned_trials_have_no_run_and_started_ones_are_unfinished(tmp_path: Path) -> None:
    write_trial(tmp_path / "t_00000001_1", [report(1, loss=0.5)], lr=0.1)
    states = {"00000001": "PENDING", "00000002": "PENDING", "00000003": "RUNNING"}
    write_state(
        tmp_path, *({"trial_id": t, "status": s, "config": {"lr": 1}} for t, s in states.items())
    )
    trials = read(tmp_path)
    assert list(trials.hyperparameters) == list(states)
    assert {run.trial_id: r.status for run, r in trials.recorded.items()} == {
        "00000001": "unfinished",
        "00000003": "unfinished",
    }


def test_the_newest_session_counts_and_earlier_ones_for_other_folders(tmp_path: Path) -> None:
    for name in ("t_00000001_1", "t_00000002_2"):
        write_trial(tmp_path / name, [report(1, loss=0.5)])
    of = {"config": {}, "logdir": "t_00000001_1"}
    gone = {"trial_id": "00000009", "status": "ERROR", "logdir": "t_00000009_9"}
    other = {"trial_id": "00000002", "status": "ERROR", "logdir": "t_00000002_2"}
    first = {**of, "trial_id": "00000001", "status": "ERROR"}
    write_state(tmp_path, first, other, gone, session="2026-01-01")
    write_state(tmp_path, {**first, "status": "TERMINATED"}, session="2026-01-02")
    (tmp_path / "experiment_state-2026-01-03.json").write_text('{"checkpoints": [')
    trials = read(tmp_path)
    assert [(run.trial_id, r.status) for run, r in trials.recorded.items()] == [
        ("00000001", "completed"),
        ("00000002", "failed"),
    ]
    (problem,) = trials.provenance.problems
    assert problem.file == "experiment_state-2026-01-03.json"


def test_without_reports_in_json_those_of_the_table_are_read(tmp_path: Path) -> None:
    folder = write_trial(tmp_path / "t_00000001_1", [], lr=0.1)
    header = "training_iteration,loss,train_acc,config/lr,done\n"
    (folder / "progress.csv").write_text(f"{header}1,0.5,0.7,0.1,False\n2,nan,,0.1,True\n3,0.4")
    trials = read(tmp_path)
    assert str(losses(trials, "00000001")) == "{0: 0.5, 1: nan}"
    assert losses(trials, "00000001", "acc") == {0: 0.7}
    assert trials.metrics == ("acc", "loss")
    assert ["cut off" in problem.message for problem in trials.provenance.problems] == [True]


def test_without_any_report_the_last_one_is_in_the_state(tmp_path: Path) -> None:
    last = report(7, loss=0.5, validation={"acc": 0.8}, note="x")
    trial = {"trial_id": "00000001", "status": "TERMINATED", "config": {"lr": 0.1}}
    write_state(tmp_path, {**trial, "last_result": last}, {**trial, "trial_id": "00000002"})
    trials = read(tmp_path)
    assert trials.recorded[Run("00000001")].metrics == {"loss": 0.5, "val_acc": 0.8}
    assert trials.coverage(Run("00000001")) == "best epoch"
    assert trials.coverage(Run("00000002")) == "nothing"
    assert any("reports of 1 of 2 trials" in text for text in trials.provenance.missing)


def test_hyperparameters_come_from_reports_where_their_file_is_lost(tmp_path: Path) -> None:
    config = {"config": {"lr": 0.1, "net": {"units": [4, 8]}}}
    folder = write_trial(tmp_path / "t_00000001_1", [report(1, loss=0.5, **config)])
    for damaged in ("{", "[1]"):
        (folder / "params.json").write_text(damaged)
        trials = read(tmp_path)
        assert dict(trials.hyperparameters) == {"00000001": {"lr": 0.1, "net/units": [4, 8]}}
        assert len(trials.provenance.problems) == 1


def test_hyperparameters_that_changed_during_training_are_said(tmp_path: Path) -> None:
    reports = [report(n, loss=0.5, config={"lr": 0.1 * n}) for n in (1, 2)]
    write_trial(tmp_path / "t_00000001_1", reports, lr=0.2)
    (problem,) = read(tmp_path).provenance.problems
    assert "population based training" in problem.message


def test_nested_metrics_are_read_and_bookkeeping_is_not(tmp_path: Path) -> None:
    own = {"time_total_s": 3.5, "hostname": "h", "iterations_since_restore": 1, "trial_id": "x"}
    nested = {"val": {"loss": 0.6, "note": "x"}, "train": {"loss": 0.5}, "lr": 0.01, "ok": True}
    write_trial(tmp_path / "t_00000001_1", [report(1, **own, **nested)])
    trials = read(tmp_path)
    assert trials.metrics == ("loss", "val_loss")
    assert trials.series(Run("00000001"), "learning_rate").values.tolist() == [0.01]
    assert trials.recorded[Run("00000001")].seconds == 3.5


@versions
def test_how_long_each_epoch_took_is_read(version: str) -> None:
    trials = read(DATA / version / "grid")
    first = trials.runs[0]
    times = trials.series(first, "seconds")
    assert times.epochs.tolist() == [0, 1, 2, 3]
    assert sum(times.values) == pytest.approx(trials.recorded[first].seconds)
    assert "seconds" not in trials.metrics


@pytest.mark.parametrize(
    ("iterations", "kept"),
    [
        ([1, 2, 3], {0: 0, 1: 1, 2: 2}),
        ([5, 10, 15], {4: 0, 9: 1, 14: 2}),
        ([1, 2, 3, 2, 3, 4], {0: 0, 1: 3, 2: 4, 3: 5}),
        ([1, 2, 1, 1], {0: 3}),
        ([None, 1, 2], {0: 0, 1: 1, 2: 2}),
        ([0, 1], {0: 0, 1: 1}),
        ([1, 10**12], {0: 0, 1: 1}),
    ],
)
def test_epochs_follow_iterations_where_these_count(
    tmp_path: Path, iterations: list[int | None], kept: dict[int, float]
) -> None:
    reports = [report(i, loss=at) for at, i in enumerate(iterations)]
    write_trial(tmp_path / "t_00000001_1", reports)
    assert losses(read(tmp_path), "00000001") == kept


@pytest.mark.parametrize(
    "line", ["{", "[" * 100_000, "7", '{"loss": ' + "9" * 5000 + "}", "\0\xff"]
)
def test_a_line_that_is_no_report_is_named_and_the_others_are_kept(
    tmp_path: Path, line: str
) -> None:
    folder = write_trial(tmp_path / "t_00000001_1", [report(1, loss=0.5), report(2, loss=0.4)])
    file = folder / "result.json"
    first, second = file.read_text().splitlines()
    file.write_text(f"{first}\n{line}\n{second}\n", encoding="latin-1")
    trials = read(tmp_path)
    assert losses(trials, "00000001") == {0: 0.5, 1: 0.4}
    (problem,) = trials.provenance.problems
    assert problem.message == "lines that are no reports are left out: 1 of 3"
    assert problem.file == "t_00000001_1/result.json"


def test_long_results_are_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.readers.lines.BLOCK_BYTES", 5)
    monkeypatch.setattr("auditor.readers.ray_tune.results.MOST_LINE_BYTES", 1_000)
    reports = [report(i + 1, loss=i, **({"acc": 0.5} if i else {})) for i in range(3)]
    write_trial(tmp_path / "t_00000001_1", [*reports, report(4, loss=3, note="x" * 1_000)])
    trials = read(tmp_path)
    assert losses(trials, "00000001") == {0: 0, 1: 1, 2: 2}
    assert losses(trials, "00000001", "acc") == {1: 0.5, 2: 0.5}
    assert "left out: 1 of 4" in trials.provenance.problems[0].message


def test_an_error_before_a_later_report_was_overcome(tmp_path: Path) -> None:
    folder = write_trial(tmp_path / "t_00000001_1", [report(1, loss=1, date="2026-01-01_10-00-00")])
    failure = "Failure # 1 (occurred at 2026-01-01_{}-00-00)\n  File x\nMyError: \x1b[1mno\n"
    (folder / "error.txt").write_text(failure.format("09"))
    assert read(tmp_path).recorded[Run("00000001")].status == "unknown"
    (folder / "error.txt").write_text(failure.format("09") + failure.format("11") + "more\n")
    recorded = read(tmp_path).recorded[Run("00000001")]
    assert (recorded.status, recorded.message) == ("failed", "MyError: no\nmore")


def test_a_folder_of_the_same_id_is_another_trial(tmp_path: Path) -> None:
    for name in ("t_00000001_1", "t_00000001_1_ab12"):
        write_trial(tmp_path / name, [report(1, loss=0.5)])
    assert list(read(tmp_path).hyperparameters) == ["00000001", "t_00000001_1_ab12"]


def test_an_experiment_without_a_trial_is_a_clear_error(tmp_path: Path) -> None:
    write_state(tmp_path)
    with pytest.raises(ReadError, match="no trial is readable"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["result.json", "progress.csv"])
def test_results_of_another_tool_are_not_taken(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "params.json").write_text('{"lr": 0.1}')
    (folder / name).write_text('epoch,loss\n{"loss": 0.5}')
    reader = next(r for r in READERS if r.name == "Ray Tune")
    assert not any(reader.matches(Look(path)).yes for path in (tmp_path, folder, folder / name))


@pytest.mark.parametrize(
    ("folder", "trial_id"),
    [
        ("train_fn_f587d_00004_4_lr=0.1000,units=-1_2026-11-21_17-06-57", "f587d_00004"),
        ("objective_a1b2c3d4_12_lr=0.1_2021-01-01_00-00-00", "a1b2c3d4"),
        ("my_trial", "my_trial"),
        ("run_20260101_lr=0.1", "run_20260101_lr=0.1"),
    ],
)
def test_the_id_is_in_the_name_of_the_folder(folder: str, trial_id: str) -> None:
    assert id_in(folder) == trial_id


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON))
def test_flattening_keeps_every_leaf_but_pickles(values: dict[str, Any]) -> None:
    flattened = flat(values)
    assert not any(isinstance(value, dict) and value for value in flattened.values())


@settings(max_examples=30, deadline=None)
@given(reports=st.lists(st.dictionaries(st.sampled_from(["loss", "lr", "training_iteration", "done",
       "config", "date", "time_total_s", "timestamp", "a/b"]), JSON), max_size=4))  # fmt: skip
def test_reports_of_any_type_are_read(
    tmp_path_factory: pytest.TempPathFactory, reports: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    write_trial(folder / "t_00000001_1", [report(1, loss=0.5), *reports])
    read(folder)
