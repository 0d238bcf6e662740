"""By how much the objective of matched trials changed: below the line it fell."""

from typing import TYPE_CHECKING

from auditor.comparing.records import Pair, Paired
from auditor.files import Json
from auditor.report import palette
from auditor.report.curves import LOG_RATIO, short
from auditor.report.figures.frame import axis, frame, log_axis
from auditor.report.safe import label

if TYPE_CHECKING:
    from auditor.comparing import Comparison

MOST_POINTS = 2000
"""Pairs that are drawn: of more, some, evenly over the leaderboard."""

FEWEST = 3
"""Pairs below which a table says more."""

_LOOKS: dict[str, dict[str, Json]] = {
    "better": {"symbol": "circle", "color": palette.TRAIN},
    "worse": {"symbol": "triangle-up-open", "color": palette.VALIDATION},
    "equal": {"symbol": "circle-open", "color": palette.MUTED},
}


def draw(found: "Comparison") -> dict[str, Json] | None:
    """Data and layout; None where fewer than three pairs have a value on both sides."""
    paired = found.objective
    if paired is None or len(paired.differences) < FEWEST or not paired.better + paired.worse:
        return None
    points = _points(found, paired)
    values = [before for before, _ in points.values()]
    least, most = min(values), max(values)
    name = found.after.trials.objective.name
    is_log = least > 0 and most / least > LOG_RATIO
    layout = frame() | {
        "height": 420,
        "hovermode": "closest",
        "xaxis": axis(f"{name} before") | (log_axis(least, most) if is_log else {}),
        "yaxis": axis("after less before")
        | {"zeroline": True, "zerolinecolor": palette.MUTED, "zerolinewidth": 1.5},
    }
    return {"data": _traces(found, points), "layout": layout}


def _points(found: "Comparison", paired: Paired) -> dict[Pair, tuple[float, float]]:
    """Of each pair the value before, and its change."""
    pairs = list(paired.differences)
    some = pairs[:: 1 + len(pairs) // MOST_POINTS]
    return {pair: (_before(found, pair), paired.differences[pair]) for pair in some}


def _before(found: "Comparison", pair: Pair) -> float:
    value = found.before.scores.by_trial[pair.before].objective
    assert value is not None  # or there would be no difference
    return value


def _traces(found: "Comparison", points: dict[Pair, tuple[float, float]]) -> list[dict[str, Json]]:
    large_is_good = found.after.trials.objective.direction == "max"
    sides: dict[str, list[Pair]] = {name: [] for name in _LOOKS}
    for pair, (_, change) in points.items():
        side = "better" if (change > 0) == large_is_good else "worse"
        sides[side if change else "equal"].append(pair)
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"{name} after",
            "x": [short(points[pair][0]) for pair in pairs],
            "y": [short(points[pair][1]) for pair in pairs],
            "text": [label(f"trial {before} before, {after} after") for before, after in pairs],
            "hovertemplate": "%{text}<br>%{x} before, changed by %{y}<extra></extra>",
            "marker": _LOOKS[name] | {"size": 8, "opacity": 0.85},
        }
        for name, pairs in sides.items()
        if pairs
    ]
