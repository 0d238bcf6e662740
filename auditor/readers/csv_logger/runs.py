"""From a table of epochs to the runs in it: one training, or several appended to one file."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from auditor.readers.csv_logger.cells import Table
from auditor.readers.gathered import MOST_EPOCHS, SECONDS
from auditor.readers.metrics import keras_name
from auditor.trials import role

EPOCH = ("epoch", "epoch_number", "epoch_num", "current_epoch")
INDEX = ("epochs", "", "index", "unnamed: 0")
"""Names of a column of epochs, in lower case, and names that may mean it; pandas gives its index no
name, and in a table of trials `epochs` is what was tried."""

_TIMES = ("seconds", "epoch_time", "epoch_seconds", "epoch_duration", "time_per_epoch", "duration")
"""Names of a column of seconds per epoch, in lower case."""

ASIDE = {
    *("step", "global_step", "batch", "iteration", "iter", "time", "timestamp", "date", "eta"),
    *("wall_time", "elapsed", "time_elapsed", *_TIMES),
}
"""Columns that are no metrics."""

MOST_RUNS = 20_000
"""In one file."""

_SPLIT = re.compile(r"^(train|val|valid|validation|test)(?=[A-Z])")
_PLAIN = ("loss", "acc", "accuracy", "auc", "mae", "mse", "rmse", "f1")

_Values = Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]
"""Per metric all rows, and in which it was observed."""

Curves = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]
"""Per metric the epochs at which it was observed, and the values there."""


def metric_name(name: str) -> str:
    """The name that Keras would give a metric, whatever its capitals.

    Example:
        >>> [metric_name(name) for name in ("Loss", "valLoss", "Train Acc", "mAP")]
        ['loss', 'val_loss', 'acc', 'mAP']
    """
    ours = keras_name(_SPLIT.sub(r"\1_", name))
    return ours.lower() if ours.lower().removeprefix("val_") in _PLAIN else ours


def runs_of(table: Table) -> tuple[list[Curves], list[str]]:
    """The runs in a table, in their order, and what was found odd, in sentences.

    Without a column of epochs the rows are counted. Where epochs start with 1, they are counted
    from 1. A return to the first epoch starts a run; a return to a later one is training resumed
    from a checkpoint, and the later rows count.
    """
    at, metrics, repeated_names = _columns(table.names)
    notes = [*repeated_names]
    rows = len(table.values[0])
    if at is None:
        bounds = [0, *table.starts, rows]
        epochs = np.concatenate([np.arange(b - a) for a, b in pairwise(bounds)])
        kept: NDArray[np.intp] | slice = slice(None)
    else:
        epochs, kept, complaints = _epochs(table, at)
        notes += complaints
        bounds = [0, *_starts(epochs, [table.observed[n][kept] for n in metrics]), len(epochs)]
    if len(bounds) > MOST_RUNS + 1:
        return [], [f"its epochs begin anew {len(bounds) - 2:,} times; a log of epochs does not"]
    values: _Values = {
        metrics[n]: (table.values[n][kept], table.observed[n][kept]) for n in metrics
    }
    if rows and at is not None and table.names[at] == "":
        # A file that has been cut off, joined or edited has empty cells for other reasons.
        if len(bounds) == 2 and not table.notes:
            values, complaints = _with_nan(values)
            notes += complaints
        notes += _empty_cells(values)
    if len(bounds) > 2 and len(bounds) == len(epochs) + 1:
        notes.append(
            f"all {len(epochs):,} rows are of one epoch: taken for runs of one epoch each; if they "
            "are one training that called fit(epochs=1) again and again, number the epochs"
        )
    clock = next((n for n, name in enumerate(table.names) if name.lower() in _TIMES), None)
    timed = None if clock is None else (table.values[clock][kept], table.observed[clock][kept])
    runs, repeated = [], 0
    for start, stop in pairwise(bounds):
        if start < stop:
            run = epochs[start:stop]
            parts = {name: (v[start:stop], seen[start:stop]) for name, (v, seen) in values.items()}
            curves, dropped = _curves(run, parts)
            if curves and timed is not None:
                curves |= _curves(run, {SECONDS: (timed[0][start:stop], timed[1][start:stop])})[0]
            runs.append(curves)
            repeated += dropped
    if repeated:
        notes.append(
            f"{repeated:,} values came a second time for their epoch, as after resuming from a "
            "checkpoint or in a log of batches: the last value of each epoch counts"
        )
    return [run for run in runs if run], notes if runs else [*notes, "no epoch was recorded"]


@lru_cache(256)
def _columns(names: tuple[str, ...]) -> tuple[int | None, Mapping[int, str], tuple[str, ...]]:
    """Which column counts epochs, the metrics by column, and sentences on columns left out."""
    lower = [name.lower() for name in names]
    at = next((lower.index(name) for name in EPOCH + INDEX if name in lower), None)
    metrics: dict[int, str] = {}
    ours = [metric_name(name) for name in names]
    renamed, written = Counter(ours), Counter(names)
    aside, taken = ASIDE.union(EPOCH, INDEX), set()
    for place, name in enumerate(names):
        if place == at or not name or lower[place] in aside:
            continue
        metric = ours[place] if renamed[ours[place]] == 1 else name
        if metric not in taken:
            metrics[place] = metric
            taken.add(metric)
    repeated = sorted(name for name, times in written.items() if times > 1)
    notes = (f"of several columns called {name!r:.80} the first is taken" for name in repeated)
    return at, metrics, tuple(notes)


def _epochs(table: Table, at: int) -> tuple[NDArray[np.int64], NDArray[np.intp] | slice, list[str]]:
    """The epochs from 0, the rows that have one, and sentences on the others."""
    epochs = table.values[at]
    is_epoch = (epochs >= 0) & (epochs <= MOST_EPOCHS) & (epochs == np.floor(epochs))
    kept: NDArray[np.intp] | slice = slice(None)
    notes = []
    if not is_epoch.all():
        kept = np.flatnonzero(is_epoch)
        epochs = epochs[kept]
        notes.append(
            f"{(~is_epoch).sum():,} rows have no epoch that is a whole number up to "
            f"{MOST_EPOCHS:,}: left out"
        )
    whole = epochs.astype(np.int64)
    return whole - (1 if len(whole) and whole.min() == 1 else 0), kept, notes


def _starts(epochs: NDArray[np.int64], observed: Sequence[NDArray[np.bool_]]) -> list[int]:
    """The rows at which another run starts."""
    before, after = epochs[:-1], epochs[1:]
    if (after > before).all():
        return []
    first = epochs.min()
    is_start = (after == first) & (before > first)
    # Equal epochs in a row are runs of one epoch, unless later epochs repeat too (a log of
    # batches), or the rows fill each other's gaps.
    equal = after == before
    if not (equal & (after > first)).any():
        both = np.zeros(len(equal), np.bool_)
        for seen in observed:
            both |= seen[1:] & seen[:-1]
        is_start |= equal & both
    return (np.flatnonzero(is_start) + 1).tolist()


def _curves(
    epochs: NDArray[np.int64],
    values: Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]],
) -> tuple[Curves, int]:
    """The observed values of each metric, and of how many epochs only the last one is kept."""
    curves: Curves = {}
    dropped = 0
    is_rising = bool((epochs[1:] > epochs[:-1]).all())
    for name, (all_values, seen) in values.items():
        whole = bool(seen.all())
        at, those = (epochs, all_values) if whole else (epochs[seen], all_values[seen])
        if not is_rising:
            count = len(at)
            at, last = np.unique(at[::-1], return_index=True)
            those = those[::-1][last]
            dropped = max(dropped, count - len(at))
        if len(at):
            curves[name] = at, those
    return curves, dropped


def _with_nan(values: _Values) -> tuple[_Values, list[str]]:
    """Values of a History that pandas wrote, where a NaN is an empty cell.

    Keras records the metrics of one kind of data together: a loss that is not there in an epoch
    that has the accuracy was NaN, and so was all of an epoch that has nothing.
    """
    found, names = dict(values), []
    nothing = ~np.logical_or.reduce([seen for _, seen in values.values()])
    for name, (numbers, seen) in values.items():
        same = [s for n, (_, s) in values.items() if role(n) == role(name)]
        is_nan = ~seen & np.logical_or.reduce([nothing, *same])
        if is_nan.any() and (seen.any() or "loss" in name):
            found[name] = np.where(seen, numbers, np.nan), seen | is_nan
            names.append(name)
    if not names:
        return values, []
    return found, [
        f"empty cells of {', '.join(sorted(names))} are read as NaN, which pandas writes so"
    ]


def _empty_cells(values: _Values) -> list[str]:
    """What an empty cell of a table by pandas may mean."""
    empty = {name: int((~seen).sum()) for name, (_, seen) in values.items() if not seen.all()}
    if not empty:
        return []
    return [
        f"{', '.join(sorted(empty))} have {sum(empty.values()):,} empty cells: pandas writes a NaN "
        "so, and what was not recorded too; they count as not recorded (write with na_rep='nan')"
    ]
