"""All trials at once: a strip each, epochs across, the colour its objective."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.files import Json
from auditor.report import palette
from auditor.report.figures.frame import axis, epoch_axis, frame
from auditor.report.numbers import count, number
from auditor.report.safe import label
from auditor.report.strips import Strip, Strips, strips

if TYPE_CHECKING:
    from auditor.auditing import Audit

ROOM = 620
"""Pixels for all strips, within the bounds of one."""

LEAST, MOST = 2, 14
"""Pixels of a strip."""

MARKED = 5
"""Pixels from which a strip has room for marks."""

LABEL = 17
"""Pixels that the label of a group needs."""

ENDS = (1.0, 98.0)
"""Percentiles of the values between which the colours lie, so that one exploded loss does not leave
the others all alike."""

BAD = 1.5
"""Times the no-skill loss: what is worse is bad, and no matter how much."""

LOG_RATIO = 8.0
"""From this ratio of their ends colours stand for logarithms."""

HEAD, FOOT = 96, 54
"""Pixels above the strips, for legend and colours, and below, for the epochs."""

LABELS = 4
"""On the scale of colours."""

_HIDDEN = "rgba(0,0,0,0)"


def draw(audit: "Audit") -> dict[str, Json] | None:
    """Data and layout; None where fewer than two trials have a curve of the objective."""
    found = strips(audit)
    shown = [strip for group in found.groups for strip in group.strips]
    if not found.are_enough:
        return None
    scale = _scale(audit, shown)
    height = max(LEAST, min(MOST, ROOM // len(shown)))
    rows, groups = _rows(found, height)
    traces = [_names(), _cells(audit, found, rows, scale)]
    if any(strip.lost.any() for strip in shown):
        square = {"symbol": "square", "size": 9, "color": palette.INK}
        key = {"name": "not finite", "mode": "markers", "marker": square, "showlegend": True}
        traces += [_lost(found, rows), _names() | key]
    if height >= MARKED:
        traces += _marks(found, rows, height)
    return {"data": traces, "layout": _layout(audit, rows, groups, height)}


def _rows(found: Strips, height: int) -> tuple[list[Strip | None], dict[float, str]]:
    """What stands in each line, nothing between groups; and where the name of each group stands."""
    rows: list[Strip | None] = []
    names = {}
    for group in found.groups:
        size = len(group.strips)
        names[len(rows) + (size - 1) / 2] = f"{group.outcome.value} ({count(group.trials)})"
        rows += [*group.strips, *[None] * max(1, math.ceil(LABEL / height - size))]
    return rows, names


class _Scale(NamedTuple):
    """What the colours stand for: from, to, whether in logarithms, and whether much is good."""

    low: float
    high: float
    is_log: bool
    is_reversed: bool

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        clipped = np.clip(values, self.low, self.high)
        return np.log10(clipped) if self.is_log else clipped


def _scale(audit: "Audit", shown: list[Strip]) -> _Scale:
    pool = np.concatenate([strip.values for strip in shown])
    pool = pool[np.isfinite(pool)]
    objective, baseline = audit.trials.objective, audit.outcomes.baseline
    low, high = (float(end) for end in np.percentile(pool, ENDS))
    if objective.name in ("loss", "val_loss") and baseline.loss is not None:
        high = max(min(high, BAD * baseline.loss), 2 * low)
    # Of an accuracy the good end matters, which logarithms would press together.
    is_log = objective.direction == "min" and low > 0 and high / low > LOG_RATIO
    return _Scale(low, high, is_log, objective.direction == "max")


def _cells(
    audit: "Audit", found: Strips, rows: list[Strip | None], scale: _Scale
) -> dict[str, Json]:
    width = max(len(row.values) for row in rows if row)
    nothing = np.full(width, np.nan)
    values = np.array([row.values if row else nothing for row in rows])
    colours = [palette.TRAIN, palette.MIDDLE, palette.VALIDATION]
    if scale.is_reversed:
        colours.reverse()
    low, high = scale.of(np.array([scale.low, scale.high])).tolist()
    ends = np.linspace(low, high, LABELS)
    return {
        **_grid(found),
        "z": _plain(scale.of(values)),
        "text": [[number(v) if np.isfinite(v) else "" for v in row] for row in values],
        "customdata": _places(rows, width),
        "hovertemplate": "%{y}<br>epoch %{x}: %{text}<extra></extra>",
        "hoverongaps": False,
        "zmin": low,
        "zmax": high,
        "ygap": 1 if len(rows) * MARKED <= ROOM else 0,
        "colorscale": [[i / 2, colour] for i, colour in enumerate(colours)],
        "colorbar": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "len": 0.62,
            "y": 1,
            "yanchor": "bottom",
            "thickness": 9,
            "outlinewidth": 0,
            "ypad": 4,
            "xpad": 12,
            "tickvals": ends.tolist(),
            "ticktext": [number(10**v if scale.is_log else v, 2) for v in ends.tolist()],
            "tickfont": {"size": 11, "color": palette.MUTED},
            "title": {
                "text": label(audit.trials.objective.name),
                "side": "top",
                "font": {"size": 12, "color": palette.MUTED},
            },
        },
    }


def _plain(values: NDArray[np.float64]) -> list[list[float | None]]:
    return [[float(f"{v:.4g}") if np.isfinite(v) else None for v in row] for row in values]


def _grid(found: Strips) -> dict[str, Json]:
    """Where the cells lie: a column per epoch, or per few of them, and a row per strip."""
    return {
        "type": "heatmap",
        "yaxis": "y2",
        "x0": (found.per_column + 1) / 2,
        "dx": found.per_column,
        "y0": 0,
        "dy": 1,
    }


def _lost(found: Strips, rows: list[Strip | None]) -> dict[str, Json]:
    """Epochs whose value is not finite, in the colour of ink."""
    width = max(len(row.values) for row in rows if row)
    lost = [row.lost if row else np.zeros(width, bool) for row in rows]
    return {
        **_grid(found),
        "z": [[1 if is_lost else None for is_lost in row] for row in lost],
        "customdata": _places(rows, width),
        "hovertemplate": "%{y}<br>epoch %{x}: not finite<extra></extra>",
        "hoverongaps": False,
        "colorscale": [[0, palette.INK], [1, palette.INK]],
        "ygap": 1 if len(rows) * MARKED <= ROOM else 0,
        "showscale": False,
    }


def _places(rows: list[Strip | None], width: int) -> list[list[int | None]] | None:
    """The trial behind each cell; None where none is of a single one."""
    if any(row.place is not None for row in rows if row):
        return [[row.place if row else None] * width for row in rows]
    return None


def _names() -> dict[str, Json]:
    """Nothing: but an axis without a trace, here that of the groups, would not be drawn."""
    return {"type": "scatter", "x": [None], "y": [None], "showlegend": False, "hoverinfo": "skip"}


def _marks(found: Strips, rows: list[Strip | None], height: int) -> list[dict[str, Json]]:
    """The best epoch of each strip, and where its values stop to be finite."""
    size = min(height, 8) - 1
    places = [(at, row) for at, row in enumerate(rows) if row]
    best = [(at, row.place, row.best + 1) for at, row in places if row.best is not None]
    lost = [
        (at, row.place, int(row.lost.argmax()) * found.per_column + 1)
        for at, row in places
        if row.lost.any()
    ]
    edge = {"width": 1, "color": palette.PAPER}
    marks = []
    if best:
        diamond = {"symbol": "diamond", "size": size, "color": palette.INK, "line": edge}
        marks.append(_points(best) | {"name": "best epoch", "marker": diamond})
    if lost:
        cross = {"symbol": "x-thin", "size": size, "line": edge | {"width": 1.5}}
        marks.append(_points(lost) | {"marker": cross, "showlegend": False})
    return marks


def _points(points: list[tuple[int, int | None, int]]) -> dict[str, Json]:
    return {
        "type": "scatter",
        "mode": "markers",
        "yaxis": "y2",
        "x": [epoch for _, _, epoch in points],
        "y": [at for at, _, _ in points],
        "customdata": [place for _, place, _ in points],
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _layout(
    audit: "Audit", rows: list[Strip | None], groups: dict[float, str], height: int
) -> dict[str, Json]:
    inner = height * len(rows)
    ends = {"range": [len(rows) - 0.5, -0.5], "showgrid": False, "zeroline": False}
    return frame() | {
        "height": inner + HEAD + FOOT,
        "margin": {"l": 8, "r": 8, "t": HEAD, "b": FOOT},
        "legend": {"orientation": "h", "x": 0, "y": 1 + 50 / inner, "yanchor": "bottom"},
        "showlegend": True,
        "hovermode": "closest",
        "xaxis": epoch_axis(audit) | {"showgrid": False},
        "yaxis": axis("")
        | ends
        | {"tickvals": list(groups), "ticktext": list(groups.values())}
        | {"color": palette.INK, "tickfont": {"size": 12}}
        | {"ticks": "outside", "ticklen": 6, "tickcolor": _HIDDEN},
        # The names of all strips, for those who point at one; too many to be written.
        "yaxis2": ends
        | {
            "overlaying": "y",
            "ticks": "",
            "showticklabels": False,
            "tickvals": [at for at, row in enumerate(rows) if row],
            "ticktext": [label(row.name) for row in rows if row],
        },
    }
