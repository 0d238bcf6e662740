"""The tables of curves: brought into one form, checked against the runs, and split into curves."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.errors import TrialsError
from auditor.trials.records import CURVE_COLUMNS, CURVE_DTYPES, Run, empty_curves


class Curve(NamedTuple):
    """One metric of one run: the observed epochs (from 0, ascending) and the values there.

    Both arrays are read-only.
    """

    epochs: NDArray[np.intp]
    values: NDArray[np.float64]


class Column(NamedTuple):
    """One metric of all runs: their curves one after the other. All arrays are read-only.

    Attributes:
        epochs: From 0, ascending within a run; (observation,).
        values: What was observed there; (observation,).
        bounds: Where the curve of each run begins; one more for the end; (run + 1,).
    """

    epochs: NDArray[np.intp]
    values: NDArray[np.float64]
    bounds: NDArray[np.intp]

    @property
    def run(self) -> NDArray[np.intp]:
        """The position of the run of each observation; (observation,)."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    def curve(self, run: int) -> Curve:
        """The curve of the run at a position."""
        inside = slice(self.bounds[run], self.bounds[run + 1])
        return Curve(self.epochs[inside], self.values[inside])

    def only(self, keep: NDArray[np.bool_]) -> "Column":
        """Some of the observations; `keep` is (observation,)."""
        before = np.append(0, np.cumsum(keep))
        return Column(self.epochs[keep], self.values[keep], before[self.bounds])


def split(table: pd.DataFrame, runs: tuple[Run, ...]) -> Mapping[str, Column]:
    """The columns of a table in canonical form, by metric.

    Not matrices over all epochs: a tool that counts steps instead would need terabytes.
    """
    names, codes = table["metric"].cat.categories, table["metric"].cat.codes.to_numpy()
    # By run and epoch it is sorted already.
    order = np.argsort(codes, kind="stable")
    parts = [0, *np.bincount(codes, minlength=len(names)).cumsum().tolist()]
    rows = positions(table, runs)[order]
    epochs = table["epoch"].to_numpy()[order].astype(np.intp, copy=False)
    values = table["value"].to_numpy()[order]
    columns = {}
    for name, (a, b) in zip(names, pairwise(parts), strict=True):
        bounds = np.searchsorted(rows[a:b], np.arange(len(runs) + 1))
        columns[str(name)] = column = Column(epochs[a:b], values[a:b], bounds)
        for array in column:
            array.flags.writeable = False
    return columns


def nothing(runs: int) -> Column:
    """The column of a metric that no run has."""
    return Column(np.empty(0, np.intp), np.empty(0), np.zeros(runs + 1, np.intp))


def positions(table: pd.DataFrame, runs: tuple[Run, ...]) -> NDArray[np.intp]:
    """Per line of a table in its own types the position of its run; -1 where that is unknown."""
    if not len(table):
        return np.empty(0, np.intp)
    names = [str(name) for name in table["trial_id"].cat.categories]
    keys = [table["trial_id"].cat.codes.to_numpy()]
    keys += [table[name].to_numpy() for name in ("execution", "fold")]
    # Lines of a run stand together, so that few have to be looked up.
    is_first = np.ones(len(table), bool)
    is_first[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    starts = np.flatnonzero(is_first)
    place = {run: i for i, run in enumerate(runs)}
    found = [
        place.get(Run(names[trial], execution, fold), -1)
        for trial, execution, fold in zip(*(key[starts].tolist() for key in keys), strict=True)
    ]
    return np.repeat(np.array(found, np.intp), np.diff(starts, append=len(table)))


def canonical(table: pd.DataFrame, runs: tuple[Run, ...]) -> pd.DataFrame:
    """A table in fixed columns, types and order, checked against the runs.

    Raises:
        TrialsError: See `Trials`.
    """
    if not len(table) and set(table.columns) >= set(CURVE_COLUMNS):
        return empty_curves()
    table = _typed(table)
    epochs, metrics = table["epoch"].to_numpy(), table["metric"].cat.codes.to_numpy()
    if (epochs < 0).any():
        raise TrialsError("curves have negative epochs; epochs count from 0")
    at = positions(table, runs)
    if (at < 0).any():
        strays = table.loc[at < 0, list(Run._fields)].drop_duplicates()
        raise TrialsError(
            f"curves of runs that are not in `recorded`: {some(strays.itertuples(index=False))}; "
            "give each run an entry there, `Recorded()` if the tool said nothing of it"
        )
    after, same = _compared(at, epochs, metrics)
    if not (after | same).all():
        order = np.lexsort((metrics, epochs, at))
        table, at = table.iloc[order], at[order]
        _, same = _compared(at, epochs[order], metrics[order])
    if same.any():
        twice = table[np.append(False, same)].drop(columns="value")
        raise TrialsError(
            "one value per run, epoch and metric; repeated: " + some(twice.itertuples(index=False))
        )
    table = table.reset_index(drop=True)
    names = list(dict.fromkeys(run.trial_id for run in runs))
    if _is_named(table["trial_id"].array, names):
        return table
    place = {name: i for i, name in enumerate(names)}
    codes = np.array([place[run.trial_id] for run in runs])[at]
    return table.assign(trial_id=_named(codes, names))


def _compared(*keys: NDArray[np.integer]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Per line but the first: whether it stands after the one before it by its keys, or with it."""
    after = np.zeros(len(keys[0]) - 1, bool)
    same = ~after
    for key in keys:
        after |= same & (key[1:] > key[:-1])
        same &= key[1:] == key[:-1]
    return after, same


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    missing = set(CURVE_COLUMNS) - set(table.columns)
    if missing:
        raise TrialsError(
            f"curves lack the columns {some(missing)}; got {list(table.columns)}, "
            f"need {list(CURVE_COLUMNS)}"
        )
    table = table[list(CURVE_COLUMNS)]
    empty = [name for name in CURVE_COLUMNS if _has_empty_cells(table[name])]
    if empty:
        raise TrialsError(
            f"curves have cells without a value in {some(empty)}; leave out the row of what was "
            "not observed"
        )
    try:
        typed = table.astype(CURVE_DTYPES)
    except (TypeError, ValueError, OverflowError) as error:
        raise TrialsError(f"curves must have the types {CURVE_DTYPES}: {error}") from error
    for name in ("execution", "fold", "epoch"):
        # astype cuts off fractions without a word.
        if table[name].dtype.kind == "f" and (typed[name] != table[name]).any():
            raise TrialsError(f"{name} must be a whole number, got {table[name].tolist()[:5]}")
    return typed.assign(metric=_sorted(typed["metric"].array))


def _sorted(column: pd.Categorical) -> pd.Categorical:
    """The names that occur, as text and sorted."""
    used = np.sort(pd.unique(column.codes)).tolist()
    names = {code: str(column.categories[code]) for code in used}
    kept = sorted(set(names.values()))
    if _is_named(column, kept):
        return column
    place = {name: i for i, name in enumerate(kept)}
    codes = np.zeros(len(column.categories), np.intp)
    codes[used] = [place[name] for name in names.values()]
    return _named(codes[column.codes], kept)


def _named(codes: NDArray[np.intp], names: list[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, pd.Index(names, dtype="str"))


def _is_named(column: pd.Categorical, names: list[str]) -> bool:
    """Whether it has just these categories, in this order, as text."""
    kind = pd.CategoricalDtype(pd.Index(names, dtype="str"))
    return column.categories.tolist() == names and column.dtype == kind


def _has_empty_cells(column: pd.Series) -> bool:
    """Whether a cell holds nothing; a NaN in the column of values is an observed one."""
    if column.name != "value":
        return bool(column.isna().any())
    return column.dtype == object and any(cell is None for cell in column)


def some(items: Iterable[object], most: int = 5) -> str:
    """The first few of many things, for a message."""
    names = sorted(str(item) for item in items)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
