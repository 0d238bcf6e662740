"""Outcomes as arrays: which runs and trials have each failure, and which ones can tell."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.attribution.cause import ANY_FAILURE
from auditor.attribution.levels import Configurations
from auditor.outcomes import FAILURES, Outcome, Outcomes
from auditor.trials import Run, Trials

CENSORED = (Outcome.PRUNED, Outcome.MISSING)
"""Outcomes that leave open how the run would have ended."""


@dataclass(frozen=True, eq=False)
class Failure:
    """One outcome, or any failure.

    Attributes:
        outcome: An `Outcome` or `ANY_FAILURE`.
        runs: Whether each known run has it; (run,).
        trials: Whether most runs of a trial have it; (trial,).
        rates: Share of the known runs of a trial that have it; 0 where none is known; (trial,).
        known: Whether it is known how a trial ended; (trial,).
        comparable: Whether a trial shows if it has it; (trial,). One that ended worse does not: a
            run that diverged says nothing about overfitting, and would pass for a good example.
    """

    outcome: str
    runs: NDArray[np.bool_]
    trials: NDArray[np.bool_]
    rates: NDArray[np.float64]
    known: NDArray[np.bool_]
    comparable: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Failures:
    """All failures of a sweep.

    Attributes:
        trial_of_run: The trial of each run whose outcome is known; (run,).
        pruned, missing: Numbers of runs whose outcome is not.
        disagreeing: Number of trials whose known runs differ in outcome.
        replicated: Whether each known trial was trained more than once, so that seeds can be told
            from values. Folds are no seeds: they share rows.
        found: Those that occur, mildest first; any failure last.
    """

    trial_of_run: NDArray[np.intp]
    pruned: int
    missing: int
    disagreeing: int
    replicated: bool
    found: tuple[Failure, ...]

    @property
    def repeated(self) -> bool:
        """Whether any trial has several known runs."""
        return len(np.unique(self.trial_of_run)) < len(self.trial_of_run)


def find_failures(trials: Trials, outcomes: Outcomes, configurations: Configurations) -> Failures:
    """Which failures occur, and where."""
    position = {trial: i for i, trial in enumerate(configurations.trials)}
    ends = [outcomes.by_run[run].outcome for run in trials.runs]
    known = [run for run, end in zip(trials.runs, ends, strict=True) if end not in CENSORED]
    runs = [end for end in ends if end not in CENSORED]
    by_trial = [outcomes.by_trial[trial] for trial in configurations.trials]
    trial_of_run = np.array([position[run.trial_id] for run in known], np.intp)
    kinds: list[tuple[str, tuple[Outcome, ...]]] = [(o.value, (o,)) for o in FAILURES if o in runs]
    if kinds:
        kinds.append((ANY_FAILURE, FAILURES))
    pairs = set(zip(trial_of_run.tolist(), runs, strict=True))
    return Failures(
        trial_of_run,
        ends.count(Outcome.PRUNED),
        ends.count(Outcome.MISSING),
        len(pairs) - len({trial for trial, _ in pairs}),
        _replicated(known),
        tuple(_failure(name, kind, runs, by_trial, trial_of_run) for name, kind in kinds),
    )


def _replicated(known: list[Run]) -> bool:
    times = Counter(run.trial_id for run in known)
    return all(run.fold == known[0].fold and times[run.trial_id] > 1 for run in known)


def _failure(
    name: str,
    kind: tuple[Outcome, ...],
    runs: list[Outcome],
    by_trial: list[Outcome],
    trial_of_run: NDArray[np.intp],
) -> Failure:
    worst = max(map(FAILURES.index, kind))
    comparable = {Outcome.OK, *FAILURES[: worst + 1]}  # FAILURES stand from mild to severe
    failing = np.array([outcome in kind for outcome in runs], bool)
    known = np.bincount(trial_of_run, minlength=len(by_trial))
    return Failure(
        name,
        failing,
        np.array([outcome in kind for outcome in by_trial], bool),
        np.bincount(trial_of_run, failing, len(by_trial)) / np.maximum(1, known),
        np.array([outcome not in CENSORED for outcome in by_trial], bool),
        np.array([outcome in comparable for outcome in by_trial], bool),
    )
