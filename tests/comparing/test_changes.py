"""What became of findings and causes, what was searched, and what cannot be compared."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.attribution.cause import Attribution, Cause, Condition, Tally
from auditor.auditing import Audit
from auditor.comparing import compare
from auditor.diagnosis.finding import Check, Finding
from auditor.trials import ModelFacts
from tests.comparing.planted import GRID, quick, sweep


def finding(code: str, *trials: str) -> Finding:
    return Finding(code, "Title", "warning", trials, (), "sentence", (), "remedy", "high")


def with_findings(*findings: Finding, checks: tuple[Check, ...] = ()) -> Audit:
    every = {f"AUD00{i}": Check(f"AUD00{i}", "Title", "passed") for i in range(1, 6)}
    known = tuple({**every, **{check.code: check for check in checks}}.values())
    return replace(quick(sweep(0)), findings=findings, checks=known)


def test_findings_go_come_and_stay_and_what_was_not_checked_has_not_gone() -> None:
    blind = Check("AUD004", "Title", "not applicable", "no curves")
    before = with_findings(
        finding("AUD001", "0000"), finding("AUD002", "0001", "0002"), finding("AUD004", "0003")
    )
    after = with_findings(
        finding("AUD002", "0001"), finding("AUD003", "0004"), finding("AUD009"), checks=(blind,)
    )
    found = {change.code: change for change in compare(before, after).findings}
    assert {code: change.change for code, change in found.items()} == {
        "AUD001": "gone",
        "AUD002": "stayed",
        "AUD003": "new",
        "AUD004": "not checked after",
        "AUD009": "not checked before",
    }
    assert (found["AUD002"].trials_before, found["AUD002"].trials_after) == (2, 1)
    assert found["AUD004"].reason == "no curves"


def with_cause(*conditions: Condition, **how: Any) -> Audit:
    counts = Tally("crashed", conditions, 1, 1, 0, 1)
    cause = Cause("crashed", conditions, counts, 1.0, None, 0.01, "associated", (), "sentence")
    nothing = Attribution("unknown", 0, (), (), (cause,) if conditions else (), ())
    return replace(quick(sweep(0, **how)), attribution=nothing)


def test_causes_are_matched_by_conditions_and_counted_alike_on_both_sides() -> None:
    low, wide = Condition("lr", ">=", 0.01), Condition("units", "==", 64)
    before = with_cause(low, wide, crashing=1.0)
    found = compare(before, with_cause(wide, low))
    (change,) = found.causes
    assert change.change == "stayed"
    assert (change.failing_before, change.total_before) == (8, 8)
    assert (change.failing_after, change.total_after) == (0, 8)
    (gone,) = compare(before, with_cause(values=GRID[:4])).causes
    assert (gone.change, gone.total_after) == ("gone", 0)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ({}, {"direction": "max"}, "objective"),
        ({"validation_rows": 100}, {"validation_rows": 90}, "rows to validate"),
        ({"no_skill_loss": 0.69}, {"no_skill_loss": 0.5}, "no-skill loss"),
        (
            {"models": {"0000": ModelFacts(loss="mse")}},
            {"models": {"0000": ModelFacts(loss="mae")}},
            "loss function",
        ),
    ],
)
def test_what_cannot_be_compared_is_not(
    before: dict[str, Any], after: dict[str, Any], why: str
) -> None:
    found = compare(quick(sweep(0, **before)), quick(sweep(1, shift=1.0, **after)))
    assert found.unlike[0].name == why
    assert (found.best, found.objective, found.gap) == (None, None, None)
    assert found.claims.keys() <= {"outcomes"}


def test_more_training_rows_forbid_nothing() -> None:
    found = compare(
        quick(sweep(0, train_rows=100, validation_rows=50)),
        quick(sweep(1, train_rows=200, validation_rows=50)),
    )
    assert found.unlike == ()
    assert found.same_data_known
    assert [fact.name for fact in found.setup] == ["rows to train"]


def test_new_and_dropped_values_are_told() -> None:
    fewer = [values for values in GRID if values["units"] == 16]
    found = compare(quick(sweep(0, values=fewer)), quick(sweep(1)))
    (axis,) = found.axes
    assert (axis.name, axis.before, axis.after) == ("units", (16,), (16, 64))


def test_cost_is_that_of_all_runs() -> None:
    _, after = compare(quick(sweep(0)), quick(sweep(1, executions=2))).spent
    assert (after.trials, after.runs, after.seconds) == (24, 48, 96.0)
