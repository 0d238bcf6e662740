"""What the search itself overfitted."""

from typing import TYPE_CHECKING

from auditor.report.numbers import count, number
from auditor.report.parts import Section
from auditor.report.words.phrases import listed

if TYPE_CHECKING:
    from auditor.auditing import Audit

NAMED = 10
"""Trials that are named; more are counted."""

_SHARED = (
    "This is the luck of training. All trials are scored on the same validation rows, and the luck "
    "with these is not seen between runs: only rows that no choice was made by show it."
)

_UNKNOWN = (
    "How large the noise is, one run of each does not tell, so no number is given. Train the best "
    "few with more seeds, and score the winner once on rows that no choice was made by."
)

_FOLDS = (
    "Folds differ in their rows and share most of them: their spread is not taken for the noise, "
    "and no number is given. Score the winner once on rows that no choice was made by."
)


def selection(audit: "Audit") -> Section | None:
    """The section; None where there was nothing to pick from."""
    found = audit.selection
    if found is None:
        return None
    paragraphs = [
        f"The best of {count(found.candidates, 'trial')} is also a lucky one. Were all equally "
        f"good, it would look {number(found.luck, 2)} standard deviations of the noise better than "
        "it is."
    ]
    if found.noise is None or found.optimism is None:
        has_folds = any(run.fold for run in audit.trials.recorded)
        paragraphs.append(_FOLDS if has_folds else _UNKNOWN)
        return Section("selection", "Luck of the search", paragraphs=tuple(paragraphs))
    paragraphs.append(
        f"Runs of one trial differ by {number(found.noise)} in the score (standard deviation), so "
        f"that the winner, of {found.runs} runs, may look better by up to about "
        f"{number(found.optimism)} through luck alone. {_tied(found.could_be_best)}"
    )
    return Section(
        "selection", "Luck of the search", paragraphs=tuple(paragraphs), notes=(_SHARED,)
    )


def _tied(trials: tuple[str, ...]) -> str:
    best, *others = trials
    if not others:
        return f"Trial {best} is told from all others with 95 % confidence."
    return (
        f"Trial {best} cannot be told from {count(len(others), 'other')} with 95 % confidence: "
        f"{listed(others, NAMED)}."
    )
