"""A row's learning curves as a small inline SVG, all rows on one scale."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from auditor.report.curves import thin
from auditor.trials import Curve, Run, role, twin

if TYPE_CHECKING:
    from auditor.auditing import Audit

WIDTH, HEIGHT = 96, 26
MARGIN = 2
EXTREME = 1.0
"""Percentile left out at the good end of the scale. At the other end stands the typical start or,
where that is worse, the typical worst value of a run: what is beyond is drawn at the edge, so that
one exploded loss does not flatten the rest."""

ROOM = 10.0
"""Ways from the good end to the typical start that the scale spans at most, where most explode."""

POINTS = 48

Scale = tuple[float, float]


def sparklines(audit: "Audit", trials: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """Per trial its lines as `kind` ("train" or "validation") and `path` (SVG path data).

    These are the ones that stand in the page; the page's script draws those of all other rows.
    """
    ends = scale(audit)
    if ends is None:
        return {}
    metrics = _metrics(audit)
    lines: dict[str, list[dict[str, str]]] = {}
    for trial in trials:
        run = audit.scores.by_trial[trial].best_run or next(iter(audit.trials.runs_of[trial]), None)
        if run is not None:
            lines[trial] = _lines(audit, run, metrics, ends)
    return lines


def _metrics(audit: "Audit") -> list[str]:
    name = audit.trials.objective.name
    return [metric for metric in (twin(name), name) if metric in audit.trials.metrics]


def scale(audit: "Audit") -> Scale | None:
    """From the best values of the sweep to where its runs typically start, or get worse to."""
    metrics = _metrics(audit)
    # Observed rows only: one damaged epoch number would make a table of all epochs enormous.
    table = audit.trials.curves
    table = table[table["metric"].isin(metrics) & np.isfinite(table["value"])]
    values = table["value"].to_numpy()
    if not len(values):
        return None
    starts = values[table["epoch"].to_numpy() == 0]
    sign = 1.0 if audit.trials.objective.direction == "min" else -1.0
    good = float(np.percentile(sign * values, EXTREME))
    start = float(np.median(sign * (starts if len(starts) else values)))
    runs = [table[name] for name in ("trial_id", "execution", "fold")]
    worst = float((sign * table["value"]).groupby(runs, observed=True).max().median())
    bad = max(start, min(worst, good + ROOM * (start - good)))
    return min(sign * good, sign * bad), max(sign * good, sign * bad)


def _lines(audit: "Audit", run: Run, metrics: list[str], ends: Scale) -> list[dict[str, str]]:
    curves = [(role(metric), audit.trials.curve(run, metric)) for metric in metrics]
    return [
        {"kind": kind, "path": _path(thin(curve, POINTS), audit.trials.epochs, ends)}
        for kind, curve in curves
        if np.isfinite(curve.values).any()
    ]


def _path(curve: Curve, epochs: int, ends: Scale) -> str:
    """Line segments; a value that is not finite lifts the pen."""
    low, high = ends
    x = MARGIN + (WIDTH - 2 * MARGIN) * curve.epochs / max(epochs - 1, 1)
    share = (np.clip(curve.values, low, high) - low) / ((high - low) or 1.0)
    y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share
    path, pen = [], "M"
    for i in range(len(x)):
        if np.isfinite(y[i]):
            path.append(f"{pen}{x[i]:.0f} {y[i]:.1f}")
            pen = "L"
        else:
            pen = "M"
    # A lone point is drawn as a dot: a line of no length with round ends.
    return "".join(path) + ("h0" if len(path) == 1 else "")
