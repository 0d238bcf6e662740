"""Validation losses and metrics on fixed parts of the validation rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.errors import TrialsError
from auditor.trials.records import Run

CHUNKS = 16
"""Parts of the validation rows: enough to see how much a mean over the rows owes to which rows they
are, and few enough to be kept for every epoch."""


class ChunkTable(NamedTuple):
    """Runs that have the same metrics, one after the other.

    Attributes:
        metrics: Names as in the curves.
        runs: In this order.
        bounds: Where the epochs of each run begin; one more for the end; (run + 1,).
        numbers: (epoch of a run, metric, chunk), read-only.
    """

    metrics: tuple[str, ...]
    runs: tuple[Run, ...]
    bounds: NDArray[np.intp]
    numbers: NDArray[np.float32]


class ChunkValues(Mapping[Run, Mapping[str, NDArray[np.float32]]]):
    """Per run and metric an array (epoch, chunk): views of few large tables, made when asked for.

    Ten thousand runs would else be as many dictionaries, in a record that hardly anybody opens.
    """

    def __init__(self, tables: tuple[ChunkTable, ...]) -> None:
        """Show tables; no run is in two of them."""
        self.tables = tables
        self._places = {run: (t, i) for t in tables for i, run in enumerate(t.runs)}

    @classmethod
    def of(cls, values: Mapping[Run, Mapping[str, NDArray[np.float32]]]) -> "ChunkValues":
        """The same values, copied.

        Raises:
            TrialsError: The arrays of a run differ in shape, or are not (epoch, chunk).
        """
        if isinstance(values, ChunkValues):
            return values
        alike: dict[tuple[tuple[str, ...], int], dict[Run, NDArray[np.float32]]] = {}
        for key, given in values.items():
            run = Run(str(key[0]), int(key[1]), int(key[2]))
            arrays = [np.asarray(array, np.float32) for array in given.values()]
            if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 2:
                raise TrialsError(
                    f"chunks of {run}: arrays of one shape (epoch, chunk) are needed, got "
                    f"{ {name: np.shape(array) for name, array in given.items()} }"
                )
            kind = (tuple(map(str, given)), arrays[0].shape[1])
            alike.setdefault(kind, {})[run] = np.stack(arrays, axis=1)
        return cls(tuple(_table(kind[0], runs) for kind, runs in alike.items()))

    def __getitem__(self, run: Run) -> Mapping[str, NDArray[np.float32]]:
        """The arrays of a run, by metric."""
        table, place = self._places[run]
        own = table.numbers[table.bounds[place] : table.bounds[place + 1]]
        return {name: own[:, i] for i, name in enumerate(table.metrics)}

    def __iter__(self) -> Iterator[Run]:
        """The runs."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self._places)


@dataclass(frozen=True, eq=False)
class Chunks:
    """Validation loss and metrics on fixed parts of the validation rows, per run and epoch.

    The rows were dealt out once, by their labels or targets, and the same way for all runs: so a
    chunk is the same rows in every run of a fold.

    Attributes:
        rows: Validation rows in each chunk, by fold; fold 0 where there are no folds.
        values: Per run and metric, named as in the curves, a read-only array (epoch, chunk), with
            NaN for an epoch without validation. Only metrics that are means over rows are there.
            "val_loss" is without the penalties of the model (L1, L2), which no row owes.

    Raises:
        TrialsError: Arrays that do not fit together.

    Example:
        >>> chunks = Chunks({0: (2, 1)}, {Run("a"): {"val_loss": np.array([[0.7, 0.4]])}})
        >>> np.average(chunks.values[Run("a")]["val_loss"][0], weights=chunks.rows[0]).round(3)
        np.float64(0.6)
    """

    rows: Mapping[int, tuple[int, ...]]
    values: Mapping[Run, Mapping[str, NDArray[np.float32]]]

    def __post_init__(self) -> None:
        """Freeze and validate."""
        rows = {int(fold): tuple(map(int, counts)) for fold, counts in self.rows.items()}
        values = ChunkValues.of(self.values)
        for table in values.tables:
            for fold in {run.fold for run in table.runs}:
                if len(rows.get(fold, ())) != table.numbers.shape[2]:
                    raise TrialsError(
                        f"runs of fold {fold} have {table.numbers.shape[2]} chunks, but `rows` "
                        f"has {len(rows.get(fold, ()))} there"
                    )
        object.__setattr__(self, "rows", MappingProxyType(rows))
        object.__setattr__(self, "values", values)

    def __eq__(self, other: object) -> bool:
        """Same rows, runs and values; a NaN equals a NaN."""
        if not isinstance(other, Chunks):
            return NotImplemented
        if self.rows != other.rows or self.values.keys() != other.values.keys():
            return False
        pairs = ((own, other.values[run]) for run, own in self.values.items())
        return all(
            mine.keys() == theirs.keys()
            and all(np.array_equal(mine[n], theirs[n], equal_nan=True) for n in mine)
            for mine, theirs in pairs
        )

    __hash__ = None  # type: ignore[assignment]


def _table(metrics: tuple[str, ...], runs: Mapping[Run, NDArray[np.float32]]) -> ChunkTable:
    bounds = np.cumsum([0, *map(len, runs.values())])
    numbers = np.concatenate(list(runs.values()))
    numbers.flags.writeable = False
    return ChunkTable(metrics, tuple(runs), bounds, numbers)
