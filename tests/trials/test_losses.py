"""The loss of each validation row, as the data model has it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.errors import TrialsError
from auditor.trials import Run, Trials
from tests.making import sweep

A, B = Run("a"), Run("b")


def made(losses: Any) -> Trials:
    return sweep({"a": {"val_loss": [1.0]}, "b": {"val_loss": [2.0]}}, losses=losses)


def test_losses_are_read_only_in_the_order_of_the_runs() -> None:
    given = np.array([0.25, np.nan], np.float32)
    losses = made({B: [1.0], A: given}).context.losses
    assert list(losses) == [A, B]
    assert losses[B].dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        losses[A][0] = 0
    given[0] = 1
    assert losses[A][0] == 0.25


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ({Run("c"): [1.0]}, "not in `recorded`"),
        ({A: [[1.0]]}, "one number per row"),
        ({A: ["a"]}, "no numbers"),
    ],
)
def test_losses_of_another_form_are_refused(losses: Any, message: str) -> None:
    with pytest.raises(TrialsError, match=message):
        made(losses)


def test_sweeps_with_other_losses_differ(tmp_path: Path) -> None:
    trials = made({A: [1.0, np.nan], B: []})
    assert trials == made({A: [1.0, np.nan], B: []})
    assert trials != made({A: [1.0, 2.0], B: []})
    assert trials != made({A: [1.0], B: [np.nan]})
    trials.save(tmp_path)
    assert Trials.load(tmp_path) == trials


def test_a_folder_without_losses_has_no_file_of_them(tmp_path: Path) -> None:
    made({}).save(tmp_path)
    assert not (tmp_path / "losses.npy").exists()
