"""Trials that solve different problems are not ranked as if they were a sweep."""

from auditor.auditing import audit
from auditor.report.sections import sections
from tests.making import sweep


def test_no_trial_is_called_the_best_of_different_problems() -> None:
    classifies = {"val_loss": [0.6, 0.5, 0.4, 0.3], "val_accuracy": [0.7, 0.8, 0.9, 0.9]}
    regresses = {"val_loss": [30.0, 20.0, 15.0, 14.0], "val_mae": [5.0, 4.0, 3.0, 3.0]}
    verdict = next(
        section
        for section in sections(audit(sweep({"a": classifies, "b": regresses})))
        if section.key == "verdict"
    )
    assert verdict.headline == "Trials of different problems: none of these 2 is the best of all."
    assert verdict.tone == "error"
