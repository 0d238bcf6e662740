"""Event files that TensorBoard reads, and that our own reader reads back."""

import json
import math
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import read
from auditor.auditing import Audit, audit
from auditor.report.tensorboard import FILE, folder_name
from auditor.trials import Hyperparameter, Run, Trials
from tests.report.conftest import HOSTILE, sweep


def single(values: Any) -> list[str]:
    """The values as TensorBoard keeps them, NaN among them."""
    return [str(float(value)) for value in np.asarray(values, np.float32)]


def test_curves_and_hyperparameters_come_back(full: Audit, tmp_path: Path) -> None:
    full.to_tensorboard(tmp_path)
    again, before = read(tmp_path), full.trials
    assert again.hyperparameters == before.hyperparameters
    assert again.curves.to_dict("list").keys() == before.curves.to_dict("list").keys()
    for run in before.runs:
        for metric in ("loss", "val_loss"):
            old, new = before.curve(run, metric), again.curve(run, metric)
            assert old.epochs.tolist() == new.epochs.tolist()
            assert single(old.values) == list(map(str, new.values))
    assert again.recorded[Run("0004")].status == "failed"
    assert not again.provenance.problems
    assert audit(again).outcomes.by_trial == full.outcomes.by_trial


def test_executions_come_back_as_runs_of_their_trials(tmp_path: Path) -> None:
    audited = audit(sweep(executions=2))
    audited.to_tensorboard(tmp_path)
    assert (tmp_path / "0000" / "execution1" / "validation" / FILE).is_file()
    assert set(read(tmp_path).runs) == set(audited.trials.runs)


@pytest.mark.parametrize("kind", ["without curves", "one trial", "empty", "hostile"])
def test_every_audit_can_be_written(kind: str, audits: Mapping[str, Audit], tmp_path: Path) -> None:
    audits[kind].to_tensorboard(tmp_path / "runs")
    assert (tmp_path / "runs" / FILE).is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]
    if kind != "empty":
        assert read(tmp_path / "runs").hyperparameters.keys() == (
            audits[kind].trials.hyperparameters.keys()
        )


def test_single_values_come_back_as_results(audits: Mapping[str, Audit], tmp_path: Path) -> None:
    audits["without curves"].to_tensorboard(tmp_path)
    again = read(tmp_path)
    assert again.recorded[Run("t1")].metrics == pytest.approx({"loss": 0.5, "val_loss": 0.6})
    assert again.curves.empty


@pytest.mark.parametrize(
    "trial", ["0000", "train", "..", ".hidden", "a/b", "", HOSTILE, "é" * 200, "con:", "a\\b"]
)
def test_any_id_makes_a_folder_of_its_own(trial: str, tmp_path: Path) -> None:
    name = folder_name(trial)
    (tmp_path / name).mkdir()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert name.isascii()
    assert name not in ("train", "validation")


def test_plain_ids_stay_as_they_are_and_no_two_are_the_same() -> None:
    assert folder_name("lr=0.1,units=32") == "lr=0.1,units=32"
    ids = ["a", "a/b", "a%2Fb", "x" * 300, "x" * 301, "train", "%74rain"]
    assert len({folder_name(trial) for trial in ids}) == len(ids)


def test_nothing_is_loaded_that_takes_seconds(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom auditor.report.tensorboard import write_tensorboard\n"
        "from auditor import audit\nfrom tests.report.conftest import one_trial\n"
        "write_tensorboard(audit(one_trial()), sys.argv[1])\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=root)


# TensorBoard's own eyes


def declared() -> Audit:
    """The sweep with a declared space."""
    made = sweep()
    space = (
        Hyperparameter("lr", "float", (), 0.01, 1.0),
        Hyperparameter("activation", "choice", ("relu", "sigmoid")),
    )
    return audit(Trials(made.hyperparameters, made.recorded, made.curves, made.objective, space))


@pytest.mark.slow  # TensorBoard's reader of events loads TensorFlow.
def test_tensorboard_reads_scalars(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    audited = declared()
    audited.to_tensorboard(tmp_path)
    folder = str(tmp_path / "0008" / "validation")
    seen = EventAccumulator(folder, size_guidance={"tensors": 0}).Reload()
    events = seen.Tensors("epoch_loss")
    values = [float(make_ndarray(event.tensor_proto)) for event in events]
    expected = audited.trials.curve(Run("0008"), "val_loss")
    assert [event.step for event in events] == expected.epochs.tolist()
    assert list(map(str, values)) == single(expected.values)
    assert any(map(math.isnan, values))


@pytest.fixture(params=["true", "false"], ids=["fast loader", "slow loader"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a TensorBoard that shows an export."""
    declared().to_tensorboard(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(tmp_path)]
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port), "--load_fast", request.param],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}/data/plugin"
    finally:
        server.terminate()
        server.wait()


def ask(address: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_tensorboard_shows_hyperparameters_metrics_and_outcomes(served: str) -> None:
    groups: list[Any] = []
    for _ in range(240):
        try:
            experiment = ask(f"{served}/hparams/experiment", {"experimentName": ""})
            wanted = {
                "experimentName": "",
                "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE"],
                "colParams": [{"metric": m["name"]} for m in experiment["metricInfos"]],
                "startIndex": 0,
                "sliceSize": 100,
            }
            groups = ask(f"{served}/hparams/session_groups", wanted)["sessionGroups"]
        except (OSError, KeyError):
            groups = []
        if len(groups) == 12 and groups[0].get("metricValues"):
            break
        time.sleep(0.5)
    assert len(groups) == 12
    infos = {info["name"]: info for info in experiment["hparamInfos"]}
    assert infos["lr"]["domainInterval"] == {"minValue": 0.01, "maxValue": 1.0}
    assert infos["activation"]["domainDiscrete"] == ["relu", "sigmoid"]
    by_trial = {group["hparams"]["auditor/trial_id"]: group for group in groups}
    assert by_trial["0000"]["hparams"]["lr"] == 0.01
    assert by_trial["0008"]["hparams"]["auditor/outcome"] == "diverged"
    assert by_trial["0004"]["sessions"][0]["status"] == "STATUS_FAILURE"
    values = {
        (value["name"].get("group", ""), value["name"]["tag"]): value["value"]
        for value in by_trial["0000"]["metricValues"]
    }
    assert values["", "auditor/score"] > values["", "auditor/objective"] > 0
    assert 0 < values["train", "epoch_loss"] < values["validation", "epoch_loss"]
    points = ask(f"{served}/scalars/scalars?run=0008%2Fvalidation&tag=epoch_loss")
    assert len(points) == 20
    assert points[-1][2] in ("NaN", None) or math.isnan(points[-1][2])
