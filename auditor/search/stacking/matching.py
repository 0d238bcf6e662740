"""Whether a checkpoint is one of this stack, with these runs, as it would be trained now."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import keras
import numpy as np

from auditor.search.stacking.places import Places
from auditor.search.stacking.resuming import PARTS
from auditor.search.stacking.rows import RunId, StackedRun

SCHEMA = 2
"""Version of checkpoints: 1 had no chunks."""


def made_with(places: Places) -> dict[str, Any]:
    """What must be the same where a stack goes on, in plain values."""
    backend = keras.config.backend()
    state = places.host.state
    return {
        "rows": places.count,
        "slots": places.lifted.shape[1],
        "compiled": bool(getattr(places.engine.backend, "compiled", False)),
        "backend": backend,
        "versions": [keras.__version__, sys.modules[backend].__version__, np.__version__],
        "floatx": keras.config.floatx(),
        "shapes": _shapes({name: getattr(state, name) for name in PARTS}, places.count),
    }


def starts_from(run: StackedRun, places: Places) -> tuple[Any, ...]:
    """What a run starts from: epochs and, once it is examined, rate, lifted values, weights."""
    if run.examine is not None:
        return (run.call.epochs,)
    digest = 0
    for array in run.weights:
        digest = crc32(np.ascontiguousarray(array).tobytes(), digest)
    values = [float(value) for value in places.engine.program.lifting.values(run.held)]
    return run.call.epochs, run.learning_rate, values, digest


def check(
    content: dict[str, Any],
    wanted: Mapping[RunId, StackedRun],
    fits: Mapping[str, Any],
    runs: Mapping[RunId, tuple[Any, ...]],
) -> None:
    """See that a stack can go on from a checkpoint.

    Args:
        content: All of the checkpoint.
        wanted: The runs that the stack has to train.
        fits: What it must have been made with.
        runs: What each run starts from; of those that wait both may know only a part.

    Raises:
        Exception: It cannot; anybody may have written the file.
    """
    if content["schema"] != SCHEMA:
        raise ValueError(f"its version is {content['schema']!r}, not {SCHEMA}")
    for name, value in fits.items():
        if content["fits"].get(name) != value:
            raise ValueError(f"it was made with another {name}")
    for run in wanted:
        known, now = content["runs"].get(run, ()), runs[run]
        if not known or known[: len(now)] != now[: len(known)]:
            raise ValueError(f"run {run} is another one now")
    named = begun(content) + content["waiting"]
    if len(named) != len(set(named)) or not wanted.keys() <= set(named):
        raise ValueError("its runs are others")
    if any(len(run) != 3 or run not in content["runs"] for run in named):
        raise ValueError("its runs are not known")
    count = len(content["taken"])
    shapes = fits["shapes"]
    found = {
        "state": _shapes(content["state"], count),
        "best": _shapes(content["best"], count),
    }
    if found != {"state": shapes, "best": {name: shapes[name] for name in PARTS[:2]}}:
        raise ValueError("its arrays are others")
    if not 0 < count <= fits["rows"]:
        raise ValueError("it has more rows")
    if content["lifted"].shape != (count, fits["slots"]):
        raise ValueError("other slots are lifted")


def begun(content: dict[str, Any]) -> list[RunId]:
    """The runs of a checkpoint that have begun, ended or not."""
    taken = [entry["run"] for entry in content["taken"] if entry is not None]
    return [*taken, *content["ended"]]


def _shapes(parts: Mapping[str, Sequence[Any]], count: int) -> dict[str, list[Any]]:
    """Per array of some parts the shape for one run and the type; None where it is not of rows."""
    return {
        name: [
            (tuple(array.shape[1:]), keras.backend.standardize_dtype(array.dtype))
            if array.shape[0] == count
            else None
            for array in parts[name]
        ]
        for name in PARTS
        if name in parts
    }
