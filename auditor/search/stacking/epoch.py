"""One epoch of all rows of a stack: trained, validated, measured again."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from auditor.search.stacking.evaluation import Validated
from auditor.search.stacking.places import Places
from auditor.search.stacking.randomness import run_keys
from auditor.search.stacking.rows import Place


class Shown(NamedTuple):
    """What an epoch shows of one run.

    Attributes:
        logs: The metrics, in the order of `Model.fit`.
        clean: The training metrics in inference mode; see `Engine.clean`.
        penalty: What regularisation adds to the loss; None where there is none.
        chunks: Means over the rows of each validation chunk, by metric; empty without any.
    """

    logs: dict[str, float]
    clean: dict[str, float]
    penalty: float | None
    chunks: Mapping[str, np.ndarray] = MappingProxyType({})


def train_epoch(places: Places) -> dict[int, Shown]:
    """Train all rows by an epoch; per row that trains, what it shows."""
    engine, active = places.engine, places.active
    seeds, epochs = [0] * places.count, [0] * places.count
    guards = np.zeros(places.count, bool)
    for place in active:
        seeds[place.at], epochs[place.at] = place.run.execution.seed, place.epoch
        guards[place.at] = place.callbacks.stops_at_nan
    state, results = engine.train(
        places.host.state, places.lifted_there, run_keys(seeds, epochs), guards, places.order()
    )
    places.passed(state)
    validated = Validated({}, None)
    if any(place.run.call.validates(place.epoch) for place in active):
        rows = places.own_rows("validation_rows")
        validated = engine.validate(state, places.lifted_there, rows)
    clean = engine.clean(state, places.lifted_there, places.own_rows("train_rows"))
    penalty = engine.penalty(state, places.lifted_there)
    shown = {}
    for place in active:
        at = place.at
        logs, chunks = _row(results, at), {}
        if place.run.call.validates(place.epoch):
            logs |= _row(validated.metrics, at, "val_")
            chunks = _chunks(validated.chunks, place)
        added = None if penalty is None else float(penalty[at])
        shown[at] = Shown(logs, _row(clean, at, "clean_"), added, chunks)
    return shown


def _chunks(sums: np.ndarray | None, place: Place) -> dict[str, np.ndarray]:
    """Means of a run over the rows of each chunk, from the sums (run, metric, chunk)."""
    if sums is None or place.run.dealt is None:
        return {}
    means = sums[place.at] / place.run.dealt.rows
    names = place.table.engine.chunk_names
    return {f"val_{name}": mean for name, mean in zip(names, means, strict=True)}


def _row(values: dict[str, Any], at: int, prefix: str = "") -> dict[str, float]:
    return {f"{prefix}{name}": float(rows[at]) for name, rows in values.items()}
