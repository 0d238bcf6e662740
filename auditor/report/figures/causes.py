"""Failing/total for each combination of the two hyperparameters that go with failure most."""

from typing import TYPE_CHECKING

from auditor.files import Json
from auditor.report import palette
from auditor.report.counts import PairCounts, top_pair
from auditor.report.figures.frame import axis, frame, ticks

if TYPE_CHECKING:
    from auditor.auditing import Audit


def draw(audit: "Audit") -> dict[str, Json] | None:
    """Data and layout; None where no pair was looked at, or none adds anything."""
    counts = top_pair(audit)
    return heatmap(counts) if counts else None


def heatmap(counts: PairCounts) -> dict[str, Json]:
    """Data and layout of the picture of a pair, as plain values."""
    cells = [list(zip(*row, strict=True)) for row in zip(counts.failing, counts.total, strict=True)]
    across, up = counts.levels
    data = {
        "type": "heatmap",
        # Places, not words: Plotly would take "1.0" for a number and "2020" for a date.
        "x": list(range(len(across))),
        "y": list(range(len(up))),
        "z": [[k / n if n else None for k, n in row] for row in cells],
        "text": [[f"{k}/{n}" if n else "–" for k, n in row] for row in cells],
        "texttemplate": "%{text}",
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
        "zmin": 0,
        "zmax": 1,
        "xgap": 2,
        "ygap": 2,
        "colorscale": [[0, palette.EMPTY], [1, palette.VALIDATION]],
        "showscale": False,
    }
    layout = frame() | {
        "height": 80 + 44 * len(up),
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": axis(counts.names[0]) | ticks(across) | {"showgrid": False},
        "yaxis": axis(counts.names[1]) | ticks(up) | {"showgrid": False, "autorange": "reversed"},
    }
    return {"data": [data], "layout": layout}
