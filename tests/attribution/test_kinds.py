"""One cause that shows in several ways is told once, whole, and as any failure."""

import numpy as np

from auditor.attribution.cause import ANY_FAILURE
from tests.attribution.planted import explain, grid, sweep


def overlapping(v):
    return v["lr"] == 1.0 and (v["activation"] == "sigmoid" or v["initializer"] == "normal")


def outcomes_named(seed):
    """The outcomes of all causes, where two pairs overlap and each failure is drawn of three."""
    random = np.random.default_rng(seed)
    kinds = ["overfit", "never learned", "diverged"]
    ends = lambda v: str(random.choice(kinds)) if overlapping(v) else "ok"  # noqa: E731
    return [cause.outcome for cause in explain(sweep(grid(), ends)).causes]


def test_no_part_of_it_is_told_as_a_cause_of_one_outcome():
    told = [outcomes_named(seed) == [ANY_FAILURE, ANY_FAILURE] for seed in range(8)]
    assert sum(told) >= 7
