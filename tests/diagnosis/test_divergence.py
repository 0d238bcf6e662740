"""Explosions as they are told: what came back, and to what."""

from dataclasses import replace

from tests.diagnosis.asking import evidence, found
from tests.diagnosis.examples.data import HEALTHY_CHECKS, checked
from tests.diagnosis.examples.example import LN2
from tests.making import sweep


def test_a_loss_that_came_back_to_that_of_knowing_nothing_has_diverged() -> None:
    dead = [0.7, 0.6, 30.0, 0.7, 0.6931, 0.6931]
    finding = found("AUD001", sweep({"a": {"loss": dead, "val_loss": dead}}, no_skill_loss=LN2))
    assert finding.sentence.endswith(
        "in epoch 3 and came back only to knowing nothing (best val_loss since: 0.6931)"
    )
    away = [0.7, 0.6, 30.0, 6.0, 5.0, 4.0]
    finding = found("AUD001", sweep({"a": {"loss": away, "val_loss": away}}, no_skill_loss=LN2))
    assert finding.sentence.endswith("in epoch 3 and did not come back")


def test_the_loss_that_stayed_away_is_named_with_its_own_epochs() -> None:
    curves = {
        "loss": [30.0, 2.0, 0.5, 0.3, 0.2, 0.1],
        "val_loss": [40.0, 30.0, 11.0, 12.0, 11.0, 12.0],
        "val_accuracy": [0.5, 0.6, 0.97, 0.97, 0.97, 0.974],
    }
    finding = found("AUD001", sweep({"a": curves}, no_skill_loss=LN2))
    assert finding.sentence == (
        "trial a: training diverged: val_loss reached 40 in 6 epochs from 1 to 6 and did not come "
        "back, although val_accuracy ended at 0.974: the loss ran away while the accuracy held"
    )
    told = evidence(finding)
    assert (told["worst loss"], told["such epochs"]) == (30.0, 6)
    calm = found("AUD001", sweep({"a": {**curves, "loss": [0.5] * 6}}, no_skill_loss=LN2))
    assert "worst loss" not in evidence(calm)


def test_inputs_that_were_found_scaled_are_not_to_be_scaled() -> None:
    away = {"loss": [30.0] * 6, "val_loss": [30.0] * 6}
    wide = replace(HEALTHY_CHECKS.scale, largest_deviation=350.0)
    told = [
        found("AUD001", trials).remedy
        for trials in (checked(away), checked(away, scale=wide), checked(away, scale=None))
    ]
    assert [("scale the inputs" in remedy) for remedy in told] == [False, True, True]


def test_an_accuracy_of_guessing_did_not_hold() -> None:
    away = {"loss": [30.0] * 6, "val_loss": [30.0] * 6, "val_accuracy": [0.5] * 6}
    finding = found("AUD001", sweep({"a": away}, no_skill_loss=LN2))
    assert finding.sentence.endswith("and did not come back; val_accuracy ended at 0.5")


def test_a_run_that_recovered_and_never_learned_is_told_by_its_best_loss() -> None:
    slow = [8e4, 1e7, 6e4, 3e4, 9e3, 900.0]
    known = {"no_skill_loss": 64.0, "untrained_loss": 8.4e4}
    finding = found("AUD004", sweep({"a": {"loss": slow, "val_loss": slow}}, **known))
    assert "its best val_loss 900 is no better than a constant" in finding.sentence
    assert evidence(finding)["best val_loss"] == 900
