"""A search writes down what its data show, once, and never fails by it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import GridSearch, read
from auditor.search import data_checks, store
from auditor.search.data_checks import checks_of
from auditor.search.folds import folds
from tests.search.helpers import build_two, dummy, fit_arguments, grid_of, tiny_data

X, Y = tiny_data()
DUMMY = dummy(GridSearch)


def searched(make: Callable[..., Any], *args: Any, check_data: bool = True, **kwargs: Any) -> Any:
    tuner = make(DUMMY, grid_of(2), check_data=check_data)
    tuner.search(*args, **kwargs)
    return tuner


def test_a_sweep_yields_what_its_directory_yields(
    make: Callable[..., Any], path: Path, tmp_path: Path
) -> None:
    arguments = fit_arguments()
    arguments["validation_data"] = (arguments["x"][:16], arguments["y"][:16])
    tuner = make(GridSearch, build_two)
    tuner.search(**arguments)
    trials = tuner.trials()
    assert trials.context.data_checks.repeats.shared == 16
    assert trials == read(path)
    trials.save(tmp_path / "kept")
    assert type(trials).load(tmp_path / "kept") == trials
    codes = {finding.code: finding.severity for finding in tuner.audit().findings}
    assert codes["AUD031"] == "error"


@pytest.mark.slow
def test_results_are_the_same_bits_with_and_without(make: Callable[..., Any]) -> None:
    curves = []
    for check in (True, False):
        tuner = make(GridSearch, build_two, project_name=str(check), check_data=check)
        tuner.search(**fit_arguments())
        curves.append(tuner.trials().curves)
    assert curves[0].equals(curves[1])


def test_no_global_random_number_is_drawn() -> None:
    state = np.random.get_state()
    checks_of((X, Y), {"validation_split": 0.25})
    assert all(np.array_equal(a, b) for a, b in zip(state, np.random.get_state(), strict=True))


def test_it_can_be_switched_off(make: Callable[..., Any]) -> None:
    tuner = searched(make, X, Y, validation_split=0.25, check_data=False)
    assert tuner.trials().context.data_checks is None


def test_what_is_recorded_is_not_measured_again(
    make: Callable[..., Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuner = make(GridSearch, build_two, max_trials=1)
    tuner.search(**fit_arguments())
    recorded = json.loads((path / store.SWEEP_FILE).read_text())["data_checks"]
    monkeypatch.setattr(data_checks, "compare", None)
    make(GridSearch, build_two).search(**fit_arguments())
    assert json.loads((path / store.SWEEP_FILE).read_text())["data_checks"] == recorded


def test_a_check_that_fails_is_a_note(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr("auditor.data_checks.comparing.repeats", fails)
    found = searched(make, X, Y, validation_split=0.25).trials().context.data_checks
    assert found.notes == ("shared rows could not be measured: MemoryError: no room",)
    assert found.scale is not None


@pytest.mark.parametrize(
    "given",
    [
        {"x": iter([(X, Y)])},
        {"x": X, "y": Y},
        {"x": X, "y": Y, "validation_data": iter([])},
        {"x": X, "y": Y, "validation_data": (X[:, :2], Y)},
        {"x": X, "y": Y, "validation_split": "much"},
        {"x": np.array([["a"]]), "y": Y, "validation_split": 0.5},
    ],
)
def test_what_is_no_pair_of_arrays_is_not_compared(given: dict[str, Any]) -> None:
    assert checks_of((), given) is None


def test_the_last_rows_validate_as_in_keras() -> None:
    x = np.concatenate([X[:36], X[:12]])
    found = checks_of((x, Y), {"validation_split": 0.25})
    assert found is not None
    assert (found["train_rows"], found["validation_rows"]) == (36, 12)
    assert found["repeats"]["shared"] == 12


def test_of_folds_the_first_is_measured() -> None:
    found = checks_of((X, Y), {}, folds(Y, 4, 0))
    assert found is not None
    assert (found["train_rows"], found["validation_rows"]) == (36, 12)
    assert found["notes"] == ("measured on the first of 4 folds",)


def test_labels_that_are_not_one_per_row_are_not_compared() -> None:
    found = checks_of((X, X), {"validation_split": 0.25})
    assert found is not None
    assert (found["labels"], found["constant"]) == (None, None)
    assert "labels are not one number" in found["notes"][0]
