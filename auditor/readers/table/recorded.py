"""What rows of a plain table say of how trainings went."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from auditor.readers.columns import ABSENT, Columns
from auditor.readers.table.layout import Layout
from auditor.trials import Recorded, Status

_STATUS: Mapping[str, Status] = {
    **dict.fromkeys(("completed", "complete", "finished", "success", "done", "ok"), "completed"),
    **dict.fromkeys(("failed", "fail", "error", "errored", "crashed", "crash"), "failed"),
    **dict.fromkeys(("pruned", "early_terminated"), "pruned"),
    **dict.fromkeys(("running", "unfinished", "killed", "interrupted", "waiting"), "unfinished"),
}


def recorded_of(
    table: Columns,
    columns: Layout,
    metrics: Mapping[int, Mapping[str, float]],
    places: NDArray[np.intp],
) -> list[Recorded]:
    """What the rows at some places say of their runs."""
    cells = {
        word: table.cells(columns.known[word], places)
        for word in ("status", "seconds", "seed")
        if word in columns.known
    }
    nothing = [ABSENT] * len(places)
    found = []
    for at, (status, seconds, seed) in enumerate(
        zip(*(cells.get(word, nothing) for word in ("status", "seconds", "seed")), strict=True)
    ):
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        found.append(
            Recorded(
                status=_STATUS.get(str(status).lower(), "unknown"),
                metrics=metrics.get(at, {}),
                seconds=float(seconds) if is_number and metrics else None,
                seed=seed if isinstance(seed, int) and not isinstance(seed, bool) else None,
            )
        )
    return found
