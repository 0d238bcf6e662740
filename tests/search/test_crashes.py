"""What is left of a crash that happened elsewhere, or earlier."""

import pickle
from collections.abc import Callable
from typing import Any

import keras_tuner
import pytest

from auditor import GridSearch
from auditor.search.crashes import CrashError, crash_of
from auditor.search.runs import begin_run
from tests.search.helpers import dummy, grid_of


@pytest.mark.parametrize(
    ("kind", "is_given_up"),
    [(ZeroDivisionError, False), (keras_tuner.errors.FailedTrialError, True)],
)
def test_a_crash_keeps_its_traceback_and_whether_it_is_for_good(
    kind: type[Exception], is_given_up: bool
) -> None:
    try:
        raise kind("of a callback")
    except kind as error:
        crash = crash_of(error)
    assert crash.report.startswith("Traceback")
    assert f"{kind.__name__}: of a callback" in crash.report
    assert crash.is_given_up is is_given_up
    travelled = pickle.loads(pickle.dumps(crash))
    assert vars(travelled) == vars(crash)
    assert crash_of(travelled) is travelled


@pytest.mark.parametrize(("is_given_up", "status"), [(False, "INVALID"), (True, "FAILED")])
def test_a_crash_of_elsewhere_is_the_message_alone(
    is_given_up: bool, status: str, make: Callable[..., Any]
) -> None:
    def act() -> None:
        raise CrashError("the traceback of elsewhere", is_given_up)

    tuner = make(dummy(GridSearch), grid_of(2))
    trial = tuner.oracle.create_trial("tuner0")
    run = begin_run(trial.trial_id, sweep_seed=0, place=0)
    tuner.ending.attempt(trial, act, lambda: [run])
    assert (trial.message, trial.status) == ("the traceback of elsewhere", status)
