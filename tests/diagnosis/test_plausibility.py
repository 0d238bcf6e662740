"""What losses mean beside accuracies, beside one another, and beside nothing."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.diagnosis.finding import Finding
from auditor.diagnosis.fixed_points import (
    classes_of_floor,
    floor_of_label_smoothing,
    floor_of_softmax_twice,
    least_cross_entropy,
)
from auditor.diagnosis.plausibility import BELOW_LEAST, SOME_ERRORS
from auditor.diagnosis.softmax_twice import LINE_SLOPE, NEAR_LINE
from auditor.readers import read
from auditor.trials import ModelFacts, Run, Trials
from tests.diagnosis.asking import diagnosed, evidence, found
from tests.diagnosis.examples.example import FLAT
from tests.diagnosis.examples.plausibility import (
    LEARNING,
    MORE_WRONG,
    PLAIN,
    SURE_OF_ITSELF,
    TWICE,
    softmax_twice,
    tuned,
)
from tests.making import CASES, Curves, case, sweep


def made(code: str, trials: Trials) -> list[Finding]:
    return [finding for finding in diagnosed(trials)[0] if finding.code == code]


# Loss and accuracy disagree


def climbing(rights: Sequence[float], rise: float = 0.5, noise: float = 0.0) -> Curves:
    """Thirty epochs: the loss falls for ten and climbs by a share, with an accuracy."""
    falling, climbing = np.linspace(0.8, 0.5, 10), 0.5 * np.linspace(1, 1 + rise, 21)[1:]
    random = np.random.default_rng(3)
    losses = np.concatenate([falling, climbing]) + random.normal(0, 0.003, 30)
    return {
        "loss": np.linspace(0.8, 0.1, 30),  # type: ignore[dict-item]
        "val_loss": losses,  # type: ignore[dict-item]
        "val_accuracy": np.asarray(rights) + random.normal(0, noise, 30),  # type: ignore[dict-item]
    }


def going(to: float, start: float = 0.75) -> list[float]:
    """An accuracy that reaches a level in ten epochs and goes to another one in twenty."""
    return [*np.linspace(0.6, start, 10), *np.linspace(start, to, 21)[1:]]


@pytest.mark.parametrize("file", ["grid_winner_20_epochs.txt", "grid_winner_20_epochs.csv"])
def test_the_published_over_confident_winner(file: str) -> None:
    finding = found("AUD013", read(CASES / file))
    assert finding.sentence == (
        "trial grid_winner_20_epochs: val_loss was best (0.6845) in epoch 4 and ended 29 % higher, "
        "at 0.8805, while val_acc stayed flat, between 0.7149 and 0.7338: over-confident rather "
        "than more wrong; keep epoch 4 where probabilities matter, epoch 8 (val_acc 0.7338) where "
        "only right answers do"
    )
    assert finding.confidence == "high"
    told = evidence(finding)
    assert told["range of val_acc since"] == pytest.approx(0.733849 - 0.714873)
    assert (told["best epoch by val_loss, from 0"], told["best epoch by val_acc, from 0"]) == (3, 7)


def test_the_same_configuration_trained_longer_is_more_wrong_as_well() -> None:
    assert not made("AUD013", sweep({"a": case("grid_winner_150_epochs")}))


def test_a_small_fall_is_told_as_one() -> None:
    finding = found("AUD013", read(CASES / "mobilenet_epochs_10_to_34.log"))
    assert "42 % higher, at 1.475, while val_accuracy only fell from 0.6953 to 0.6656" in (
        finding.sentence
    )
    assert finding.sentence.endswith("over-confident more than more wrong")
    assert finding.confidence == "medium"


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (0.85, "rose from 0.7"),
        (0.75, "stayed "),
        (0.745, "stayed flat, between 0.7"),
        (0.72, "only fell from 0.7"),
        (0.69, None),  # more than 5 %
        (0.6, None),  # by as much as the loss
    ],
)
@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_what_the_accuracy_did_is_told_as_it_was(
    to: float, words: str | None, noise: float
) -> None:
    findings = made("AUD013", sweep({"a": climbing(going(to), noise=noise)}))
    assert bool(findings) == (words is not None)
    assert words is None or words in findings[0].sentence


def test_percents_are_told_as_shares() -> None:
    curves = climbing([100 * right for right in going(0.75)])
    assert "stayed at 0.75" in found("AUD013", sweep({"a": curves})).sentence


def test_noise_that_could_hide_a_fall_is_no_flatness() -> None:
    # The error rate would have risen by .05 with a loss that rose by 20 %.
    clear = climbing(going(0.75), rise=0.2, noise=0.001)
    assert made("AUD013", sweep({"a": clear}))
    assert not made("AUD013", sweep({"a": climbing(going(0.75), rise=0.2, noise=0.06)}))
    assert made("AUD013", sweep({"a": clear}, validation_rows=1000))
    assert not made("AUD013", sweep({"a": clear}, validation_rows=70))


def test_a_short_climb_has_low_confidence() -> None:
    assert found("AUD013", sweep({"a": SURE_OF_ITSELF})).confidence == "low"
    assert not made("AUD013", sweep({"a": MORE_WRONG}))
    assert not made("AUD013", sweep({"a": FLAT | {"val_acc": [0.8] * 8}}))


def test_epochs_with_both_metrics_are_compared() -> None:
    curves = climbing(going(0.75))
    rights = dict(enumerate(curves["val_accuracy"]))
    del rights[3], rights[25]
    finding = found("AUD013", sweep({"a": {**curves, "val_accuracy": rights}}))
    assert "stayed at 0.75" in finding.sentence


@pytest.mark.parametrize(("rows", "named"), [(50, False), (5_000, True), (None, False)])
def test_another_epoch_is_named_where_its_accuracy_is_no_luck(
    rows: int | None, named: bool
) -> None:
    rights = going(0.75)
    rights[20] = 0.8
    finding = found("AUD013", sweep({"a": climbing(rights)}, validation_rows=rows))
    assert ("epoch 21 (val_accuracy 0.8)" in finding.sentence) == named


def test_guessing_has_no_confidence_to_lose() -> None:
    rights = [0.5 + 0.01 * (-1) ** epoch for epoch in range(30)]
    loss = {"loss": np.linspace(0.7, 0.1, 30), "val_loss": 0.7 + 0.03 * np.arange(30)}
    assert not made("AUD013", sweep({"a": {**loss, "val_accuracy": rights}}))
    better = [right + 0.3 for right in rights]
    assert made("AUD013", sweep({"a": {**loss, "val_accuracy": better}}))
    assert not made(
        "AUD013", sweep({"a": {**loss, "val_accuracy": better}}, no_skill_loss=math.log(2))
    )


# Loss impossible for the accuracy


@pytest.mark.parametrize(
    ("classes", "twice", "smoothing"),
    [
        (2, 0.3133, 0.1985),
        (3, 0.5514, 0.2911),
        (5, 0.9048, 0.3897),
        (9, 1.3720, 0.4848),
        (10, 1.4612, 0.5003),
        (100, 3.6222, 0.7778),
    ],
)
def test_floors_are_those_of_the_arithmetic(classes: int, twice: float, smoothing: float) -> None:
    assert floor_of_softmax_twice(classes) == pytest.approx(twice, abs=5e-5)
    assert floor_of_label_smoothing(classes, 0.1) == pytest.approx(smoothing, abs=5e-5)
    assert classes_of_floor(floor_of_softmax_twice(classes)) == pytest.approx(classes)


@given(st.integers(2, 12), st.integers(0, 10_000))
def test_no_prediction_gets_past_the_bounds(classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    answers = random.dirichlet(np.full(classes, random.choice([0.05, 0.3, 1.0])), 50)
    labels = random.integers(0, classes, 50)
    right = answers[np.arange(50), labels]
    error = float((answers.argmax(axis=1) != labels).mean())
    with np.errstate(divide="ignore"):
        assert -np.log(right).mean() >= least_cross_entropy(error) - 1e-12
    twice = float((np.log(np.exp(answers).sum(axis=1)) - right).mean())
    floor = floor_of_softmax_twice(classes)
    assert floor - 1e-12 <= twice <= floor + 1 + 1e-12


def test_the_published_softmax_of_a_softmax() -> None:
    finding = found("AUD022", read(CASES / "dip_at_epoch_8.log"))
    assert finding.sentence == (
        "trial dip_at_epoch_8: a training loss of 1.407 at an accuracy of 0.9662 does not look "
        "like plain cross-entropy, which would have to cost each wrong row 42 nats: it fits "
        "softmax applied twice with 9 classes: floor 1.372, expected 1.406 (10 classes have a "
        "floor of 1.461, above the loss seen)"
    )
    assert (finding.severity, finding.confidence) == ("warning", "high")
    assert "from_logits" in finding.remedy


@pytest.mark.parametrize("name", ["grid_winner_20_epochs", "grid_winner_150_epochs"])
def test_published_losses_of_over_confident_models_are_possible(name: str) -> None:
    assert not made("AUD022", sweep({"a": case(name)}))


@pytest.mark.parametrize("classes", [2, 3, 9, 10, 20])
def test_the_classes_of_a_softmax_applied_twice_are_told(classes: int) -> None:
    finding = found("AUD022", sweep({"a": softmax_twice(classes, LEARNING)}))
    assert f"softmax applied twice with {classes} classes" in finding.sentence
    assert finding.confidence == "high"


@pytest.mark.parametrize(
    "curves",
    [
        PLAIN,
        softmax_twice(9, LEARNING, slope=LINE_SLOPE[1] + 0.05),
        softmax_twice(9, LEARNING, slope=LINE_SLOPE[0] - 0.05),
        softmax_twice(9, LEARNING, offset=NEAR_LINE + 0.01),
        softmax_twice(9, LEARNING, offset=-NEAR_LINE - 0.01),
        # On the line at last, but the way there was too steep.
        {m: [*steep[:4], *TWICE[m][4:]] for m, steep in softmax_twice(9, LEARNING, 1.55).items()},  # type: ignore[index, misc]
        # One level only: any loss has a slope of 1 there.
        softmax_twice(9, [0.04] * 8),
        # Too far from the floor to tell it.
        softmax_twice(9, [0.8, 0.6, 0.5, 0.4, 0.38, 0.37, 0.37, 0.36]),
        # A regularisation term in the training loss alone.
        TWICE | {"loss": [loss + 0.3 for loss in TWICE["loss"]]},  # type: ignore[union-attr]
    ],
)
def test_other_losses_are_not_taken_for_it(curves: Curves) -> None:
    assert not made("AUD022", sweep({"a": curves}))


def trained(epochs: int = 30, floor: float = 0.0, cost: float = 2.5, noise: float = 0.01) -> Curves:
    """A plain classifier in outline: a wrong row costs some nats, and there may be a penalty."""
    random = np.random.default_rng(epochs)
    errors = 0.5 * np.exp(-np.arange(epochs) / 6) + 0.03
    both = {}
    for side, more in (("", 0.0), ("val_", 0.03)):
        both[f"{side}accuracy"] = 1 - errors - more
        both[f"{side}loss"] = floor + cost * (errors + more) + random.normal(0, noise, epochs)
    return both  # type: ignore[return-value]


@pytest.mark.parametrize("floor", [0.0, 0.3133, 0.55, 0.9, 1.372])
@pytest.mark.parametrize("cost", [1.6, 2.5, 4.0])
def test_a_penalty_or_smoothed_labels_make_no_softmax_twice(floor: float, cost: float) -> None:
    assert not made("AUD022", sweep({"a": trained(floor=floor, cost=cost)}))


def test_known_classes_must_agree() -> None:
    counts = {str(i): 10 for i in range(9)}
    assert made("AUD022", sweep({"a": TWICE}, label_counts=counts))
    assert not made("AUD022", sweep({"a": TWICE}, label_counts=counts | {"9": 10}))


def test_trials_that_share_the_fault_share_a_finding() -> None:
    trials = sweep({"a": PLAIN, "b": TWICE, "c": TWICE, "d": softmax_twice(3, LEARNING)})
    finding = found("AUD022", trials)
    assert finding.sentence.startswith("2 of 4 trials, such as trial b: ")
    assert finding.trials == ("b", "c")
    assert finding.runs == (Run("b"), Run("c"))


def squared(factor: float, error: float = 0.1) -> Curves:
    return {"val_accuracy": [1 - error] * 9, "val_loss": [factor * error * math.log(2)] * 9}


@pytest.mark.parametrize(
    ("factor", "error", "is_too_small"),
    [
        (BELOW_LEAST - 0.05, 0.1, True),
        (BELOW_LEAST + 0.05, 0.1, False),
        (BELOW_LEAST - 0.05, SOME_ERRORS - 0.005, False),
    ],
)
def test_a_loss_below_what_wrong_rows_cost_is_another(
    factor: float, error: float, is_too_small: bool
) -> None:
    findings = made("AUD022", sweep({"a": squared(factor, error)}))
    assert bool(findings) == is_too_small
    if findings:
        assert findings[0].severity == "tip"
        assert "cannot be below 0.06931, the error rate times ln 2" in findings[0].sentence


@pytest.mark.parametrize("loss", ["mse", "focal_crossentropy"])
def test_a_loss_that_is_known_to_be_another_needs_no_telling(loss: str) -> None:
    trials = sweep({"a": squared(0.5)})
    assert not made("AUD022", replace(trials, hyperparameters={"a": {"loss_fn": loss}}))
    assert made("AUD022", replace(trials, hyperparameters={"a": {"loss": "crossentropy"}}))
    assert not made("AUD022", sweep({"a": squared(0.5)}, models={"a": ModelFacts(loss=loss)}))


# Losses are not comparable


@pytest.mark.parametrize(
    ("values", "words", "confidence"),
    [
        ({"l2": [0.0, 0.1]}, "l2 (2 values) changes", "medium"),
        ({"kernel_regularizer": ["l2", "none"]}, "kernel_regularizer (2 values) changes", "medium"),
        ({"use_l1": [True, False]}, "use_l1 (2 values) changes", "medium"),
        ({"weight_decay": [0.0, 0.1]}, "weight_decay (2 values) changes", "low"),
        ({"loss": ["mse", "mae"]}, "loss (2 values) changes", "high"),
        ({"label_smoothing": [0, 0.1]}, "label_smoothing (2 values) changes", "high"),
        (
            {"reg_l2": [0.0, 0.1], "loss_fn": ["mse", "mae"]},
            "loss_fn (2 values) and reg_l2 (2 values) change",
            "high",
        ),
    ],
)
def test_hyperparameters_that_are_part_of_the_loss(
    values: Any, words: str, confidence: str
) -> None:
    finding = found("AUD023", tuned(values))
    assert f"2 trials are ranked by val_loss, but {words} that loss itself" in finding.sentence
    assert finding.confidence == confidence


@pytest.mark.parametrize(
    "values",
    [
        {"l2": [0.1, 0.1]},
        {"n_units_l1": [32, 64]},
        {"l1": [128, 256]},
        {"dropout_l1": [0.2, 0.5]},
        {"lr": [0.1, 0.2], "momentum": [0.1, 0.9]},
        {"loss": [0.4, 0.5]},  # a result, not a choice
        {"beta_1": [0.9, 0.95], "gamma": [0.1, 0.2], "regions": [1, 2]},
    ],
)
def test_hyperparameters_that_are_not(values: Any) -> None:
    assert not made("AUD023", tuned(values))


def test_a_loss_without_its_terms_is_comparable_but_not_another_loss() -> None:
    plain = {str(i): {"unregularised_val_loss": FLAT["val_loss"]} for i in range(2)}
    assert not made("AUD023", tuned({"l2": [0.0, 0.1]}, series=plain))
    both = tuned({"l2": [0.0, 0.1], "loss": ["mse", "mae"]}, series=plain)
    assert "but loss (2 values) changes" in found("AUD023", both).sentence


@pytest.mark.parametrize(
    ("facts", "is_found"),
    [
        (ModelFacts(), False),
        (ModelFacts(regularisers=("L2",)), True),
        (ModelFacts(regularisers=("dropout", "weight decay")), False),
        (ModelFacts(custom=("Mine",)), True),
    ],
)
def test_models_tell_whether_a_strength_is_one_of_the_loss(
    facts: ModelFacts, is_found: bool
) -> None:
    trials = tuned({"l2": [0.0, 0.1]}, models={"0": ModelFacts(), "1": facts})
    assert bool(made("AUD023", trials)) == is_found


def test_models_tell_that_the_loss_differs() -> None:
    models = {"0": ModelFacts(loss="mean_squared_error"), "1": ModelFacts(loss="huber")}
    finding = found("AUD023", tuned({"size": [1, 2]}, models=models))
    assert "but the loss of the model (2 values) changes" in finding.sentence


@pytest.mark.parametrize("is_part", [True, False])
def test_first_losses_that_do_not_grow_with_a_strength_do_not_contain_it(is_part: bool) -> None:
    random = np.random.default_rng(0)
    strengths = 10 ** random.uniform(-5, 0, 40)
    losses = 0.7 + random.normal(0, 0.05, 40) + is_part * strengths
    trials = sweep({str(i): {"val_loss": [loss, loss]} for i, loss in enumerate(losses)})
    values = {str(i): {"l2": float(strength)} for i, strength in enumerate(strengths)}
    assert bool(made("AUD023", replace(trials, hyperparameters=values))) == is_part


# Not held against a baseline


def test_the_published_regression() -> None:
    finding = found("AUD024", read(CASES / "steering_val_below_train.log"))
    assert "whether val_loss 0.0098 is good is not known" in finding.sentence
    assert "its root is 0.099 in units of the target" in finding.sentence
    assert (finding.severity, finding.confidence) == ("tip", "low")


ROUNDED = [0.04, 0.0225, 0.01]


@pytest.mark.parametrize(
    ("curves", "objective", "words"),
    [
        (
            {"val_loss": ROUNDED, "val_mse": [0.04001, 0.0225, 0.01]},
            "val_loss",
            "it is a mean squared error, and its root is 0.1 in",
        ),
        (
            {"val_loss": ROUNDED, "val_rmse": [0.2, 0.15, 0.1]},
            "val_loss",
            "it is a mean squared error, and its root is 0.1 in",
        ),
        (
            {"val_loss": ROUNDED, "val_mae": ROUNDED},
            "val_loss",
            "it is the mean absolute error, 0.01 in",
        ),
        (
            {"val_loss": ROUNDED, "val_mae": [0.1, 0.1, 0.1], "mse": ROUNDED},
            "val_loss",
            "if it is a mean squared error, its root is 0.1 in",
        ),
        ({"val_mse": ROUNDED}, "val_mse", "it is a mean squared error, and its root is 0.1 in"),
        ({"val_rmse": ROUNDED}, "val_rmse", "it is the root of a mean squared error, 0.01 in"),
    ],
)
def test_what_an_error_is_in_units_of_the_target(
    curves: Curves, objective: str, words: str
) -> None:
    finding = found("AUD024", sweep({"a": curves}, objective))
    assert words in finding.sentence
    assert finding.confidence == ("low" if "if it is" in words else "medium")


def test_the_best_of_a_sweep_is_spoken_of() -> None:
    finding = found("AUD024", sweep({"a": {"val_loss": [0.09]}, "b": {"val_loss": [0.04]}}))
    assert finding.sentence.startswith("whether the best val_loss 0.04 is good is not known")


def test_a_model_tells_what_its_loss_is() -> None:
    curves = {"a": {"val_loss": ROUNDED}}
    squares = sweep(curves, models={"a": ModelFacts(loss="mean_squared_error")})
    assert "it is a mean squared error" in found("AUD024", squares).sentence
    entropy = sweep(curves, models={"a": ModelFacts(loss="categorical_crossentropy")})
    assert diagnosed(entropy)[1]["AUD024"].status == "not applicable"
