"""Whose each row of a plain table is: its trial, execution and fold."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.readers.columns import Columns
from auditor.readers.gathered import MOST_EPOCHS
from auditor.readers.table.layout import Layout
from auditor.trials import Run

Ints = NDArray[np.int64]


@dataclass
class Rows:
    """The runs of a table.

    Attributes:
        trial, execution, fold: Per row. Of the trial the place in `trials`.
        trials: Ids, in the order of the table.
        notes: What could not be used, in sentences.
        missing: What the table does not record, in sentences.
    """

    trial: Ints
    execution: Ints
    fold: Ints
    trials: list[str]
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def taken(self, rows: NDArray[np.bool_]) -> "Rows":
        """Some of the rows."""
        return replace(
            self, trial=self.trial[rows], execution=self.execution[rows], fold=self.fold[rows]
        )

    @property
    def runs(self) -> tuple[list[Run], NDArray[np.intp]]:
        """All runs in the order of the table, and the first row of each."""
        keys = (self.trial, self.execution, self.fold)
        # Rows of a run stand together, so that few have to be looked up.
        starts = np.flatnonzero(~_same_as_before(keys))
        first: dict[Run, int] = {}
        columns = [column.tolist() for column in (starts, *(key[starts] for key in keys))]
        for start, t, e, f in zip(*columns, strict=True):
            first.setdefault(Run(self.trials[t], e, f), start)
        return list(first), np.array(list(first.values()), np.intp)


def rows_of(table: Columns, layout: Layout, name: str) -> tuple[Columns, Rows]:
    """Whose each row is, and the table without the rows of nobody.

    Args:
        table: The table.
        layout: What its columns are.
        name: Id of the trial in a table that has no column of trials.
    """
    if not (column := layout.known.get("trial")):
        return table, _by_settings(table, layout, name)
    codes, trials = table.codes(column)
    notes = list(table.notes)
    if (codes < 0).any():
        notes.append(f"{(codes < 0).sum():,} rows have no {column}: left out")
        table, codes = table.taken(codes >= 0), codes[codes >= 0]
    rows = Rows(codes.astype(np.int64), *_repetitions(table, layout, codes), trials, notes)
    return table, rows


def _by_settings(table: Columns, layout: Layout, name: str) -> Rows:
    """Trials of a table that only tells what was tried: a run ends where epochs begin again."""
    zeros = np.zeros(table.rows, np.int64)
    repetitions = _repetitions(table, layout, zeros.astype(np.intp))
    alone = Rows(zeros, *repetitions, [name], list(table.notes))
    epochs = table.numbers(layout.known["epoch"]) if layout.is_long else None
    if not layout.tried or epochs is None or not table.rows:
        return alone
    begins = np.append(True, ~(epochs.values[1:] > epochs.values[:-1]))
    run, first = np.cumsum(begins) - 1, np.flatnonzero(begins)
    cells = [table.codes(column)[0] for column in layout.others]
    settings = [codes[first] for codes in cells if (codes == codes[first][run]).all()]
    if not settings:
        return alone
    keys = pd.DataFrame(np.stack(settings, 1))
    trial = keys.groupby(list(keys.columns), sort=False).ngroup().to_numpy()
    execution = pd.Series(trial).groupby(trial).cumcount().to_numpy()
    ids = [str(number) for number in range(int(trial.max()) + 1)]
    return Rows(trial[run], execution[run], zeros, ids, list(table.notes))


def _repetitions(table: Columns, layout: Layout, trial: NDArray[np.intp]) -> tuple[Ints, Ints]:
    """Execution and fold of each row; seeds that differ within a trial are executions."""
    zeros = np.zeros(table.rows, np.int64)
    fold = _small(table, layout.known.get("fold"))
    execution = _small(table, layout.known.get("execution"))
    seed = layout.known.get("seed")
    if execution is None and seed is not None:
        codes, _ = table.codes(seed)
        pairs = pd.DataFrame({"trial": trial, "seed": codes}).drop_duplicates()
        pairs["execution"] = pairs.groupby("trial").cumcount()
        place = pairs.set_index(["trial", "seed"])["execution"]
        if len(pairs) and pairs["execution"].max() > 0:
            execution = place.loc[list(zip(trial, codes, strict=True))].to_numpy(np.int64)
    return (zeros if execution is None else execution), (zeros if fold is None else fold)


def _small(table: Columns, column: str | None) -> Ints | None:
    """A column of small whole numbers as it is; of anything else its distinct values, counted."""
    if column is None:
        return None
    numbers = table.numbers(column)
    if numbers is not None and numbers.observed.all():
        values = numbers.values
        if len(values) and ((values % 1 == 0) & (values >= 0) & (values <= MOST_EPOCHS)).all():
            return values.astype(np.int64)
    return np.maximum(table.codes(column)[0], 0).astype(np.int64)


def restarts(rows: Rows, epochs: Ints) -> None:
    """Make a trial whose epochs repeat, and begin again at the first, one of several executions."""
    keys = (rows.trial, rows.execution, rows.fold)
    again_there = repeated((*keys, epochs))
    if not again_there.any():
        return
    run = pd.DataFrame(np.stack(keys, 1)).groupby([0, 1, 2]).ngroup().to_numpy()
    order = np.argsort(run, kind="stable")
    again = np.zeros(len(run), np.int64)
    at, of = epochs[order], run[order]
    first = np.full(of.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, of, at)
    again[order[1:]] = (of[1:] == of[:-1]) & (at[1:] < at[:-1]) & (at[1:] == first[of[1:]])
    times = np.zeros(len(run), np.int64)
    times[order] = pd.Series(again[order]).groupby(of).cumsum().to_numpy()
    # The table's own executions keep their numbers.
    taken = int(rows.execution.max()) + 1
    repeats = np.isin(run, run[again_there])
    rows.execution = rows.execution + np.where(repeats, taken * times, 0)


def _same_as_before(keys: Sequence[Ints]) -> NDArray[np.bool_]:
    """Which lines have the keys of the line before them."""
    same = np.zeros(len(keys[0]), bool)
    same[1:] = True
    for key in keys:
        same[1:] &= key[1:] == key[:-1]
    return same


def repeated(keys: Sequence[Ints]) -> NDArray[np.bool_]:
    """Which lines have the keys of a later one."""
    order = np.arange(len(keys[0]))
    if not _is_rising(keys):
        order = np.lexsort(tuple(keys[::-1]))
    found = np.zeros(len(order), bool)
    found[order[:-1]] = _same_as_before([key[order] for key in keys])[1:]
    return found


def _is_rising(keys: Sequence[Ints]) -> bool:
    """Whether each line stands after the one before it, or with it."""
    same = np.ones(len(keys[0]) - 1, bool)
    rising = np.zeros(len(keys[0]) - 1, bool)
    for key in keys:
        rising |= same & (key[1:] > key[:-1])
        same &= key[1:] == key[:-1]
    return bool((rising | same).all())
