"""The generalization gap against the objective, both at the best epoch, with Pareto's front."""

from typing import TYPE_CHECKING

from auditor.files import Json
from auditor.outcomes import FAILURES
from auditor.report import palette
from auditor.report.curves import LOG_RATIO, short
from auditor.report.figures.frame import axis, frame, log_axis
from auditor.report.numbers import count
from auditor.report.safe import label
from auditor.report.words.verdict import winner
from auditor.scoring.front import Front, find_front

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_POINTS = 1500
"""Beyond, only some of the trials off the front are drawn, evenly over the ranks."""

FEWEST = 3
"""Trials below which a table says more."""


def draw(audit: "Audit") -> dict[str, Json] | None:
    """Data and layout; None where fewer than three trials have a gap."""
    objective = audit.trials.objective
    front = find_front(audit.scores, audit.outcomes, objective.direction)
    if len(front.trials) < FEWEST:
        return None
    shown = drawn_trials(front)
    failed = [trial for trial in shown if audit.outcomes.by_trial[trial] in FAILURES]
    fine = [trial for trial in shown if trial not in set(failed)]
    traces = [_line(front)]
    for name, trials, look in (
        ("no failure", fine, {"symbol": "circle", "color": palette.TRAIN}),
        (
            "overfit or degraded",
            failed,
            {"symbol": "triangle-up-open", "color": palette.VALIDATION},
        ),
    ):
        if trials:
            edge = palette.PAPER if name == "no failure" else palette.VALIDATION
            marker = look | {"size": 8, "opacity": 0.85, "line": {"width": 1, "color": edge}}
            traces.append(_points(audit, front, trials) | {"name": name, "marker": marker})
    traces += _marked(audit, front)
    values = [value for _, value in front.trials.values()]
    is_loss = objective.direction == "min"
    is_log = is_loss and min(values) > 0 and max(values) / min(values) > LOG_RATIO
    better = "lower" if objective.direction == "min" else "higher"
    up = axis(f"{objective.name} ({better} is better)")
    layout = frame() | {
        "height": 440,
        "margin": {"l": 8, "r": 16, "t": 60, "b": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "hovermode": "closest",
        "xaxis": axis("generalization gap (lower is better)")
        | {"zeroline": True}
        | {"zerolinecolor": palette.MUTED, "zerolinewidth": 1},
        "yaxis": up | (log_axis(min(values), max(values)) if is_log else {}),
    }
    return {"data": traces, "layout": layout}


def drawn_trials(front: Front) -> list[str]:
    """The trials that are drawn: all, or as many as fit, with the front and the best among them."""
    trials = list(front.trials)
    if len(trials) <= MOST_POINTS:
        return trials
    kept = {*front.best, *trials[: MOST_POINTS // 3], *trials[:: len(trials) * 2 // MOST_POINTS]}
    return [trial for trial in trials if trial in kept]


def _line(front: Front) -> dict[str, Json]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "Pareto front",
        "marker": {"symbol": "diamond", "size": 8, "color": palette.INK},
        "x": [short(front.trials[trial][0]) for trial in front.best],
        "y": [short(front.trials[trial][1]) for trial in front.best],
        # A step: between two of its trials nothing better than either in both was seen.
        "line": {"color": palette.MUTED, "width": 1.5, "dash": "dot", "shape": "hv"},
        "hoverinfo": "skip",
    }


def _points(audit: "Audit", front: Front, trials: list[str]) -> dict[str, Json]:
    place = {trial: at for at, trial in enumerate(audit.scores.by_trial)}
    name = label(audit.trials.objective.name)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [short(front.trials[trial][0]) for trial in trials],
        "y": [short(front.trials[trial][1]) for trial in trials],
        "customdata": [place[trial] for trial in trials],
        "text": [label(_hover(audit, trial)) for trial in trials],
        "hovertemplate": f"%{{text}}<br>gap %{{x}}, {name} %{{y}}<extra></extra>",
    }


def _hover(audit: "Audit", trial: str) -> str:
    rank = audit.scores.by_trial[trial].rank
    ranked = f", rank {count(rank)}" if rank else ""
    return f"trial {trial}{ranked}, {audit.outcomes.by_trial[trial].value}"


def _marked(audit: "Audit", front: Front) -> list[dict[str, Json]]:
    """The winner, and the trial that would win if the gap cost nothing."""
    best = winner(audit)
    bare = next((t for t, s in audit.scores.by_trial.items() if s.rank_without_penalty == 1), None)
    ring = {"symbol": "circle-open", "size": 17, "color": palette.INK, "line": {"width": 2}}
    marks = {"winner": (best, ring)}
    if bare != best:
        square = ring | {"symbol": "square-open"}
        marks["winner if the gap cost nothing"] = (bare, square)
    return [
        _points(audit, front, [trial]) | {"name": name, "marker": marker}
        for name, (trial, marker) in marks.items()
        if trial is not None and trial in front.trials
    ]
