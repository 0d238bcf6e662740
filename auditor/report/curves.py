"""The learning curves of one trial as a plain picture: lines, bands, marks and shaded intervals.

For notebooks and saved pictures. The page's own script (`templates/curves.js`) makes the same ones,
in the same styles, of what `page_curves` packs.
"""

import math
from collections.abc import Iterable
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

MOST_METRICS = 4
"""Metrics to choose from."""

MOST_ONES = 8
"""Runs of a trial that are drawn one by one, beside their mean and range."""

STYLES: dict[str, Json] = {
    "best": {
        "mode": "markers",
        "marker": {"color": palette.INK, "size": 9, "symbol": "diamond"},
        "cliponaxis": False,  # the last epoch is often the best
    },
    "edge": {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"},
}
"""How each line looks, by the name that pictures give. Dashes tell sides apart without colour."""

for _kind, _colour, _shade, _dash, _width in (
    ("train", palette.TRAIN, palette.TRAIN_BAND, "5px,3px", 1.75),
    ("validation", palette.VALIDATION, palette.VALIDATION_BAND, "solid", 2.25),
    ("test", palette.OTHER, palette.OTHER_BAND, "1px,3px", 2.0),
):
    _look = {"color": _colour, "dash": _dash}
    STYLES |= {
        f"{_kind}-line": {"mode": "lines", "line": _look | {"width": _width}},
        f"{_kind}-one": STYLES["edge"]
        | {"line": _look | {"width": 1}, "opacity": 0.45, "hoverinfo": "all"},
        f"{_kind}-band": STYLES["edge"] | {"fill": "tonexty", "fillcolor": _shade},
    }


def metrics(audit: "Audit") -> tuple[str, ...]:
    """The metrics worth a chart: the objective, the loss that outcomes are judged by, some more."""
    objective, observed = audit.trials.objective, audit.trials.metrics
    names = [part.name for part in objective.components] or [objective.name]
    validated = [name for name in observed if role(name) == "validation"]
    pairs: dict[frozenset[str], str] = {}
    for name in (*names, "val_loss", *validated, *observed):
        if len(pairs) == MOST_METRICS:
            break
        if drawn(audit, name):
            pairs.setdefault(frozenset((name, twin(name))), name)
    return tuple(pairs.values())


def drawn(audit: "Audit", metric: str) -> list[str]:
    """The sides of a metric that were observed, training first."""
    known = audit.trials.curves["metric"].cat.categories  # looked up at once, however many
    return [name for name in (twin(metric), metric) if name in known]


def picture(audit: "Audit", trial: str, metric: str) -> dict[str, Json]:
    """The curves of one trial, as plain values.

    Returns:
        `title`; whether its value axis is `log`, and its `ticks` then; `traces`, each with the
        name of its `style`; `shapes`.
    """
    runs = audit.trials.runs_of[trial]
    traces, values = [], []
    for name in drawn(audit, metric):
        curves = {run: audit.trials.curve(run, name) for run in runs}
        curves = {run: curve for run, curve in curves.items() if len(curve.epochs)}
        values += [curve.values for curve in curves.values()]
        traces += _side(audit, name, curves)
    marks = [
        (best, value)
        for run in runs
        if (best := audit.scores.by_run[run].best_epoch) is not None
        and (value := value_at_best(audit, run, metric)) is not None
    ]
    if marks:
        traces.append(_marks(audit, trial, marks))
    log, ticks = _scale(values)
    return {
        "title": label(f"{trial} ({audit.outcomes.by_trial[trial].value})"),
        "log": log,
        "ticks": ticks,
        "traces": traces,
        "shapes": [
            _shaded(epochs, text, audit.trials.epochs) for text, epochs in intervals(audit, runs)
        ],
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


def value_at_best(audit: "Audit", run: Run, metric: str) -> float | None:
    """A metric in the best epoch of a run; None where it is not known or not finite."""
    best = audit.scores.by_run[run].best_epoch
    epochs, values = audit.trials.curve(run, metric)
    at = np.flatnonzero((epochs == best) & np.isfinite(values))
    return float(values[at[0]]) if len(at) else None


def intervals(audit: "Audit", runs: Iterable[Run]) -> list[tuple[str, tuple[int, int]]]:
    """Epochs (from 0) in which overfitting began, and in which losses were lost, in words."""
    verdicts = [audit.outcomes.by_run[run] for run in runs]
    onset = [at for v in verdicts if v.onset for at in v.onset]
    bad = [at for v in verdicts if not v.recovered for at in v.bad_epochs]
    back = [at for v in verdicts if v.recovered for at in v.bad_epochs]
    named = (("overfitting begins", onset), ("diverged", bad), ("exploded, recovered", back))
    return [(text, (min(epochs), max(epochs))) for text, epochs in named if epochs]


def _side(audit: "Audit", name: str, curves: dict[Run, Curve]) -> list[dict[str, Json]]:
    """One line; of several runs their range, their mean, and each of them where they are few."""
    kind = role(name)
    if len(curves) < 2:
        return [_line(f"{kind}-line", name, curve) for curve in curves.values()]
    least, mean, most = _spread(list(curves.values()))
    ones = []
    if len(curves) <= MOST_ONES:
        for run, curve in curves.items():
            which = run_name(run, audit.trials.runs_of[run.trial_id])
            ones.append(_line(f"{kind}-one", f"{name}, {which}", curve))
    return [
        _line("edge", name, least),
        _line(f"{kind}-band", name, most),
        *ones,
        _line(f"{kind}-line", f"{name}, mean of {len(curves)}", mean),
    ]


def _spread(curves: list[Curve]) -> tuple[Curve, Curve, Curve]:
    """Least, mean and greatest value of each epoch, of the runs that had finite ones there."""
    epochs = np.unique(np.concatenate([curve.epochs for curve in curves]))
    values = np.full((len(curves), len(epochs)), np.nan)
    for row, curve in zip(values, curves, strict=True):
        row[np.searchsorted(epochs, curve.epochs)] = curve.values
    values = np.ma.masked_invalid(values)
    least, mean, most = values.min(axis=0), (values / len(curves)).mean(axis=0), values.max(axis=0)
    return tuple(
        Curve(epochs, np.ma.filled(side, np.nan)) for side in (least, mean * len(curves), most)
    )  # type: ignore[return-value]


def _line(style: str, name: str, curve: Curve) -> dict[str, Json]:
    line: dict[str, Json] = {"style": style, "name": label(name)}
    if len(curve.epochs) <= FEWEST_FOR_A_LINE and style.endswith("-line"):
        line["mode"] = "markers+lines"
    epochs, values = thin(curve)
    return line | {"x": (epochs + 1).tolist(), "y": [short(value) for value in values]}


def short(value: float) -> float | None:
    """Five digits draw the same line as seventeen; what is not finite leaves a hole."""
    return float(f"{value:.5g}") if np.isfinite(value) else None


def _marks(audit: "Audit", trial: str, marks: list[tuple[int, float]]) -> dict[str, Json]:
    first = audit.scores.by_trial[trial].best_epoch if len(marks) > 1 else marks[0][0]
    return {
        "style": "best",
        "name": f"best epoch {epoch(first)}",
        "x": [best + 1 for best, _ in marks],
        "y": [short(value) for _, value in marks],
    }


def _shaded(epochs: tuple[int, int], text: str, total: int) -> dict[str, Json]:
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
