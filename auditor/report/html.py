"""The report as one file that needs nothing else: no server, no network, no second file."""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from auditor.files import Json
from auditor.outcomes import FAILURES
from auditor.report import curves, palette
from auditor.report.figures import drawn
from auditor.report.figures.frame import epoch_axis, frame, metric_axis
from auditor.report.numbers import count
from auditor.report.safe import printable, script_json
from auditor.report.sections import sections
from auditor.report.sparkline import HEIGHT, WIDTH, sparklines
from auditor.report.words.verdict import winner, worst_failure

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_ROWS = 2000
"""Rows of the leaderboard that go into the page. A row is about 1.5 kB."""

MOST_POINTS = 900_000
"""Numbers of all learning curves in the page: about 6 MB of text."""

TOP_SHARE = 0.6
"""Part of those for the best trials, where not all fit; the rest is for failed ones."""

FINE_SPARKLINES = 300
"""Up to that many trials, sparklines have many points; beyond, few."""


def render_html(audit: "Audit") -> str:
    """The whole page. Names and messages in it are shown and never obeyed."""
    charted = _charted(audit)
    data = _data(audit, charted)
    ids = list(audit.scores.by_trial)[:MOST_ROWS]
    draws = bool(charted) or bool(data["figures"])
    page: str = (
        _environment()
        .get_template("page.html.j2")
        .render(
            sections=sections(audit),
            title=f"Audit of {audit.trials.provenance.path or 'a sweep'}",
            data=Markup(script_json(data)),
            plotly=Markup(get_plotlyjs()) if draws else None,
            sparks=sparklines(audit, ids, 48 if len(ids) <= FINE_SPARKLINES else 20),
            spark_size=(WIDTH, HEIGHT),
            places={trial: place for place, trial in enumerate(charted)},
            panels=data["panels"],
            metrics=curves.metrics(audit),
            most_rows=MOST_ROWS,
            without_curves=_without_curves(audit, len(charted)),
        )
    )
    return page


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("auditor.report"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: Any) -> Any:
    """Applied to every expression of every template, before it is escaped."""
    return printable(value) if type(value) is str else value


def _data(audit: "Audit", charted: list[str]) -> dict[str, Json]:
    """What the page's script draws from. Trials go by their place, so no name is ever a key."""
    metrics = curves.metrics(audit)
    return {
        "trials": [printable(trial) for trial in charted],
        "outcomes": [audit.outcomes.by_trial[trial].value for trial in charted],
        "pictures": [[curves.picture(audit, t, metric) for metric in metrics] for t in charted],
        "panels": _panels(audit, charted),
        "styles": curves.STYLES,
        "frame": frame(),
        "axes": {"x": epoch_axis(audit), "y": [metric_axis(metric) for metric in metrics]},
        "dark": palette.DARK,
        "figures": drawn(audit),
    }


def _panels(audit: "Audit", charted: list[str]) -> list[int]:
    """The trials that the two charts start with: the winner, and the worst failure."""
    wanted = (winner(audit), worst_failure(audit), *charted)
    place = {trial: number for number, trial in enumerate(charted)}
    return list(dict.fromkeys(place[trial] for trial in wanted if trial in place))[:2]


def _charted(audit: "Audit") -> list[str]:
    """The trials whose curves go into the page, best first: all of them, unless that is too much.

    Where it is, the best ones and failed ones share the room.
    """
    points = {trial: _points(audit, trial) for trial in audit.scores.by_trial}
    trials = [trial for trial, n in points.items() if n]
    if sum(points.values()) <= MOST_POINTS:
        return trials
    failed = [t for t in reversed(trials) if audit.outcomes.by_trial[t] in FAILURES]
    kept = _within(trials, points, TOP_SHARE * MOST_POINTS)
    kept |= _within(failed, points, (1 - TOP_SHARE) * MOST_POINTS)
    return [trial for trial in trials if trial in kept]


def _points(audit: "Audit", trial: str) -> int:
    """Numbers that the curves of a trial take up, both sides of every metric shown."""
    runs = [r for r in audit.trials.runs_of[trial] if audit.trials.coverage(r) == "curves"]
    epochs = min(audit.trials.epochs, curves.MOST_EPOCHS)
    return 2 * len(curves.metrics(audit)) * len(runs) * epochs


def _without_curves(audit: "Audit", charted: int) -> str:
    covered = sum(_points(audit, trial) > 0 for trial in audit.scores.by_trial)
    notes = []
    if covered < len(audit.scores.by_trial):
        missing = count(len(audit.scores.by_trial) - covered, "trial")
        notes.append(f"No curve was recorded for {missing}.")
    if charted < covered:
        left = count(covered - charted, "trial")
        notes.append(f"The curves of {left} are left out, because there are too many for one page.")
    return " ".join(notes)


def _within(trials: Iterable[str], points: dict[str, int], budget: float) -> set[str]:
    kept = set()
    for trial in trials:
        budget -= points[trial]
        if budget < 0:
            break
        kept.add(trial)
    return kept
