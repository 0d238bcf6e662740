"""Rows of a plain table as runs: which run and epoch each is of, and the curves in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.errors import ReadError
from auditor.readers.columns import Columns, Numbers
from auditor.readers.gathered import MOST_EPOCHS
from auditor.readers.metrics import keras_name
from auditor.readers.table_layout import Layout
from auditor.trials import Run, empty_curves, is_series, role

_SPLITS = {
    **dict.fromkeys(("train", "training", "tr", "fit"), ""),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "val_"),
    **dict.fromkeys(("test", "testing"), "test_"),
}
"""What stands in a column that says which data a row was measured on."""

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
        zeros = np.zeros(table.rows, np.int64)
        return table, Rows(zeros, zeros, zeros, [name], list(table.notes))
    codes, trials = table.codes(column)
    notes = list(table.notes)
    if (codes < 0).any():
        notes.append(f"{(codes < 0).sum():,} rows have no {column}: left out")
        table, codes = table.taken(codes >= 0), codes[codes >= 0]
    rows = Rows(codes.astype(np.int64), *_repetitions(table, layout, codes), trials, notes)
    return table, rows


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


def epochs_of(table: Columns, layout: Layout, rows: Rows) -> tuple[NDArray[np.bool_], Ints]:
    """Which rows have an epoch, and those rows' epochs, from 0.

    Raises:
        ReadError: No row has one.
    """
    column = layout.known["epoch"]
    numbers = table.numbers(column)
    usable = np.isfinite(numbers.values) if numbers is not None else np.zeros(0, bool)
    if numbers is None or not usable.any():
        raise ReadError(
            f"{column} holds no numbers; give the column of epochs with --columns epoch=NAME"
        )
    if not usable.all():
        rows.notes.append(f"{(~usable).sum():,} rows have no number in {column}: left out")
    values = numbers.values[usable]
    is_whole = (values % 1 == 0).all() and values.min() >= 0 and values.max() <= MOST_EPOCHS
    distinct = np.unique(values)
    has_gaps = layout.counts_steps and len(distinct) > 1 and np.diff(distinct).min() > 1
    if not is_whole or has_gaps:
        rows.missing.append(
            f"Epochs: {column} counts something else, {distinct[0]:g} to {distinct[-1]:g}; each of "
            f"its {len(distinct):,} values is taken for an epoch."
        )
        return usable, np.searchsorted(distinct, values)
    # Many tools count from 1.
    return usable, values.astype(np.int64) - (1 if values.min() == 1 else 0)


def restarts(rows: Rows, epochs: Ints) -> None:
    """Make a trial whose epochs repeat, and begin again at the first, one of several executions."""
    keys = (rows.trial, rows.execution, rows.fold)
    repeated = _repeated((*keys, epochs))
    if not repeated.any():
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
    repeats = np.isin(run, run[repeated])
    rows.execution = rows.execution + np.where(repeats, taken * times, 0)


@dataclass(frozen=True)
class _Layer:
    """One metric in some rows."""

    name: str
    rows: NDArray[np.intp]
    values: NDArray[np.float64]


def curves_of(
    table: Columns, layout: Layout, rows: Rows, epochs: Ints
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The curves, and the series beside them such as learning rates."""
    layers = list(_layers(table, layout, rows))
    names = {layer.name for layer in layers}
    aside = [layer for layer in layers if is_series(layer.name, names)]
    metrics = [layer for layer in layers if not is_series(layer.name, names)]
    return _frame(metrics, rows, epochs), _frame(aside, rows, epochs)


def _layers(table: Columns, layout: Layout, rows: Rows) -> Sequence[_Layer]:
    everywhere = np.arange(table.rows)
    if "value" in layout.known and "metric" in layout.known:
        codes, labels = table.codes(layout.known["metric"])
        numbers = _numbers(table, layout.known["value"], rows)
        parts = [(keras_name(label), codes == place) for place, label in enumerate(labels)]
        return [_layer(name, np.flatnonzero(part), numbers) for name, part in parts]
    splits = _splits(table, layout)
    layers = []
    for column, name in layout.metrics.items():
        numbers = _numbers(table, column, rows)
        if splits is None or role(name) != "train":
            layers.append(_layer(name, everywhere, numbers))
        else:
            layers += [
                _layer(prefix + name, np.flatnonzero(part), numbers)
                for prefix, part in splits.items()
            ]
    return layers


def _layer(name: str, rows: NDArray[np.intp], numbers: Numbers) -> _Layer:
    there = rows[numbers.observed[rows]] if not numbers.observed.all() else rows
    return _Layer(name, there, numbers.values[there])


def _numbers(table: Columns, column: str, rows: Rows) -> Numbers:
    numbers, odd = table.numbers_among(column)
    if odd:
        rows.notes.append(f"{column} is not a number in {odd:,} cells: they are left out")
    if empty := int((~numbers.observed).sum()) - odd:
        rows.missing.append(
            f"{empty:,} cells of {column} are empty: pandas writes a NaN so, and what was not "
            "recorded too; they count as not recorded (write with na_rep='nan')."
        )
    return numbers


def _splits(table: Columns, layout: Layout) -> Mapping[str, NDArray[np.bool_]] | None:
    """Per prefix the rows of it, where a column says which data was measured."""
    if "split" not in layout.known:
        return None
    codes, labels = table.codes(layout.known["split"])
    prefixes = [_SPLITS.get(label.lower()) for label in labels]
    if None in prefixes or not labels:
        return None
    return {
        str(prefix): np.isin(codes, [i for i, p in enumerate(prefixes) if p == prefix])
        for prefix in dict.fromkeys(prefixes)
    }


def _frame(layers: Sequence[_Layer], rows: Rows, epochs: Ints) -> pd.DataFrame:
    layers = [layer for layer in layers if len(layer.rows)]
    if not layers:
        return empty_curves()
    names = sorted({layer.name for layer in layers})
    at = np.concatenate([layer.rows for layer in layers])
    metric = np.repeat([names.index(x.name) for x in layers], [len(x.rows) for x in layers])
    values = np.concatenate([layer.values for layer in layers])
    # Row by row, as `Trials` has them: most tables need no sorting then.
    order = np.lexsort((metric, at))
    at, metric, values = at[order], metric[order], values[order]
    frame = pd.DataFrame(
        {
            "trial_id": _named(rows.trial[at], rows.trials),
            "execution": rows.execution[at],
            "fold": rows.fold[at],
            "epoch": epochs[at],
            "metric": _named(metric, names),
            "value": values,
        }
    )
    keys = [rows.trial[at], rows.execution[at], rows.fold[at], epochs[at], metric]
    repeated = _repeated(keys)
    if repeated.any():
        rows.notes.append(
            f"{repeated.sum():,} values repeat a trial, epoch and metric; the last of each is kept"
        )
        frame = frame[~repeated]
    return frame


def _named(codes: Ints, names: Sequence[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, pd.Index(list(names), dtype="str"))


def _same_as_before(keys: Sequence[Ints]) -> NDArray[np.bool_]:
    """Which lines have the keys of the line before them."""
    same = np.zeros(len(keys[0]), bool)
    same[1:] = True
    for key in keys:
        same[1:] &= key[1:] == key[:-1]
    return same


def _repeated(keys: Sequence[Ints]) -> NDArray[np.bool_]:
    """Which lines have the keys of a later one."""
    order = np.arange(len(keys[0]))
    if not _is_rising(keys):
        order = np.lexsort(tuple(keys[::-1]))
    repeated = np.zeros(len(order), bool)
    repeated[order[:-1]] = _same_as_before([key[order] for key in keys])[1:]
    return repeated


def _is_rising(keys: Sequence[Ints]) -> bool:
    """Whether each line stands after the one before it, or with it."""
    same = np.ones(len(keys[0]) - 1, bool)
    rising = np.zeros(len(keys[0]) - 1, bool)
    for key in keys:
        rising |= same & (key[1:] > key[:-1])
        same &= key[1:] == key[:-1]
    return bool((rising | same).all())
