"""Whether planted rises are found, and whether noise is taken for one; seeded simulations."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from auditor.outcomes import Outcome, judge
from auditor.trials import Objective, Recorded, Run, Trials
from tests.making import sweep

RUNS = 400
WORSE = (Outcome.OVERFIT, Outcome.DEGRADED)
Floats = NDArray[np.float64]


def share_worse(
    validation: Floats,
    training: Floats | None,
    direction: str = "min",
    kinds: tuple[Outcome, ...] = WORSE,
) -> float:
    """The share of runs, (run, epoch), that are said to have ended worse, in one of some ways."""
    curves = {"val_loss": validation} | ({} if training is None else {"loss": training})
    if direction == "max":
        curves = {"val_acc": 1 - validation}
    runs, epochs = validation.shape
    ids = [str(run) for run in range(runs)]
    table = pd.concat([
        pd.DataFrame({
            "trial_id": np.repeat(ids, epochs), "execution": 0, "fold": 0,
            "epoch": np.tile(np.arange(epochs), runs), "metric": name, "value": values.ravel(),
        })
        for name, values in curves.items()
    ])  # fmt: skip
    trials = Trials(
        {run: {} for run in ids},
        {Run(run): Recorded("completed") for run in ids},
        table,
        Objective("val_acc" if direction == "max" else "val_loss", direction),  # type: ignore[arg-type]
    )
    return float(np.mean([outcome in kinds for outcome in judge(trials).by_trial.values()]))


def noisy(course: Floats, noise: float, seed: int = 0) -> Floats:
    """Runs of one course, with noise as a share of it."""
    drawn = np.random.default_rng(seed).normal(size=(RUNS, len(course)))
    return np.asarray(course * (1 + noise * drawn))


def valley(epochs: int, rise: float, bottom: float = 0.5) -> Floats:
    """Down by a third, then up by a share of the minimum, in straight lines."""
    at = np.linspace(0, 1, epochs)
    up = rise * np.clip((at - bottom) / (1 - bottom), 0, None)
    return np.asarray(0.4 * (1 + 0.5 * np.clip(1 - at / bottom, 0, None) + up))


@pytest.mark.parametrize("epochs", [8, 9, 10, 12, 20, 25, 51, 100, 200])
def test_noise_is_not_taken_for_a_rise(epochs: int) -> None:
    flat, falling = np.full(epochs, 0.5), np.linspace(0.6, 0.4, epochs)
    training = noisy(flat, 0.02, seed=1)
    assert share_worse(noisy(flat, 0.02), training) < 0.03
    assert share_worse(noisy(flat, 0.01), training) == 0
    for noise in (0.05, 0.2):
        assert share_worse(noisy(flat, noise), training) < 0.1
    assert share_worse(noisy(falling, 0.05), training) < 0.02


@pytest.mark.parametrize(
    ("epochs", "noise", "least"),
    [(10, 0.005, 0.95), (20, 0.01, 0.95), (25, 0.02, 0.9), (51, 0.02, 0.95), (200, 0.03, 0.95)],
)
def test_a_planted_rise_of_15_percent_is_found(epochs: int, noise: float, least: float) -> None:
    training = noisy(np.linspace(0.6, 0.2, epochs), noise, seed=1)
    assert share_worse(noisy(valley(epochs, 0.15), noise), training) >= least
    assert share_worse(noisy(valley(epochs, 0.15), noise), None) >= least
    assert share_worse(noisy(valley(epochs, 0.15), noise), None, "max") >= least


@pytest.mark.parametrize("epochs", [20, 51, 200])
def test_a_rise_below_5_percent_is_not_reported(epochs: int) -> None:
    assert share_worse(noisy(valley(epochs, 0.04), 0.01), None) < 0.01


def test_a_run_that_was_stopped_soon_after_its_best_epoch_is_judged_too() -> None:
    stopped = valley(26, 0.15, bottom=0.8)  # five epochs of patience
    assert share_worse(noisy(stopped, 0.005), None) > 0.9


@pytest.mark.parametrize("epochs", [12, 20, 30, 50, 100])
@pytest.mark.parametrize("swing", [0.05, 0.1, 0.2])
def test_swings_that_training_shares_are_no_rise(epochs: int, swing: float) -> None:
    flat = np.full(epochs, 0.5)
    for likeness in (1.0, 0.9):
        alike, unlike = (noisy(flat, swing, seed) for seed in (1, 0))
        validation = likeness * alike + np.sqrt(1 - likeness**2) * (unlike - flat)
        assert share_worse(validation, alike) < 0.1
        # Nor where training falls all the while: a flat validation does not overfit.
        assert share_worse(validation, alike - np.linspace(0, 0.3, epochs)) < 0.17
    up_and_down = noisy(flat * (1 + swing * (-1.0) ** np.arange(epochs)), swing / 10)
    assert share_worse(up_and_down, up_and_down) == 0
    assert share_worse(up_and_down, None) == 0


@pytest.mark.parametrize(("epochs", "swing"), [(20, 0.05), (30, 0.1), (100, 0.2)])
def test_a_rise_far_above_the_swings_is_found(epochs: int, swing: float) -> None:
    shared = noisy(np.full(epochs, 0.4), swing, seed=1) / 0.4
    for training in (np.full(epochs, 0.4), np.linspace(0.6, 0.2, epochs)):
        assert share_worse(valley(epochs, 8 * swing) * shared, training * shared) > 0.95


def test_noise_that_training_shares_is_the_model_moving() -> None:
    course, epochs = valley(51, 0.09), 51
    validation = noisy(course, 0.04)
    alike, unlike = (noisy(np.full(epochs, 0.4), 0.04, seed) for seed in (0, 1))
    assert share_worse(validation, alike) > 1.7 * share_worse(validation, unlike)
    ahead = sweep({"a": {"val_loss": validation[0], "loss": dict(enumerate(alike[0][:40]))}})
    assert judge(ahead).by_trial["a"] in (Outcome.OK, Outcome.OVERFIT)  # other epochs: not compared


@pytest.mark.parametrize(("epochs", "restart"), [(22, 15), (30, 20), (35, 25), (60, 40)])
def test_a_rate_that_restarts_and_was_not_logged_is_no_overfitting(
    epochs: int, restart: int
) -> None:
    at = np.arange(epochs)
    rate = 0.5 * (1 + np.cos(np.pi * (at % restart) / restart))
    training = 0.35 + 0.35 * np.exp(-at / 8) - 0.1 * at / epochs + 0.25 * rate * np.exp(-at / 60)
    parts = 0.5 * np.clip(at / epochs - 0.3, 0, None)
    for validation, least, most in ((training + 0.05, 0.0, 0.1), (training + parts, 0.95, 1.0)):
        curves = noisy(validation, 0.01), noisy(training, 0.01, seed=1)
        assert least <= share_worse(*curves, kinds=(Outcome.OVERFIT,)) <= most
