"""The winner on test data, in words."""

from typing import Any

import pytest

from auditor.auditing import audit
from auditor.report.numbers import UNKNOWN
from auditor.report.terminal import render_terminal
from auditor.report.words.on_test import on_test
from auditor.trials import Recorded, RunOnTest, Trials, WinnerOnTest
from tests.making import sweep


def found(**more: Any) -> WinnerOnTest:
    metrics = {"loss": 0.62, "accuracy": 0.8}
    given: dict[str, Any] = {"errors": {"loss": 0.0312}, "runs": (RunOnTest(0, 0, metrics),)}
    return WinnerOnTest(**{"trial_id": "a", "rows": 1500, "metrics": metrics, **given, **more})


def made(result: WinnerOnTest | None) -> Trials:
    recorded = {"a": Recorded("completed", metrics={"val_loss": 0.5, "val_accuracy": 0.85})}
    curves = {"a": {"val_loss": [0.5]}, "b": {"val_loss": [0.9]}}
    return sweep(curves, recorded=recorded, on_test=result)  # type: ignore[arg-type]


def test_test_metrics_stand_beside_validation() -> None:
    said = dict(on_test(audit(made(found())), "a"))
    assert said == {
        "on the test data": "loss 0.62, accuracy 0.8 (1,500 rows)",
        "test minus validation": "loss 0.12 ± 0.031, accuracy -0.05 (± standard error)",
    }


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"winners": 3}, "(1,500 rows; 3 winners were evaluated on them so far)"),
        ({"trial_id": "b"}, "trial b, the best at that time: loss 0.62"),
        ({"trial_id": "gone"}, "trial gone, the best at that time: loss 0.62"),
        ({"metrics": {"loss": float("nan")}}, "loss NaN"),
    ],
)
def test_whose_they_are_and_how_often_they_were_looked_at_is_said(
    more: dict[str, Any], said: str
) -> None:
    assert said in dict(on_test(audit(made(found(**more))), "a"))["on the test data"]


def test_where_validation_is_not_known_no_difference_is_told() -> None:
    assert "test minus validation" not in dict(on_test(audit(made(found(trial_id="b"))), "a"))
    assert list(on_test(audit(made(None)), "a")) == []


def test_the_terminal_shows_them() -> None:
    text = render_terminal(audit(made(found())))
    assert "on the test data" in text
    assert "on the test data" not in render_terminal(audit(made(None)))
    assert UNKNOWN not in text.partition("on the test data")[2].splitlines()[0]
