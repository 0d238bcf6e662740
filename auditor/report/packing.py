"""Learning curves and long tables in few bytes, for a page that holds those of 10,000 trials.

A curve is a row of 16-bit places between its own least and greatest value: 0 is a hole (not
finite), 1 to 65,535 lie on a logarithmic scale where all values are positive, on a linear one
otherwise. Rows of one metric have one length, a multiple of three, so that each is a whole number
of characters in the base64 text of all; `templates/core.js` reads them one at a time.
"""

import base64
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.files import Json
from auditor.report.curves import MOST_EPOCHS
from auditor.report.parts import Cell, Column, Table
from auditor.report.safe import printable
from auditor.trials import Run, Trials

LEVELS = 65_534
"""Steps between the least and the greatest value of a curve."""

MOST_POINTS = 2_000_000
"""Numbers of all curves in a page: about 5.4 MB of text."""

FEWEST_EPOCHS = 25
"""Points of a curve below which it is no curve; then the lowest ranks go without."""

CODED = 3
"""A column is written as places in a list of its distinct texts if there are that much fewer."""

DIGITS = 6
"""Significant digits of numbers to sort by, and of the ends of curves."""


def room(curves: int) -> tuple[int, int]:
    """How many curves fit into a page, and how many points each may have."""
    points = min(MOST_EPOCHS, max(FEWEST_EPOCHS, MOST_POINTS // max(curves, 1)))
    return min(curves, MOST_POINTS // points), points


def packed_curves(trials: Trials, runs: Sequence[Run], name: str, most: int) -> dict[str, Json]:
    """One metric of some runs.

    Args:
        trials: The trials.
        runs: Whose curves, in the order of the rows.
        name: Of the metric.
        most: Points of a curve; of longer ones so many are taken, evenly spread, the ends among
            them.

    Returns:
        `epochs`, distinct lists of epochs from 1; `at`, per row which of them; `low` and `high`,
        per row the ends of its scale; `width`, points of a row; `rows`, the text.
    """
    curves = [trials.curve(run, name) for run in runs]
    longest = min(max((len(curve.epochs) for curve in curves), default=0), most)
    width = 3 * math.ceil(longest / 3)
    values = np.full((len(runs), width), np.nan)
    known: dict[bytes, int] = {}
    epochs: list[Json] = []
    at = []
    for row, curve in enumerate(curves):
        size = len(curve.epochs)
        keep = slice(None) if size <= most else np.linspace(0, size - 1, most).round().astype(int)
        shown = curve.epochs[keep]
        values[row, : len(shown)] = curve.values[keep]
        place = known.setdefault(shown.tobytes(), len(epochs))
        if place == len(epochs):
            epochs.append((shown + 1).tolist())
        at.append(place)
    places, low, high = _placed(values)
    text = base64.b64encode(places.astype("<u2").tobytes()).decode()
    return {"epochs": epochs, "at": at, "low": low, "high": high, "width": width, "rows": text}


def _placed(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], list[Json], list[Json]]:
    """Values as places on the scale of their row, and the ends of these scales."""
    finite = np.isfinite(values)
    low = np.where(finite, values, np.inf).min(axis=1, initial=np.inf)
    high = np.where(finite, values, -np.inf).max(axis=1, initial=-np.inf)
    low, high = (np.array([shortened(v) or 0.0 for v in ends.tolist()]) for ends in (low, high))
    is_log = low > 0
    shown = np.where(finite, values, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        of = np.where(is_log[:, None], np.log(np.where(shown > 0, shown, 1.0)), shown)
    ends = [np.where(is_log, np.log(np.where(is_log, end, 1.0)), end) for end in (low, high)]
    # Halved: the ends of a scale may be further apart than the greatest number.
    span = (ends[1] / 2 - ends[0] / 2)[:, None]
    share = np.divide(of / 2 - ends[0][:, None] / 2, span, out=np.zeros_like(of), where=span > 0)
    places = 1 + np.rint(np.clip(share, 0, 1) * LEVELS).astype(np.int64)
    return np.where(finite, places, 0), low.tolist(), high.tolist()


def shortened(value: float | None) -> float | None:
    """Six digits; None for what is not finite."""
    return float(f"{value:.{DIGITS}g}") if value is not None and math.isfinite(value) else None


def packed_table(table: Table, places: dict[str, int]) -> dict[str, Json]:
    """A table by columns.

    Args:
        table: The table.
        places: Of trials.

    Returns:
        `columns`, and per row the place of the trial it is about in `trials`.
    """
    cells = zip(*(row.cells for row in table.rows), strict=True)
    return {
        "columns": [_column(*pair) for pair in zip(table.columns, cells, strict=True)],
        "trials": [None if r.trial_id is None else places.get(r.trial_id) for r in table.rows],
    }


def _column(column: Column, cells: Sequence[Cell]) -> dict[str, Json]:
    """The texts of a column, and keys to sort by where its texts are not those numbers.

    Where there are few distinct texts, `texts` (and `keys`) hold these, and `at` their places.
    """
    packed: dict[str, Json] = {
        "name": printable(column.name) + (f" ({column.unit})" if column.unit else ""),
        "about": column.about,
        "right": column.align == "right",
    }
    distinct = dict.fromkeys((cell.text, cell.key) for cell in cells)
    if len(distinct) * CODED <= len(cells):
        place = {pair: i for i, pair in enumerate(distinct)}
        packed["at"] = [place[cell.text, cell.key] for cell in cells]
        pairs: Iterable[tuple[str, float | str | None]] = distinct
    else:
        pairs = ((cell.text, cell.key) for cell in cells)
    texts, keys = zip(*pairs, strict=True)
    packed["texts"] = [printable(text) for text in texts]
    packed["number"] = _are_numbers(keys)
    if packed["number"]:
        packed["keys"] = [_key(key) for key in keys]
    tones = {printable(cell.text): cell.tone for cell in cells if cell.tone != "plain"}
    return packed | ({"tones": tones} if tones else {})


def _are_numbers(keys: Sequence[float | str | None]) -> bool:
    kinds = {type(key) for key in keys if key is not None}
    return bool(kinds) and kinds <= {int, float, bool}


def _key(key: float | str | None) -> Json:
    if not isinstance(key, float) or math.isinf(key):
        return key
    return shortened(key)
