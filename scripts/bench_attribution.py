#!/usr/bin/env python
"""How often planted causes are found, how often something else is named, and what intervals hold.

    python scripts/bench_attribution.py [--part null found curve intervals time baselines]
        [--sweeps 400] [--taskset FOLDER]

precision: share of the named causes that are planted. recall: share of the planted causes that are
named. false: share of the sweeps that name anything that is not planted. bystander: share of the
sweeps that name a hyperparameter that does nothing. Baselines are those that are installed, of
optuna, pysubgroup and sliceline: `pip install optuna pysubgroup sliceline`.
"""

import argparse
import resource
import time
from collections import Counter

import numpy as np
from _planted import (
    LAYOUTS,
    TRUTHS,
    conditional,
    ends_of,
    flipped,
    is_planted,
    meets,
    observe,
    text,
)
from _taskset import taskset

from auditor.attribution import attribute, search
from auditor.outcomes import Outcome

PARTS = ("null", "found", "curve", "intervals", "time", "baselines")

NOISELESS = (
    *("single", "threshold", "pair", "pair + single", "two pairs", "overlapping pairs"),
    *("either of two", "three-way", "XOR"),
)
NOISY = ("pair", "pair + single")
SEARCHES = ("grid", "grid, 10 % missing", "grid, cut off", "random", "adaptive", "Hyperband")
LEVELS = (1.0, 0.3, 0.1, 0.05, 0.02)
"""Levels of the parent test on the operating curve; at 1 it lets everything pass."""


def measure(truth, layout, sweeps, kinds=(Outcome.DIVERGED,)):
    """Precision, recall, shares of sweeps with false claims and bystanders, claims, seconds."""
    tally, evidence, seconds = Counter(), Counter(), 0.0
    for seed in range(sweeps):
        random = np.random.default_rng([seed, 7])
        observed = observe(*ends_of(layout, truth, random), layout.sampler, kinds)
        begun = time.perf_counter()
        causes = attribute(*observed).causes
        seconds += time.perf_counter() - begun
        names = {text(cause) for cause in causes}
        evidence.update(cause.evidence for cause in causes)
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
        "ms": 1000 * seconds / sweeps,
        "evidence": dict(evidence),
    }


def line(name, layout, found, tail=""):
    numbers = "".join(f"{found[key]:10.3f}" for key in ("precision", "recall", "false"))
    print(f"{name:28}{layout:20}{numbers}{found['bystander']:10.3f}{found['ms']:8.0f}  {tail}")


def heading():
    print(f"\n{'planted':28}{'search':20}", end="")
    print("".join(f"{key:>10}" for key in ("precision", "recall", "false", "bystander")), "     ms")


def null(sweeps):
    """Nothing to find: at most 5 % may name anything, plus two standard errors."""
    limit = 0.05 + 2 * (0.05 * 0.95 / sweeps) ** 0.5
    heading()
    for layout in ("grid", "grid, 3 seeds", "grid, 10 % missing", "random", "random, 1,000",
                   "adaptive"):  # fmt: skip
        for rate in (0.02, 0.1, 0.3):
            found = measure(TRUTHS[f"nothing, {rate:.0%} fail"], LAYOUTS[layout], sweeps)
            verdict = "holds" if found["false"] <= limit else "DOES NOT HOLD"
            line(f"nothing, {rate:.0%} fail", layout, found, f"<= {limit:.3f} {verdict}")
    kinds = (Outcome.OVERFIT, Outcome.NEVER_LEARNED, Outcome.DIVERGED)
    for layout in ("grid", "random"):
        for rate in (0.02, 0.1, 0.3):
            found = measure(TRUTHS[f"nothing, {rate:.0%} fail"], LAYOUTS[layout], sweeps, kinds)
            verdict = "holds" if found["false"] <= limit else "DOES NOT HOLD"
            line(f"the same, {rate:.0%}, 3 outcomes", layout, found, f"<= {limit:.3f} {verdict}")


def found(sweeps):
    """Every structure in every search."""
    heading()
    for layout in SEARCHES:
        for name in NOISELESS:
            some = 1 if layout == "grid" else max(10, sweeps // 8)
            show(TRUTHS[name], LAYOUTS[layout], some)
    for layout in ("grid", "random"):
        for name in NOISY:
            for share in (0.05, 0.1):
                show(flipped(TRUTHS[name], share), LAYOUTS[layout], sweeps // 2)
        show(TRUTHS["single, 60 %"], LAYOUTS[layout], sweeps // 2)
        show(TRUTHS["graded"], LAYOUTS[layout], sweeps // 2)
    show(TRUTHS["pair at 1/36"], LAYOUTS["random, six by six"], sweeps // 2)
    for layout in ("grid, 3 seeds", "grid, aliased", "grid, 30 labels", "random, 1,000"):
        show(TRUTHS["single, 60 %"], LAYOUTS[layout], sweeps // 8)
        show(flipped(TRUTHS["pair + single"], 0.05), LAYOUTS[layout], sweeps // 8)
    columns, ends, space = conditional(None)
    causes = attribute(*observe(columns, ends, "grid", space=space)).causes
    print("conditional child momentum == 0.9:", [text(cause) for cause in causes])


def show(truth, layout, sweeps):
    found = measure(truth, layout, sweeps)
    line(truth.name, layout.name, found, ", ".join(found["evidence"]))


def curve(sweeps):
    """Recall against bystanders, as the level of the parent test goes down."""
    cases = (
        *((flipped(TRUTHS["pair + single"], s), "grid") for s in (0.05, 0.1)),
        (TRUTHS["graded"], "grid"),
        (TRUTHS["graded"], "random"),
        (TRUTHS["graded"], "correlated .4"),
        (TRUTHS["graded"], "correlated .8"),
        (TRUTHS["single"], "correlated .8"),
        (TRUTHS["graded"], "adaptive"),
    )
    usual = search.MATTERS
    for truth, layout in cases:
        print(f"\n{truth.name}, {layout}: level of the parent test, recall, bystander, precision")
        for level in LEVELS:
            search.MATTERS = level
            m = measure(truth, LAYOUTS[layout], sweeps)
            print(f"{level:6}{m['recall']:8.3f}{m['bystander']:8.3f}{m['precision']:8.3f}")
    search.MATTERS = usual


def intervals(sweeps):
    """How often intervals cover the truth: of causes, of single values, of what pairs add."""
    print(f"\n{'planted':28}{'search':20}{'causes':>16}{'values':>16}{'interactions':>16}")
    for layout in ("random", "random, 3 seeds", "random, 1,000", "grid, 3 seeds"):
        for truth in (
            TRUTHS["single, 60 %"],
            TRUTHS["graded"],
            flipped(TRUTHS["pair"], 0.1),
            flipped(TRUTHS["pair + single"], 0.05),
        ):
            print(f"{truth.name:28}{layout:20}", end="")
            for hits, total in coverage(truth, LAYOUTS[layout], sweeps):
                print(f"{hits / max(1, total):8.3f} ({total:5})", end="")
            print(flush=True)
    for layout in ("grid", "adaptive", "Hyperband", "correlated .4"):
        causes = named(TRUTHS["single"], LAYOUTS[layout], 20)
        printed = sum(cause.interval is not None for cause in causes)
        print(f"intervals printed for {layout}: {printed} of {len(causes)} causes")


def named(truth, layout, sweeps):
    for_each = (np.random.default_rng([seed, 7]) for seed in range(sweeps))
    return [
        cause
        for random in for_each
        for cause in attribute(*observe(*ends_of(layout, truth, random), layout.sampler)).causes
    ]


def coverage(truth, layout, sweeps):
    """Covered and all, for causes, values and pairs."""
    whole = layout.make(np.random.default_rng(0), 40_000)
    rate = truth.rate(whole) * 1.0
    hits = {"causes": [], "values": [], "pairs": []}
    for seed in range(sweeps):
        random = np.random.default_rng([seed, 7])
        found = attribute(*observe(*ends_of(layout, truth, random), layout.sampler))
        for cause in found.causes:
            met = meets(whole, cause.conditions)
            low, high = cause.interval
            hits["causes"].append(low <= rate[met].mean() - rate[~met].mean() <= high)
        for value in found.values[::7]:
            met = meets(whole, value.conditions)
            if value.interval and value.outcome == "diverged":
                low, high = value.interval
                hits["values"].append(low <= rate[met].mean() - rate[~met].mean() <= high)
        for pair in found.pairs[:: max(1, len(found.pairs) // 10)]:
            if pair.interaction_interval and pair.outcome == "diverged":
                a, b = (meets(whole, (one,)) for one in pair.conditions)
                cells = [rate[cell].mean() for cell in (a & b, a & ~b, ~a & b, ~a & ~b)]
                low, high = pair.interaction_interval
                hits["pairs"].append(low <= cells[0] - cells[1] - cells[2] + cells[3] <= high)
    return [(sum(found), len(found)) for found in hits.values()]


def timed(sweeps):
    """Seconds, the fastest of three, and the peak of memory."""
    limits = {"grid": 0.2, "random": 1.0, "random, 10,000": 5.0}
    for layout, limit in limits.items():
        for name in ("pair + single, 5% flipped", "nothing, 30% fail"):
            truth = flipped(TRUTHS["pair + single"], 0.05) if "flipped" in name else TRUTHS[name]
            random = np.random.default_rng(0)
            columns, ends = ends_of(LAYOUTS[layout], truth, random)
            observed = observe(columns, ends, LAYOUTS[layout].sampler)
            seconds, used = [], []
            for _ in range(3):
                begun, before = time.perf_counter(), time.process_time()
                attribute(*observed)
                seconds.append(time.perf_counter() - begun)
                used.append(time.process_time() - before)
            size = f"{len(ends)} x {len(columns)}"
            print(f"{layout:16}{size:12}{name:28}{min(seconds):7.3f} s (limit {limit} s)", end="")
            print(f", {min(used):.3f} s of processor time")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"peak memory {peak:.0f} MB (limit 1,000)")


def baselines(sweeps):
    """What others put first, on the same sweeps."""
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
    print("\nshare of planted sets of hyperparameters that are named; of sweeps with any other set")
    for truth, layout in cases:
        print(f"\n{truth.name}, {layout}")
        sets = {frozenset(p.split()[0] for p in c.split(" & ")) for c in truth.causes}
        for method, find in {"auditor": ours, **methods()}.items():
            right = false = 0
            for seed in range(sweeps):
                random = np.random.default_rng([seed, 7])
                columns, ends = ends_of(LAYOUTS[layout], truth, random)
                claims = find(columns, ends[:, 0], LAYOUTS[layout].sampler, len(truth.relevant))
                everything = frozenset(truth.relevant)
                right += len(sets) if everything in claims else len(claims & sets)
                false += bool(claims - sets - {everything})
            recall = right / (sweeps * len(sets)) if sets else float("nan")
            print(f"  {method:34}{recall:7.2f}{false / sweeps:7.2f}", flush=True)


def ours(columns, ends, sampler, count):
    causes = attribute(*observe(columns, ends[:, None], sampler)).causes
    return {frozenset(c.hyperparameter for c in cause.conditions) for cause in causes}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sweeps", type=int, default=400)
    parser.add_argument("--taskset", metavar="FOLDER")
    given = parser.parse_args()
    does = {"null": null, "found": found, "curve": curve, "intervals": intervals, "time": timed,
            "baselines": baselines}  # fmt: skip
    for part in given.part if not given.taskset else ():
        print(f"\n== {part}: {does[part].__doc__.splitlines()[0]}", flush=True)
        does[part](given.sweeps)
    if given.taskset:
        taskset(given.taskset, given.sweeps)
