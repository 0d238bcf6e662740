"""Explosions as they are told: what came back, and to what."""

from tests.diagnosis.asking import evidence, found
from tests.diagnosis.examples.example import LN2
from tests.making import sweep


def test_a_loss_that_came_back_to_that_of_knowing_nothing_has_diverged() -> None:
    dead = [0.7, 0.6, 30.0, 0.7, 0.6931, 0.6931]
    finding = found("AUD001", sweep({"a": {"loss": dead, "val_loss": dead}}, no_skill_loss=LN2))
    assert finding.sentence.endswith(
        "in epoch 3 and came back to that of knowing nothing only (best val_loss since: 0.6931)"
    )
    away = [0.7, 0.6, 30.0, 6.0, 5.0, 4.0]
    finding = found("AUD001", sweep({"a": {"loss": away, "val_loss": away}}, no_skill_loss=LN2))
    assert finding.sentence.endswith("in epoch 3 and did not come back")


def test_a_run_that_recovered_and_never_learned_is_told_by_its_best_loss() -> None:
    slow = [8e4, 1e7, 6e4, 3e4, 9e3, 900.0]
    known = {"no_skill_loss": 64.0, "untrained_loss": 8.4e4}
    finding = found("AUD004", sweep({"a": {"loss": slow, "val_loss": slow}}, **known))
    assert "its best val_loss 900 is no better than a constant" in finding.sentence
    assert evidence(finding)["best val_loss"] == 900
