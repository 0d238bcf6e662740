"""What comes nearest to a cause where none stands out, and how many trials would tell."""

from collections.abc import Iterable

from scipy.stats import hypergeom

from auditor.attribution.cause import ANY_FAILURE, Tally
from auditor.attribution.sentences import join_conditions
from auditor.attribution.thresholds import ALPHA, MIN_FAILING, MIN_SEEN, SUSPECT

MOST_TIMES = 20
"""Times the trials at hand up to which it is said how many would be needed."""


def find_nearest(values: Iterable[Tally], trials: int) -> str:
    """The value that comes nearest to a cause of any failure, in words; "" where none does.

    Args:
        values: Counts of every value.
        trials: In the sweep.

    Example:
        >>> find_nearest(few.values, 8)
        'Nearest: lr = 1.0 failed in 2 of 2, all else in 0 of 6; 8 trials are too few ...'
    """
    # Several runs of a trial are no independent evidence on its values.
    tallies = [t for t in values if t.outcome == ANY_FAILURE and _total(t) == trials]
    best = min(tallies, key=_p, default=None)
    if best is None or _p(best) > SUSPECT:
        return ""
    told = (
        f"Nearest: {join_conditions(best.conditions)} failed in {best.failing} of {best.total}, "
        f"all else in {best.failing_elsewhere} of {best.total_elsewhere}"
    )
    # Single values and pairs share the error.
    level = ALPHA / (2 * len(tallies))
    if _is_enough(best, 1, level):
        return f"{told}."
    told += f"; {trials} trials are too few to tell that from chance"
    times = next((n for n in range(2, MOST_TIMES) if _is_enough(best, n, level)), None)
    return f"{told}." if times is None else f"{told}, about {times * trials} at these rates would."


def _is_enough(tally: Tally, times: int, level: float) -> bool:
    seen = times * tally.total >= MIN_SEEN and times * tally.failing >= MIN_FAILING
    return seen and _p(tally, times) <= level


def _p(tally: Tally, times: int = 1) -> float:
    """Fisher's exact one-sided p, of so many times the counts."""
    failing = tally.failing + tally.failing_elsewhere
    counts = (tally.failing - 1 / times, _total(tally), failing, tally.total)
    return float(hypergeom.sf(*(times * count for count in counts)))


def _total(tally: Tally) -> int:
    return tally.total + tally.total_elsewhere
