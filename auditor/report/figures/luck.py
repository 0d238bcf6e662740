"""The luck of the search: trials held against the winner, and the search on test data."""

from typing import TYPE_CHECKING

from auditor.files import Json
from auditor.report import palette
from auditor.report.curves import short
from auditor.report.figures.frame import axis, frame, log_axis, ticks
from auditor.report.numbers import number
from auditor.report.safe import label
from auditor.report.words.selection import shown_luck

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.selection import Luck, Standing

LINE = 24
"""Pixels of a line."""


def draw(audit: "Audit") -> dict[str, Json] | None:
    """Trials held against the winner; None where the noise is not known or nothing is near."""
    found, luck = audit.selection, shown_luck(audit.selection)
    if found is None or luck is None:
        return None
    name = audit.trials.objective.name
    near = [s for s in luck.standings if s.trial_id in luck.could_be_best]
    far = [s for s in luck.standings if s.trial_id not in luck.could_be_best]
    filled = {"symbol": "circle", "color": palette.TRAIN}
    hollow = {"symbol": "circle-open", "color": palette.VALIDATION}
    traces = [
        _trials(audit, luck, near, "may be the best", filled),
        _trials(audit, luck, far, "worse beyond luck", hollow),
    ]
    lines = [f"{found.winner} (winner)", *(s.trial_id for s in luck.standings)]
    layout = frame() | {
        "height": 110 + LINE * len(lines),
        "margin": {"l": 8, "r": 16, "t": 60, "b": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
        "hovermode": "closest",
        "showlegend": True,
        "xaxis": axis(f"worse than the winner looks, in {name}")
        | {"zeroline": True, "zerolinecolor": palette.MUTED, "zerolinewidth": 1},
        "yaxis": axis("") | ticks(lines) | {"range": [len(lines) - 0.4, -0.6], "type": "linear"},
    }
    return {"data": [*(t for t in traces if t["x"]), *_winner(luck)], "layout": layout}


def _trials(
    audit: "Audit", luck: "Luck", shown: list["Standing"], name: str, look: dict[str, Json]
) -> dict[str, Json]:
    line = {standing.trial_id: at for at, standing in enumerate(luck.standings, start=1)}
    place = {trial: at for at, trial in enumerate(audit.scores.by_trial)}
    hovers = [
        f"trial {s.trial_id}: {number(s.behind)} ({number(s.interval[0])} to "
        f"{number(s.interval[1])})"
        for s in shown
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [short(standing.behind) for standing in shown],
        "y": [line[standing.trial_id] for standing in shown],
        "customdata": [place[standing.trial_id] for standing in shown],
        "text": [label(hover) for hover in hovers],
        "hovertemplate": "%{text}<extra></extra>",
        "error_x": _error(
            [short(s.interval[1] - s.behind) for s in shown],
            [short(s.behind - s.interval[0]) for s in shown],
            look["color"],
        ),
        "marker": {**look, "size": 8, "line": {"width": 2, "color": look["color"]}},
    }


def _winner(luck: "Luck") -> list[dict[str, Json]]:
    """As it looks, and as it is to be expected."""
    told = luck.optimism
    low, high = told.interval or (told.value, told.value)
    common = {"type": "scatter", "mode": "markers", "y": [0]}
    looks = {
        "name": "winner as it looks",
        "x": [0],
        "hovertemplate": "as it looks<extra></extra>",
        "marker": {"symbol": "circle-open", "size": 15, "color": palette.INK},
    }
    expected = {
        "name": "winner without luck",
        "x": [short(told.value)],
        "hovertemplate": f"to be expected: {number(told.value)} worse<extra></extra>",
        "marker": {"symbol": "diamond", "size": 10, "color": palette.INK},
        "error_x": _error([short(high - told.value)], [short(told.value - low)], palette.INK)
        | {"visible": told.interval is not None},
    }
    return [common | looks, common | expected]


def _error(above: list[float | None], below: list[float | None], colour: str) -> dict[str, Json]:
    return {
        "type": "data",
        "symmetric": False,
        "array": above,
        "arrayminus": below,
        "color": colour,
        "thickness": 1.5,
        "width": 3,
    }


def draw_search(audit: "Audit") -> dict[str, Json] | None:
    """The best trial so far on validation and on test data; None where these are not known."""
    found = audit.selection.overtuning if audit.selection else None
    if found is None:
        return None
    ours, theirs = palette.TRAIN, palette.VALIDATION
    lines: tuple[tuple[str, tuple[float, ...], str, str], ...] = (
        (f"{audit.trials.objective.name} of the best so far", found.validation, ours, "solid"),
        (f"its {found.metric}", found.test, theirs, "solid"),
        (f"its {found.metric}, mean over random orders", found.expected, theirs, "dot"),
    )
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": label(name),
            "x": list(found.trials),
            "y": [short(value) for value in values],
            "line": {"color": colour, "dash": dash, "width": 2}
            | ({"shape": "hv"} if dash == "solid" else {}),
            "hovertemplate": "%{y}<extra></extra>",
        }
        for name, values, colour, dash in lines
    ]
    layout = frame() | {
        "height": 400,
        "margin": {"l": 8, "r": 16, "t": 84, "b": 8},
        "xaxis": axis("trials so far") | log_axis(1, found.trials[-1]),
        "yaxis": axis(audit.trials.objective.name.removeprefix("val_")),
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
    return {"data": traces, "layout": layout}
