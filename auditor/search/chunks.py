"""Which validation rows are in which chunk, and what a run has recorded of the chunks.

The rows are dealt out once, from the targets alone: so every trial, lane and process that validates
on the same rows has the same chunks.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from auditor.files import Json
from auditor.scoring import UNREGULARISED
from auditor.search.folds import classes
from auditor.trials import CHUNKS

if TYPE_CHECKING:
    from auditor.search.recorder import Execution

LEAST_ROWS = 2 * CHUNKS
"""Validation rows from which on there are chunks. With fewer, a chunk would be a single row, and
its mean would tell more of that row than of the model; and fewer chunks than `CHUNKS` would tell
next to nothing of how far a mean over the rows can be trusted."""

_SEED = 0
"""Fixed: the seed of a sweep would give two sweeps on the same data different chunks."""

_SAMPLED_ROWS = 1_000
"""Rows of the targets that are hashed beside the chunks: images as targets may take gigabytes."""

_AGREE = 1e-3
"""Relative difference up to which the mean over the chunks is that over the rows. Sums in another
order differ by 1e-5; what does not add up, as a loss with a mask, differs by more."""


_MOST_REASONS, _MOST_OF_REASON = 3, 200
"""Reasons why runs have no chunks that are kept, and characters of each."""


class NotChunkedError(Exception):
    """Why there are no chunks: a clause that goes after "because"."""


@dataclass(frozen=True, eq=False)
class Dealt:
    """Rows dealt out to chunks.

    Attributes:
        of_row: The chunk of each row, from 0; (row,).
        digest: Equal for the same targets in the same order, unlike for others.
    """

    of_row: NDArray[np.int32]
    digest: str

    @property
    def rows(self) -> tuple[int, ...]:
        """How many rows each chunk has."""
        return tuple(np.bincount(self.of_row, minlength=CHUNKS).tolist())


def deal(y: Any) -> Dealt:
    """Deal the rows out to chunks, which differ by one row at most.

    Each chunk has its share of every class, and for numbers of every range of them; where the
    targets are neither, chance decides.

    Args:
        y: Targets of the validation rows, as `fit` takes them.

    Raises:
        NotChunkedError: They are not one array, or of too few rows.
    """
    if keras.tree.is_nested(y) or not hasattr(y, "shape"):
        raise NotChunkedError("the validation targets are not one array")
    targets = np.asarray(y)
    if targets.dtype.kind not in "biuf" or not targets.ndim:
        raise NotChunkedError("the validation targets are not numbers")
    rows = len(targets)
    if rows < LEAST_ROWS:
        raise NotChunkedError(f"there are {rows} validation rows, fewer than {LEAST_ROWS}")
    # As the backends hold them: else the lanes would not agree on two that are nearly equal.
    flat = targets.reshape(rows, -1)
    chance = np.random.default_rng(_SEED)
    order, places = chance.permutation(rows), np.arange(rows, dtype=np.int32) % CHUNKS
    try:
        order = order[np.argsort(classes(y)[order], kind="stable")]
    except ValueError:
        if flat.shape[1] == 1:
            order = order[np.argsort(flat[order, 0].astype(np.float32), kind="stable")]
            # Among rows that are next to each other, none is always the smallest.
            whole = rows // CHUNKS * CHUNKS
            places[:whole] = chance.permuted(places[:whole].reshape(-1, CHUNKS), axis=1).ravel()
    of_row = np.empty(rows, np.int32)
    of_row[order] = places
    some = flat[np.linspace(0, rows - 1, min(rows, _SAMPLED_ROWS)).astype(np.int64)]
    digest = hashlib.blake2b(of_row.tobytes(), digest_size=8)
    digest.update(some.astype(np.float32).tobytes())
    return Dealt(of_row, digest.hexdigest())


def summed(values: Any, of_row: Any) -> Any:
    """Sums over the rows of each chunk, in tensors.

    Args:
        values: Of some rows, (metric, row).
        of_row: The chunk of each, (row,).

    Returns:
        (metric, chunk). A value that is not finite stays in its chunk, as it would not in a product
        of matrices.
    """
    ops = keras.ops
    mine = ops.equal(ops.expand_dims(of_row, 1), ops.arange(CHUNKS, dtype=of_row.dtype))
    values = ops.expand_dims(values, 2)
    return ops.sum(ops.where(mine, values, ops.zeros_like(values)), axis=1)


def record(execution: "Execution", dealt: Dealt | None, found: Mapping[str, np.ndarray]) -> None:
    """Write down the chunks of the epoch that was written down last.

    Args:
        execution: Where to.
        dealt: How the rows were dealt out.
        found: Means over the rows of each chunk, by metric. One whose mean over all rows is not
            that in the epoch's row is not what it is called, and is left out for good.
    """
    if dealt is None or not found or execution.why_no_chunks is not None:
        return
    if not execution.chunks:
        execution.chunk_rows, execution.chunk_digest = dealt.rows, dealt.digest
        execution.chunks = {name: np.empty((0, CHUNKS), np.float32) for name in found}
    elif dealt.digest != execution.chunk_digest:
        refuse(execution, "a run was validated on several sets of rows")
        return
    count, row = len(execution.epochs), execution.epochs[-1]
    for name, before in list(execution.chunks.items()):
        if name in found and _adds_up(found[name], name, row, dealt.rows):
            new = np.full((count - len(before), CHUNKS), np.nan, np.float32)
            new[-1] = found[name]
            execution.chunks[name] = np.concatenate([before, new])
        else:
            del execution.chunks[name]
    if "val_loss" not in execution.chunks:
        refuse(execution, "the losses of the validation rows do not add up to val_loss")


def refuse(execution: "Execution", reason: str) -> None:
    """Keep no chunks of a run."""
    execution.chunks, execution.why_no_chunks = {}, reason


def with_runs(known: Mapping[str, Json], executions: Iterable["Execution"]) -> dict[str, Json]:
    """What `sweep.json` says of the chunks, with some more runs.

    Runs that were validated on other rows than those before lose their chunks: a chunk is the same
    rows in all runs of a fold.

    Args:
        known: What it says so far.
        executions: The runs.

    Returns:
        By fold how the rows were dealt out, and why runs have no chunks.
    """
    folds, reasons = dict(known.get("folds", {})), list(known.get("why_not", []))
    for run in executions:
        if run.chunks:
            dealt = {"rows": list(run.chunk_rows), "digest": run.chunk_digest}
            if folds.setdefault(str(run.fold), dealt) != dealt:
                refuse(run, "trials were validated on different rows")
        reason = (run.why_no_chunks or "")[:_MOST_OF_REASON]
        if reason and reason not in reasons and len(reasons) < _MOST_REASONS:
            reasons.append(reason)
    return {"folds": folds, "why_not": reasons}


def _adds_up(
    chunks: np.ndarray, name: str, row: Mapping[str, float], rows: tuple[int, ...]
) -> bool:
    whole = row.get(name, math.inf)
    expected = row.get(UNREGULARISED, whole) if name == "val_loss" else whole
    mean = float(np.average(chunks, weights=rows))
    if not math.isfinite(expected) or not math.isfinite(mean):
        return name in row and math.isfinite(expected) == math.isfinite(mean)
    # A large penalty takes digits with it when it is taken out of the loss.
    return abs(mean - expected) <= _AGREE * max(abs(mean), abs(expected)) + 1e-5 * abs(whole)
