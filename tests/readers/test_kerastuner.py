"""Directories that KerasTuner itself wrote, and what has to be inferred from them."""

import json
import math
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from auditor.diagnosis import diagnose
from auditor.diagnosis.finding import Finding
from auditor.outcomes import Outcome, judge
from auditor.readers import find, read
from auditor.readers.kerastuner.space import parse_space
from auditor.scoring import score as scored
from auditor.trials import Run, Trials
from tests.readers.sweeps import trial_json

DATA = Path(__file__).parents[1] / "data"
REAL = DATA / "keras_tuner-1.4.8"
OLD = DATA / "keras_tuner-1.0.2"


def diagnosed(trials: Trials) -> tuple[Finding, ...]:
    outcomes = judge(trials)
    return diagnose(trials, outcomes, scored(trials, outcomes))[0]


def project(folder: Path, trials: list[tuple[dict[str, float], float | None]], **more: Any) -> Path:
    """A directory of trials with these metrics and scores."""
    for number, (metrics, score) in enumerate(trials):
        trial = folder / f"trial_{number}"
        trial.mkdir(parents=True)
        state = {
            "metrics": {
                name: {
                    "direction": "max" if "acc" in name else "min",
                    "observations": [{"value": [value], "step": 2}],
                }
                for name, value in metrics.items()
            }
        }
        text = trial_json(str(number), {"lr": 0.1}, metrics=state, score=score, best_step=2, **more)
        (trial / "trial.json").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("kind", "sampler"),
    [("grid", "grid"), ("random", "unknown"), ("hyperband", "adaptive"), ("bayesian", "adaptive")],
)
def test_the_sampler_is_known_by_its_marks(kind: str, sampler: str) -> None:
    trials = read(REAL / kind)
    assert trials.design.sampler == sampler
    assert trials.design.seed == 7


def test_a_grid_out_of_order_is_not_called_a_grid(tmp_path: Path) -> None:
    for source in (REAL / "grid").glob("trial_*"):
        number = int(source.name.removeprefix("trial_"))
        target = tmp_path / f"trial_{(number * 5) % 18:04d}"
        target.mkdir()
        (target / "trial.json").write_bytes((source / "trial.json").read_bytes())
    assert read(tmp_path).design.sampler == "unknown"


@pytest.mark.parametrize("kind", ["grid", "random", "hyperband", "bayesian"])
def test_the_objective_is_inferred_from_the_scores(kind: str) -> None:
    objective = read(REAL / kind).objective
    assert (objective.name, objective.direction) == ("val_loss", "min")
    assert "val_loss equals the score in all" in objective.known_from


@pytest.mark.parametrize(
    ("trials", "name", "direction", "known"),
    [
        ([({"acc": 0.5, "val_acc": 0.5}, 0.5)] * 3, "val_acc", "max", "so does acc"),
        ([({"acc": 0.5, "val_acc": 0.4}, 0.5)], "acc", "max", "the one trial that has one"),
        ([({"loss": 0.5}, 0.5), ({"loss": math.nan}, math.nan)], "loss", "min", "one trial"),
        ([({"loss": 0.5}, 0.4), ({"loss": 1.0}, 9.0)], "loss", "min", "assumed"),
        ([({"val_loss": 0.5, "loss": 0.1}, None)], "val_loss", "min", "assumed"),
        ([({"val_loss": math.inf, "loss": 1.0}, math.inf)], "val_loss", "min", "one trial"),
    ],
)
def test_the_objective_of_odd_scores(
    tmp_path: Path,
    trials: list[tuple[dict[str, float], float | None]],
    name: str,
    direction: str,
    known: str,
) -> None:
    objective = read(project(tmp_path / "p", trials)).objective
    assert (objective.name, objective.direction) == (name, direction)
    assert known in objective.known_from


def test_a_multi_objective_is_the_sum_that_fits_every_score(tmp_path: Path) -> None:
    metrics = [{"loss": 1.0, "val_loss": 0.5, "val_acc": 0.25}, {"loss": 2.0, "val_loss": 0.75, "val_acc": 0.5}]  # fmt: skip  # noqa: E501
    trials = [(m, m["val_loss"] - m["val_acc"]) for m in metrics]
    objective = read(project(tmp_path / "p", trials)).objective
    assert objective.name == "multi_objective"
    assert [(part.name, part.direction) for part in objective.components] == [
        ("val_loss", "min"),
        ("val_acc", "max"),
    ]


def test_a_completed_trial_with_an_infinite_metric_comes_through_as_observed() -> None:
    recorded = read(REAL / "grid").recorded[Run("0003")]
    assert recorded.status == "completed"
    assert recorded.metrics["val_loss"] == recorded.score == math.inf
    assert math.isfinite(recorded.metrics["loss"])


def test_a_nan_trial_and_a_crash_come_through_as_kerastuner_left_them() -> None:
    trials = read(REAL / "grid")
    nan, crash = trials.recorded[Run("0006")], trials.recorded[Run("0009")]
    assert (nan.status, crash.status) == ("failed", "failed")
    assert math.isnan(nan.metrics["val_loss"])
    assert math.isnan(nan.score)
    assert "Received: units=-1" in crash.message
    assert (nan.best_epoch, crash.best_epoch) == (None, None)
    assert trials.coverage(Run("0000")) == "best epoch"
    assert trials.coverage(Run("0009")) == "nothing"


def test_conditional_values_exist_only_under_their_parent() -> None:
    for values in read(REAL / "grid").hyperparameters.values():
        assert ("dropout_rate" in values) == values["dropout"]
    (axis,) = [axis for axis in read(REAL / "grid").space if axis.name == "dropout_rate"]
    assert [(c.name, c.values) for c in axis.conditions] == [("dropout", (True,))]


def test_what_hyperband_adds_is_no_hyperparameter_but_is_mentioned() -> None:
    trials = read(REAL / "hyperband")
    names = {name for values in trials.hyperparameters.values() for name in values}
    assert names <= {"units", "learning_rate", "dropout", "dropout_rate"}
    assert names == {axis.name for axis in trials.space}
    assert any(
        "different numbers of epochs (1, 2, 4)" in text for text in trials.provenance.missing
    )


def test_start_times_are_kept_where_they_were_written() -> None:
    starts = [recorded.started for recorded in read(REAL / "random").recorded.values()]
    assert all(starts)
    assert starts == sorted(starts)


def test_the_first_generation_has_no_best_epoch_and_says_what_its_metrics_are() -> None:
    trials = read(OLD / "hyperband")
    assert {recorded.best_epoch for recorded in trials.recorded.values()} == {None}
    assert trials.provenance.version == "1.0 to 1.1.0"
    assert any("upper bound" in sentence for sentence in trials.provenance.missing)


def test_the_first_generation_completes_trials_that_diverged() -> None:
    trials = read(OLD / "hyperband")
    assert {recorded.status for recorded in trials.recorded.values()} == {"completed"}
    scores = [recorded.score for recorded in trials.recorded.values()]
    assert sum(map(math.isnan, scores)) == 5
    assert Counter(judge(trials).by_trial.values()) == {Outcome.OK: 8, Outcome.DIVERGED: 7}


def test_a_lucky_score_beside_an_infinite_loss_is_a_diverged_trial(tmp_path: Path) -> None:
    metrics = {"loss": math.inf, "val_loss": 2.0, "val_acc": 0.9}
    trials = read(project(tmp_path / "p", [(metrics, 0.9), ({"val_acc": 0.5}, 0.5)]))
    assert trials.recorded[Run("0")].status == "completed"
    assert judge(trials).by_trial == {"0": Outcome.DIVERGED, "1": Outcome.OK}


def test_an_order_that_is_lost_is_no_grid() -> None:
    assert read(OLD / "random").design.sampler == "unknown"


@pytest.mark.parametrize("version", ["1.3.5", "1.4.8"])
def test_a_grid_that_three_failures_ended_is_known_by_its_ids(version: str) -> None:
    trials = read(DATA / f"keras_tuner-{version}" / "stopped")
    assert trials.design.sampler == "grid"
    assert list(trials.hyperparameters) == ["0000", "0001", "0002"]
    (finding,) = (f for f in diagnosed(trials) if f.code == "AUD012")
    assert finding.sentence.startswith("9 of 12 combinations")
    assert "the last 3 trials failed" in finding.sentence


def test_a_search_of_several_workers_is_one_sweep() -> None:
    (source,) = find(REAL / "distributed")
    trials = source.read()
    assert list(trials.hyperparameters) == ["0", "1", "2", "3"]
    assert trials.provenance.problems == ()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("COMPLETED", "completed"),
        ("FAILED", "failed"),
        ("INVALID", "failed"),
        ("RUNNING", "unfinished"),
        ("IDLE", "unfinished"),
        ("of the future", "unknown"),
        (None, "unknown"),
    ],
)
def test_statuses(tmp_path: Path, status: str | None, expected: str) -> None:
    folder = project(tmp_path / "p", [({"loss": 1.0}, 1.0)], status=status)
    assert read(folder).recorded[Run("0")].status == expected


def test_executions_are_averaged_as_in_kerastuner(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", [({"loss": 1.0}, 2.0)])
    file = folder / "trial_0" / "trial.json"
    state = json.loads(file.read_text())
    state["metrics"]["metrics"]["loss"]["observations"] = [
        {"value": [9.0], "step": 0},
        {"value": [1.0, 3.0], "step": 2},
        {"value": [7.0], "step": 5},
    ]
    file.write_text(json.dumps(state))
    assert read(folder).recorded[Run("0")].metrics == {"loss": 2.0}


def test_a_directory_without_oracle_json_takes_its_space_from_the_trials(tmp_path: Path) -> None:
    whole = read(REAL / "grid")
    for source in (REAL / "grid").glob("trial_*"):
        (tmp_path / source.name).symlink_to(source)
    trials = read(tmp_path)
    assert {axis.name for axis in trials.space} == {axis.name for axis in whole.space}
    assert [problem.file for problem in trials.provenance.problems] == ["oracle.json"]


def test_no_framework_is_imported() -> None:
    code = (
        "import sys; from auditor.readers import read; "
        f"read({str(REAL / 'grid')!r}); "
        "sys.exit(bool({'keras', 'tensorflow', 'keras_tuner'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


NUMBER = {"name": "n", "conditions": [], "sampling": "linear", "step": None}


@pytest.mark.parametrize(
    ("kind", "config", "values"),
    [
        ("Int", {"min_value": 1, "max_value": 4}, (1, 2, 3, 4)),
        ("Int", {"min_value": 8, "max_value": 25, "step": 8}, (8, 16, 24)),
        ("Int", {"min_value": 8, "max_value": 32, "step": 2, "sampling": "log"}, (8, 16, 32)),
        ("Int", {"min_value": 1, "max_value": 9, "sampling": "log"}, ()),
        ("Int", {"min_value": 1, "max_value": 10**9}, ()),
        ("Float", {"min_value": 0.0, "max_value": 0.5, "step": 0.25}, (0.0, 0.25, 0.5)),
        ("Float", {"min_value": 0.0, "max_value": 0.5}, ()),
        (
            "Float",
            {"min_value": 1.0, "max_value": 100.0, "step": 10, "sampling": "reverse_log"},
            (100.0, 91.0, 1.0),
        ),
        ("Float", {"min_value": 0.0, "max_value": 1.0, "step": -1.0}, ()),
        ("Boolean", {}, (True, False)),
        ("Fixed", {"value": "x"}, ("x",)),
        ("Choice", {"values": ["a", "b"]}, ("a", "b")),
    ],
)
def test_values_of_each_kind(kind: str, config: dict[str, Any], values: tuple[object, ...]) -> None:
    (axis,), complaints = parse_space([{"class_name": kind, "config": NUMBER | config}])
    assert axis.values == pytest.approx(values) if kind == "Float" else axis.values == values
    assert axis.kind == kind.lower()
    assert complaints == []


@pytest.mark.parametrize(
    "entry",
    [
        None,
        7,
        {},
        {"class_name": "Choice", "config": {}},
        {"class_name": "Magic", "config": {"name": "a"}},
        {"class_name": "Int", "config": {"name": "a", "min_value": "x", "max_value": 1}},
        {"class_name": "Boolean", "config": {"name": 5}},
        {"class_name": "Float", "config": {"name": "a", "min_value": 10**400, "max_value": 1}},
    ],
)
def test_an_odd_entry_of_the_space_is_named_and_the_rest_kept(entry: object) -> None:
    good = {"class_name": "Boolean", "config": {"name": "bias"}}
    space, complaints = parse_space([entry, good])
    assert [axis.name for axis in space] == ["bias"]
    assert len(complaints) == 1


@pytest.mark.parametrize("name", ["oracle.json", "tuner0.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"[" * 100_000, b"\xff"])
def test_a_bad_file_of_the_whole_search_loses_no_trial(
    tmp_path: Path, name: str, content: bytes
) -> None:
    whole = read(REAL / "grid")
    folder = Path(shutil.copytree(REAL / "grid", tmp_path / "grid"))
    (folder / name).write_bytes(content)
    assert set(read(folder).hyperparameters) == set(whole.hyperparameters)


def test_a_huge_file_is_left_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.readers.contents.MOST_BYTES", 100)
    trials = read(REAL / "grid")
    assert all("bytes" in problem.message for problem in trials.provenance.problems)
    assert trials.hyperparameters == {}
