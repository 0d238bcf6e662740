"""What is packed for a page can be unpacked again: here as its script does it."""

import base64
from typing import Any

import numpy as np
import pytest

from auditor.report.packing import LEVELS, packed_curves, packed_table, room
from auditor.report.parts import Cell, Column, Row, Table
from auditor.trials import Run
from tests.making import sweep


def unpacked(packed: dict[str, Any], row: int) -> tuple[list[int], list[float | None]]:
    """As `curveOf` in templates/core.js."""
    epochs = packed["epochs"][packed["at"][row]]
    size = packed["width"] * 8 // 3
    text = packed["rows"][row * size : (row + 1) * size]
    steps = np.frombuffer(base64.b64decode(text), "<u2")[: len(epochs)]
    low, high = packed["low"][row], packed["high"][row]
    share = (steps.astype(float) - 1) / LEVELS
    if low > 0:
        values = np.exp(np.log(low) * (1 - share) + np.log(high) * share)
    else:
        values = low * (1 - share) + high * share
    return epochs, [v if step else None for v, step in zip(values.tolist(), steps, strict=True)]


def packed(*curves: list[float], most: int = 200) -> dict[str, Any]:
    trials = sweep({str(i): {"val_loss": dict(enumerate(curve))} for i, curve in enumerate(curves)})
    return packed_curves(trials, [Run(str(i)) for i in range(len(curves))], "val_loss", most)


@pytest.mark.parametrize(
    "curve",
    [
        [0.7, 0.5, 0.4],
        [1.0, 1.0],
        [0.5],
        [-3.0, 0.0, 5.0],
        [1e-30, 1.0, 1e30],
        [-1.7e308, 0.0, 1.7e308],
        [0.0, 0.0, 0.0],
    ],
    ids=str,
)
def test_curves_come_back(curve: list[float]) -> None:
    epochs, values = unpacked(packed([9.0] * 4, curve), 1)
    assert epochs == list(range(1, len(curve) + 1))
    span = max(map(abs, curve)) if min(curve) <= 0 else 0.0
    assert values == pytest.approx(curve, rel=2e-3, abs=span * 1e-4)


def test_what_is_not_finite_is_a_hole() -> None:
    _, values = unpacked(packed([0.5, float("nan"), float("inf"), 0.25]), 0)
    assert values == [pytest.approx(0.5, rel=1e-4), None, None, pytest.approx(0.25, rel=1e-4)]


def test_a_curve_without_any_finite_value_is_all_holes() -> None:
    assert unpacked(packed([float("nan")] * 3), 0)[1] == [None] * 3


def test_long_curves_keep_their_ends() -> None:
    epochs, values = unpacked(packed(list(np.linspace(2, 1, 1000)), most=50), 0)
    assert (len(epochs), epochs[0], epochs[-1]) == (50, 1, 1000)
    assert values[-1] == pytest.approx(1.0)


def test_equal_epochs_are_written_once() -> None:
    assert packed([1.0, 2.0], [3.0, 4.0], [5.0])["epochs"] == [[1, 2], [1]]


@pytest.mark.parametrize(
    ("curves", "expected"),
    [(100, (100, 200)), (40_000, (40_000, 50)), (1_000_000, (80_000, 25))],
)
def test_room_is_shared_by_all_curves(curves: int, expected: tuple[int, int]) -> None:
    assert room(curves) == expected


def test_a_table_of_few_texts_is_written_by_their_places() -> None:
    cells = [Cell("ok", "ok", tone="good"), Cell("bad", "bad")] * 4
    table = Table("", (Column("outcome"),), tuple(Row((cell,), "a") for cell in cells))
    made = packed_table(table, {"a": 3})
    (column,) = made["columns"]
    assert column["texts"] == ["ok", "bad"]
    assert column["at"] == [0, 1] * 4
    assert (column["number"], column["tones"]) == (False, {"ok": "good"})
    assert made["trials"] == [3] * 8


def test_numbers_have_keys_beside_their_texts() -> None:
    keys = (1 / 3, float("inf"), None)
    rows = tuple(Row((Cell("shown", key),)) for key in keys)
    (column,) = packed_table(Table("", (Column("time"),), rows), {})["columns"]
    assert (column["number"], column["keys"]) == (True, [0.333333, float("inf"), None])
