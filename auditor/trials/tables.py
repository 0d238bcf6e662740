"""The tables of curves: brought into one form, checked against the runs, and split into curves."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.errors import TrialsError
from auditor.trials.records import CURVE_COLUMNS, CURVE_DTYPES, Run, empty_curves

_KEYS = [*Run._fields, "epoch", "metric"]


class Curve(NamedTuple):
    """One metric of one run: the observed epochs (from 0, ascending) and the values there.

    Both arrays are read-only.
    """

    epochs: NDArray[np.intp]
    values: NDArray[np.float64]


NOTHING = Curve(np.empty(0, np.intp), np.empty(0))


def split(table: pd.DataFrame, rows: NDArray[np.intp]) -> Mapping[tuple[int, str], Curve]:
    """The curves in a table, by row of the run and metric.

    Not a matrix over all epochs: a tool that counts steps instead would need terabytes.

    Args:
        table: In canonical form.
        rows: Per line of the table the position of its run.
    """
    codes, names = pd.factorize(table["metric"])
    order = np.lexsort((table["epoch"].to_numpy(), rows, codes))
    codes, rows = codes[order], rows[order]
    epochs = table["epoch"].to_numpy()[order].astype(np.intp)
    values = table["value"].to_numpy()[order]
    epochs.flags.writeable = values.flags.writeable = False
    starts = np.flatnonzero((codes[1:] != codes[:-1]) | (rows[1:] != rows[:-1])) + 1
    bounds = [0, *starts.tolist(), len(order)] if len(order) else []
    return {
        (int(rows[a]), str(names[codes[a]])): Curve(epochs[a:b], values[a:b])
        for a, b in pairwise(bounds)
    }


def positions(table: pd.DataFrame, runs: tuple[Run, ...]) -> NDArray[np.intp]:
    """Per line of a table the position of its run; -1 where that run is unknown."""
    if not runs or not len(table):
        return np.full(len(table), -1, np.intp)
    index = pd.MultiIndex.from_tuples(runs, names=Run._fields)
    return index.get_indexer(pd.MultiIndex.from_frame(table[list(Run._fields)]))


def canonical(table: pd.DataFrame, runs: tuple[Run, ...]) -> pd.DataFrame:
    """A table in fixed columns, types and order, checked against the runs.

    Raises:
        TrialsError: See `Trials`.
    """
    if not len(table) and tuple(table.columns) == CURVE_COLUMNS:
        return empty_curves()
    table = _typed(table)
    if (table["epoch"] < 0).any():
        raise TrialsError("curves have negative epochs; epochs count from 0")
    at = positions(table, runs)
    if (at < 0).any():
        strays = table.loc[at < 0, list(Run._fields)].drop_duplicates()
        raise TrialsError(
            f"curves of runs that are not in `recorded`: {some(strays.itertuples(index=False))}; "
            "give each run an entry there, `Recorded()` if the tool said nothing of it"
        )
    metric = pd.factorize(table["metric"], sort=True)[0]
    order = np.lexsort((metric, table["epoch"].to_numpy(), at))
    table = table.iloc[order].reset_index(drop=True)
    repeated = table.duplicated(_KEYS)
    if repeated.any():
        raise TrialsError(
            "one value per run, epoch and metric; repeated: "
            + some(table.loc[repeated, _KEYS].itertuples(index=False))
        )
    return table


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
    return typed


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
