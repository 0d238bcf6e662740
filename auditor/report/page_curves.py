"""What the page's script draws learning curves from: `packing` has the format of the rows."""

from typing import TYPE_CHECKING

import numpy as np

from auditor.files import Json
from auditor.report import curves
from auditor.report.figures.frame import epoch_axis, metric_axis
from auditor.report.numbers import count
from auditor.report.packing import packed_curves, room, shortened
from auditor.report.safe import label
from auditor.report.sparkline import HEIGHT, MARGIN, WIDTH, scale
from auditor.report.words.phrases import run_name
from auditor.report.words.verdict import winner, worst_failure
from auditor.trials import Run, role

if TYPE_CHECKING:
    from auditor.auditing import Audit


def packed(audit: "Audit") -> dict[str, Json] | None:
    """Curves, best epochs and marked intervals; None where no curve was recorded.

    Trials go by their places in `audit.scores.by_trial`, so that no name is ever a key.
    """
    covered = _covered(audit)
    metrics = curves.metrics(audit)
    if not covered or not metrics:
        return None
    sides = [curves.drawn(audit, metric) for metric in metrics]
    lines = sum(map(len, sides))
    fit, points = room(lines * sum(map(len, covered.values())))
    starts = np.cumsum([0, *map(len, covered.values())])
    kept = int(np.searchsorted(starts * lines, fit, side="right")) - 1
    shown = dict(list(covered.items())[:kept])
    rows = [run for runs in shown.values() for run in runs]
    place = {trial: i for i, trial in enumerate(audit.scores.by_trial)}
    failed = worst_failure(audit)
    return {
        "trials": [place[trial] for trial in shown],
        "starts": starts[: kept + 1].tolist(),
        "names": _names(audit, rows),
        "best": [_from_one(audit.scores.by_run[run].best_epoch) for run in rows],
        "intervals": {
            str(place[t]): told for t, runs in shown.items() if (told := _intervals(audit, runs))
        },
        "winner": place.get(winner(audit) or ""),
        "failed": place[failed] if failed in shown else None,
        "metrics": [
            _metric(audit, metric, names, rows, points)
            for metric, names in zip(metrics, sides, strict=True)
        ],
        "scale": scale(audit),
        "epochs": audit.trials.epochs,
        "axis": epoch_axis(audit),
        "styles": curves.STYLES,
        "log_ratio": curves.LOG_RATIO,
        "most_ones": curves.MOST_ONES,
        "few_points": curves.FEWEST_FOR_A_LINE,
        "spark": [WIDTH, HEIGHT, MARGIN],
        "left_out": len(covered) - kept,
        "points": points,
    }


def notes(audit: "Audit", made: dict[str, Json] | None) -> list[str]:
    """What the curves in the page do not show, in sentences."""
    if made is None:
        return []
    total, shown, left = len(audit.scores.by_trial), len(made["trials"]), made["left_out"]
    told = []
    if shown + left < total:
        told.append(f"No curve was recorded for {count(total - shown - left, 'trial')}.")
    if left:
        told.append(f"The curves of the last {count(left, 'trial')} are left out: too many.")
    if audit.trials.epochs > made["points"]:
        told.append(
            f"Long curves are drawn through {made['points']} of their epochs, evenly spread; best "
            "epochs stand where they were."
        )
    return told


def _covered(audit: "Audit") -> dict[str, list[Run]]:
    """Trials that have curves, best first, and their runs that have."""
    found = (
        (trial, [r for r in audit.trials.runs_of[trial] if audit.trials.coverage(r) == "curves"])
        for trial in audit.scores.by_trial
    )
    return {trial: runs for trial, runs in found if runs}


def _names(audit: "Audit", rows: list[Run]) -> list[str] | None:
    """What tells the runs of a trial apart; None where each has one."""
    names = [label(run_name(run, audit.trials.runs_of[run.trial_id])) for run in rows]
    return names if any(names) else None


def _from_one(epoch: int | None) -> int | None:
    return None if epoch is None else epoch + 1


def _intervals(audit: "Audit", runs: list[Run]) -> list[Json]:
    """Per kind the first and last epoch, from 1, as `curves.intervals` finds them."""
    return [[kind, first + 1, last + 1] for kind, (first, last) in curves.intervals(audit, runs)]


def _metric(
    audit: "Audit", metric: str, names: list[str], rows: list[Run], points: int
) -> dict[str, Json]:
    return {
        "axis": metric_axis(metric),
        "best": [shortened(curves.value_at_best(audit, run, metric)) for run in rows],
        "sides": [
            {"kind": role(name), "name": label(name)}
            | packed_curves(audit.trials, rows, name, points)
            for name in names
        ],
    }
