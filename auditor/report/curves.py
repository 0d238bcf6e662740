"""The learning curves of one trial as a plain picture: lines, marks and shaded intervals.

Plain values and not Plotly objects, because a page holds thousands of them: `figures` makes Plotly
objects of them, and the page's own script does the same for the trial a reader picks.
"""

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from auditor.files import Json
from auditor.report import palette
from auditor.report.numbers import epoch, number
from auditor.report.safe import label
from auditor.report.words.phrases import run_name
from auditor.trials import Curve, Run, role, twin

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_EPOCHS = 200
"""Points of a curve; more than a chart has room for."""

FEWEST_FOR_A_LINE = 3
"""Up to that many points are drawn as points too: one point has no line."""

LOG_RATIO = 30.0
"""From this ratio of the largest to the smallest value an axis is logarithmic."""

LABELS_WITHIN = 1000.0
"""Below this ratio a logarithmic axis is also labelled within decades."""

MOST_LABELS = 8
"""Labels of decades on a logarithmic axis."""

FEWEST_LABELS = 3
"""Fewer labels than this show no scale: Plotly chooses them then."""

MOST_METRICS = 2

NAMED = 3
"""Executions in the legend; hovering names the others too."""

DASHES = ("solid", "dash", "dot", "dashdot")

_COLOURS = {"train": palette.TRAIN, "validation": palette.VALIDATION, "test": palette.OTHER}

STYLES: dict[str, Json] = {
    f"{kind}-{i}": {
        "mode": "lines",
        "line": {"color": colour, "width": 2 if i == 0 else 1.5, "dash": dash},
        "opacity": 1 if i == 0 else 0.8,
    }
    for (kind, colour), (i, dash) in product(_COLOURS.items(), enumerate(DASHES))
} | {
    "best": {
        "mode": "markers",
        "marker": {"color": palette.INK, "size": 9, "symbol": "diamond"},
    }
}
"""How each line looks, by the name that pictures give."""


def metrics(audit: "Audit") -> tuple[str, ...]:
    """The metrics worth a chart: the objective, the loss that outcomes are judged by, one more."""
    objective, observed = audit.trials.objective, audit.trials.metrics
    names = [part.name for part in objective.components] or [objective.name]
    validated = [name for name in observed if role(name) == "validation"]
    pairs: dict[frozenset[str], str] = {}
    for name in (*names, "val_loss", *validated, *observed):
        if len(pairs) == MOST_METRICS:
            break
        if _drawn(audit, name):
            pairs.setdefault(frozenset((name, twin(name))), name)
    return tuple(pairs.values())


def picture(audit: "Audit", trial: str, metric: str) -> dict[str, Json]:
    """The curves of one trial, as plain values.

    Returns:
        `title`; whether its value axis is `log`, and its `ticks` then; `traces`, each with the
        name of its `style`; `shapes`.
    """
    runs = audit.trials.runs_of[trial]
    traces, marks, values = [], [], []
    for place, run in enumerate(runs):
        for name in _drawn(audit, metric):
            curve = audit.trials.curve(run, name)
            if len(curve.epochs):
                values.append(curve.values)
                traces.append(_line(audit, run, name, curve, place))
        marks += _best(audit, run, metric)
    if marks:
        traces.append(_marks(audit, trial, marks))
    log, ticks = _scale(values)
    return {
        "title": label(f"{trial} ({audit.outcomes.by_trial[trial].value})"),
        "log": log,
        "ticks": ticks,
        "traces": traces,
        "shapes": _shapes(audit, runs),
    }


def thin(curve: Curve, most: int = MOST_EPOCHS) -> Curve:
    """At most that many points, evenly spread, with both ends and the lowest and highest value."""
    size = len(curve.epochs)
    if size <= most:
        return curve
    keep = np.linspace(0, size - 1, most - 2).round().astype(int)
    finite = np.where(np.isfinite(curve.values), curve.values, np.nan)
    if not np.isnan(finite).all():
        keep = np.union1d(keep, [np.nanargmin(finite), np.nanargmax(finite)])
    return Curve(curve.epochs[keep], curve.values[keep])


def _drawn(audit: "Audit", metric: str) -> list[str]:
    known = audit.trials.curves["metric"].cat.categories  # looked up at once, however many
    return [name for name in (twin(metric), metric) if name in known]


def _line(audit: "Audit", run: Run, name: str, curve: Curve, place: int) -> dict[str, Json]:
    which = run_name(run, audit.trials.runs_of[run.trial_id])
    kind = role(name)
    line: dict[str, Json] = {
        "style": f"{kind}-{min(place, len(DASHES) - 1)}",
        "name": label(", ".join(filter(None, (name, which)))),
    }
    if place >= NAMED:
        line["showlegend"] = False
    if len(curve.epochs) <= FEWEST_FOR_A_LINE:
        line["mode"] = "markers+lines"
    epochs, values = thin(curve)
    if (np.diff(epochs) == 1).all():
        line["x0"] = int(epochs[0]) + 1
    else:
        line["x"] = (epochs + 1).tolist()
    line["y"] = [short(value) for value in values]
    return line


def short(value: float) -> float | None:
    """Five digits draw the same line as seventeen; what is not finite leaves a hole."""
    return float(f"{value:.5g}") if np.isfinite(value) else None


def _best(audit: "Audit", run: Run, metric: str) -> list[tuple[int, float]]:
    best = audit.scores.by_run[run].best_epoch
    if best is None:
        return []
    epochs, values = audit.trials.curve(run, metric)
    at = np.flatnonzero((epochs == best) & np.isfinite(values))
    return [(best, float(values[at[0]]))] if len(at) else []


def _marks(audit: "Audit", trial: str, marks: list[tuple[int, float]]) -> dict[str, Json]:
    first = audit.scores.by_trial[trial].best_epoch if len(marks) > 1 else marks[0][0]
    return {
        "style": "best",
        "name": f"best epoch {epoch(first)}",
        "x": [best + 1 for best, _ in marks],
        "y": [short(value) for _, value in marks],
    }


def _shapes(audit: "Audit", runs: tuple[Run, ...]) -> list[dict[str, Json]]:
    """Where overfitting began and where losses had diverged, over all runs of a trial."""
    verdicts = [audit.outcomes.by_run[run] for run in runs]
    onset = [at for v in verdicts if v.onset for at in v.onset]
    bad = [at for v in verdicts for at in v.bad_epochs]
    bands = []
    if onset:
        bands.append(_band((min(onset), max(onset)), "overfitting begins", audit.trials.epochs))
    if bad:
        bands.append(_band((min(bad), max(bad)), "diverged", audit.trials.epochs))
    return bands


def _band(epochs: tuple[int, int], text: str, total: int) -> dict[str, Json]:
    """Shaded epochs; their label stands above the chart, where no curve is, and grows inwards."""
    side = "left" if sum(epochs) < total else "right"
    return {
        "type": "rect",
        "yref": "paper",
        "x0": epochs[0] + 0.5,
        "x1": epochs[1] + 1.5,
        "y0": 0,
        "y1": 1,
        "line": {"width": 0},
        "fillcolor": palette.BAND,
        "layer": "below",
        "label": {
            "text": text,
            "textposition": f"top {side}",
            "yanchor": "bottom",
            "padding": 1,
            "textangle": 0,
            "font": {"size": 11, "color": palette.MUTED},
        },
    }


def _scale(values: list[NDArray[np.float64]]) -> tuple[bool, Json]:
    """Whether the axis should be logarithmic, and its labels if it is."""
    pool = np.concatenate(values) if values else np.empty(0)
    pool = pool[np.isfinite(pool)]
    if not len(pool) or pool.min() <= 0:
        return False, {}
    least, most = float(pool.min()), float(pool.max())
    return most / least > LOG_RATIO, log_ticks(least, most)


def log_ticks(least: float, most: float) -> dict[str, Json]:
    """Labels as whole numbers: Plotly writes "2" for 0.02, 0.2 and 2."""
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    within = (1, 2, 5) if most / least < LABELS_WITHIN else (1,)
    step = max(1, math.ceil((last - first) / MOST_LABELS))
    wanted = [float(f"{n}e{power}") for power in range(first, last + 1, step) for n in within]
    ticks = [tick for tick in wanted if least / 2 <= tick <= 2 * most]
    if len(ticks) < FEWEST_LABELS:
        return {}
    return {"tickvals": ticks, "ticktext": [number(tick) for tick in ticks]}
