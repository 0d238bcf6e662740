"""The objective of all trials, epoch by epoch: what the picture of all trials at once shows."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes import Outcome
from auditor.report.numbers import count
from auditor.trials import Run

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_STRIPS = 300
"""Beyond, a strip stands for several trials of neighbouring rank."""

MOST_COLUMNS = 100
"""Epochs side by side; beyond, a column stands for several."""


@dataclass(frozen=True, eq=False)
class Strip:
    """One row: a trial, or several of neighbouring rank.

    Attributes:
        name: Of the trial with its rank, or from which rank to which.
        place: Of the trial in the leaderboard; None for several.
        values: NaN where nothing was observed, or nothing finite; (column,).
        lost: Whether what was observed there is not finite; (column,).
        best: The best epoch, from 0; None where unknown or several.
    """

    name: str
    place: int | None
    values: NDArray[np.float64]
    lost: NDArray[np.bool_]
    best: int | None


@dataclass(frozen=True, eq=False)
class Group:
    """The trials of one outcome.

    Attributes:
        outcome: The outcome.
        trials: How many they are.
        strips: Best rank first.
    """

    outcome: Outcome
    trials: int
    strips: tuple[Strip, ...]


@dataclass(frozen=True, eq=False)
class Strips:
    """All of them.

    Attributes:
        groups: By outcome, those without a failure first.
        per_strip: Trials in a strip, at most.
        per_column: Epochs in a column; its last one is shown.
        without: Trials without a curve of the objective.
    """

    groups: tuple[Group, ...]
    per_strip: int
    per_column: int
    without: int

    @property
    def are_enough(self) -> bool:
        """Whether there are two, and anything finite to show."""
        shown = [strip for group in self.groups for strip in group.strips]
        return len(shown) > 1 and any(np.isfinite(strip.values).any() for strip in shown)


def strips(audit: "Audit") -> Strips:
    """The strips of an audit; without any group where the objective has no curve."""
    name, per_column = audit.trials.objective.name, math.ceil(audit.trials.epochs / MOST_COLUMNS)
    shown: dict[Outcome, list[Strip]] = {outcome: [] for outcome in Outcome}
    for place, (trial, score) in enumerate(audit.scores.by_trial.items()):
        run = typical_run(audit, trial)
        if run is not None and len(audit.trials.curve(run, name).epochs):
            values, lost = _columns(audit, run, per_column)
            rank = f", rank {count(score.rank)}" if score.rank else ""
            best = audit.scores.by_run[run].best_epoch
            strip = Strip(f"trial {trial}{rank}", place, values, lost, best)
            shown[audit.outcomes.by_trial[trial]].append(strip)
    drawn = sum(map(len, shown.values()))
    per_strip = max(1, math.ceil(drawn / MOST_STRIPS))
    groups = tuple(
        Group(outcome, len(members), tuple(_joined(members, per_strip)))
        for outcome, members in shown.items()
        if members
    )
    return Strips(groups, per_strip, max(1, per_column), len(audit.scores.by_trial) - drawn)


def typical_run(audit: "Audit", trial: str) -> Run | None:
    """The best of the runs of a trial that ended as the trial did; None where none was started."""
    ended = audit.outcomes.by_trial[trial]
    runs = [r for r in audit.trials.runs_of[trial] if audit.outcomes.by_run[r].outcome == ended]
    best = audit.scores.by_trial[trial].best_run
    return best if best in runs else next(iter(runs), None)


def _columns(
    audit: "Audit", run: Run, per_column: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The last value that was known in each column, and whether it is not finite."""
    epochs, values = audit.trials.curve(run, audit.trials.objective.name)
    begins = np.arange(0, audit.trials.epochs, per_column)
    known = np.searchsorted(epochs, begins + per_column - 1, side="right") - 1
    over = (known < 0) | (begins > epochs[-1])
    last = np.where(over, np.nan, values[np.maximum(known, 0)])
    finite = np.isfinite(last)
    return np.where(finite, last, np.nan), ~finite & ~over


def _joined(strips: list[Strip], size: int) -> list[Strip]:
    """Medians of so many strips each; a column is over, or lost, where most of them are."""
    if size == 1:
        return strips
    joined = []
    for begin in range(0, len(strips), size):
        members = strips[begin : begin + size]
        values = np.array([strip.values for strip in members])
        lost = np.array([strip.lost for strip in members])
        known = np.isfinite(values).sum(axis=0)
        is_lost = lost.sum(axis=0) > known
        is_shown = ~is_lost & (2 * (known + lost.sum(axis=0)) >= len(members)) & (known > 0)
        medians = np.full(values.shape[1], np.nan)
        medians[is_shown] = np.nanmedian(values[:, is_shown], axis=0)
        first, last = (count((strip.place or 0) + 1) for strip in (members[0], members[-1]))
        name = f"{count(len(members), 'trial')}, places {first} to {last}"
        joined.append(Strip(name, None, medians, is_lost, None))
    return joined
