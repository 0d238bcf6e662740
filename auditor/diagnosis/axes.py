"""Hyperparameters as axes: where trials stand on those whose values have an order."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.finding import Judged
from auditor.files import Json, to_json
from auditor.trials import Hyperparameter

Floats = NDArray[np.float64]
Parts = NDArray[np.intp]

LEAST_VALUES = 3
"""Different values below which there is no trend towards an end."""

MOST_VALUES = 10
"""Different values up to which each is compared by itself; more are cut into parts."""

RANGE_PARTS = 5
"""Parts of equal width that a range of more values is cut into."""

LOGARITHMIC = 100.0
"""Times the smallest value above which the largest makes positive numbers a logarithmic range."""

MOST_CATEGORIES = 50
"""Different values above which a hyperparameter is a label, which nothing is held equal by."""


class Axis(NamedTuple):
    """A hyperparameter whose values are ordered, as its trials stand on it.

    Attributes:
        name: Its name.
        values: Value of each trial; NaN where it does not exist; (trial,).
        edges: Ends of its parts on the scale of `places`; empty where each value is a part.
        places: Where each trial stands: the value, or its logarithm; (trial,).
        is_log: Whether that is the logarithm.
        levels: Its different values, ascending.
        naturals: Whether its lower and its upper end cannot be passed.
    """

    name: str
    values: Floats
    edges: Floats
    places: Floats
    is_log: bool
    levels: Floats
    naturals: tuple[bool, bool]

    @property
    def parts(self) -> Parts:
        """The part of each trial, from 0; one more for trials without the hyperparameter."""
        if not len(self.edges):
            return np.searchsorted(self.levels, self.values)  # NaN sorts last
        inside = np.searchsorted(self.edges[1:-1], self.places, side="right")
        return np.where(np.isnan(self.places), len(self.edges) - 1, inside)

    def limit(self, upper: bool) -> float:
        """The value at one end of what was tried, or of a range."""
        place = -1 if upper else 0
        return self.value(self.edges[place]) if len(self.edges) else float(self.levels[place])

    def value(self, place: float) -> float:
        """The value that stands at a place."""
        return math.exp(place) if self.is_log else float(place)


def find_factors(seen: Judged, trials: Sequence[str]) -> Iterator[Axis | Parts]:
    """All hyperparameters that vary: those with an order as axes, others as codes."""
    rows = [seen.trials.hyperparameters[trial] for trial in trials]
    declared = {axis.name: axis for axis in seen.trials.space}
    names = dict.fromkeys(name for several in dict.fromkeys(map(tuple, rows)) for name in several)
    for name in names:
        values = [row.get(name) for row in rows]
        axis = _axis(name, values, declared.get(name))
        if axis is not None:
            yield axis
            continue
        texts = [value if type(value) is str else to_json(value) for value in values]
        codes = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        if 1 < len(codes) <= MOST_CATEGORIES:
            yield np.array([codes[text] for text in texts], np.intp)


def _axis(name: str, values: Sequence[Json], declared: Hyperparameter | None) -> Axis | None:
    """None where its values have no order, or are too few."""
    if declared is not None and declared.kind == "choice" and not declared.ordered:
        return None
    kinds = set(map(type, values))
    if not kinds <= {int, float, type(None)}:
        return None
    try:
        numbers = np.array(values, np.float64)  # None is NaN: the trial does not have it
    except OverflowError:  # an integer of hundreds of digits
        return None
    if np.isinf(numbers).any():
        return None
    levels = np.unique(numbers[~np.isnan(numbers)])
    if len(levels) < LEAST_VALUES:
        return None
    low, high = _range(levels, declared)
    log = low > 0 and (
        high / low >= LOGARITHMIC or (declared is not None and declared.sampling == "log")
    )
    places = np.log(numbers) if log else numbers
    ends = (math.log(low), math.log(high)) if log else (low, high)
    edges = np.linspace(*ends, RANGE_PARTS + 1) if len(levels) > MOST_VALUES else np.empty(0)
    # Nothing is below 0, and no count is below 1; a share of 1 is all there is.
    naturals = (low == 0 or (float not in kinds and low == 1), high == 1 and not log and low >= 0)
    return Axis(name, numbers, edges, places, bool(log), levels, naturals)


def _range(levels: Floats, declared: Hyperparameter | None) -> tuple[float, float]:
    """What could be tried: as declared, but not less than what was."""
    low, high = float(levels[0]), float(levels[-1])
    if declared is None:
        return low, high
    told = [v for v in (declared.low, declared.high) if v is not None and math.isfinite(v)]
    return min([low, *told]), max([high, *told])
