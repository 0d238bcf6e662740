"""How many validation rows there were: recorded, or told from the steps of the accuracy.

An accuracy on n rows is k/n for a whole number k. A few of its values, printed with enough digits,
fit no small n but the right one and its multiples; each multiple is less likely than n, since all
of its k would share a divisor by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.accuracies import accuracy_of, share
from auditor.trials import Run, Trials, twin

MOST_ROWS = 500_000
"""Numbers of rows that are tried: larger validation sets are rare, and need no error bars."""

MOST_DOUBT = 0.01
"""Probability of another number above which none is told."""

FLOAT32 = 2.0**-23
"""How far an accuracy in single precision may lie from k/n: two units in the last place of 1."""

MOST_DECIMALS = 7
"""Decimals from which single precision, not the print, limits what an accuracy tells."""

MOST_VALUES = 100
"""Different accuracies by which numbers are tried; they must fit all others as well."""

MOST_ALONE = 20
"""Runs that are looked at one by one where those of a sweep fit no common number but a multiple."""


@dataclass(frozen=True)
class Rows:
    """The size of a validation set.

    Attributes:
        rows: How many rows; where told from accuracies, the least number that fits them all.
        values: How many different accuracies it was told from; 0 where it was recorded.
        doubt: Probability of another number; 0 where it was recorded.
    """

    rows: int
    values: int = 0
    doubt: float = 0.0


def inferred_rows(trials: Trials) -> Mapping[Run, Rows]:
    """The validation rows of each run; runs for which they cannot be told are left out.

    Recorded rows win. Otherwise runs of one fold are taken to share a validation set, and are
    looked at one by one only where no number fits them all, or one that does is a multiple of what
    a run shows by itself: sets of several sizes have a common multiple. It takes about seven
    different accuracies, and as many digits as the rows have and one or two more: "0.9648" tells
    768 rows but not 10,000. An average over unequal batches is not a share of rows, and fits
    nothing.

    Example:
        >>> inferred_rows(read("dip_at_epoch_8.log"))[Run("dip_at_epoch_8")].rows
        768
    """
    known = trials.context.validation_rows
    if known is not None:
        return dict.fromkeys(trials.runs, Rows(known))
    column = trials.column(twin(accuracy_of(trials)))
    if not len(column.values):
        return {}
    lengths, folds = np.diff(column.bounds), np.array([run.fold for run in trials.runs])
    found: dict[Run, Rows] = {}
    for fold in np.unique(folds[lengths > 0]):
        places = np.flatnonzero((folds == fold) & (lengths > 0))
        pool = np.isin(column.run, places)
        told = _told(column.values[pool])
        if told and not _is_multiple(told.rows, column.values[pool], column.run[pool]):
            found |= {trials.runs[place]: told for place in places}
        elif len(places) > 1:
            for place in places[:MOST_ALONE]:
                if (alone := _told(column.curve(place).values)) is not None:
                    found[trials.runs[place]] = alone
    return found


def fewer_rows(trials: Trials, than: int) -> Rows | None:
    """The least number of rows that fits all runs, where it is sure that there are fewer than some.

    It takes fewer accuracies than the very number does: some multiple of it may be the right one.
    """
    return _told(trials.column(twin(accuracy_of(trials))).values, than)


def _told(accuracies: NDArray[np.float64], than: int = 0) -> Rows | None:
    """The number of rows that accuracies show; None where that is in doubt.

    Args:
        accuracies: As logged.
        than: Only larger numbers than this, or this, are ruled out.
    """
    shares = share(accuracies)
    values = _sample(shares)
    if not len(values) or (not than and 0.5 ** len(values) > MOST_DOUBT):
        return None
    decimals = _decimals(values)
    berth = _berth(decimals)
    # From 1/2 berth on any number fits; from 1/4 on it is not told, but may stand beside another.
    fitting = np.arange(1, min(MOST_ROWS, int(0.5 / berth)))
    for value in values:
        fitting = fitting[_fits(value, fitting, berth)]
    if not len(fitting) or fitting[0] >= 0.25 / berth:
        return None
    if not _fits(shares, fitting[0], berth).all():
        return None
    rows, others = int(fitting[0]), fitting[1:][fitting[1:] >= than]
    if 0 < than <= rows:
        return None
    # Of k drawn at random a larger number fits less often; and any number fits some noise.
    larger = float(((rows / others) ** len(values)).sum())
    luck = rows * _share_that_fits(rows, decimals, berth) ** len(values)
    doubt = larger + luck
    return Rows(rows, len(values), doubt) if doubt <= MOST_DOUBT else None


def _is_multiple(rows: int, accuracies: NDArray[np.float64], runs: NDArray[np.intp]) -> bool:
    """Whether single runs show that there are fewer rows, such as half as many."""
    shares = share(accuracies)
    berth = _berth(_decimals(_sample(shares)))
    starts = np.flatnonzero(np.diff(runs, prepend=-1))
    for factor in _prime_factors(rows):
        fits = np.logical_and.reduceat(_fits(shares, rows // factor, berth), starts)
        for run in runs[starts][fits].tolist():
            luck = len(starts) * float(factor) ** -len(_sample(shares[runs == run]))
            if luck <= MOST_DOUBT:
                return True
    return False


def _prime_factors(number: int) -> set[int]:
    found, factor = set(), 2
    while factor * factor <= number:
        if number % factor:
            factor += 1
        else:
            found.add(factor)
            number //= factor
    return found | {number} - {1}


def _sample(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most `MOST_VALUES` different ones of them, but for 0 and 1, which fit any number."""
    shares = shares[(shares > 0) & (shares < 1)]
    values = np.unique(shares[:: max(1, len(shares) // (10 * MOST_VALUES))])
    places = np.linspace(0, len(values) - 1, min(len(values), MOST_VALUES)).astype(int)
    return np.asarray(values[places])


def _berth(decimals: int) -> float:
    """How far a share with so many decimals may lie from k/n."""
    return FLOAT32 + (0.5 * 10.0**-decimals if decimals < MOST_DECIMALS else 0.0)


def _fits(
    shares: NDArray[np.float64] | np.float64, rows: NDArray[np.intp] | np.intp | int, berth: float
) -> NDArray[np.bool_]:
    """Whether shares are k/n, within a berth, for a whole k."""
    with np.errstate(over="ignore", invalid="ignore"):  # of what is no share at all
        right = shares * rows
        return np.asarray(np.abs(right - np.rint(right)) <= rows * berth)


def _decimals(values: NDArray[np.float64]) -> int:
    """To how many decimals they were printed; `MOST_DECIMALS` stands for all digits."""
    for decimals in range(1, MOST_DECIMALS):
        scaled = values * 10.0**decimals
        # Percents divided by 100 are off by a rounding error.
        if (np.abs(scaled - np.rint(scaled)) < 1e-6).all():
            return decimals
    return MOST_DECIMALS


def _share_that_fits(rows: int, decimals: int, berth: float) -> float:
    """The share of all numbers with so many decimals that are k/n by luck."""
    if decimals == MOST_DECIMALS:
        return 2 * rows * berth
    return float(_fits(np.arange(10**decimals) / 10**decimals, rows, berth).mean())
