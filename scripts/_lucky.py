"""Sweeps whose trials are truly as good as planned: losses of rows that all trials share."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from auditor.outcomes import Baseline, Outcome, Outcomes, RunOutcome
from auditor.trials import CURVE_COLUMNS, Chunks, Context, Objective, Recorded, Run, Trials

CHUNKS = 16

EPOCHS = 20
"""Of the design with noise by epoch: a fall, a bottom, and a rise."""


class Planted(NamedTuple):
    """One sweep and its truth.

    Attributes:
        trials: What was observed.
        truth: The loss on all rows there could be, of each trial at each epoch.
        shared: What all trials owe to the rows that were drawn: it biases no choice, and is taken
            off the truth's noise where a bias is measured.
        error: Standard error of a trial's loss that is its own, not shared.
    """

    trials: Trials
    truth: np.ndarray
    shared: float
    error: float


# How much worse than the best each trial truly is, in standard errors of its own mean loss.


def full_null(rng, trials):
    return np.zeros(trials)


def graded(rng, trials):
    return np.linspace(0, 6, trials)


def spread(rng, trials):
    return rng.normal(0, 1, trials)


def few_good(rng, trials):
    return np.r_[np.full(3, -3.0), np.zeros(trials - 3)]


def clear_winner(rng, trials):
    return np.r_[-8.0, np.zeros(trials - 1)]


def many_bad(rng, trials):
    return rng.normal(0, 0.5, trials) + 30 * (rng.random(trials) < 0.6)


DESIGNS = {
    "full null": full_null,
    "graded": graded,
    "spread as noise": spread,
    "few good": few_good,
    "one clear winner": clear_winner,
    "many bad": many_bad,
    "noise by epoch": spread,
}
"""Name of the design, and its true scores."""


def planted(rng, design, trials, rows):
    """One sweep.

    A row is easy or hard for all trials (exponential), harder rows vary more between trials, a
    third of that is common to trials of one kind of three, and where epochs are noisy each has a
    noise of its own half as large.
    """
    epochs = EPOCHS if design == "noise by epoch" else 1
    hard = rng.exponential(1, rows)
    own = np.sqrt(2 / 3) * rng.normal(0, 1, (trials, rows))
    own += np.sqrt(1 / 3) * rng.normal(0, 1, (3, rows))[np.arange(trials) % 3]
    weight = 0.5 + hard
    error = np.sqrt(3.25 / rows)
    steps = np.arange(epochs)
    course = (4 * np.exp(-steps / 3) + 0.2 * np.maximum(0, steps - 8)) * (epochs > 1)
    truth = DESIGNS[design](rng, trials)[:, None] + course
    if epochs > 1:
        truth = truth + rng.normal(0, 0.3, truth.shape)
    truth = 20 + error * truth
    means, parts = np.empty((trials, epochs)), np.empty((trials, epochs, CHUNKS))
    chunk = np.array_split(np.arange(rows), CHUNKS)
    shared = 2 * (hard - 1)
    for epoch in range(epochs):
        noise = own if epochs == 1 else own + rng.normal(0, 0.5, own.shape)
        losses = truth[:, [epoch]] + shared + weight * noise
        means[:, epoch] = losses.mean(axis=1)
        parts[:, epoch] = np.stack([losses[:, c].mean(axis=1) for c in chunk], axis=1)
    counts = tuple(len(c) for c in chunk)
    return Planted(trials_of(means, parts, counts), truth, float(shared.mean()), error)


def learned(trials):
    """All of them learned: the outcome is not what is measured here."""
    good = RunOutcome(Outcome.OK, "")
    by_trial = dict.fromkeys(trials.hyperparameters, Outcome.OK)
    nothing = Baseline(None, "not known", np.inf)
    return Outcomes(dict.fromkeys(trials.runs, good), by_trial, nothing)


def trials_of(means, parts, counts):
    """As a sweep would record them, by their losses on parts of the rows; (trial, epoch, part)."""
    names = [f"{i:04d}" for i in range(len(means))]
    runs = {name: Run(name) for name in names}
    epochs = means.shape[1]
    columns = [
        np.repeat(names, epochs), 0, 0, np.tile(np.arange(epochs), len(names)), "val_loss",
        means.ravel(),
    ]  # fmt: skip
    curves = pd.DataFrame(dict(zip(CURVE_COLUMNS, columns, strict=True)))
    chunks = Chunks(
        {0: counts},
        {run: {"val_loss": parts[i].astype(np.float32)} for i, run in enumerate(runs.values())},
    )
    return Trials(
        {name: {} for name in names},
        {run: Recorded("completed") for run in runs.values()},
        curves,
        Objective("val_loss"),
        context=Context(chunks=chunks),
    )
