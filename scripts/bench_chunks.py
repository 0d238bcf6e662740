#!/usr/bin/env python
"""What recording validation chunks costs, as a share of the time that training takes.

    python scripts/bench_chunks.py [--case mlp10 mlp32 conv large] [--lane fit stacked]
                                   [--backend tensorflow jax] [--pairs 60]

Two validations of the same models take turns in one process, one with chunks and one without; which
is first alternates. What the one takes longer is set against an epoch, training and validation, as
each epoch is validated. `least` compares the least times of all turns, since other programs can
only add to them; `median` is over pairs of turns, by the processor's time, with the middle half of
the pairs. `compile` is what the first validation takes longer, in seconds.
"""

import argparse
import itertools
import json
import os
import time
from pathlib import Path

from _bench import finish_job, in_fresh_process

CASES = {
    # rows to train on, to validate on, batch size, runs in a stack
    "mlp10": (8_000, 3_000, 10, 16),
    "mlp32": (8_000, 3_000, 32, 16),
    "conv": (2_000, 500, 32, 8),
    "large": (8_000, 16_000, 32, 16),
}
"""Sizes. `conv` is a small convolutional net on images of 28 x 28, the others the dense net
200-64-32-1 with dropout."""

LANES, BACKENDS = ("stacked", "fit"), ("tensorflow", "jax")


def data(case):
    """Training and validation arrays."""
    import numpy as np

    train, validation, *_ = CASES[case]
    chance = np.random.default_rng(0)
    shape = (28, 28, 1) if case == "conv" else (200,)
    x = chance.normal(size=(train + validation, *shape)).astype("float32")
    y = (x.reshape(len(x), -1)[:, :10].sum(axis=1) > 0).astype("float32")
    return (x[:train], y[:train]), (x[train:], y[train:])


def build(case):
    """A compiled model."""
    import keras
    from keras import layers

    if case == "conv":
        parts = [keras.Input((28, 28, 1))]
        for filters in (8, 16):
            parts += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D()]
        parts += [layers.Flatten(), layers.Dense(32, "relu")]
    else:
        parts = [keras.Input((200,)), layers.Dense(64, "relu"), layers.Dropout(0.2)]
        parts += [layers.Dense(32, "relu"), layers.Dropout(0.2)]
    model = keras.Sequential([*parts, layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
    return model


# Trainings: each gives a function that trains an epoch, and one that validates


def by_fit(case, chunks):
    """One model by `Model.fit`, as the fit lane does."""
    import keras_tuner

    from auditor.search.recorder import Execution, Recorder
    from auditor.search.steps import use_many_steps
    from auditor.search.validation_watch import ValidationWatch

    train, validation = data(case)
    given = {"batch_size": CASES[case][2], "verbose": 0}
    model, execution = build(case), Execution(0, 0, "")
    watch = ValidationWatch(execution) if chunks else None
    recorder = Recorder(keras_tuner.Objective("val_loss", "min"), execution, watch=watch)
    use_many_steps(model, [recorder])
    model.fit(*train, **given)
    if chunks:
        watch.see_fit({"self": model, "validation_data": validation})

    def validate():
        found = model.evaluate(*validation, **given, callbacks=[recorder], return_dict=True)
        if chunks:
            execution.epochs.append({f"val_{name}": value for name, value in found.items()})
            watch.note_epoch()
        assert bool(execution.chunks) == chunks, execution.why_no_chunks

    return lambda: model.fit(*train, **given), validate


def by_stack(case, chunks):
    """Models in a stack."""
    import keras
    import numpy as np

    from auditor.search.chunks import record
    from auditor.search.recorder import Execution
    from auditor.search.stacking.dealing import deal_out
    from auditor.search.stacking.engine import Engine
    from auditor.search.stacking.fit_call import DataCache, captured, fit_call
    from auditor.search.stacking.lifting import slots
    from auditor.search.stacking.places import Places
    from auditor.search.stacking.randomness import run_keys
    from auditor.search.stacking.rows import StackedRun

    train, validation = data(case)
    given = dict(zip(("x", "y"), train, strict=True)) | {"validation_data": validation}
    call, runs = None, []
    for number in range(CASES[case][3]):
        model = build(case)
        if call is None:
            arguments = captured(model, lambda: model.fit(**given, batch_size=CASES[case][2]))  # noqa: B023
            call = fit_call(arguments, DataCache())
        execution, weights = Execution(0, number, ""), model.get_weights()
        runs.append(StackedRun(str(number), execution, call, weights, 1e-3, slots(model), None))
    compiled = case != "conv" or keras.config.backend() == "jax"
    of_row = deal_out(runs) if chunks else None
    engine = Engine(build(case), call, {}, compiled=compiled, chunk_of_row=of_row)
    places = Places(engine, runs, len(runs))
    list(places.fill())
    places.host.send()
    keys, guards = run_keys([0] * len(runs), [0] * len(runs)), np.zeros(len(runs), bool)

    def train_():
        engine.train(places.host.state, places.lifted_there, keys, guards, places.order())

    def validate():
        found = engine.validate(places.host.state, places.lifted_there, None)
        for at, run in enumerate(runs):
            row = {f"val_{name}": float(value[at]) for name, value in found.metrics.items()}
            run.execution.epochs.append(row)
            if chunks:
                means = found.chunks[at] / run.dealt.rows
                names = (f"val_{name}" for name in engine.chunk_names)
                record(run.execution, run.dealt, dict(zip(names, means, strict=True)))
                assert run.execution.chunks, run.execution.why_no_chunks

    return train_, validate


def measured(job):
    """Wall and processor seconds of epochs of training, and of pairs of validations."""
    make = by_fit if job["lane"] == "fit" else by_stack
    (train, plain), (_, chunked) = (make(job["case"], chunks) for chunks in (False, True))
    first = [timed(plain), timed(chunked)]
    train()
    pairs, trained = [], []
    for number in range(job["pairs"]):
        order = (plain, chunked) if number % 2 else (chunked, plain)
        found = {validate: timed(validate) for validate in order}
        pairs.append([found[plain], found[chunked]])
        if number % 8 == 0:
            trained.append(timed(train))
    return {"first": first, "pairs": pairs, "trained": trained}


def timed(act):
    """Wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return [time.perf_counter() - wall, time.process_time() - cpu]


# Everything


def shares(found):
    """The epoch in seconds, then the shares in percent as text: by least times, and by pairs."""
    import numpy as np

    pairs, trained = np.array(found["pairs"]), np.array(found["trained"])  # (pair, arm, clock)
    least, epoch = pairs.min(axis=0), trained.min(axis=0)
    epoch = epoch + least[0]
    by_least = 100 * (least[1] - least[0]) / epoch
    typical = np.median(trained, axis=0)[1] + np.median(pairs[:, 0, 1])
    longer = 100 * (pairs[:, 1, 1] - pairs[:, 0, 1]) / typical
    low, middle, high = np.percentile(longer, [25, 50, 75])
    return epoch[0], by_least, f"{middle:+.1f} ({low:+.1f} to {high:+.1f})"


def main():
    """Print a line per case, lane and backend."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--lane", nargs="+", choices=LANES, default=list(LANES))
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        finish_job(measured(json.loads(options.job)))
        return
    heads = ["case", "lane", "backend", "epoch s", "wall, least %", "cpu, least %"]
    print(f"| {' | '.join([*heads, 'cpu, median %', 'compile s'])} |\n|{'---|' * 8}")
    for case, lane, backend in itertools.product(options.case, options.lane, options.backend):
        job = {"case": case, "lane": lane, "pairs": options.pairs}
        found = in_fresh_process(__file__, job, {"KERAS_BACKEND": backend})
        epoch, (wall, cpu), median = shares(found)
        later = found["first"][1][1] - found["first"][0][1]
        cells = [case, lane, backend, f"{epoch:.2f}", f"{wall:+.1f}", f"{cpu:+.1f}", median]
        print(f"| {' | '.join([*cells, f'{later:+.1f}'])} |", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parents[1]))
    main()
