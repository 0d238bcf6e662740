"""Training metrics measured again after an epoch, in inference mode, as validation metrics are.

What training itself reports is a mean over the epoch, of weights that changed meanwhile and with
dropout at work; a gap to validation is partly that.
"""

import math
from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from auditor.search.folds import Rows, row_count, take
from auditor.trials import CLEAN_PREFIX

CLEAN_ROWS = 4096
"""Training rows that are measured at most: the standard error of an accuracy is then below 0.008,
and the time that of a small validation set."""


class CleanTraining:
    """Measures a model on the rows that its last `fit` was given to train on."""

    def __init__(self, seed: int) -> None:
        """Draw the rows, where there are many, by the seed of the sweep."""
        self._seed = seed
        self._model: Any = None
        self._data: dict[str, Any] | None = None
        self._batch_size: int | None = None

    def see_fit(self, arguments: Mapping[str, Any]) -> None:
        """Take the rows from the arguments of `Model.fit`, by name, with the model as "self".

        Nothing will be measured where they are not arrays, or where class weights make the loss
        another quantity than `evaluate` knows.
        """
        self._model, self._data = arguments.get("self"), None
        names = [n for n in ("x", "y", "sample_weight") if arguments.get(n) is not None]
        data = {name: arguments[name] for name in names}
        try:
            total = row_count(data)
        except ValueError:
            return
        if arguments.get("class_weight") is not None:
            return
        trained = total
        if arguments.get("validation_data") is None:
            # As Keras does: the last rows validate.
            trained = math.floor(total * (1.0 - (arguments.get("validation_split") or 0.0)))
        rows = sample_rows(trained, self._seed)
        self._data = data if len(rows) == total else take(data, rows)
        self._batch_size = arguments.get("validation_batch_size") or arguments.get("batch_size")

    def measure(self, model: Any, metrics: Container[str]) -> dict[str, Any]:
        """Values of those of the metrics that `evaluate` yields, as "clean_loss" and the like."""
        if self._data is None or model is not self._model:
            return {}
        values = model.evaluate(
            **self._data, batch_size=self._batch_size, verbose=0, return_dict=True
        )
        return {CLEAN_PREFIX + name: value for name, value in values.items() if name in metrics}


def sample_rows(count: int, seed: int) -> Rows:
    """Numbers, ascending, of the rows to measure on among the first `count`."""
    if count <= CLEAN_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, CLEAN_ROWS, replace=False))
