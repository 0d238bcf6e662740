"""The winner picked again and again, each time with other luck in the validation rows.

A search picks for each run the epoch with the best objective, and then the trial with the best
score: both choices are made anew for each draw.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.selection.shrinking import Floats
from auditor.trials import Run

Singles = NDArray[np.float32]

DRAWS = 500
"""Times that the winner is picked again; twice as many move an estimate by less than 3 % of it."""

FEWEST_DRAWS = 100
"""Where trials and epochs are very many; their winners are much alike."""

PICKED = 50_000_000
"""Epochs of runs that are looked at in all draws together: some seconds."""

SEED = 0
"""All draws are seeded: the same sweep gives the same answer."""

AT_ONCE = 2**24
"""Numbers that are held at a time: 64 MB."""


@dataclass(frozen=True)
class Field:
    """Trials that may win, with the epochs at which they may, smaller values being better.

    Attributes:
        trials: Ids, best score first.
        members: Their runs, those of a trial one after the other, sorted by fold.
        begins: Where the runs of each trial begin; (trial,).
        folds: The place of each run's fold among all; (run,).
        objective: As observed, best first and infinite where there are fewer epochs; (run, epoch).
        penalty: What the gap costs there; (run, epoch).
        steep: By how much the score moves as the objective does; (run, epoch).
        deviations: Of the objective on each part of the validation rows from its mean over them;
            (run, epoch, part).
    """

    trials: tuple[str, ...]
    members: tuple[Run, ...]
    begins: NDArray[np.intp]
    folds: NDArray[np.intp]
    objective: Floats
    penalty: Floats
    steep: Floats
    deviations: Singles

    @property
    def counts(self) -> NDArray[np.intp]:
        """How many runs each trial has; (trial,)."""
        return np.diff(self.begins, append=len(self.folds))

    @property
    def scores(self) -> Floats:
        """As observed; (trial,)."""
        best = self.objective[:, 0] + self.penalty[:, 0]
        return np.asarray(np.add.reduceat(best, self.begins) / self.counts)

    def units(self, losses: Sequence[Singles] | None = None) -> Floats:
        """Deviations of the scores from their means over a fold; (part of a fold, trial).

        Args:
            losses: Of each run at its best epoch, on parts finer than those of the field.
        """
        own = self.deviations[:, 0] if losses is None else losses
        trial = np.repeat(np.arange(len(self.trials)), self.counts)
        folds = []
        for fold in range(self.folds.max() + 1):
            inside = np.flatnonzero(self.folds == fold)
            values = np.array([own[run] for run in inside.tolist()], np.float64)
            values = (values - values.mean(axis=1, keepdims=True)) * self.steep[inside, :1]
            begins = np.searchsorted(trial[inside], np.arange(len(self.trials)))
            executions = np.diff(begins, append=len(inside))
            folds.append(np.add.reduceat(values, begins) / executions[:, None])
        return np.concatenate(folds, axis=1).T


class Picked(NamedTuple):
    """What a draw shows of each trial, at the epochs that it picks; all (draw, trial)."""

    seen: Floats
    """Its score."""
    plain: Floats
    """The same without the luck of that draw."""
    noise: Floats
    """That luck, in the objective: negative where the objective looks better than it is."""


def pick(field: Field, weights: Floats, before: Floats | None = None) -> Picked:
    """Pick the epochs of all runs.

    Args:
        field: Trials that may win.
        weights: What each part of the rows weighs beyond its share; (fold, draw, part).
        before: The same of luck that is taken for the truth of each draw.
    """
    blocks = _blocks(field, weights.shape[1])
    found = [_picked(field, weights, before, trials) for trials in blocks]
    return Picked(*(np.concatenate(parts, axis=1) for parts in zip(*found, strict=True)))


def draws_of(field: Field) -> int:
    """How often winners can be picked from it in a short time."""
    return int(np.clip(PICKED // field.objective.size, FEWEST_DRAWS, DRAWS))


def resampled(field: Field, rng: np.random.Generator) -> Floats:
    """Weights of parts drawn with replacement, in each fold; (fold, draw, part).

    Widened by sqrt(n / (n - 1)): n parts have n - 1 to vary with (Efron 1982, The Jackknife, the
    Bootstrap and Other Resampling Plans, section 5.3).
    """
    parts = field.deviations.shape[2]
    shape = field.folds.max() + 1, draws_of(field)
    counts = rng.multinomial(parts, [1 / parts] * parts, shape)
    return np.asarray((counts - 1) / parts * np.sqrt(parts / (parts - 1)))


def _blocks(field: Field, draws: int) -> Iterator[slice]:
    """Trials that are looked at together."""
    width = field.objective.shape[1] * int(field.counts.max()) * draws
    size = max(1, AT_ONCE // width)
    for begin in range(0, len(field.trials), size):
        yield slice(begin, min(begin + size, len(field.trials)))


def _picked(field: Field, weights: Floats, before: Floats | None, trials: slice) -> Picked:
    begins = field.begins[trials]
    runs = slice(int(begins[0]), int(begins[-1] + field.counts[trials][-1]))
    noise = _noise(field, weights, runs)
    base = np.zeros((1, 1, 1), np.float32) if before is None else _noise(field, before, runs)
    objective = field.objective[runs].astype(np.float32)
    epoch = (objective + base + noise).argmin(axis=2)[:, :, None]
    luck = np.take_along_axis(noise, epoch, axis=2)[:, :, 0]
    known = np.take_along_axis(np.broadcast_to(base, noise.shape), epoch, axis=2)[:, :, 0]
    at = np.arange(len(objective)), epoch[:, :, 0]
    steep = field.steep[runs][at]
    # Not in single precision: differences between scores may be far smaller than scores.
    plain = (field.objective + field.penalty)[runs][at] + known * steep
    seen = plain + luck * steep
    counts = field.counts[trials]
    means = [np.add.reduceat(v, begins - begins[0], axis=1) / counts for v in (seen, plain, luck)]
    return Picked(*means)


def _noise(field: Field, weights: Floats, runs: slice) -> Singles:
    """What draws add to the objective; (draw, run, epoch)."""
    deviations, folds = field.deviations[runs], field.folds[runs]
    noise = np.empty((weights.shape[1], *deviations.shape[:2]), np.float32)
    for fold in np.unique(folds):
        inside = folds == fold
        parts = deviations[inside].reshape(-1, deviations.shape[2])
        moved = weights[fold].astype(np.float32) @ parts.T
        noise[:, inside] = moved.reshape(len(moved), -1, deviations.shape[1])
    return noise
