"""Sweeps with a planted truth for bench_attribution.py: what fails, and what should be named."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# What fails: how often each configuration does, and what should be named for it


class Truth(NamedTuple):
    """What is planted.

    `rate` is of columns, by name; `causes` are regular expressions, since where a range is cut
    depends on the sample, one per cause.
    """

    name: str
    rate: Callable[[dict], np.ndarray]
    causes: tuple[str, ...] = ()

    @property
    def relevant(self):
        """The hyperparameters of the causes."""
        return {part.split()[0] for cause in self.causes for part in cause.split(" & ")}


def high(c):
    return c["lr"] >= 0.05


def sigmoid(c):
    return c["activation"] == "sigmoid"


def normal(c):
    return c["initializer"] == "normal"


def graded(c):
    """Thirds of the learning rates, on the logarithmic scale from 1e-4 to 1 or on the grid."""
    third = np.digitize(np.log10(c["lr"]), [-2.5, -1.5])
    return np.array([0.1, 0.4, 0.8])[third]


HIGH = r"lr (==|>=) \S+"
PAIR = rf"activation == sigmoid & {HIGH}"
SINGLE = "initializer == normal"


def nothing(rate):
    return Truth(f"nothing, {rate:.0%} fail", lambda c: np.full(len(c["lr"]), rate))


TRUTHS = {
    truth.name: truth
    for truth in (
        *map(nothing, (0.02, 0.1, 0.3)),
        Truth("single", high, (HIGH,)),
        Truth("single, 60 %", lambda c: 0.6 * high(c), (HIGH,)),
        Truth("threshold", lambda c: c["lr"] >= 0.005, (r"lr >= \S+",)),
        Truth("pair", lambda c: high(c) & sigmoid(c), (PAIR,)),
        Truth("pair + single", lambda c: high(c) & sigmoid(c) | normal(c), (PAIR, SINGLE)),
        Truth(
            "two pairs",
            lambda c: high(c) & sigmoid(c) | normal(c) & (c["dropout"] == 0.5),
            (PAIR, f"dropout == 0.5 & {SINGLE}"),
        ),
        Truth(
            "overlapping pairs",
            lambda c: high(c) & (sigmoid(c) | normal(c)),
            (PAIR, f"{SINGLE} & {HIGH}"),
        ),
        Truth("either of two", lambda c: high(c) | sigmoid(c), (HIGH, "activation == sigmoid")),
        Truth(
            "three-way",
            lambda c: high(c) & sigmoid(c) & normal(c),
            (f"activation == sigmoid & {SINGLE} & {HIGH}",),
        ),
        Truth(
            "XOR",
            lambda c: (c["units"] == 16) != (c["dropout"] == 0.0),
            ("dropout == 0.5 & units == 16", "dropout == 0.0 & units == 32"),
        ),
        Truth("graded", graded, (HIGH,)),
        Truth(
            "pair at 1/36",
            lambda c: (c["k0"] == "a") & (c["k1"] == "a"),
            ("k0 == a & k1 == a",),
        ),
    )
}


def flipped(truth, share):
    """The same with a share of the outcomes turned round."""
    name = f"{truth.name}, {share:.0%} flipped"
    return truth._replace(name=name, rate=lambda c: truth.rate(c) * (1 - 2 * share) + share)


# What was named


def text(cause):
    parts = [f"{c.hyperparameter} {c.operator} {c.value}" for c in cause.conditions]
    return " & ".join(sorted(parts))


def is_planted(name, truth):
    return any(re.fullmatch(cause, name) for cause in truth.causes)


def meets(columns, conditions):
    tests = {"==": np.equal, "<=": np.less_equal, ">=": np.greater_equal}
    found = np.ones(len(columns["lr"]), bool)
    for c in conditions:
        found &= tests[c.operator](columns[c.hyperparameter], c.value)
    return found
