"""How often the intervals of bench_attribution.py cover the planted truth."""

import numpy as np
from _planted import TRUTHS, flipped, meets
from _searches import LAYOUTS, ends_of, observe
from _tables import between, head, row

from auditor.attribution import attribute
from auditor.outcomes import Outcome

NOISY = (
    TRUTHS["single, 60 %"],
    TRUTHS["graded"],
    flipped(TRUTHS["pair"], 0.1),
    flipped(TRUTHS["pair + single"], 0.05),
)


def intervals(sweeps):
    """Share of intervals that cover the truth, from the worst of four structures to the best."""
    head("search", "causes", "values", "interactions")
    for layout in ("random", "random, 3 seeds", "random, 1,000", "grid, 3 seeds"):
        found = [coverage(truth, LAYOUTS[layout], sweeps // 4) for truth in NOISY]
        kinds = zip(*found, strict=True)
        row(layout, *(between([sum(hits) / len(hits) for hits in kind]) for kind in kinds))
    for layout in ("grid", "adaptive", "Hyperband", "correlated .4"):
        causes = named(TRUTHS["single"], LAYOUTS[layout], 20)
        printed = sum(cause.interval is not None for cause in causes)
        print(f"\nintervals printed for {layout}: {printed} of {len(causes)} causes")


def named(truth, layout, sweeps):
    for_each = (np.random.default_rng([seed, 7]) for seed in range(sweeps))
    return [
        cause
        for random in for_each
        for cause in attribute(*observe(*ends_of(layout, truth, random), layout.sampler)).causes
    ]


def coverage(truth, layout, sweeps):
    """Whether each interval covers the truth: of causes, of values, and of what pairs add."""
    whole = layout.make(np.random.default_rng(0), 40_000)
    rate = truth.rate(whole) * 1.0
    causes, values, pairs = [], [], []
    for seed in range(sweeps):
        random = np.random.default_rng([seed, 7])
        found = attribute(*observe(*ends_of(layout, truth, random), layout.sampler))
        # One random search in a thousand is taken for one whose values drift: it has no intervals.
        causes += [covers(one, whole, rate) for one in found.causes if one.interval]
        some = [one for one in found.values if one.outcome == Outcome.DIVERGED][::4]
        values += [covers(one, whole, rate) for one in some if one.interval]
        some = [one for one in found.pairs if one.outcome == Outcome.DIVERGED]
        some = some[:: max(1, len(some) // 10)]
        pairs += [adds(one, whole, rate) for one in some if one.interaction_interval]
    return causes, values, pairs


def covers(one, whole, rate):
    met = meets(whole, one.conditions)
    low, high = one.interval
    return low <= rate[met].mean() - rate[~met].mean() <= high


def adds(pair, whole, rate):
    a, b = (meets(whole, (one,)) for one in pair.conditions)
    both, first, second, neither = (rate[c].mean() for c in (a & b, a & ~b, ~a & b, ~a & ~b))
    low, high = pair.interaction_interval
    return low <= both - first - second + neither <= high
