"""All trials at once: where they died, gap against objective, and which settings they had."""

from statistics import median
from typing import TYPE_CHECKING

from auditor.outcomes import FAILURES, Outcome
from auditor.report.axes import MOST_AXES, axis_names, lines
from auditor.report.figures import gap, settings
from auditor.report.numbers import count, epoch
from auditor.report.parts import Picture, Section
from auditor.report.strips import strips
from auditor.report.words.phrases import listed
from auditor.scoring.front import Front, find_front

if TYPE_CHECKING:
    from auditor.auditing import Audit

STRIPS_ABOUT = (
    "A row per trial, a column per epoch; the text tells when runs diverged and were best"
)
GAP_ABOUT = "A point per trial that learned; the text names those on the front"
SETTINGS_ABOUT = "A line per trial across its settings and its score; the leaderboard has them all"

STRIPS_NOTE = (
    "A row per trial, the best of each outcome on top. Blue is good and orange is bad; a row is "
    "empty where its training was over."
)
SETTINGS_NOTE = (
    "A line per trial. Trials with the same value lie side by side around it, in the order of "
    "their rank."
)


def trials(audit: "Audit") -> Section | None:
    """The section; None where there is nothing to compare."""
    if len(audit.trials.hyperparameters) < 2:
        return None
    front = find_front(audit.scores, audit.outcomes, audit.trials.objective.direction)
    told = [_ends(audit), _front(audit, front) if len(front.trials) >= gap.FEWEST else ""]
    figures = tuple(filter(None, (_strips(audit), _gap(audit, front), _settings(audit))))
    if not figures:
        return None
    paragraphs = tuple(filter(None, told))
    return Section("trials", "All trials", paragraphs=paragraphs, figures=figures)


def _ends(audit: "Audit") -> str:
    """When runs were best, and when they were lost."""
    judged = audit.outcomes.by_run
    best = [
        score.best_epoch
        for run, score in audit.scores.by_run.items()
        if score.best_epoch is not None and judged[run].outcome not in (*FAILURES, Outcome.PRUNED)
    ]
    lost = [
        verdict.bad_epochs[0]
        for verdict in judged.values()
        if verdict.outcome == Outcome.DIVERGED and verdict.bad_epochs
    ]
    said = []
    if best and audit.trials.epochs > 1:
        middle, total = _middle(best), count(audit.trials.epochs)
        when = "in the last" if middle == total else f"in epoch {middle} or later,"
        said.append(f"Half of the runs without a failure were best {when} of {total} epochs.")
    if lost:
        first, last = epoch(min(lost)), epoch(max(lost))
        when = f"in epochs {first} to {last}, half of them by epoch {_middle(lost)}"
        if first == last:
            when = f"in epoch {first}"
        said.append(f"{count(len(lost), 'run')} diverged, {when}.")
    return " ".join(said)


def _middle(epochs: list[int]) -> str:
    return epoch(int(median(epochs)))


def _front(audit: "Audit", front: Front) -> str:
    name, best = audit.trials.objective.name, front.best
    if len(best) == 1:
        return (
            f"No trial has a better {name} or a smaller gap than trial {best[0]}, where a negative "
            "gap counts as none."
        )
    return (
        f"{count(len(best), 'trial')} of {count(len(front.trials))} are not beaten in both "
        f"{name} and gap by any other (Pareto's front): {listed(best)}."
    )


def _strips(audit: "Audit") -> Picture | None:
    shown = strips(audit)
    if not shown.are_enough:
        return None
    notes = [STRIPS_NOTE]
    if shown.per_strip > 1:
        size = count(shown.per_strip)
        notes.append(f"Each row is the median of up to {size} trials of neighbouring rank.")
    if shown.per_column > 1:
        notes.append(f"Each column is the last of {count(shown.per_column)} epochs.")
    if any(len(runs) > 1 for runs in audit.trials.runs_of.values()):
        notes.append("Of several runs of a trial, the best of those that ended as the trial did.")
    if shown.without:
        notes.append(f"Left out: {count(shown.without, 'trial')} without a curve.")
    caption = f"{audit.trials.objective.name} of all trials, epoch by epoch"
    return Picture("trials", caption, STRIPS_ABOUT, " ".join(notes))


def _gap(audit: "Audit", front: Front) -> Picture | None:
    if len(front.trials) < gap.FEWEST:
        return None
    notes = []
    drawn = len(gap.drawn_trials(front))
    if drawn < len(front.trials):
        notes.append(
            f"Drawn are {count(drawn)} of {count(len(front.trials))} trials: the front, the best, "
            "and others evenly over the ranks."
        )
    if front.left_out:
        left = count(front.left_out, "trial")
        notes.append(f"Left out: {left} that failed otherwise than by overfitting, or have no gap.")
    caption = f"Generalization gap against {audit.trials.objective.name}, both at the best epoch"
    return Picture("gap", caption, GAP_ABOUT, " ".join(notes))


def _settings(audit: "Audit") -> Picture | None:
    drawn, shown = lines(audit), axis_names(audit)
    if len(drawn) < settings.FEWEST or not shown:
        return None
    notes = [SETTINGS_NOTE]
    if len(drawn) < len(audit.scores.by_trial):
        of = f"{count(len(drawn))} of {count(len(audit.scores.by_trial), 'trial')}"
        notes.append(f"Drawn are {of}, from all ranks.")
    if len(shown) == MOST_AXES:
        notes.append(
            f"At most {MOST_AXES} hyperparameters are shown: those that failures go with, those "
            "that helped, then those that the ranking goes with most."
        )
    return Picture("settings", "Settings and score", SETTINGS_ABOUT, " ".join(notes))
