"""Validation far above, far below, or the same as training: from planted truth and real runs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from auditor.diagnosis.easier import BELOW
from auditor.diagnosis.equality import SURE_EPOCHS
from auditor.diagnosis.splitting import GAP_AT_FIRST
from auditor.readers import read
from auditor.trials import ModelFacts, Objective, Recorded, Run, Trials
from auditor.trials.data_checks import Separation
from tests.diagnosis.asking import diagnosed, evidence, found
from tests.diagnosis.examples.data import HEALTHY_CHECKS, SORTED
from tests.diagnosis.examples.splitting import APART, SAME
from tests.diagnosis.examples.splitting import BELOW as LOW
from tests.making import CASES, case, sweep

TOLD_APART = Separation(800, 800, 0.8, 0.77, 0.83)
OURS = {"AUD019", "AUD020", "AUD021"}


def codes(trials: Trials) -> set[str]:
    return {finding.code for finding in diagnosed(trials)[0]} & OURS


def curves(seed: int, epochs: int = 20, above: float = 0.0, noise: float = 0.01) -> dict[str, Any]:
    """Both losses fall alike, validation a share above the training of its moment."""
    rng = np.random.default_rng(seed)
    moments = 0.3 + 0.4 * np.exp(-np.arange(0.5, epochs + 1, 0.5) / 8)
    training, later = moments[::2][:epochs], moments[1::2][:epochs]
    return {
        "loss": training * (1 + noise * rng.normal(size=epochs)),
        "val_loss": later * (1 + above) * (1 + noise * rng.normal(size=epochs)),
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("grid_winner_20_epochs.txt", {"AUD019"}),
        ("grid_winner_150_epochs.txt", {"AUD019"}),
        ("dip_at_epoch_8.log", set()),
        ("mobilenet_epochs_10_to_34.log", set()),
        ("steering_val_below_train.log", {"AUD020"}),
        ("stuck_at_chance.txt", {"AUD021"}),
    ],
)
def test_published_runs(name: str, expected: set[str]) -> None:
    assert codes(read(CASES / name)) == expected


def test_the_published_gap_is_told_in_its_authors_numbers() -> None:
    finding = found("AUD019", read(CASES / "grid_winner_20_epochs.txt"))
    assert "first epoch on (0.72 against 0.4774, a gap of 0.2425)" in finding.sentence
    assert "of two balanced classes (0.6931), although val_acc is 0.7226" in finding.sentence
    assert evidence(finding)["gap of the first epoch"] == pytest.approx(0.242536)
    assert evidence(finding)["validation rows"] == 16_284
    assert finding.confidence == "medium"


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("above", "expected"),
    [
        (GAP_AT_FIRST + 0.1, {"AUD019"}),
        (GAP_AT_FIRST - 0.05, set()),
        (0.0, set()),
        (0.05 - BELOW, set()),
        (-0.1 - BELOW, {"AUD020"}),
    ],
)
def test_planted_gaps_are_found_from_their_threshold_on(
    seed: int, above: float, expected: set[str]
) -> None:
    assert codes(sweep({"a": curves(seed, above=above)})) == expected


@pytest.mark.parametrize("seed", range(10))
def test_noise_hides_a_gap_rather_than_making_one(seed: int) -> None:
    assert not codes(sweep({"a": curves(seed, above=0.3, noise=0.4)})) & {"AUD019"}
    assert not codes(sweep({"a": curves(seed, noise=0.4)}))


def test_a_training_loss_that_vanishes_hides_no_gap() -> None:
    # Digits 8 and 9 held out, never trained on: of the data of scikit-learn, one seed.
    unseen = {
        "loss": [0.394, 0.047, 0.015, 0.006, 0.003, 0.002, 0.002, 0.001],
        "val_loss": [8.831, 9.071, 8.951, 9.163, 9.415, 9.564, 9.709, 9.833],
    }
    assert codes(sweep({"a": unseen})) == {"AUD019"}


def test_a_gap_that_builds_up_is_overfitting_only() -> None:
    assert "AUD019" not in codes(sweep({"a": case("mobilenet_epochs_10_to_34")}))
    late = {**APART, "val_loss": [0.46, *APART["val_loss"][1:]]}
    assert codes(sweep({"a": late})) == set()


def test_what_half_an_epoch_explains_is_not_told() -> None:
    # A fast fall: the loss of the epoch is an average, and far above the loss after it.
    moments = np.exp(-1.2 * np.arange(13) / 2)
    halves = {"loss": moments[:-1:2], "val_loss": moments[1::2]}
    assert all(halves["val_loss"] < (1 - BELOW) * halves["loss"])
    assert codes(sweep({"a": halves})) == set()


def test_few_rows_may_differ_by_luck() -> None:
    assert codes(sweep({"a": APART}, validation_rows=50)) == set()
    finding = found("AUD019", sweep({"a": APART}, validation_rows=50_000))
    assert finding.confidence == "medium"
    assert found("AUD019", sweep({"a": APART})).confidence == "low"


def test_one_finding_speaks_for_all_trials_the_best_of_them_first() -> None:
    trials = sweep({"b": {**APART, "val_loss": [v + 0.1 for v in APART["val_loss"]]}, "a": APART})
    finding = found("AUD019", trials)
    assert finding.sentence.startswith("2 of 2 trials, such as trial a: val_loss was far above")
    assert finding.trials == ("a", "b")


def test_a_gap_of_one_trial_among_many_is_its_own() -> None:
    trials = sweep({"a": APART} | {f"b{i}": curves(i) for i in range(3)}, validation_rows=50_000)
    finding = found("AUD019", trials)
    assert "most others on the same data do not show it" in finding.sentence
    assert (finding.trials, finding.confidence) == (("a",), "low")


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"labels": SORTED}, "labels of training and validation data differ"),
        ({"labels": SORTED, "separation": TOLD_APART}, "labels and inputs of training"),
    ],
)
def test_a_gap_is_put_down_to_data_that_are_known_to_differ(
    parts: dict[str, Any], words: str
) -> None:
    checks = replace(HEALTHY_CHECKS, **parts)
    others = {f"b{i}": curves(i) for i in range(3)}
    finding = found("AUD019", sweep({"a": APART} | others, data_checks=checks))
    assert words in finding.sentence
    assert "overfit" not in finding.sentence
    assert finding.confidence == "medium"


def test_runs_that_exploded_say_nothing_of_the_split() -> None:
    exploded = {"loss": [0.6, 0.5, 0.5, 0.5, 0.5], "val_loss": [90.0, 0.9, 0.9, 0.9, 0.9]}
    assert codes(sweep({"a": exploded}, no_skill_loss=0.7)) == set()


@pytest.mark.parametrize(
    ("model", "words", "severity", "confidence"),
    [
        (None, "augmentation or class weights would explain that", "tip", "low"),
        (ModelFacts(regularisers=("augmentation", "noise")), "which act only in", "tip", "medium"),
        (ModelFacts(regularisers=("L2",)), "nothing known of its model", "warning", "low"),
    ],
)
def test_why_validation_is_below_training(
    model: ModelFacts | None, words: str, severity: str, confidence: str
) -> None:
    finding = found("AUD020", sweep({"a": LOW}, models={"a": model} if model else {}))
    assert words in finding.sentence
    assert (finding.severity, finding.confidence) == (severity, confidence)


def test_training_losses_measured_again_decide() -> None:
    explained = {"a": {"clean_loss": LOW["val_loss"]}}
    assert codes(sweep({"a": LOW}, series=explained)) == set()
    finding = found("AUD020", sweep({"a": LOW}, series={"a": {"clean_loss": LOW["loss"]}}))
    assert "neither dropout nor averaging over the epoch is in that" in finding.sentence
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    ("values", "confidence"),
    [
        ([0.6931, 0.6931, 0.6930, 0.6930, 0.6929, 0.6929], None),  # four digits cannot differ
        ([0.7, 0.7, 0.7, 0.7], None),
        ([0.6931, 0.6731, 0.6630], "medium"),
        ([0.69314718, 0.69298331, 0.69278389, 0.69255655, 0.69229984], "high"),
    ],
)
def test_equal_curves_are_odd_where_they_move(values: list[float], confidence: str | None) -> None:
    trials = sweep({"a": {"loss": values, "val_loss": values}})
    findings = [f for f in diagnosed(trials)[0] if f.code == "AUD021"]
    assert [f.confidence for f in findings] == ([confidence] if confidence else [])


def test_a_single_difference_makes_two_curves() -> None:
    other = [*SAME["loss"][:-1], 0.06]
    assert "AUD021" not in codes(sweep({"a": {**SAME, "val_loss": other}}))


def test_without_a_loss_other_metrics_are_compared() -> None:
    same = {"auc": SAME["loss"], "val_auc": SAME["loss"]}
    trials = sweep({"a": same}, Objective("val_auc", "max"))
    assert "auc and val_auc are equal" in found("AUD021", trials).sentence


@pytest.mark.parametrize(
    ("changes", "context", "is_told"),
    [
        ({}, {}, True),
        ({}, {"validation_rows": 50}, False),
        ({"val_acc": [1.0] * (SURE_EPOCHS - 1) + [0.99]}, {}, False),
        ({"acc": [0.9] * SURE_EPOCHS}, {}, False),
    ],
)
def test_no_mistake_from_the_first_epoch_on_is_too_good(
    changes: dict[str, Any], context: dict[str, Any], is_told: bool
) -> None:
    logs = {"acc": [0.97] + [1.0] * (SURE_EPOCHS - 1), "val_acc": [1.0] * SURE_EPOCHS} | changes
    trials = sweep({"a": logs}, Objective("val_acc", "max"), **context)
    assert ("AUD021" in codes(trials)) == is_told
    if is_told:
        finding = found("AUD021", trials)
        assert (finding.severity, finding.confidence) == ("warning", "low")


def test_validation_every_other_epoch_is_compared_at_its_moments() -> None:
    full = curves(0, epochs=40, above=-0.3)
    sparse = {"loss": full["loss"], "val_loss": dict(enumerate(full["val_loss"]))}
    sparse["val_loss"] = {e: v for e, v in sparse["val_loss"].items() if e % 2}
    assert codes(sweep({"a": sparse})) == {"AUD020"}


def test_a_run_without_curves_disturbs_none() -> None:
    trials = sweep({"a": APART, Run("b"): {}}, recorded={"c": Recorded("failed")})
    assert found("AUD019", trials).trials == ("a",)
