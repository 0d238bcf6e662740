"""Published questions about training, as they were posted: from a file and from standard input."""

import json
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from typer.testing import CliRunner

from auditor.cli import app

CASES = Path(__file__).parent / "data" / "cases"


class Known(NamedTuple):
    """What is true of a case; epochs from 0."""

    format: str
    epochs: range
    best_epoch: int
    val_loss: float
    gap: float


KNOWN = {
    "grid_winner_20_epochs.txt": Known("printed-table", range(20), 3, 0.684516, 0.257460),
    "grid_winner_20_epochs.csv": Known("csvlogger", range(20), 3, 0.684516, 0.257460),
    "grid_winner_150_epochs.txt": Known("printed-table", range(150), 2, 0.676995, 0.245059),
    "grid_winner_150_epochs.csv": Known("csvlogger", range(150), 2, 0.676995, 0.245059),
    "dip_at_epoch_8.log": Known("keras-console-log", range(10), 9, 1.4167, 0.0100),
    "stuck_at_chance.txt": Known("keras-history", range(10), 9, 0.6893690228462219, 0.0),
    "steering_val_below_train.log": Known("keras-console-log", range(5), 4, 0.0098, -0.0053),
    "mobilenet_epochs_10_to_34.log": Known("keras-console-log", range(9, 34), 10, 1.0379, 0.2440),
}


@pytest.fixture(params=["file", "standard input"])
def given(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.mark.parametrize("name", KNOWN)
def test_a_case_is_read_as_it_stands(name: str, given: str, tmp_path: Path) -> None:
    known, file = KNOWN[name], CASES / name
    path, content = (str(file), None) if given == "file" else ("-", file.read_bytes())
    written = ["--json", str(tmp_path / "a.json"), "--csv", str(tmp_path / "t")]
    result = CliRunner().invoke(app, ["audit", path, *written], input=content)
    assert result.exit_code == 0, result.output
    audit = json.loads((tmp_path / "a.json").read_text())
    (row,) = audit["leaderboard"]
    assert row["best_epoch"] == known.best_epoch
    assert row["objective"] == known.val_loss
    assert row["gap"] == pytest.approx(known.gap, abs=1e-9)
    assert epochs(tmp_path / "t" / "curves.csv") == list(known.epochs)
    named = CliRunner().invoke(app, ["audit", path, "--format", known.format], input=content)
    assert named.exit_code == 0


def epochs(path: Path) -> list[int]:
    table = pd.read_csv(path)
    return sorted(set(table.loc[table["metric"] == "val_loss", "epoch"]))
