"""What is computed of the curves of all runs at once: one run at a time would take a minute."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.curves import LOSSES, UNREGULARISED, less_terms, noise, smooth
from auditor.outcomes.rises import Rises, rises
from auditor.outcomes.rows import Rows, inferred_rows
from auditor.trials import CLEAN_PREFIX, Column, Run, Trials, twin


@dataclass(frozen=True, eq=False)
class Finite:
    """The finite part of one metric of all runs, with small values being good.

    Attributes:
        column: Epochs and values.
    """

    column: Column

    @cached_property
    def lengths(self) -> NDArray[np.intp]:
        """How many finite values each run has; (run,)."""
        return np.diff(self.column.bounds)

    @cached_property
    def smoothed(self) -> NDArray[np.float64]:
        """The values, smoothed; (observation,)."""
        smoothed = np.empty_like(self.column.values)
        for _, places in self.by_length():
            smoothed[places] = smooth(self.column.values[places])
        return smoothed

    @cached_property
    def noise(self) -> NDArray[np.float64]:
        """The noise of each run; (run,)."""
        found = np.zeros(len(self.lengths))
        for runs, places in self.by_length():
            found[runs] = noise(self.column.values[places])
        return found

    @cached_property
    def best(self) -> NDArray[np.intp]:
        """Where in `column` the least value of each run is, the first of equals; (run,)."""
        return self._least(self.column.values)

    @cached_property
    def best_smoothed(self) -> NDArray[np.intp]:
        """The same of the smoothed values."""
        return self._least(self.smoothed)

    def best_epoch(self, run: int) -> int:
        """The epoch of that value in the run at a position."""
        return int(self.column.epochs[self.best[run]])

    def of(self, run: int, after: int) -> "Finite":
        """One run alone, only epochs later than one (from 0)."""
        epochs, values = self.column.curve(run)
        keep = epochs > after
        return Finite(Column(epochs[keep], values[keep], np.array([0, keep.sum()])))

    def _least(self, values: NDArray[np.float64]) -> NDArray[np.intp]:
        found = np.full(len(self.lengths), -1, np.intp)
        for runs, places in self.by_length():
            found[runs] = places[:, 0] + values[places].argmin(axis=1)
        return found

    def by_length(self) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Runs of the same length, and where their values are: (run,), (run, value)."""
        return zip(*self._by_length, strict=True)

    @cached_property
    def _by_length(self) -> tuple[list[NDArray[np.intp]], list[NDArray[np.intp]]]:
        lengths = np.unique(self.lengths[self.lengths > 0])
        runs = [np.flatnonzero(self.lengths == length) for length in lengths]
        begins = [self.column.bounds[at, None] for at in runs]
        return runs, [b + np.arange(n) for b, n in zip(begins, lengths, strict=True)]


def finite(column: Column) -> Finite:
    """The finite part of a column in which small values are good."""
    return Finite(column.only(np.isfinite(column.values)))


class Measured:
    """The curves of a sweep as verdicts see them. Each is computed when it is first asked for."""

    def __init__(self, trials: Trials) -> None:
        """Look at trials."""
        self.trials = trials
        self._columns: dict[str, Column] = {}
        self._finite: dict[str, Finite] = {}
        self._rises: dict[str, Rises] = {}

    @cached_property
    def places(self) -> Mapping[Run, int]:
        """The position of each run."""
        return {run: place for place, run in enumerate(self.trials.runs)}

    @cached_property
    def rows(self) -> Mapping[Run, Rows]:
        """Validation rows per run, where they are known or can be told from its accuracies."""
        return inferred_rows(self.trials)

    def column(self, metric: str) -> Column:
        """A metric as logged; a loss less its regularisation terms where those are known."""
        if metric not in self._columns:
            self._columns[metric] = self._plain(metric, self.trials.column(metric))
        return self._columns[metric]

    def clean(self, metric: str) -> Column:
        """The same of a training metric that was measured again, in inference mode."""
        return self._plain(metric, self.trials.series_column(CLEAN_PREFIX + metric))

    def _plain(self, metric: str, column: Column) -> Column:
        if metric not in LOSSES:
            return column
        logged = self.trials.column("val_loss")
        return less_terms(column, logged, self.trials.series_column(UNREGULARISED))

    def finite(self, metric: str, sign: int = 1) -> Finite:
        """The finite part of that; `sign` is -1 where large values are good.

        An accuracy becomes an error rate, so that "5 %" means the same as for a loss.
        """
        if metric not in self._finite:
            column = self.column(metric)
            if sign < 0:
                column = column._replace(values=1.0 - column.values)
            self._finite[metric] = finite(column)
        return self._finite[metric]

    def rises(self, metric: str, sign: int = 1) -> Rises:
        """How far the validation curves of a metric end above their minima."""
        if metric not in self._rises:
            training = self.finite(twin(metric), sign)
            self._rises[metric] = rises(self.finite(metric, sign), training)
        return self._rises[metric]
