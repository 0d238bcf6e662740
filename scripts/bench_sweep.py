#!/usr/bin/env python
"""The same trials through KerasTuner, KerasTuner with steps_per_execution, and auditor's two lanes.

Each arm runs in a process of its own, in turn. What is counted is everything inside `search()`:
compilation, validation, scoring, files. Cold is the first search of a process, warm a second one
in it. KerasTuner and the fit lane train a part of the trials, spread evenly over the grid; the
others are added at the median time of a trial. Quote the ratios: machines differ and are shared.

    python scripts/bench_sweep.py [--case a b c d] [--repeats 1] [--json FILE]
    python scripts/bench_sweep.py --growth 8 32 128 512

KERAS_BACKEND chooses the backend, as for Keras. All cases once take about 15 minutes on two cores.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import _bench
from _bench import STEPS, estimated, in_fresh_process
from _cases import CASES

PLAIN, STACKED = "KerasTuner", "auditor, stacked"
ARMS = {
    PLAIN: {"lane": None, "steps": 1},
    f"KerasTuner, steps_per_execution={STEPS}": {"lane": None, "steps": STEPS},
    "auditor, fit lane": {"lane": "fit", "steps": 1},
    STACKED: {"lane": "auto", "steps": 1},
}
GROWTH = [8, 32, 128, 512]
CONVERGED = 0.95
"""A trial counts in the agreement if its best loss is below this share of the no-skill loss."""


def sgemm():
    """GFLOP/s of NumPy's float32 matrix product on all cores, the best of some."""
    import numpy as np

    size, best = 2048, float("inf")
    one = np.random.default_rng(0).normal(size=(size, size)).astype("float32")
    for _ in range(10):
        begun = time.perf_counter()
        one @ one
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best / 1e9


def run(job):
    """In the process that is measured."""
    if job["kind"] == "facts":
        import keras

        found = {
            "peak_gflops": round(sgemm()),
            "backend": keras.config.backend(),
            **_bench.versions(),
        }
    else:
        found = _bench.search(job)
    _bench.finish_job(found)


def job_of(name, arm, options):
    """What one arm does with one case."""
    case = CASES[name]
    kerastuner, fit = case.subset
    subset = {None: options.kerastuner_trials or kerastuner, "fit": options.fit_trials or fit}
    return {
        "kind": "search",
        "case": name,
        "trials": None,
        "subset": subset.get(ARMS[arm]["lane"]),
        "rows": options.rows or case.rows,
        "epochs": options.epochs or case.epochs,
        "searches": 2,
        **ARMS[arm],
    }


def measure(name, options):
    """All arms of a case in turn, as often as is asked for."""
    records = {arm: [] for arm in ARMS}
    for repeat in range(options.repeats):
        for arm in ARMS:
            records[arm].append(in_fresh_process(__file__, job_of(name, arm, options)))
            cold, warm = (found["seconds"] for found in records[arm][-1]["searches"])
            say(f"({name}) run {repeat + 1}: {arm}: {cold:.1f} s cold, {warm:.1f} s warm")
    return records


def grow(options):
    """Case (a), stacked, with more and more trials."""
    records = []
    for trials in options.growth:
        job = {**job_of("a", STACKED, options), "trials": trials}
        records.append(in_fresh_process(__file__, job))
        say(f"{trials} trials: {records[-1]['searches'][0]['seconds']:.1f} s cold")
    return records


def say(text):
    """Tell how far it is, beside the output."""
    print(text, file=sys.stderr)


# What is printed


def report(name, records, facts, options):
    """The table of a case."""
    case = CASES[name]
    plain = records[PLAIN]
    epochs = options.epochs or case.epochs
    print(f"\n({name}) {case.title}, {epochs} epochs, {plain[0]['trials']} trials")
    print(
        f"{'':34}{'trained':>10}{'cold s':>8}{'warm s':>8}{'trials/s':>10}{'peak MB':>9}"
        f"{'% sgemm':>9}   times as fast as {PLAIN}"
    )
    for arm, runs in records.items():
        print(f"{arm:34}" + figures(runs, facts) + "   " + ratios(plain, runs))
    stacked = records[STACKED]
    print(lanes_line(stacked[0]))
    for line in agreement(case, plain[0]["searches"][0]["scores"], stacked[0]["searches"]):
        print(line)


def figures(runs, facts):
    """Medians over the repeats; what is not trained is estimated, trials per second are warm."""
    cold, warm = (statistics.median(estimated(r["searches"][i], r) for r in runs) for i in range(2))
    trials, flops = runs[0]["trials"], runs[0]["flops"]
    peak = statistics.median(r["peak_mb"] for r in runs)
    share = "" if flops is None else f"{flops * trials / warm / facts['peak_gflops'] / 1e7:.2f}"
    trained = "all" if runs[0]["trained"] == trials else f"{runs[0]['trained']} of {trials}"
    return f"{trained:>10}{cold:8.1f}{warm:8.1f}{trials / warm:10.2f}{peak:9.0f}{share:>9}"


def ratios(plain, runs):
    """Speed-ups cold and warm, taken run by run."""
    texts = []
    for i, word in enumerate(("cold", "warm")):
        found = sorted(
            estimated(p["searches"][i], p) / estimated(r["searches"][i], r)
            for p, r in zip(plain, runs, strict=True)
        )
        extremes = f" ({found[0]:.1f} to {found[-1]:.1f})" if len(found) > 1 else ""
        texts.append(f"{word} {statistics.median(found):.1f}{extremes}")
    return ", ".join(texts)


def lanes_line(record):
    """Which lanes trained the trials."""
    found = record["searches"][0]
    counts = ", ".join(f"{count} {lane}" for lane, count in sorted(found["lanes"].items()))
    reasons = "".join(f" ({reason})" for reason in found["alone"])
    return f"lanes of {STACKED!r}: {counts}{reasons}"


def agreement(case, plain, searches):
    """How far KerasTuner and the stacked lane are apart, beside two seeds of the stacked lane."""
    ours, other = (found["scores"] for found in searches)
    limit = CONVERGED * case.no_skill
    same = [t for t in plain if all(s.get(t, [limit])[0] < limit for s in (plain, ours, other))]
    yield f"best val_loss and its epoch, {len(same)} of {len(plain)} trials below {limit:.3f}:"
    for text, one, two in (
        ("KerasTuner and stacked", plain, ours),
        ("two seeds of stacked", ours, other),
    ):
        if same:
            losses, epochs = ([abs(one[t][i] - two[t][i]) for t in same] for i in range(2))
            yield (
                f"  {text:24} differ by {statistics.median(losses):.4f} (median), "
                f"{max(losses):.4f} (largest); {statistics.median(epochs):g}, {max(epochs)} epochs"
            )


def report_growth(records):
    """A line per number of trials."""
    print(f"\n(a) stacked\n{'trials':>8}{'cold s':>9}{'warm s':>9}{'trials/s':>10}{'peak MB':>9}")
    for record in records:
        cold, warm = (found["seconds"] for found in record["searches"])
        trials = record["trials"]
        figures = f"{trials:8}{cold:9.1f}{warm:9.1f}{trials / warm:10.2f}{record['peak_mb']:9.0f}"
        print(f"{figures}   {lanes_line(record)}")


def parse():
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--kerastuner-trials", type=int, help="trials that KerasTuner trains")
    parser.add_argument("--fit-trials", type=int, help="trials that the fit lane trains")
    parser.add_argument(
        "--growth", type=int, nargs="*", help=f"only case (a), stacked: {GROWTH} or these trials"
    )
    parser.add_argument("--rows", type=int, help="training rows, to try this out")
    parser.add_argument("--epochs", type=int, help="to try this out")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.growth is not None:
        options.growth = options.growth or GROWTH
    return options


def main():
    """Measure, print, write."""
    options = parse()
    if options.job:
        run(options.job)
        return
    facts = in_fresh_process(__file__, {"kind": "facts"})
    del facts["peak_mb"]
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    found = {"facts": facts}
    if options.growth:
        found["growth"] = grow(options)
        report_growth(found["growth"])
    else:
        found["cases"] = {}
        for name in options.case:
            found["cases"][name] = records = measure(name, options)
            report(name, records, facts, options)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + os.linesep)


if __name__ == "__main__":
    main()
