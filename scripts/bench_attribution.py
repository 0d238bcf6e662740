#!/usr/bin/env python
"""How often planted causes are found, how often something else is named, and what intervals hold.

    python scripts/bench_attribution.py [--part null found curve intervals time baselines]
        [--sweeps 400 | --quick] [--taskset FOLDER]

Prints the tables of docs/attribution.md. precision: share of the named causes that are planted.
recall: share of the planted causes that are named. false: share of the sweeps that name anything
that is not planted. bystander: share of the sweeps that name a hyperparameter that does nothing.
Baselines are those that are installed, of optuna, pysubgroup and sliceline:
`pip install optuna pysubgroup sliceline`. All of it takes one core for hours, most of them for the
sweeps of 10,000 trials; --quick, of 16 sweeps each, some minutes.
"""

import argparse
import resource
import time
from collections import Counter

import numpy as np
from _coverage import intervals
from _planted import TRUTHS, flipped, is_planted, text
from _searches import LAYOUTS, conditional, ends_of, observe
from _tables import head, row, short
from _taskset import taskset

from auditor.attribution import attribute, search
from auditor.outcomes import Outcome

ONE = (Outcome.DIVERGED,)
THREE = (Outcome.OVERFIT, Outcome.NEVER_LEARNED, Outcome.DIVERGED)

NULLS = (
    *(("72, grid", "grid", ONE), ("72, grid, 3 seeds", "grid, 3 seeds", ONE)),
    *(("65, grid, 10 % missing", "grid, 10 % missing", ONE), ("200, random", "random", ONE)),
    *(("200, adaptive", "adaptive", ONE), ("1,000, random", "random, 1,000", ONE)),
    *(
        ("72, grid, three outcomes", "grid", THREE),
        ("200, random, three outcomes", "random", THREE),
    ),
    ("10,000, random, 15 hyperparameters", "random, 10,000", ONE),
)
"""What is searched where there is nothing to find: name, layout, outcomes."""

NOISELESS = (
    *("single", "threshold", "pair", "pair + single", "two pairs", "overlapping pairs"),
    *("either of two", "three-way", "XOR"),
)
SEARCHES = ("grid", "grid, 10 % missing", "grid, cut off", "random", "adaptive", "Hyperband")

LEVELS = (1.0, 0.3, 0.2, 0.1, 0.05, 0.02)
"""Levels of the parent test on the operating curve; at 1 it lets everything pass."""

CURVES = (
    ([flipped(TRUTHS["pair + single"], s) for s in (0.05, 0.1)], "grid", ".91 / –", ".86 / –"),
    ([TRUTHS["graded"]], "grid", "– / .23", "– / .08"),
    ([TRUTHS["graded"]], "random", "", ""),
    ([TRUTHS["graded"]], "correlated .4", "", ""),
    ([TRUTHS["graded"]], "correlated .8", "– / .28", "– / .2"),
    ([TRUTHS["single"]], "correlated .8", "", ""),
    ([TRUTHS["graded"]], "adaptive", "", ""),
)
"""Truths, layout, and the points of a prototype: without a parent test, and with it."""


def measure(truth, layout, sweeps, kinds=ONE):
    """Precision, recall, shares of sweeps with false claims and bystanders; levels of evidence."""
    tally, evidence = Counter(), set()
    for seed in range(sweeps):
        causes = causes_of(truth, layout, seed, kinds)
        names = {text(cause) for cause in causes}
        evidence |= {cause.evidence for cause in causes}
        good = {name for name in names if is_planted(name, truth)}
        used = {part.split()[0] for name in names for part in name.split(" & ")}
        tally["named"] += len(names)
        tally["good"] += len(good)
        tally["found"] += sum(
            any(is_planted(name, truth._replace(causes=(one,))) for name in names)
            for one in truth.causes
        )
        tally["false"] += bool(names - good)
        tally["bystander"] += bool(used - truth.relevant)
    return {
        "precision": tally["good"] / tally["named"] if tally["named"] else float("nan"),
        "recall": tally["found"] / (sweeps * len(truth.causes)) if truth.causes else float("nan"),
        "false": tally["false"] / sweeps,
        "bystander": tally["bystander"] / sweeps,
        "evidence": evidence,
    }


def causes_of(truth, layout, seed, kinds=ONE):
    random = np.random.default_rng([seed, 7])
    columns, ends = ends_of(layout, truth, random)
    failures = [kinds[kind] for kind in random.integers(len(kinds), size=len(ends))]
    return attribute(*observe(columns, ends, layout.sampler, failures)).causes


def null(sweeps):
    """Nothing to find: share of sweeps that name anything, by how many trials fail."""
    limit = 0.05 + 2 * (0.05 * 0.95 / sweeps) ** 0.5
    head("searched", *(f"{rate:.0%} fail" for rate in (0.02, 0.1, 0.3)))
    highest = 0
    for name, layout, kinds in NULLS:
        false = [
            measure(TRUTHS[f"nothing, {rate:.0%} fail"], LAYOUTS[layout], sweeps, kinds)["false"]
            for rate in (0.02, 0.1, 0.3)
        ]
        row(name, *(short(share, 3) for share in false))
        highest = max(highest, *false)
    verdict = "holds" if highest <= limit else "DOES NOT HOLD"
    print(
        f"\n{sweeps} sweeps each; at most 5 % and two standard errors, {short(limit, 3)}: {verdict}"
    )


def found(sweeps):
    """Every structure in every search: recall / false."""
    head("planted", *SEARCHES)
    evidence = {layout: set() for layout in SEARCHES}
    for name in NOISELESS:
        cells = []
        for layout in SEARCHES:
            m = measure(TRUTHS[name], LAYOUTS[layout], 1 if layout == "grid" else sweeps // 8)
            evidence[layout] |= m["evidence"]
            cells.append(cell((m["recall"], m["false"])))
        row(name, *cells)
    row("evidence", *(", ".join(sorted(evidence[layout])) for layout in SEARCHES))
    with_noise(sweeps // 4)
    columns, ends, space = conditional(None)
    causes = attribute(*observe(columns, ends, "grid", space=space)).causes
    print("\nconditional child momentum == 0.9:", [text(cause) for cause in causes])


def with_noise(sweeps):
    head("planted", "search", "precision", "recall", "false")
    pairs = [flipped(TRUTHS[name], s) for name in ("pair", "pair + single") for s in (0.05, 0.1)]
    cases = [
        *((truth, layout, ONE) for layout in ("grid", "random") for truth in
          (*pairs, TRUTHS["single, 60 %"], TRUTHS["graded"])),
        (TRUTHS["pair at 1/36"], "random, six by six", ONE),
        *((truth, layout, ONE)
          for layout in ("grid, 3 seeds", "grid, aliased", "grid, 30 labels", "random, 1,000")
          for truth in (TRUTHS["single, 60 %"], pairs[2])),
        *((TRUTHS[name], layout, THREE) for layout in ("grid", "random")
          for name in ("pair", "pair + single", "two pairs", "overlapping pairs", "three-way")),
    ]  # fmt: skip
    for truth, layout, kinds in cases:
        m = measure(truth, LAYOUTS[layout], sweeps, kinds)
        outcomes = "" if kinds is ONE else ", three outcomes"
        row(truth.name + outcomes, layout, *(short(m[k]) for k in ("precision", "recall", "false")))


def curve(sweeps):
    """Recall / bystander, as the level of the parent test goes down."""
    head("", *map(short, LEVELS), "prototype, no parent test", "with it")
    usual = search.MATTERS
    for truths, layout, *prototype in CURVES:
        points = np.empty((len(truths), len(LEVELS), 2))
        for place, truth in enumerate(truths):
            for number, search.MATTERS in enumerate(LEVELS):
                m = measure(truth, LAYOUTS[layout], sweeps // 2)
                points[place, number] = m["recall"], m["bystander"]
            told = ("", "") if len(truths) > 1 else prototype
            row(f"{truth.name}, {layout}", *map(cell, points[place]), *told)
        if len(truths) > 1:
            row("mean of these", *map(cell, points.mean(axis=0)), *prototype)
    search.MATTERS = usual


def cell(point):
    return " / ".join(map(short, point))


def timed(sweeps):
    """Seconds, the fastest of three, and the peak of memory."""
    head("search", "trials x hyperparameters", "planted", "s", "s of processor time", "limit, s")
    truths = (flipped(TRUTHS["pair + single"], 0.05), TRUTHS["nothing, 30% fail"])
    for layout, limit in {"grid": 0.2, "random": 1.0, "random, 10,000": 5.0}.items():
        for truth in truths:
            columns, ends = ends_of(LAYOUTS[layout], truth, np.random.default_rng(0))
            observed = observe(columns, ends, LAYOUTS[layout].sampler)
            seconds, used = [], []
            for _ in range(3):
                begun, before = time.perf_counter(), time.process_time()
                attribute(*observed)
                seconds.append(time.perf_counter() - begun)
                used.append(time.process_time() - before)
            times = (f"{min(some):.2f}" for some in (seconds, used))
            row(layout, f"{len(ends)} x {len(columns)}", truth.name, *times, limit)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"\npeak memory {peak:.0f} MB (limit 1,000)")


def baselines(sweeps):
    """What others put first: share of planted sets named / of sweeps with any other set."""
    from _baselines import methods, missing

    for name in missing():
        print(f"{name} is not installed and left out")
    cases = [
        (TRUTHS["single"], "grid"),
        (TRUTHS["pair"], "grid"),
        (flipped(TRUTHS["pair"], 0.05), "grid"),
        (flipped(TRUTHS["pair + single"], 0.05), "grid"),
        (TRUTHS["graded"], "correlated .8"),
        (flipped(TRUTHS["pair"], 0.05), "random"),
        (TRUTHS["nothing, 10% fail"], "grid"),
    ]
    head("", *(f"{truth.name}, {layout}" for truth, layout in cases))
    for method, find in {"auditor": ours, **methods()}.items():
        shares = [compared(find, truth, LAYOUTS[layout], sweeps // 8) for truth, layout in cases]
        row(method, *map(cell, shares))


def compared(find, truth, layout, sweeps):
    """Share of the planted sets of hyperparameters that are named, and of sweeps with any other."""
    sets = {frozenset(p.split()[0] for p in c.split(" & ")) for c in truth.causes}
    everything = frozenset(truth.relevant)
    right = false = 0
    for seed in range(sweeps):
        columns, ends = ends_of(layout, truth, np.random.default_rng([seed, 7]))
        claims = find(columns, ends[:, 0], layout.sampler, len(truth.relevant))
        right += len(sets) if everything in claims else len(claims & sets)
        false += bool(claims - sets - {everything})
    return right / (sweeps * len(sets)) if sets else float("nan"), false / sweeps


def ours(columns, ends, sampler, count):
    causes = attribute(*observe(columns, ends[:, None], sampler)).causes
    return {frozenset(c.hyperparameter for c in cause.conditions) for cause in causes}


PARTS = {
    "null": null,
    "found": found,
    "curve": curve,
    "intervals": intervals,
    "time": timed,
    "baselines": baselines,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sweeps", type=int, default=400)
    parser.add_argument("--quick", action="store_true", help="16 sweeps each")
    parser.add_argument("--taskset", metavar="FOLDER")
    given = parser.parse_args()
    sweeps = 16 if given.quick else given.sweeps
    for part in given.part if not given.taskset else ():
        print(f"\n== {part}: {PARTS[part].__doc__.splitlines()[0]}", flush=True)
        PARTS[part](sweeps)
    if given.taskset:
        taskset(given.taskset, sweeps)
