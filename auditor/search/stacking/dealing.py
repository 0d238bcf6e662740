"""The validation rows of a stack, dealt out to chunks."""

from collections.abc import Collection

import keras
import numpy as np

from auditor.search.chunks import Dealt, NotChunkedError, deal
from auditor.search.stacking.rows import StackedRun


def deal_out(runs: Collection[StackedRun]) -> np.ndarray | None:
    """Deal out the validation rows of runs that share their data, and tell each run.

    Returns:
        The chunk of each row of the validation data, (row,); with folds, of the fold that validates
        it. None where there are no chunks.
    """
    part = next(iter(runs)).call.validation
    if part is None:
        return None
    of_row = np.zeros(len(part), np.int32)
    y = part.pack(part.arrays)[1]
    dealt: dict[int, Dealt] = {}
    try:
        for run in runs:
            fold = run.execution.fold
            if fold not in dealt:
                whole = y is None or keras.tree.is_nested(y) or run.validation_rows is None
                rows = slice(None) if run.validation_rows is None else run.validation_rows
                dealt[fold] = deal(y if whole else y[rows])
                of_row[rows] = dealt[fold].of_row
    except NotChunkedError as reason:
        for run in runs:
            run.execution.why_no_chunks = str(reason)
        return None
    for run in runs:
        run.dealt = dealt[run.execution.fold]
    return of_row
