"""Rules on data: at their thresholds, and how sure they are."""

from typing import Any

import pytest

from auditor.trials import Trials
from auditor.trials.data_checks import (
    Constant,
    LabelShift,
    Neighbours,
    Order,
    Repeats,
    Scale,
    Separation,
)
from auditor.trials.model_facts import ModelFacts
from tests.diagnosis.asking import diagnosed, found
from tests.diagnosis.examples.data import HEALTHY_CHECKS, SCORES, checked
from tests.diagnosis.examples.example import DIVERGED, FLAT, LN2
from tests.making import sweep


def spoken(trials: Trials) -> dict[str, tuple[str, str]]:
    """Severity and confidence of the findings on data, by code."""
    findings, _ = diagnosed(trials)
    return {f.code: (f.severity, f.confidence) for f in findings if f.code[:5] == "AUD03"}


@pytest.mark.parametrize(
    ("repeats", "said"),
    [
        (Repeats(1000, 4000, 9, 0.0, 0.0), None),
        (Repeats(100, 4000, 4, 0.0, 0.0), None),
        (Repeats(1000, 4000, 10, 0.0, 0.0), ("warning", "high")),
        (Repeats(1000, 4000, 199, 0.0, 0.0), ("warning", "high")),
        (Repeats(1000, 4000, 200, 0.0, 0.0), ("error", "high")),
        (Repeats(1000, 4000, 300, 0.2, 0.0), ("error", "medium")),
        (Repeats(1000, 4000, 300, 0.0, 0.02), ("error", "medium")),
        (Repeats(1000, 4000, 300, 0.0, 0.03), None),
        (Repeats(1000, 4000, 60, 0.05, 0.0), ("warning", "high")),
        (Repeats(1000, 4000, 199, 0.2, 0.001), ("warning", "medium")),
        (Repeats(1000, 4000, 200, 0.2, 0.001), ("error", "medium")),
        (Repeats(1000, 4000, 600, 0.6, 0.018), ("tip", "low")),
        (Repeats(1000, 4000, 600, 0.6, 0.06), None),
        (Repeats(1000, 4000, 40, 0.04, 0.0), None),
    ],
)
def test_shared_rows(repeats: Repeats, said: Any) -> None:
    assert spoken(checked(repeats=repeats)).get("AUD031") == said


@pytest.mark.parametrize(
    ("near", "said"),
    [
        (Neighbours(300, 4000, 4, 0, 300, 0.0), None),
        (Neighbours(300, 4000, 45, 40, 300, 0.0), None),
        (Neighbours(300, 4000, 45, 1, 300, 0.06), None),
        (Neighbours(300, 4000, 45, 1, 300, 0.04), ("warning", "medium")),
        (Neighbours(300, 4000, 90, 1, 300, 0.0), ("warning", "high")),
        (Neighbours(0, 0, 0, 0, 0, 0.0), None),
    ],
)
def test_near_duplicates(near: Neighbours, said: Any) -> None:
    assert spoken(checked(neighbours=near)).get("AUD032") == said


@pytest.mark.parametrize(
    ("effect", "p", "unseen", "said"),
    [
        (0.099, 1e-30, 0, None),
        (0.5, 1e-4, 0, None),
        (0.1, 9e-5, 0, ("warning", "medium")),
        (0.3, 1e-9, 199, ("warning", "high")),
        (0.3, 1e-9, 200, ("error", "high")),
    ],
)
def test_label_distributions(effect: float, p: float, unseen: int, said: Any) -> None:
    labels = LabelShift("numbers", 1000, 4000, effect, p, "3", 0.1, 0.3, unseen)
    assert spoken(checked(labels=labels)).get("AUD033") == said


@pytest.mark.parametrize(
    ("low", "said"),
    [(0.6, None), (0.61, ("warning", "medium")), (0.75, ("warning", "high"))],
)
def test_adversarial_validation(low: float, said: Any) -> None:
    apart = Separation(800, 800, low + 0.05, low, low + 0.1)
    assert spoken(checked(separation=apart)).get("AUD034") == said


def test_a_telling_feature_says_to_which_side() -> None:
    apart = Separation(800, 800, 0.8, 0.7, 0.9, (("age", 0.304), ("day", 0.6)))
    sentence = found("AUD034", checked(separation=apart)).sentence
    assert "age (AUC 0.696, lower in validation), day (AUC 0.6, higher in validation)" in sentence


def shift(effect: float = 0.0, p: float = 1.0) -> LabelShift:
    return LabelShift("classes", 200, 800, effect, p, "3", 0.1, 0.3)


@pytest.mark.parametrize(
    ("labels", "low", "said"),
    [
        (shift(), 0.6, None),
        (None, 0.61, ("tip", "medium")),
        (shift(0.099, 1e-30), 0.61, ("tip", "medium")),
        (shift(0.1, 9e-5), 0.9, ("warning", "high")),
        (shift(0.1, 1e-4), 0.5, None),
    ],
)
def test_rows_in_an_order_that_matters(labels: LabelShift | None, low: float, said: Any) -> None:
    order = Order(200, 800, labels, Separation(200, 500, low + 0.05, low, low + 0.1))
    assert spoken(checked(order=order)).get("AUD038") == said


def test_features_that_are_not_finite_are_named() -> None:
    bad = (("b", 2), ("a", 1), ("c", 1), ("d", 1))
    checks = checked(train_not_finite=1, validation_not_finite=2, not_finite=bad)
    assert found("AUD037", checks).sentence == (
        "1 of 4000 training rows and 2 of 1000 validation rows hold a NaN or an infinite number, "
        "in b (2 rows), a (1 row), c (1 row) and 1 more"
    )


WIDE = Scale(2000, 30, 0, 350.0, "area", 8.0, "area", 0.0, 2500.0)


@pytest.mark.parametrize(
    ("models", "curves", "said"),
    [
        ({}, FLAT, ("tip", "low")),
        ({}, DIVERGED, ("warning", "medium")),
        ({"Dense": 2}, FLAT, ("tip", "medium")),
        ({"Dense": 2, "BatchNormalization": 1}, FLAT, ("tip", "low")),
        ({"Dense": 2, "Rescaling": 1}, DIVERGED, None),
        ({"Embedding": 1}, FLAT, None),
    ],
)
def test_inputs_that_are_not_scaled(models: Any, curves: Any, said: Any) -> None:
    known = {"a": ModelFacts(layers=models)} if models else {}
    checks = HEALTHY_CHECKS.__class__(4000, 1000, scale=WIDE)
    trials = sweep({"a": curves}, data_checks=checks, models=known, no_skill_loss=LN2)
    assert spoken(trials).get("AUD035") == said


def test_a_mean_far_from_zero_is_not_scaled() -> None:
    scale = Scale(2000, 3, 0, 5.0, "year", 400.0, "year", 1990.0, 2025.0)
    sentence = found("AUD035", checked(scale=scale)).sentence
    assert "the mean of year is 400 deviations from 0" in sentence


STUCK = {"loss": [LN2] * 8, "val_loss": [LN2] * 8}


@pytest.mark.parametrize(
    ("curves", "base", "said"),
    [
        (SCORES, 0.83, None),
        (SCORES, 0.832, ("warning", "medium")),
        (SCORES, 0.9, ("warning", "medium")),
        (STUCK | {"val_accuracy": [0.6] * 8}, 0.6, ("warning", "high")),
        (STUCK, 0.6, ("warning", "high")),
        (FLAT, 0.6, None),
    ],
)
def test_a_constant_is_the_bar(curves: Any, base: float, said: Any) -> None:
    assert spoken(checked(curves, constant=Constant(1000, base, "0"))).get("AUD036") == said


def test_a_regression_that_learned_nothing_is_no_better_than_the_mean() -> None:
    trials = checked(STUCK, constant=Constant(1000, rmse=0.83))
    assert "the best trial, a, is no better than a constant" in found("AUD036", trials).sentence
