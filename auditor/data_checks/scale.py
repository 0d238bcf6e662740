"""The scale of the inputs, and inputs that are no numbers."""

from collections import Counter

import numpy as np

from auditor.data_checks.inputs import Inputs, some
from auditor.trials.data_checks import MOST_NOT_FINITE, Scale

MOST_ROWS = 2_000
MOST_FEATURES = 4_096


def scale(train: Inputs, rng: np.random.Generator) -> Scale | None:
    """Means and deviations of the training inputs; None without a finite row."""
    columns = some(train.features, MOST_FEATURES, rng)
    block = train.take(some(len(train), MOST_ROWS, rng), columns).astype(np.float64)
    block = block[np.isfinite(block).all(axis=1)]
    if not len(block):
        return None
    deviations, means = block.std(axis=0), block.mean(axis=0)
    offsets = np.abs(means) / np.maximum(deviations, 1)
    wide, far = int(deviations.argmax()), int(offsets.argmax())
    return Scale(
        rows=len(block),
        features=len(columns),
        constant=int((block.min(axis=0) == block.max(axis=0)).sum()),
        largest_deviation=float(deviations[wide]),
        widest=train.name(int(columns[wide])),
        largest_offset=float(offsets[far]),
        farthest=train.name(int(columns[far])),
        lowest=float(block.min()),
        highest=float(block.max()),
        are_codes=train.are_codes,
    )


def not_finite(data: Inputs) -> tuple[int, Counter[str]]:
    """Rows with a NaN or an infinite number, and how many of them each feature has."""
    rows, places = 0, np.zeros(data.features, np.int64)
    if any(part.dtype.kind == "f" for part in data.parts):
        # A sum is finite only where all its terms are, or overflows: then they are looked at.
        with np.errstate(all="ignore"):
            for block in data.blocks(np.arange(len(data))):
                if not np.isfinite(block.sum(dtype=np.float64)):
                    bad = ~np.isfinite(block)
                    rows += int(bad.any(axis=1).sum())
                    places += bad.sum(axis=0)
    worst = np.argsort(-places, kind="stable")[:MOST_NOT_FINITE]
    return rows, Counter({data.name(int(i)): int(places[i]) for i in worst if places[i]})
