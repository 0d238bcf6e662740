"""Failing/total for each combination of two hyperparameters, for pairs that go with failure."""

from itertools import product
from typing import TYPE_CHECKING

from auditor.files import Json
from auditor.report import palette
from auditor.report.counts import THIN, PairCounts, top_pairs
from auditor.report.figures.frame import axis, frame, shortened, ticks
from auditor.report.words.phrases import did

if TYPE_CHECKING:
    from auditor.auditing import Audit

CELL = 42
"""Pixels of a row of cells."""

HEAD, FOOT = 34, 62
"""Pixels above the cells of a pair, for its title, and below, for the values."""

MOST_LETTERS = 60
"""Of the title of a pair."""

STROKES = (-0.6, -0.2, 0.2, 0.6)
"""Where the strokes of the hatching of a cell lie, in parts of its width."""

INSIDE = 0.46
"""How far they reach from its middle."""


def draw(audit: "Audit") -> dict[str, Json] | None:
    """Data and layout; None where no pair was looked at, or none adds anything."""
    pairs = top_pairs(audit)
    if not pairs:
        return None
    height = sum(HEAD + CELL * len(pair.levels[1]) + FOOT for pair in pairs)
    margin = {"l": 8, "r": 8, "t": 0, "b": 0}
    layout = frame() | {"height": height, "margin": margin, "showlegend": False}
    layout |= {"annotations": [], "hovermode": "closest"}
    traces: list[dict[str, Json]] = []
    above = 0
    for place, pair in enumerate(pairs, 1):
        top = above + HEAD
        bottom = top + CELL * len(pair.levels[1])
        above = bottom + FOOT
        suffix = "" if place == 1 else str(place)
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        traces += [trace | axes for trace in (_cells(pair), _hatching(pair), _counts(pair))]
        across, up = (ticks(levels) | {"showgrid": False} for levels in pair.levels)
        layout[f"xaxis{suffix}"] = axis(pair.names[0]) | across | {"anchor": axes["yaxis"]}
        layout[f"yaxis{suffix}"] = (
            axis(pair.names[1])
            | up
            | {"anchor": axes["xaxis"], "range": [len(pair.levels[1]) - 0.5, -0.5]}
            | {"domain": [1 - bottom / height, 1 - top / height]}
        )
        layout["annotations"].append(_title(pair, 1 - top / height))
    return {"data": traces, "layout": layout}


def _title(pair: PairCounts, at: float) -> dict[str, Json]:
    return {
        "text": shortened(
            f"{did(pair.outcome)}, by {pair.names[0]} and {pair.names[1]}", MOST_LETTERS
        ),
        **{"xref": "paper", "x": 0, "xanchor": "left"},
        **{"yref": "paper", "y": at, "yanchor": "bottom", "yshift": 4},
        **{"showarrow": False, "align": "left", "font": {"size": 13, "color": palette.INK}},
    }


def _cells(pair: PairCounts) -> dict[str, Json]:
    across, up = pair.levels
    shares = [
        [k / n if n else None for k, n in zip(*row, strict=True)]
        for row in zip(pair.failing, pair.total, strict=True)
    ]
    return {
        "type": "heatmap",
        # Places, not words: Plotly would take "1.0" for a number and "2020" for a date.
        "x": list(range(len(across))),
        "y": list(range(len(up))),
        "z": shares,
        "text": _texts(pair),
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
        "zmin": 0,
        "zmax": 1,
        "xgap": 2,
        "ygap": 2,
        "colorscale": [[0, palette.EMPTY], [1, palette.FAILING]],
        "showscale": False,
    }


def _texts(pair: PairCounts) -> list[list[str]]:
    return [
        [f"{k:,}/{n:,}" if n else "–" for k, n in zip(*row, strict=True)]
        for row in zip(pair.failing, pair.total, strict=True)
    ]


def _counts(pair: PairCounts) -> dict[str, Json]:
    """The numbers, above the hatching."""
    places = [(x, y) for y, x in product(*(range(len(levels)) for levels in pair.levels[::-1]))]
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, _ in places],
        "y": [y for _, y in places],
        "text": [text for row in _texts(pair) for text in row],
        "textfont": {"size": 13, "color": palette.INK},
        "hoverinfo": "skip",
    }


def _hatching(pair: PairCounts) -> dict[str, Json]:
    """Strokes over the combinations that were seen only a few times."""
    x: list[float | None] = []
    y: list[float | None] = []
    for down, row in enumerate(pair.total):
        for across, n in enumerate(row):
            for stroke in STROKES if 0 < n < THIN else ():
                ends = max(-INSIDE, stroke - INSIDE), min(INSIDE, stroke + INSIDE)
                x += [*(round(across + end, 2) for end in ends), None]
                y += [*(round(down + stroke - end, 2) for end in ends), None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": palette.MUTED, "width": 1},
        "opacity": 0.4,
        "hoverinfo": "skip",
    }
