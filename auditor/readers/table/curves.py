"""The epochs of a plain table's rows, and the curves in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.errors import ReadError
from auditor.readers.columns import Columns, Numbers
from auditor.readers.gathered import MOST_EPOCHS
from auditor.readers.metrics import keras_name
from auditor.readers.table.layout import Layout
from auditor.readers.table.runs import Ints, Rows, repeated
from auditor.trials import empty_curves, is_series, role

_SPLITS = {
    **dict.fromkeys(("train", "training", "tr", "fit"), ""),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "val_"),
    **dict.fromkeys(("test", "testing"), "test_"),
}
"""What stands in a column that says which data a row was measured on."""


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
        order = np.argsort(codes, kind="stable")
        parts = np.split(order, np.searchsorted(codes[order], np.arange(len(labels))))[1:]
        return [
            _layer(keras_name(label), part, numbers)
            for label, part in zip(labels, parts, strict=True)
        ]
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
    there = rows[numbers.observed[rows]]
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
    place = {name: number for number, name in enumerate(names)}
    metric = np.repeat([place[x.name] for x in layers], [len(x.rows) for x in layers])
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
    earlier = repeated(keys)
    if earlier.any():
        rows.notes.append(
            f"{earlier.sum():,} values repeat a trial, epoch and metric; the last of each is kept"
        )
        frame = frame[~earlier]
    return frame


def _named(codes: Ints, names: Sequence[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, pd.Index(list(names), dtype="str"))
