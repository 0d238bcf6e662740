"""What of a declared grid was not tried, and whether failures ended it."""

from collections.abc import Mapping
from typing import Any

import pytest

from auditor.diagnosis import diagnose
from auditor.diagnosis.finding import Check, Finding
from auditor.outcomes import judge
from auditor.scoring import score
from auditor.trials import (
    Condition,
    Design,
    Hyperparameter,
    Objective,
    Recorded,
    Run,
    Trials,
    empty_curves,
)

RATE = Hyperparameter("rate", "choice", (1.0, 0.1))
UNITS = Hyperparameter("units", "int", (2, 4, 8))
DROP = Hyperparameter("drop", "boolean", (True, False))
SHARE = Hyperparameter("share", "choice", (0.2, 0.5), conditions=(Condition("drop", (True,)),))
FAILED = Recorded("failed")


def asked(
    tried: list[Mapping[str, Any]],
    *space: Hyperparameter,
    recorded: Recorded | None = None,
    sampler: Any = "grid",
) -> tuple[Finding | None, Check]:
    values = {str(number): dict(values) for number, values in enumerate(tried)}
    said = recorded or Recorded("completed", metrics={"val_loss": 0.5})
    trials = Trials(
        values,
        {Run(trial): said for trial in values},
        empty_curves(),
        Objective("val_loss"),
        space,
        Design(sampler),
    )
    outcomes = judge(trials)
    findings, checks = diagnose(trials, outcomes, score(trials, outcomes))
    (check,) = (check for check in checks if check.code == "AUD012")
    return next((f for f in findings if f.code == "AUD012"), None), check


def test_a_grid_that_failures_ended_says_what_is_left_and_why() -> None:
    tried = [{"rate": 1.0, "units": units} for units in (2, 4, 8)]
    finding, _ = asked(tried, RATE, UNITS, recorded=FAILED)
    assert finding is not None
    assert finding.sentence == (
        "3 of 6 combinations of the grid were not tried, among them all with rate=0.1; the last 3 "
        "trials failed, and a search commonly ends itself after 3 failures in a row"
    )
    assert finding.confidence == "high"


def test_two_failures_explain_nothing() -> None:
    finding, _ = asked([{"rate": 1.0}, {"rate": 0.1}], RATE, DROP, recorded=FAILED)
    assert finding is None  # a value that no trial has may have been any
    finding, _ = asked([{"units": 2}, {"units": 4}], UNITS, recorded=FAILED)
    assert finding is not None
    assert "in a row" not in finding.sentence


def test_conditional_values_count_only_where_they_exist() -> None:
    whole = [{"drop": True, "share": 0.2}, {"drop": True, "share": 0.5}, {"drop": False}]
    assert asked(whole, DROP, SHARE)[1].status == "passed"
    finding, _ = asked(whole[1:], DROP, SHARE)
    assert finding is not None
    assert finding.sentence.startswith("1 of 3 combinations")


def test_a_whole_number_is_the_same_as_a_float() -> None:
    assert asked([{"rate": 1}, {"rate": 0.1 + 1e-16}], RATE)[1].status == "passed"


def test_an_integer_of_hundreds_of_digits_is_a_value_like_others() -> None:
    finding, _ = asked([{"rate": 10**400}], RATE)
    assert finding is not None
    assert finding.sentence.startswith("2 of 2 combinations")


@pytest.mark.parametrize(
    ("space", "sampler", "reason"),
    [
        ((RATE,), "random", "not known to be a grid"),
        ((), "grid", "not recorded"),
        ((Hyperparameter("x", "float", (), 0.0, 1.0),), "grid", "no finite number"),
        (tuple(Hyperparameter(str(i), "int", tuple(range(10))) for i in range(6)), "grid", "more"),
    ],
)
def test_where_it_does_not_apply(space: Any, sampler: str, reason: str) -> None:
    _, check = asked([{}], *space, sampler=sampler)
    assert check.status == "not applicable"
    assert reason in check.reason
