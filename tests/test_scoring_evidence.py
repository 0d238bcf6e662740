"""The default weight: what it does on real searches, and that the pages name it."""

import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from auditor.outcomes import judge
from auditor.scoring import DEFAULT_GAP_PENALTY, Scores, score
from auditor.trials import Context, Objective, Recorded, Run, Trials

ROOT = Path(__file__).parents[1]
METRICS = ["loss", "val_loss", "test_loss"]
SIZE = 100
"""Trials of a sub-sweep: of those measured where the default costs most."""
TASKS = (
    *("patch128_LSTM128_avg_bs64", "patch128_LSTM128_embed128_bs64", "patch32_GRU128_bs128"),
    *("patch32_IRNN64_relu_avg_bs128", "patch32_LSTM128_E128_bs128", "patch32_VRNN128_tanh_bs128"),
)
UNCHANGED = "patch32_VRNN128_tanh_bs128"
"""No weight below .1 that was tried changes its winners."""


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("README.md", r"worsened by (\S+) times the gap"),
        ("docs/scoring.md", r"default weight is (\d\S*\d)"),
        ("docs/guides/choose_the_penalty.md", r"default weight is (\d\S*\d)"),
    ],
)
def test_the_pages_name_the_default_of_the_code(page: str, words: str) -> None:
    (named,) = re.findall(words, (ROOT / page).read_text())
    assert float(named) == DEFAULT_GAP_PENALTY


@pytest.mark.parametrize("task", TASKS)
def test_the_default_lowers_the_gap_for_at_most_5_percent_of_regret(
    task: str, real_data: Path
) -> None:
    trials = read(real_data / "taskset" / f"curves_imdb_{task}.csv.gz")
    outcomes = judge(trials)
    weights = (0.0, DEFAULT_GAP_PENALTY)
    plain, ours = (chosen(trials, score(trials, outcomes, weight)) for weight in weights)
    assert ours.regret <= 1.05 * plain.regret
    assert ours.gap == plain.gap if task == UNCHANGED else ours.gap < plain.gap


class Chosen(NamedTuple):
    """Means over sub-sweeps: test loss of the best trial above the lowest one, and its gap."""

    regret: float
    gap: float


def chosen(trials: Trials, scores: Scores) -> Chosen:
    ranked = [scores.by_trial[trial] for trial in trials.hyperparameters]
    ranks = np.array([one.rank or math.inf for one in ranked])
    epochs = np.array([one.best_epoch or 0 for one in ranked])
    test = trials.matrix("test_loss").values
    lowest = np.where(np.isfinite(test), test, math.inf).min(axis=1)
    draw = np.random.default_rng(0).choice
    draws = np.array([draw(len(test), SIZE, replace=False) for _ in range(1000)])
    best = draws[np.arange(len(draws)), ranks[draws].argmin(axis=1)]
    regrets = test[best, epochs[best]] - lowest[draws].min(axis=1)
    gaps = trials.matrix("val_loss").values - trials.matrix("loss").values
    return Chosen(regrets.mean(), gaps[best, epochs[best]].mean())


def read(file: Path) -> Trials:
    table = pd.read_csv(file, dtype={"trial_id": str})
    curves = table.melt(["trial_id", "epoch"], METRICS, "metric", "value")
    ids = table["trial_id"].unique()
    return Trials(
        {trial: {} for trial in ids},
        {Run(trial): Recorded("completed") for trial in ids},
        curves.assign(execution=0, fold=0),
        Objective("val_loss"),
        context=Context(no_skill_loss=math.log(2)),
    )
