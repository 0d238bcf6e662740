"""Swings that last, dips that pass, curves that follow the learning rate, and silence on noise."""

import gzip
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import auditor
from auditor.diagnosis.swings import (
    DIP_EPOCHS,
    DIP_NOISE_SHORT,
    LONG_CURVE,
    SWING_EPOCHS,
    Judgeable,
    dips,
    swings,
)
from auditor.outcomes import Finite, Outcome, judge
from auditor.outcomes.schedules import turns
from auditor.outcomes.thresholds import SWING
from auditor.trials import Column, Objective
from tests.diagnosis.asking import diagnosed, evidence, found
from tests.diagnosis.examples.example import LN2
from tests.making import CASES, Curves, sweep

SHAPES = {
    "flat": lambda x: 0.5 + 0 * x,
    "falling": lambda x: 0.3 + 0.4 * np.exp(-4 * x),
    "a line": lambda x: 0.7 - 0.4 * x,
    "U": lambda x: 0.4 + 0.6 * (x - 0.4) ** 2,
}
CODES = ("AUD016", "AUD017", "AUD018")


def noisy(shape: str, length: int, noise: float, runs: int = 500, seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    smooth = SHAPES[shape](np.linspace(0, 1, length))
    return smooth * (1 + noise * random.standard_normal((runs, length)))


def judgeable(values: Any) -> Judgeable:
    runs, length = values.shape
    epochs = np.tile(np.arange(length), runs)
    bounds = np.arange(runs + 1) * length
    return Judgeable("val_loss", 1, Finite(Column(epochs, values.ravel(), bounds)))


def said(curves: Curves, **more: Any) -> list[str]:
    return [f.code for f in diagnosed(sweep({"a": curves}, **more))[0] if f.code in CODES]


def rough(length: int = 60, swing: float = 0.2, calm_from: int = 1000, seed: int = 3) -> Any:
    wiggle = swing * np.random.default_rng(seed).standard_normal(length)
    return 0.5 * (1 + np.where(np.arange(length) < calm_from, wiggle, wiggle / 10))


@pytest.mark.parametrize("length", [5, 10, 12, 20, 30, 50, 200])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
def test_noise_is_neither_a_swing_nor_a_dip(shape: str, length: int, noise: float) -> None:
    curve = judgeable(noisy(shape, length, noise))
    training = judgeable(noisy(shape, length, noise, seed=1))
    both = [swings(of, LN2) for of in (curve, training)]
    assert np.all([of.lasts & (of.noise >= SWING) for of in both], axis=0).mean() <= 0.005
    dipping, least = dips(curve), DIP_NOISE_SHORT if length < LONG_CURVE else 0.0
    assert ((dipping.at >= 0) & (dipping.depth > least * dipping.noise)).mean() <= 0.02


def test_clear_dips_are_found_where_they_are() -> None:
    values = noisy("falling", 50, 0.02)
    places = np.random.default_rng(1).integers(6, 47, len(values))
    values[np.arange(len(values)), places] *= 1.3
    assert (dips(judgeable(values)).at == places).mean() > 0.98


@pytest.mark.parametrize("alternating", [True, False])
def test_clear_swings_are_found(alternating: bool) -> None:
    values = noisy("falling", 60, 0.01 if alternating else 0.2)
    values[:, ::2] *= 1.3 if alternating else 1.0
    swinging = swings(judgeable(values), LN2)
    assert (swinging.lasts & (swinging.noise >= SWING)).mean() > 0.97


@pytest.mark.parametrize(
    ("training", "swing", "rows", "confidence"),
    [
        (0.25, 0.25, None, "high"),
        (0.15, 0.2, None, "medium"),
        (0.01, 0.3, None, "low"),
        (0.01, 0.15, None, None),
        (0.01, 0.15, 100_000, "medium"),
        (0.01, 0.15, 400, None),
        (0.2, 0.05, None, None),
    ],
)
def test_swings_need_training_that_swings_or_rows_that_cannot_explain_them(
    training: float, swing: float, rows: int | None, confidence: str | None
) -> None:
    curves = {"loss": rough(swing=training), "val_loss": rough(swing=swing, seed=1)}
    findings = diagnosed(sweep({"a": curves}, validation_rows=rows))[0]
    told = [f.confidence for f in findings if f.code == "AUD016"]
    assert told == ([] if confidence is None else [confidence])


def test_a_run_that_never_learned_need_not_settle() -> None:
    curves = {"loss": rough(), "val_loss": rough(seed=1)}
    assert said(curves, no_skill_loss=LN2) == ["AUD016"]
    assert said(curves, no_skill_loss=0.2) == []


def test_an_early_wobble_that_dies_out_is_no_swing() -> None:
    assert said({"loss": rough(), "val_loss": rough(seed=1)}) == ["AUD016"]
    calm = {"loss": rough(calm_from=50), "val_loss": rough(calm_from=50, seed=1)}
    assert said(calm) == []


def test_a_trend_is_no_swing() -> None:
    curves = {"loss": rough(swing=0.4), "val_loss": rough(swing=0.4, seed=1)}
    falling = 0.04 * np.arange(60)[::-1]
    assert said(curves) == ["AUD016"]
    assert said({metric: values + falling for metric, values in curves.items()}) == []


def test_swings_of_an_accuracy_are_those_of_its_level() -> None:
    accuracy = np.clip(rough(swing=0.2), 0, 1)
    curves = {"loss": rough(), "accuracy": rough(seed=5), "val_accuracy": accuracy}
    trials = sweep({"a": curves}, Objective("val_accuracy", "max"))
    finding = found("AUD016", trials)
    assert "val_accuracy did not settle" in finding.sentence
    level = evidence(finding)["late level of val_accuracy"]
    assert level == pytest.approx(np.median(accuracy[30:]))


@pytest.mark.parametrize("length", [SWING_EPOCHS - 1, SWING_EPOCHS])
def test_short_curves_do_not_show_whether_swings_last(length: int) -> None:
    curves = {"loss": rough(length), "val_loss": rough(length, seed=1)}
    check = diagnosed(sweep({"a": curves}))[1]["AUD016"]
    assert (check.status == "not applicable") == (length < SWING_EPOCHS)


def test_the_published_dip_is_told_with_its_standard_errors() -> None:
    finding = found("AUD017", auditor.read(CASES / "dip_at_epoch_8.log"))
    for part in ("1.494 to 1.757 in epoch 8", "1.476 1 epoch later", "0.8737 to 0.6055"):
        assert part in finding.sentence
    assert "13 standard errors of 768 validation rows" in finding.sentence
    assert finding.confidence == "medium"
    told = evidence(finding)
    assert told["worst epoch of the dip, from 0"] == 7
    assert told["epochs to recover"] == 1


@pytest.mark.parametrize(
    ("place", "width", "speaks"),
    [
        (20, 1, True),
        (20, 3, True),
        (20, 8, False),
        (20, 40, False),
        (39, 1, False),
        (1, 1, False),
        (3, 1, False),
    ],
)
def test_a_dip_is_short_over_and_not_at_either_end(place: int, width: int, speaks: bool) -> None:
    values = noisy("falling", 40, 0.005, runs=1)[0]
    values[place : place + width] += 0.3
    assert ("AUD017" in said({"loss": values - 0.01, "val_loss": values})) == speaks


@pytest.mark.parametrize(("left", "speaks"), [(0.02, True), (0.15, False)])
def test_what_does_not_come_back_is_no_dip(left: float, speaks: bool) -> None:
    values = np.full(40, 0.5) - 0.0001 * np.arange(40)
    values[20] += 0.3
    values[21:] += left
    assert (dips(judgeable(values[None])).at[0] == 20) == speaks


@pytest.mark.parametrize(("depth", "speaks"), [(0.02, False), (0.08, True)])
def test_a_dip_is_a_tenth_of_the_value_or_none(depth: float, speaks: bool) -> None:
    values = np.full(40, 0.5) + 0.0001 * np.arange(40)
    values[20] += depth
    assert ("AUD017" in said({"val_loss": values})) == speaks


def test_an_accuracy_within_its_standard_error_denies_a_dip() -> None:
    values, accuracy = noisy("falling", 40, 0.005, runs=1)[0], np.full(40, 0.8)
    values[20] += 0.2
    accuracy[20] = 0.75
    curves = {"val_loss": values, "val_accuracy": accuracy}
    assert said(curves, validation_rows=100) == []
    assert said(curves, validation_rows=10_000) == ["AUD017"]


def test_ten_epochs_are_needed_to_see_what_is_unusual() -> None:
    values = np.linspace(1, 0.9, DIP_EPOCHS - 1)
    values[5] = 2
    assert diagnosed(sweep({"a": {"val_loss": values}}))[1]["AUD017"].status == "not applicable"


# Learning rates


def rate(kind: str, length: int = 60, period: int = 12) -> Any:
    epoch = np.arange(length)
    if kind == "warm restarts":
        return 0.0001 + 0.005 * (1 + np.cos(np.pi * (epoch % period) / period))
    if kind == "triangles":
        return 0.001 + 0.009 * np.abs(2 * (epoch / period % 1) - 1)
    if kind == "warm-up and decay":
        return 0.01 * np.minimum((epoch + 1) / 5, 1) * 0.95**epoch
    return 0.01 * 0.5 ** (epoch // 15)


CYCLIC = ("warm restarts", "triangles")


@pytest.mark.parametrize(("kind", "cycles"), [*((c, 5) for c in CYCLIC), ("steps", 0)])
def test_cycles_end_where_the_rate_is_lowest(kind: str, cycles: int) -> None:
    assert abs(len(turns(rate(kind)).troughs) - cycles) <= (kind == "triangles")


def test_a_warm_up_is_no_cycle() -> None:
    assert not len(turns(rate("warm-up and decay")).troughs)
    assert not len(turns(np.array([0.0, 0.0])).troughs)


def cycled(kind: str, end: int, overfits: float = 0.0, follows: float = 15.0) -> Curves:
    random = np.random.default_rng(0)
    epoch = np.arange(end)
    falling = 0.45 + 0.25 * np.exp(-epoch / 8)
    phase = follows * rate(kind)[:end]
    rising = overfits * np.maximum(epoch - 20, 0)
    return {
        "loss": falling - 0.001 * epoch + 0.7 * phase + 0.002 * random.standard_normal(end),
        "val_loss": falling + phase + rising + 0.005 * random.standard_normal(end),
    }


def ends_worse(curves: Curves, kind: str | None) -> bool:
    length = len(curves["val_loss"])
    series = {} if kind is None else {"series": {"a": {"learning_rate": rate(kind)[:length]}}}
    verdict = judge(sweep({"a": curves}, no_skill_loss=LN2, **series)).by_trial["a"]
    return verdict in (Outcome.OVERFIT, Outcome.DEGRADED)


@pytest.mark.parametrize("is_logged", [True, False])
@pytest.mark.parametrize("end", [48, 50, 54, 58, 60])
@pytest.mark.parametrize("kind", CYCLIC)
def test_a_high_phase_at_the_end_is_not_overfitting(kind: str, end: int, is_logged: bool) -> None:
    assert not ends_worse(cycled(kind, end), kind if is_logged else None)
    assert ends_worse(cycled(kind, end, overfits=0.008), kind if is_logged else None)


def test_after_a_single_restart_only_the_logged_rate_tells() -> None:
    curves = cycled("warm restarts", 14)
    assert not ends_worse(curves, "warm restarts")
    assert ends_worse(curves, None)


def test_a_rate_that_only_falls_excuses_nothing() -> None:
    assert ends_worse(cycled("steps", 60, overfits=0.008, follows=0.0), "steps")


@pytest.mark.parametrize("follows", [0.0, 15.0])
@pytest.mark.parametrize("kind", CYCLIC)
def test_curves_that_follow_the_rate_are_told_from_those_that_do_not(
    kind: str, follows: float
) -> None:
    curves = cycled(kind, 60, follows=follows)
    told = said(curves, series={"a": {"learning_rate": rate(kind)}})
    assert told == (["AUD018"] if follows else [])


def test_to_follow_the_rate_a_little_misleads_nobody() -> None:
    series = {"a": {"learning_rate": rate("triangles")}}
    values = 0.5 + 0.5 * rate("triangles")
    assert said({"loss": values - 0.01, "val_loss": values}, series=series) == []


def test_where_the_run_ended_in_its_cycle_is_said() -> None:
    curves = cycled("warm restarts", 50)
    series = {"a": {"learning_rate": rate("warm restarts")[:50]}}
    finding = found("AUD018", sweep({"a": curves}, series=series))
    assert finding.sentence.endswith("it ended while the rate was high")
    assert evidence(finding)["rises of the learning rate after a fall"] == 4


# Real curves


@pytest.fixture(scope="module")
def nats() -> pd.DataFrame:
    folder = os.environ.get("AUDITOR_TEST_DATA")
    if not folder:
        pytest.skip("AUDITOR_TEST_DATA is not set")
    with gzip.open(Path(folder) / "nats_bench" / "curves.csv.gz") as file:
        return pd.read_csv(file)


def test_image_classifiers_with_a_decaying_rate_do_not_oscillate(nats: pd.DataFrame) -> None:
    curves = {
        str(run): {
            metric: dict(zip(logged["epoch"] - 1, logged[metric], strict=True))
            for metric in ("loss", "val_loss")
            if logged[metric].notna().all()
        }
        for run, logged in nats.groupby("run_id")
    }
    counted = Counter(finding.code for finding in diagnosed(sweep(curves))[0])
    assert len(curves) == 111
    assert counted["AUD016"] == 0
    assert counted["AUD017"] <= 6
