"""An evaluation of one run in inference mode, as pure functions: its metrics, and its chunks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from auditor.search.chunks import NotChunkedError, summed
from auditor.search.row_values import RowValues
from auditor.search.stacking.program import Program, State, Tensors
from auditor.trials import CHUNKS


class Validated(NamedTuple):
    """What a validation shows.

    Attributes:
        metrics: Per run, (run,), by name.
        chunks: Sums over the rows of each chunk, (run, metric, chunk); None without chunks.
    """

    metrics: dict[str, np.ndarray]
    chunks: np.ndarray | None


class Evaluation:
    """The steps of an evaluation; a backend vectorises them over the runs.

    Attributes:
        fresh: What is carried from batch to batch, before the first one.
    """

    def __init__(self, program: Program, pack: Callable[[Tensors], Any]) -> None:
        """Evaluate metrics.

        Args:
            program: What one run computes.
            pack: From the arrays of a batch to (x, y, sample weight).
        """
        self.program = program
        self.pack = pack

    @property
    def fresh(self) -> list[np.ndarray]:
        """The variables of the metrics."""
        return self.program.fresh_metrics

    def step(self, state: State, carried: Tensors, lifted: Tensors, arrays: Tensors) -> Tensors:
        """What is carried after one more batch."""
        return self.program.test(state, carried, lifted, self.pack(arrays))[0]

    def results(self, carried: Tensors) -> Tensors:
        """What the metrics amount to."""
        return self.program.results(carried)


class ChunkedEvaluation(Evaluation):
    """An evaluation that also sums the loss and the metrics of the rows of each chunk.

    Its last array holds the chunk of each row, its last result the sums, (metric, chunk).
    """

    def __init__(self, program: Program, pack: Callable[[Tensors], Any]) -> None:
        """As `Evaluation`.

        Raises:
            NotChunkedError: The loss is no mean over rows.
        """
        super().__init__(program, pack)
        self._values = RowValues(program.model)
        self.names = self._values.names

    @property
    def fresh(self) -> list[np.ndarray]:
        """The variables of the metrics, and empty sums."""
        kind = keras.config.floatx()
        return [*self.program.fresh_metrics, np.zeros((len(self.names), CHUNKS), kind)]

    def step(self, state: State, carried: Tensors, lifted: Tensors, arrays: Tensors) -> Tensors:
        """What is carried after one more batch."""
        *arrays, of_row = arrays
        batch = self.pack(arrays)
        metrics, prediction = self.program.test(state, carried[:-1], lifted, batch)
        with self.program.lifting.bound(lifted):
            try:
                sums = summed(self._values(batch[1], prediction, batch[2]), of_row)
            except NotChunkedError:
                # Does not add up, so nothing is kept of it; and the stack trains on.
                sums = ops.full_like(carried[-1], np.nan)
        return [*metrics, ops.add(carried[-1], sums)]

    def results(self, carried: Tensors) -> Tensors:
        """What the metrics amount to, and the sums."""
        return [*self.program.results(carried[:-1]), carried[-1]]
