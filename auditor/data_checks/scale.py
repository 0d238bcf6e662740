"""The scale of the inputs, and inputs that are no numbers."""

import numpy as np

from auditor.data_checks.inputs import Inputs, some
from auditor.trials.data_checks import Scale

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


def not_finite(data: Inputs) -> int:
    """Rows with a NaN or an infinite number."""
    if all(part.dtype.kind != "f" for part in data.parts):
        return 0
    blocks = data.blocks(np.arange(len(data)))
    # A sum is finite only where all its terms are, or overflows: then they are looked at.
    with np.errstate(all="ignore"):
        return sum(
            int((~np.isfinite(block)).any(axis=1).sum())
            for block in blocks
            if not np.isfinite(block.sum(dtype=np.float64))
        )
