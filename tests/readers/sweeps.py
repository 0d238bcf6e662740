"""A small directory of ours, written by hand: what the format allows, in three trials."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from auditor.arrays import to_npy
from auditor.files import to_json

SPACE = [
    {"class_name": "Choice", "config": {"name": "lr", "values": [1.0, 0.1], "conditions": []}},
    {"class_name": "Int", "config": {"name": "layers", "min_value": 1, "max_value": 2}},
    {"class_name": "Boolean", "config": {"name": "unread"}},
]
SWEEP: dict[str, Any] = {
    "schema": 1,
    "tool": "auditor",
    "version": "0.1.0",
    "objective": {"name": "val_loss", "direction": "min", "components": []},
    "gap_penalty": 0.05,
    "sampler": "grid",
    "seed": 0,
    "executions": 2,
    "epochs": 3,
    "versions": {"keras": "3.15.0"},
    "context": {
        "train_rows": 100,
        "validation_rows": 20,
        "label_counts": {"0": 60, "1": 40},
        "target_variance": None,
        "no_skill_loss": 0.673,
        "no_skill_from": "the label frequencies",
        "untrained_loss": 0.693,
        "training_no_skill_loss": 0.671,
    },
    "data_fingerprint": "abc",
    "space": SPACE,
    "of the future": True,
}
ON_TEST: dict[str, Any] = {
    "schema": 1,
    "winner": {"data": "d", "trial_id": "0000"},
    "evaluated": [
        {
            "data": "d",
            "trial_id": trial_id,
            "rows": 9,
            "metrics": {"loss": 0.8},
            "errors": {"loss": math.nan},
            "runs": [{"execution": 0, "fold": 0, "metrics": {"loss": 0.8}}],
            "when": "2026-01-01T00:00:00",
        }
        for trial_id in ("0001", "0000")
    ],
}
HEADER = "execution,fold,epoch,seconds,loss,val_loss,learning_rate,clean_loss\n"
HISTORY = (
    HEADER
    + "0,0,0,0.5,0.70,0.71,0.1,0.72\n"
    + "0,0,1,0.4,nan,inf,0.1,\n"
    + "1,0,0,0.5,0.69,,0.1,0.71\n"
    + "1,0,1,0.4,-inf,0.6,0.1,0.61\n"
)


def trial_json(trial_id: str, values: dict[str, Any], **more: Any) -> str:
    state = {
        "trial_id": trial_id,
        "hyperparameters": {"space": SPACE, "values": values},
        "metrics": {"metrics": {}},
        "score": None,
        "best_step": None,
        "status": "COMPLETED",
        "message": None,
    }
    return json.dumps(state | more)


def notes(read: list[str] | None, *runs: dict[str, Any]) -> dict[str, Any]:
    return {"read": read, "runs": list(runs)}


def write_sweep(folder: Path) -> Path:
    """A trial with three runs, one that crashed, and one killed before its end."""
    runs = [
        {"execution": 0, "fold": 0, "status": "completed", "best_epoch": 0, "seed": 11,
         "metrics": {"loss": 0.7, "val_loss": 0.71}, "seconds": 0.9, "lane": "fit",
         "started": "2026-01-01T00:00:00", "losses": 3},
        {"execution": 1, "fold": 0, "status": "completed", "best_epoch": 1, "seed": 12,
         "metrics": {"loss": -math.inf, "val_loss": 0.6}, "authoritative": True, "lane": None},
        {"execution": 1, "fold": 1, "status": "completed", "lane": "stacked", "stack": "7"},
    ]  # fmt: skip
    crash = {"execution": 0, "fold": 0, "status": "failed", "message": "ValueError: units=-1"}
    values = {"lr": 1.0, "layers": 1, "unread": True}
    trials = {
        "0000": ("COMPLETED", {"auditor": notes(["lr", "layers"], *runs)}, HISTORY),
        "0001": ("FAILED", {"auditor": notes(None, crash)}, None),
        "0002": (
            "RUNNING",
            {"auditor": {"read": ["lr", "unread"]}},
            HEADER + "0,0,0,0.5,0.70,0.71,0.1,\n",
        ),
    }
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(to_json(SWEEP))
    order = {"start_order": ["0002", "0000", "0001"]}
    (folder / "oracle.json").write_text(json.dumps(order))
    (folder / "tuner0.json").write_text("{}")
    for trial_id, (status, more, history) in trials.items():
        trial = folder / f"trial_{trial_id}"
        trial.mkdir()
        (trial / "trial.json").write_text(trial_json(trial_id, values, status=status, **more))
        if history:
            (trial / "history.csv").write_text(history)
    losses = to_npy(np.array([0.5, math.inf, 0.75], np.float32))
    (folder / "trial_0000" / "losses-0-0.npy").write_bytes(losses)
    (folder / "test.json").write_text(to_json(ON_TEST))
    return folder
