"""The verdict on a single trial."""

import math
from typing import Any

import pytest

from auditor.auditing import Audit, audit
from auditor.report import render
from auditor.report.parts import Section
from auditor.report.sections import sections
from auditor.trials import Recorded
from tests.making import case, sweep

FALLING = [0.69, 0.6, 0.55, 0.52, 0.5, 0.49, 0.485, 0.482, 0.48, 0.48, 0.48, 0.48]
RISING = [0.6, 0.5, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65]


def section(audited: Audit, key: str) -> Section:
    return next(section for section in sections(audited) if section.key == key)


def both(values: list[float]) -> dict[str, list[float]]:
    return {"loss": values, "val_loss": [value + 0.01 for value in values]}


@pytest.mark.parametrize(
    ("curves", "context", "headline", "tone"),
    [
        (
            {"loss": FALLING[:8], "val_loss": RISING},
            {},
            "It overfits: keep the weights of epoch 3 (val_loss 0.4).",
            "warning",
        ),
        (both(RISING), {}, "It degraded: keep the weights of epoch 3 (val_loss 0.41).", "warning"),
        (
            both(FALLING),
            {"no_skill_loss": 0.3},
            "It never learned: its best is val_loss 0.49 in epoch 9.",
            "error",
        ),
        (both([0.7, math.nan]), {}, "Training diverged: there is no usable model.", "error"),
        (both(FALLING[:5]), {}, "It was still improving when it ended: val_loss 0.51 ", "good"),
        (both(FALLING), {}, "No failure was seen: val_loss 0.49 in epoch 9 of 12.", "good"),
        (both(FALLING[:1]), {}, "Too short to judge: val_loss 0.7 in epoch 1 of 1.", "good"),
        ({"x": [1.0]}, {}, "It cannot be judged: no usable val_loss is recorded.", "error"),
    ],
)
def test_the_verdict_on_one_trial_is_a_practitioners(
    curves: Any, context: Any, headline: str, tone: str
) -> None:
    told = section(audit(sweep({"a": curves}, **context)), "verdict")
    assert told.headline.startswith(headline)
    assert told.tone == tone


def test_a_loss_a_little_below_that_of_a_constant_was_hardly_learned() -> None:
    told = section(audit(sweep({"a": both(FALLING)}, no_skill_loss=0.492)), "verdict")
    assert told.headline.startswith("It hardly learned: its best is val_loss 0.49 in epoch 9.")


def test_a_loss_that_ran_away_while_the_accuracy_held_is_told_so() -> None:
    curves = both([9.0, 9.5, 10.0]) | {"val_accuracy": [0.9, 0.95, 0.974]}
    told = section(audit(sweep({"a": curves}, no_skill_loss=0.6931)), "verdict")
    assert told.headline == (
        "Training diverged: its loss is of no use, although val_accuracy ended at 0.974."
    )


@pytest.mark.parametrize(
    ("recorded", "headline"),
    [
        (Recorded("failed", "no"), "It crashed: there is no usable model."),
        (
            Recorded(metrics={"loss": 0.5, "val_loss": 0.6}),
            "No learning curve is recorded; the result is val_loss 0.6.",
        ),
    ],
)
def test_a_trial_without_curves_is_told_as_such(recorded: Recorded, headline: str) -> None:
    told = section(audit(sweep({}, recorded={"a": recorded})), "verdict")
    assert told.headline.startswith(headline)


def test_training_that_never_helped_validation_has_no_weights_to_keep() -> None:
    curves = {"loss": FALLING, "val_loss": [0.75] * 12}
    told = section(audit(sweep({"a": curves}, no_skill_loss=math.log(2))), "verdict")
    assert told.headline == (
        "It overfits: no epoch is better on validation data than knowing nothing."
    )


def test_a_grave_finding_is_named_and_spoils_the_tone() -> None:
    trials = sweep({"a": both(FALLING)}, validation_rows=20)
    told = section(audit(trials), "verdict")
    assert told.headline.endswith("Look into: validation set too small.")
    assert told.tone == "warning"


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("grid_winner_20_epochs", "It overfits: keep the weights of epoch 4 (val_loss 0.6845)."),
        ("mobilenet_epochs_10_to_34", "It overfits: keep the weights of epoch 11 (val_loss 1.038)"),
        ("dip_at_epoch_8", "It was still improving when it ended: val_loss 1.417 in epoch 10."),
    ],
)
def test_published_cases_are_told_in_one_sentence(name: str, headline: str) -> None:
    audited = audit(sweep({"a": case(name)}))
    assert section(audited, "verdict").headline.startswith(headline)
    text = render(audited, "terminal")
    assert "trial a:" not in text
    assert "nothing to compare its hyperparameters with" in text
