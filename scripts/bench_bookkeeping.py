#!/usr/bin/env python
"""Trials that train nothing: what a search itself costs, in KerasTuner and in auditor.

    python scripts/bench_bookkeeping.py [--trials 1000 2000 4000]

Linear book-keeping doubles its time when the trials double.
"""

import argparse
import os
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def seconds(base, trials):
    """Time of a whole search over a grid of `trials` combinations."""
    import keras_tuner

    class Dummy(base):
        def run_trial(self, trial, *args, **kwargs):
            hp = trial.hyperparameters
            return hp.Int("a", 0, 9) + hp.Int("b", 0, 9) / 10 + hp.Int("c", 0, trials // 100 - 1)

    space = keras_tuner.HyperParameters()
    for name, last in (("a", 9), ("b", 9), ("c", trials // 100 - 1)):
        space.Int(name, 0, last)
    objective = keras_tuner.Objective("val_loss", "min")
    with tempfile.TemporaryDirectory() as folder:
        tuner = Dummy(objective=objective, hyperparameters=space, directory=folder)
        begun = time.perf_counter()
        tuner.search(verbose=0)
        took = time.perf_counter() - begun
        assert len(tuner.oracle.trials) == trials
    return took


def main():
    """Print a line per number of trials."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 2000, 4000])
    options = parser.parse_args()

    import keras_tuner

    import auditor

    print(f"{'trials':>8}{'KerasTuner':>14}{'auditor':>12}   seconds")
    for trials in options.trials:
        plain = seconds(keras_tuner.GridSearch, trials)
        ours = seconds(auditor.GridSearch, trials)
        print(f"{trials:8}{plain:14.1f}{ours:12.1f}")


if __name__ == "__main__":
    main()
