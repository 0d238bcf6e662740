"""What a model comes to on each single row: its loss, and those of its metrics that are means."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from auditor.search.chunks import NotChunkedError
from auditor.search.folds import row_count, take
from auditor.search.row_values import RowValues

FEW_BATCHES = 16
"""So many are faster without a compiled program, which takes 0.3 s to make."""

AT_ONCE_BYTES = 2**20
"""Of numbers that go into a model at once, where `fit` was asked for fewer: calls with some tens of
rows take longer than the rows do. What a model makes of images is much larger."""

AT_ONCE_ROWS = 1024
"""More at once are hardly faster."""

SAME = 1e-3
"""Share by which a loss may differ from what was recorded: batches of another size change the sixth
digit, another device the fourth; other data or weights hardly ever so little."""


class NotByRow(Exception):  # noqa: N818 - an answer, not an error
    """Why nothing is known of single rows: a clause that goes after "because"."""


def validation_rows(given: Mapping[str, Any]) -> tuple[Any, Any]:
    """Inputs and targets that `fit` validates on.

    Args:
        given: The arguments of `fit`, by name.

    Raises:
        NotByRow: There are none in arrays.
    """
    held, share = given.get("validation_data"), given.get("validation_split") or 0.0
    try:
        if isinstance(held, tuple | list) and len(held) in (2, 3):
            row_count(tuple(held[:2]))
            return held[0], held[1]
        if held is None and 0 < share < 1:
            pair = (given.get("x"), given.get("y"))
            total = row_count(pair)
            # As Keras does: the last rows, before any shuffling.
            x, y = take(pair, np.arange(math.floor(total * (1 - share)), total))
            return x, y
    except ValueError as error:
        raise NotByRow(f"the validation data are no plain arrays ({error})") from error
    raise NotByRow("there are no validation data in plain arrays")


def batch_size(given: Mapping[str, Any]) -> int:
    """Rows at once when `fit` validates, given its arguments by name."""
    return int(given.get("validation_batch_size") or given.get("batch_size") or 32)


class ByRow:
    """What one model comes to on single rows, with the weights that it has by then.

    Attributes:
        model: The model.
    """

    def __init__(self, model: Any) -> None:
        """Look at a compiled model; metrics are left out where it was not trained or evaluated."""
        self.model = model
        self._compared: _Compared | None = None

    def values(self, x: Any, y: Any, size: int) -> dict[str, NDArray[np.float32]]:
        """The loss, without penalties, and the metrics that are means over rows.

        Args:
            x: Inputs, in arrays.
            y: Targets, in arrays.
            size: Rows at once, at least; see `batch_size`.

        Returns:
            Per name, "loss" among them, one number for each row, in their order.

        Raises:
            NotByRow: The model has several outputs, or its loss is no mean over rows.
        """
        rows = keras.tree.map_structure(np.asarray, {"x": x, "y": y})
        total = row_count(rows)
        try:
            if self._compared is None:
                _see_a_batch(self.model, rows)
                self._compared = _Compared(self.model)
            found = _values(self._compared, rows, total, _at_once(rows["x"], size))
        except NotChunkedError as reason:
            raise NotByRow(str(reason)) from reason
        except _NoValue:
            raise NotByRow("its loss has no value for a single row") from None
        return {name: np.asarray(value, np.float32) for name, value in found.items()}


def is_mean(values: NDArray[np.float32], recorded: float) -> bool:
    """Whether the mean over rows is what Keras made of them; see `SAME`."""
    return is_same(float(np.mean(values, dtype=np.float64)), recorded)


def is_same(value: float, recorded: float) -> bool:
    """Whether a loss was most likely computed by the same weights on the same data; see `SAME`."""
    if not (math.isfinite(value) and math.isfinite(recorded)):
        return str(value) == str(recorded)
    return math.isclose(value, recorded, rel_tol=SAME, abs_tol=1e-5)


def _at_once(x: Any, size: int) -> int:
    leaves = keras.tree.flatten(x)
    if any(leaf.dtype.kind != "f" for leaf in leaves):  # Of a number a whole vector may be made.
        return size
    row = max(1, sum(int(leaf[:1].nbytes) for leaf in leaves))
    return max(size, min(AT_ONCE_ROWS, AT_ONCE_BYTES // row))


def _values(model: Any, rows: Any, total: int, size: int) -> dict[str, Any]:
    if total > FEW_BATCHES * size:
        found: dict[str, Any] = model.predict(rows, batch_size=size, verbose=0)
        return found
    parts = [
        model(take(rows, np.arange(first, min(first + size, total))), training=False)
        for first in range(0, total, size)
    ]
    return {
        name: np.concatenate([ops.convert_to_numpy(part[name]) for part in parts])
        for name in parts[0]
    }


class _NoValue(Exception):  # noqa: N818 - Keras adds its own words to any other
    pass


class _Compared(keras.Model):
    """A model whose outputs are what another one comes to on each row.

    So its `predict` compiles on any backend, and a loss sees answers as it does in `evaluate`:
    some are computed from the logits that a final activation leaves behind.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(name="by_row", autocast=False)
        self.model = model
        self.values = RowValues(model)
        self.built = True

    def call(self, rows: Any, training: bool = False) -> dict[str, Any]:
        try:
            values = self.values(rows["y"], self.model(rows["x"], training=False))
        except NotChunkedError as error:
            raise _NoValue from error
        return dict(zip(self.values.names, ops.unstack(values, axis=0), strict=True))


def _see_a_batch(model: Any, rows: Any) -> None:
    """Let the loss of a model that was never trained or evaluated see what it compares."""
    loss = model._compile_loss
    if loss is not None and not loss.built:
        one = take(rows, np.arange(1))
        loss.build(one["y"], model(one["x"], training=False))
