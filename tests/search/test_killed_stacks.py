"""kill -9 of a search in stacks, at random moments: nothing of it shows in the end."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import auditor


def leaderboard(path: Path) -> dict[str, Any]:
    """Per trial all that must not depend on kills: no times."""
    found = {}
    for file in sorted(path.glob("trial_*/trial.json")):
        state = json.loads(file.read_text())
        with (file.parent / "history.csv").open() as opened:
            rows = [{**row, "seconds": ""} for row in csv.DictReader(opened)]
        values = state["hyperparameters"]["values"]
        found[state["trial_id"]] = (values, state["status"], state["score"], state["best_step"])
        found[state["trial_id"], "curves"] = rows
        found[state["trial_id"], "chunks"] = (file.parent / "chunks.npy").read_bytes()
    return found


@pytest.mark.parametrize(
    ("way", "seed", "kills"),
    [
        ("graph", 1, 1),
        pytest.param("graph", 2, 12, marks=pytest.mark.slow),
        pytest.param("xla", 3, 8, marks=pytest.mark.slow),
    ],
)
def test_a_killed_search_comes_to_the_same_leaderboard(
    way: str, seed: int, kills: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.search.killing", str(tmp_path), str(seed), str(kills)]
    root = Path(auditor.__file__).parents[1]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [*command, way], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-5_000:]
    assert "killed within: 0" not in done.stdout, "no kill came while a stack was trained"
    killed, whole = (leaderboard(tmp_path / name) for name in ("killed", "whole"))
    assert killed == whole
    assert len(whole) == 3 * 12
    for trial in [name for name in killed if isinstance(name, str)]:
        epochs = [int(row["epoch"]) for row in killed[trial, "curves"]]
        assert epochs == list(range(len(epochs)))
        assert len(epochs) < 30
    trials = auditor.read(tmp_path / "killed")
    assert set(trials.context.lane.values()) == {"stacked"}
    assert not (tmp_path / "killed" / "stacks").exists()
    assert not list((tmp_path / "killed").rglob("*.tmp"))
