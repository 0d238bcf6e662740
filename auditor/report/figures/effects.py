"""By how much more fail with a value than without: causes, then the strongest single values."""

from typing import TYPE_CHECKING

from auditor.attribution.cause import Cause, Tally
from auditor.files import Json
from auditor.report import palette
from auditor.report.counts import strongest_values
from auditor.report.figures.frame import axis, frame, shortened
from auditor.report.numbers import percent, ratio
from auditor.report.safe import label
from auditor.report.words.causes import shows_causes
from auditor.report.words.phrases import conditions, did

if TYPE_CHECKING:
    from auditor.auditing import Audit

LINE = 60
"""Pixels of a line: its name and counts above, its interval below."""

MOST_LETTERS = 54
"""Of a name; more would not fit on a phone."""

Interval = tuple[float, float] | None


def draw(audit: "Audit") -> dict[str, Json] | None:
    """Data and layout; None where there is neither a cause nor a value with an effect."""
    causes = [cause for cause in audit.causes if cause.effect is not None]
    values = strongest_values(audit)
    if not causes and not values:
        return None
    size = len(causes) + len(values)
    names = [_name(cause, cause.counts) for cause in causes] + [_name(v, v) for v in values]
    named = "cause" if shows_causes(audit) else "association"
    traces = [
        _points(named, causes, 0, {"symbol": "diamond", "color": palette.VALIDATION}),
        _points("single value", values, len(causes), {"symbol": "circle", "color": palette.TRAIN}),
    ]
    marks = [100 * share for share in (-1, -0.5, 0, 0.5, 1)]
    layout = frame() | {
        "height": 96 + LINE * size,
        "margin": {"l": 12, "r": 12, "t": 34, "b": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        "showlegend": True,
        "hovermode": "closest",
        "annotations": [_above(name, at) for at, name in enumerate(names)],
        "xaxis": axis("more failures with it than without, in percentage points")
        | {"range": _range(causes, values), "zeroline": True, "zerolinecolor": palette.MUTED}
        | {"tickvals": marks, "ticktext": [f"{mark:+.0f}" if mark else "0" for mark in marks]},
        "yaxis": {"range": [size - 0.6, -0.8], "visible": False},
    }
    return {"data": [trace for trace in traces if trace["x"]], "layout": layout}


def _name(found: Cause | Tally, counts: Tally) -> str:
    name = shortened(conditions(found.conditions), MOST_LETTERS)
    with_it = ratio(counts.failing, counts.total)
    without = ratio(counts.failing_elsewhere, counts.total_elsewhere)
    return f"{name}<br>{did(found.outcome)}: {with_it}, without {without}"


def _points(
    name: str, found: list[Cause] | list[Tally], first: int, look: dict[str, Json]
) -> dict[str, Json]:
    """A point each, open where no interval is defined."""
    effects = [100 * (one.effect or 0.0) for one in found]
    reach = [_reach(one.effect or 0.0, one.interval) for one in found]
    has = [one.interval is not None for one in found]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [round(effect, 2) for effect in effects],
        "y": list(range(first, first + len(found))),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [above for _, above in reach],
            "arrayminus": [below for below, _ in reach],
            "color": look["color"],
            "thickness": 2,
            "width": 5,
            "visible": any(has),
        },
        "marker": {
            "size": 10,
            "color": look["color"],
            "symbol": [look["symbol"] + ("" if known else "-open") for known in has],
            "line": {"width": 2, "color": look["color"]},
        },
        "text": [label(_hover(one.effect, one.interval)) for one in found],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _reach(effect: float, interval: Interval) -> tuple[float | None, float | None]:
    """How far the interval reaches below and above, in percentage points."""
    if interval is None:
        return None, None
    return round(100 * (effect - interval[0]), 2), round(100 * (interval[1] - effect), 2)


def _hover(effect: float | None, interval: Interval) -> str:
    if interval is None:
        return f"{percent(effect)}, no interval is defined"
    return f"{percent(effect)} ({percent(interval[0])} to {percent(interval[1])})"


def _above(name: str, at: int) -> dict[str, Json]:
    return {
        "text": name,
        **{"xref": "paper", "x": 0, "xanchor": "left", "align": "left"},
        **{"y": at, "yanchor": "bottom", "yshift": 6, "showarrow": False, "bgcolor": palette.PAPER},
        "font": {"size": 12, "color": palette.INK},
    }


def _range(causes: list[Cause], values: list[Tally]) -> list[float]:
    """From 0 to all, and below 0 as far as any interval reaches."""
    ends = [*(cause.interval for cause in causes), *(value.interval for value in values)]
    least = min((end[0] for end in ends if end), default=0.0)
    return [100 * min(-0.05, least - 0.05), 106]
