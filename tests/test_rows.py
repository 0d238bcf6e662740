"""How many validation rows there were is told from the steps of the accuracy, or not at all."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.outcomes import Measured, inferred_rows
from auditor.outcomes.rows import MOST_ALONE, MOST_DOUBT, fewer_rows
from auditor.readers import read
from auditor.trials import Run
from tests.making import CASES, case, sweep

ACCURACY = [0.4766, 0.6276, 0.8398, 0.8047, 0.8659, 0.8151, 0.8737, 0.6055, 0.9023, 0.9648]
"""Of `dip_at_epoch_8.log`: 24 steps of 32 rows."""


def told(values: Any, **context: Any) -> int | None:
    rows = inferred_rows(sweep({"a": {"val_accuracy": values}}, **context))
    return rows[Run("a")].rows if rows else None


@pytest.mark.parametrize(
    ("name", "rows", "values"),
    [
        ("grid_winner_20_epochs.txt", 16_284, 19),
        ("grid_winner_150_epochs.csv", 16_284, 100),
        ("dip_at_epoch_8.log", 768, 10),
        ("mobilenet_epochs_10_to_34.log", None, 0),  # some 40,000: four digits do not tell
        ("stuck_at_chance.txt", None, 0),
        ("steering_val_below_train.log", None, 0),
    ],
)
def test_published_runs(name: str, rows: int | None, values: int) -> None:
    found = list(inferred_rows(read(CASES / name)).values())
    assert [(r.rows, r.values) for r in found] == ([(rows, values)] if rows else [])
    assert all(r.doubt <= MOST_DOUBT for r in found)


@pytest.mark.parametrize("factor", [1, 100])
def test_percents_tell_as_much_as_shares(factor: int) -> None:
    assert told([factor * value for value in ACCURACY]) == 768


@pytest.mark.parametrize(
    "values",
    [[0.5] * 30, [0.0, 1.0] * 20, [0.25, 0.5, 0.75] * 10, ACCURACY[:5], [], [np.nan, np.inf] * 9],
)
def test_few_different_accuracies_tell_nothing(values: list[float]) -> None:
    assert told(values) is None


@given(
    rows=st.integers(30, 60_000),
    digits=st.sampled_from([6, None]),
    seed=st.integers(0, 999),
    level=st.floats(0.3, 0.95),
)
def test_planted_rows_are_found_or_not_told(
    rows: int, digits: int | None, seed: int, level: float
) -> None:
    right = np.random.default_rng(seed).normal(level, 0.03, 40).clip(0, 1) * rows
    values = right.round() / rows
    printed = values.astype("float32").astype(float) if digits is None else values.round(digits)
    assert told(printed) in (rows, None)


@pytest.mark.parametrize(
    ("rows", "right", "least"),
    [
        (18, [9, 10, 12, 15, 17], 18),
        (18, [9, 17], None),  # two values of more than 100 rows fit by luck
        (36, [18, 20, 24, 30, 34], 18),  # a multiple is possible
        (90, [61, 70, 72, 77, 81], None),
    ],
)
def test_that_rows_are_few_takes_fewer_accuracies(
    rows: int, right: list[int], least: int | None
) -> None:
    trials = sweep({"a": {"val_accuracy": np.asarray(right * 3) / rows}})
    assert not inferred_rows(trials)
    few = fewer_rows(trials, 100)
    assert (few.rows if few else None) == least


def test_sets_of_several_sizes_are_not_taken_for_one_of_a_common_multiple() -> None:
    random = np.random.default_rng(0)
    curves = {
        str(rows * 10 + i): {"val_accuracy": random.integers(rows // 2, rows, 40) / rows}
        for rows in (300, 700)
        for i in range(3)
    }
    found = inferred_rows(sweep(curves))
    assert {run.trial_id: told.rows for run, told in found.items()} == {
        trial: int(trial) // 10 for trial in curves
    }


@pytest.mark.parametrize("digits", [4, 6, None])
def test_rows_are_nearly_always_found_and_never_made_up(digits: int | None) -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(50):
        rows = int(rng.integers(100, 2_000 if digits == 4 else 50_000))
        level = rng.uniform(0.5, 0.95) + rng.normal(0, 0.02, 30)
        shares, noise = (rows * level).round() / rows, level
        if digits is None:
            shares, noise = shares.astype("float32").astype(float), level.astype("float32")
        else:
            shares, noise = shares.round(digits), level.round(digits)
        hits += told(np.minimum(shares, 1)) == rows
        assert told(np.minimum(noise, 1)) is None
    assert hits >= 45


def test_rounding_is_not_taken_for_rows() -> None:
    # Of 10,000 rows, or of any number, printed with four digits.
    assert told(np.random.default_rng(0).uniform(0.9, 0.99, 50).round(4)) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_few_accuracies_that_fit_some_number_by_luck_tell_nothing(seed: int) -> None:
    assert told(np.random.default_rng(seed).uniform(0.5, 0.9, 8).round(4)) is None


def test_recorded_rows_win() -> None:
    rows = inferred_rows(sweep({"a": {"val_accuracy": ACCURACY}}, validation_rows=700))
    assert (rows[Run("a")].rows, rows[Run("a")].values) == (700, 0)


def test_runs_pool_their_accuracies() -> None:
    halves = {"a": {"val_acc": ACCURACY[:5]}, "b": {"val_acc": ACCURACY[5:]}, "c": {"loss": [1]}}
    found = inferred_rows(sweep(halves))
    assert {run.trial_id: rows.rows for run, rows in found.items()} == {"a": 768, "b": 768}


def test_other_folds_and_unlike_runs_have_rows_of_their_own() -> None:
    rng = np.random.default_rng(3)

    def curve(rows: int) -> dict[str, Any]:
        return {"val_accuracy": rng.integers(rows // 2, rows, 20) / rows}

    folds = {Run("a", 0, 0): curve(301), Run("a", 0, 1): curve(300), Run("b", 0, 1): curve(300)}
    assert [r.rows for r in inferred_rows(sweep(folds)).values()] == [301, 300, 300]
    unlike = {str(n): curve(n) for n in range(1001, 1001 + MOST_ALONE + 5)}
    found = inferred_rows(sweep(unlike))
    assert {run.trial_id: str(r.rows) for run, r in found.items()} == {
        str(n): str(n) for n in range(1001, 1001 + MOST_ALONE)
    }


def test_rows_are_counted_once_per_sweep() -> None:
    seen = Measured(sweep({"a": case("grid_winner_20_epochs")}))
    assert seen.rows is seen.rows
    assert seen.rows[Run("a")].rows == 16_284
