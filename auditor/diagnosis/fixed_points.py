"""Losses that a classifier cannot leave behind, by arithmetic alone; in nats, mean over rows.

With p the probability that a model gives to the right one of K classes, cross-entropy costs a row
-ln p. What follows holds for any model and any data. Arguments may be arrays.
"""

import math
from typing import Any

import numpy as np


def least_cross_entropy(error: Any) -> Any:
    """The least plain cross-entropy at an error rate (1 - accuracy): error ln 2.

    The right class of a wrong row is not the likeliest, so that its p is at most 1/2.
    """
    return error * math.log(2)


def floor_of_softmax_twice(classes: Any) -> Any:
    """The least loss where a softmax is applied to probabilities: ln(1 + (K - 1) / e).

    With the probabilities q as logits a row costs ln(sum of exp q) less q of the right class. That
    is least where q is 1 for the right class and 0 for the others, ln(e + K - 1) - 1, and largest
    where it is 1 for a wrong one: just 1 more. A model that is sure of every row is therefore at
    the floor and 1 per wrong row.
    """
    return np.log1p((classes - 1) / math.e)


def classes_of_floor(floor: Any) -> Any:
    """The K, not a whole number in general, whose floor that is."""
    return 1 + math.e * np.expm1(floor)


def floor_of_label_smoothing(classes: int, smoothing: float) -> float:
    """The least cross-entropy with smoothed labels: their entropy.

    The right class is asked to have 1 - s + s/K, each other one s/K; no model does better than to
    answer just that.
    """
    other = smoothing / classes
    right = 1 - smoothing + other
    return -right * math.log(right) - (classes - 1) * other * math.log(other)
