"""What test data say of the choice."""

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import auditor
from auditor.auditing import audit
from auditor.outcomes import judge
from auditor.scoring import score
from auditor.selection import Selection, measure
from auditor.trials import Objective, Recorded, Run
from auditor.trials.on_test import RunOnTest, WinnerOnTest
from tests.making import sweep

SEEN = {"a": 0.30, "b": 0.20, "c": 0.25, "d": 0.10}
TEST = {"a": 0.32, "b": 0.28, "c": 0.22, "d": 0.30}


def tabled(objective: str = "val_loss", direction: Any = "min") -> Any:
    sign = 1 if direction == "min" else -1
    name = objective.removeprefix("val_")
    curves = {
        trial: {
            objective: [0.5 + sign * (seen + step - 0.5) for step in (0.3, 0, 0.2)],
            name: [0.5 + sign * (seen + step - 0.5) for step in (0.3, 0, -0.05)],
            f"test_{name}": [0.5 + sign * (TEST[trial] + step - 0.5) for step in (0.3, 0, -9)],
        }
        for trial, seen in SEEN.items()
    }
    return sweep(curves, Objective(objective, direction))


def found(trials: Any) -> Selection:
    outcomes = judge(trials)
    made = measure(trials, outcomes, score(trials, outcomes, 0))
    assert made is not None
    return made


@pytest.mark.parametrize(("objective", "direction"), [("val_loss", "min"), ("val_accuracy", "max")])
def test_a_search_that_went_on_to_choose_by_luck(objective: str, direction: Any) -> None:
    told = found(tabled(objective, direction)).overtuning
    sign = 1 if direction == "min" else -1
    assert told is not None
    assert told.trials == (1, 2, 3, 4)
    best = [0.32, 0.28, 0.28, 0.30]
    assert told.test == pytest.approx([0.5 + sign * (value - 0.5) for value in best])
    assert told.overtuning == pytest.approx(0.02)
    assert told.regret == pytest.approx(0.08)
    assert told.optimism == pytest.approx(0.20)


def test_the_expected_course_is_the_mean_over_all_orders() -> None:
    told = found(tabled()).overtuning
    assert told is not None
    courses = [
        [TEST[min(order[: n + 1], key=lambda t: SEEN[t])] for n in range(4)]
        for order in permutations(SEEN)
    ]
    assert told.expected == pytest.approx(np.mean(courses, axis=0))


def winner_on_test(**more: Any) -> Any:
    runs = {"a": [0.5, 0.3], "b": [0.6, 0.4]}
    curves = {trial: {"val_loss": line, "loss": line} for trial, line in runs.items()}
    recorded = {
        trial: Recorded("completed", metrics={"val_loss": line[-1]}) for trial, line in runs.items()
    }
    result = {"errors": {"loss": 0.02}, "runs": (RunOnTest(0, 0, {"loss": 0.36}),)} | more
    return sweep(
        curves, recorded=recorded, on_test=WinnerOnTest("a", 500, {"loss": 0.36}, **result)
    )


def test_the_winner_on_test_data_has_a_standard_error() -> None:
    told = found(winner_on_test()).on_test
    assert told is not None
    assert (told.metric, told.value, told.rows, told.winners) == ("test_loss", 0.36, 500, 1)
    assert told.optimism.value == pytest.approx(0.06)
    assert told.optimism.interval == pytest.approx(
        (0.06 - 1.96 * 0.02, 0.06 + 1.96 * 0.02), abs=1e-4
    )
    assert found(winner_on_test(errors={})).on_test.optimism.interval is None  # type: ignore[union-attr]


def test_an_earlier_winner_on_test_data_is_not_this_one() -> None:
    trials = winner_on_test()
    other = WinnerOnTest("b", 500, {"loss": 0.36})
    curves = {run: {"val_loss": trials.curve(run, "val_loss").values} for run in trials.runs}
    assert found(sweep(curves, on_test=other)).on_test is None


def test_the_report_tells_both() -> None:
    text = " ".join(str(audit(winner_on_test(winners=2))).split())
    assert "On 500 test rows, trial a has a test_loss of 0.36: 0.06 worse than its val_loss" in text
    assert "2 winners of this search have been scored there" in text
    audited = audit(tabled(), 0)
    text = " ".join(str(audited).split())
    assert "was best earlier in the search was better by 0.02" in text
    assert "as soon as trials are chosen by it, these rows are validation rows too" in text
    assert len(audited.figures.search().data) == 3


@pytest.mark.slow
def test_a_real_search_loses_on_test_data_what_it_gains_by_luck(real_data: Path) -> None:
    path = next((real_data / "taskset").glob("curves_*.csv.gz"))
    trials = auditor.read(path)
    told = found(trials).overtuning
    assert told is not None
    assert told.overtuning >= 0
    assert told.regret >= told.overtuning
    assert told.expected[0] > told.expected[-1]
    assert Run(found(trials).winner) in trials.recorded
