"""Settings and score of many trials: an axis per line, a curve per trial across them.

Lines of a scatter and not Plotly's parallel coordinates: those need WebGL and code made at run
time, and can neither be printed nor told apart by dashes.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

from auditor.files import Json
from auditor.outcomes import FAILURES, Outcome
from auditor.report import palette
from auditor.report.axes import BEST, Axis, axes, lines
from auditor.report.figures.frame import frame, shortened
from auditor.report.numbers import count

if TYPE_CHECKING:
    from auditor.auditing import Audit

LINE = 74
"""Pixels between two axes."""

FEWEST = 3
"""Trials below which a table says more."""

BEND = tuple((step / 8, 3 * (step / 8) ** 2 - 2 * (step / 8) ** 3) for step in range(8))
"""From one axis to the next, how far down and how far across: a line leaves an axis upright, so
that it is seen which one goes where; and it can be pointed at everywhere."""

MOST_LETTERS = 16
"""Of a label on an axis."""

MOST_OF_A_NAME = 60
"""Letters of the name of a trial, which stands at each point of its line."""

_ENDED = (Outcome.DIVERGED, Outcome.CRASHED)


def draw(audit: "Audit") -> dict[str, Json] | None:
    """Data and layout; None for fewer than three trials, or where no hyperparameter differs."""
    trials = lines(audit)
    shown = axes(audit, trials) if len(trials) >= FEWEST else ()
    if not shown:
        return None
    outcomes = audit.outcomes.by_trial
    best = [t for t in trials[:BEST] if outcomes[t] not in FAILURES]
    groups = {
        "others": [t for t in trials if outcomes[t] not in FAILURES and t not in best],
        "overfit, degraded or never learned": [
            t for t in trials if outcomes[t] in FAILURES and outcomes[t] not in _ENDED
        ],
        "diverged or crashed": [t for t in trials if outcomes[t] in _ENDED],
        f"best {count(len(best))}": best,
    }
    looks = (
        ({"color": palette.MUTED, "width": 1}, 0.35),
        ({"color": palette.VALIDATION, "width": 1, "dash": "dot"}, 0.7),
        ({"color": palette.VALIDATION, "width": 1}, 0.5),
        ({"color": palette.TRAIN, "width": 2}, 1),
    )
    traces = [
        _lines(audit, shown, members) | {"name": name, "line": look, "opacity": opacity}
        for (name, members), (look, opacity) in zip(groups.items(), looks, strict=True)
        if members
    ]
    last = len(shown) - 1
    layout = frame() | {
        "height": 110 + LINE * last,
        "margin": {"l": 12, "r": 12, "t": 68, "b": 30},
        "legend": {"orientation": "h", "x": 0, "y": 1 + 30 / (LINE * last), "yanchor": "bottom"},
        "showlegend": True,
        "hovermode": "closest",
        "shapes": [_rail(at) for at in range(len(shown))],
        "annotations": [text for at, axis in enumerate(shown) for text in _texts(at, axis)],
        "xaxis": {"range": [-0.03, 1.03], "visible": False},
        "yaxis": {"range": [last, 0], "visible": False},
    }
    return {"data": traces, "layout": layout}


def _lines(audit: "Audit", shown: tuple[Axis, ...], trials: list[str]) -> dict[str, Json]:
    place = {trial: at for at, trial in enumerate(audit.scores.by_trial)}
    x: list[float | None] = []
    y: list[float | None] = []
    data: list[int | None] = []
    texts: list[str] = []
    for trial in reversed(trials):
        ends = [axis.places[trial] for axis in shown]
        points = [
            (round(a + (b - a) * across, 3), round(at + down, 3))
            for at, (a, b) in enumerate(pairwise(ends))
            for down, across in BEND
        ]
        points.append((round(ends[-1], 3), len(ends) - 1))
        x += [*(across for across, _ in points), None]
        y += [*(down for _, down in points), None]
        data += [place[trial]] * len(points) + [None]
        texts += [shortened(f"trial {trial}", MOST_OF_A_NAME)] * len(points) + [""]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "customdata": data,
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
    }


def _rail(at: int) -> dict[str, Json]:
    line = {"color": palette.MUTED, "width": 1}
    return {"type": "line", "x0": 0, "x1": 1, "y0": at, "y1": at, "line": line, "layer": "below"}


def _texts(at: int, axis: Axis) -> list[dict[str, Json]]:
    """The name of an axis above its left end, and its labels below it."""
    common = {"y": at, "showarrow": False, "bgcolor": palette.PAPER, "borderpad": 1}
    name = {"x": 0, "xanchor": "left", "yanchor": "bottom", "yshift": 3}
    own = common | name | {"text": shortened(axis.name, MOST_OF_A_NAME)}
    own["font"] = {"size": 13, "color": palette.INK}
    return [own] + [
        common
        | {"x": place, "yanchor": "top", "yshift": -3, "text": shortened(text, MOST_LETTERS)}
        | {"xanchor": "left" if place < 0.05 else "right" if place > 0.95 else "center"}
        | {"font": {"size": 11, "color": palette.MUTED}}
        for place, text in axis.labels
    ]
