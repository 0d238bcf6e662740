"""Chunks: what is kept of the validation rows."""

import numpy as np
import pytest

from auditor.errors import TrialsError
from auditor.trials import Chunks, Run

ROWS = {0: (2, 2, 1)}


def test_values_are_those_given_and_read_only() -> None:
    runs = {
        Run("b"): {"val_loss": np.arange(6.0).reshape(2, 3)},
        Run("a", 1): {"val_loss": np.zeros((1, 3)), "val_mae": np.full((1, 3), np.nan)},
        Run("a"): {"val_loss": np.full((4, 3), np.inf)},
    }
    chunks = Chunks(ROWS, runs)
    assert set(chunks.values) == set(runs)
    assert len(chunks.values) == len(runs)
    for run, given in runs.items():
        assert chunks.values[run].keys() == given.keys()
        for name, array in given.items():
            found = chunks.values[run][name]
            np.testing.assert_array_equal(found, array)
            assert found.dtype == np.float32
            assert not found.flags.writeable
    assert dict(chunks.rows) == ROWS


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"val_loss": np.zeros((2, 4))}, "4 chunks, but `rows` has 3"),
        ({"val_loss": np.zeros(3)}, "one shape"),
        ({"val_loss": np.zeros((2, 3)), "val_mae": np.zeros((1, 3))}, "one shape"),
        ({}, "one shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays: dict, message: str) -> None:
    with pytest.raises(TrialsError, match=message):
        Chunks(ROWS, {Run("a"): arrays})


def test_runs_of_a_fold_without_rows_are_refused() -> None:
    with pytest.raises(TrialsError, match="fold 1"):
        Chunks(ROWS, {Run("a", 0, 1): {"val_loss": np.zeros((1, 3))}})
