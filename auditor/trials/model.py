"""`Trials`: what was observed, as one frozen object that every reader and every sweep ends in.

Nothing here is a judgement, and nothing to the right of here knows which tool wrote the files.
In `curves`, a missing row means "not observed"; a NaN or infinite value means "observed to be so".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.errors import TrialsError
from auditor.files import Json, to_json
from auditor.trials import folder
from auditor.trials.records import (
    CURVE_COLUMNS,
    CURVE_DTYPES,
    Context,
    Coverage,
    Design,
    Hyperparameter,
    Objective,
    Provenance,
    Recorded,
    Run,
)


class Matrix(NamedTuple):
    """One metric of all runs, as arrays of shape (run, epoch).

    `values` is NaN where nothing was observed; `observed` tells such a NaN from a measured one.
    """

    values: NDArray[np.float64]
    observed: NDArray[np.bool_]


class Curve(NamedTuple):
    """One metric of one run: the observed epochs (from 0, ascending) and the values there."""

    epochs: NDArray[np.intp]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trials:
    """All observations of one sweep. Validated once, when made; not to be changed afterwards.

    Attributes:
        hyperparameters: Per trial, in the order of their start, its values by name. A value is
            absent where it is inactive or was never read by the code that built the model.
        recorded: Per run what the tool said. Its keys are all runs; a trial without a run is
            planned but not started.
        curves: One row per run, epoch (from 0) and metric.
        objective, space, design, context, provenance: See their classes.

    Raises:
        TrialsError: A run of an unknown trial, a duplicate epoch, a negative epoch, a value that
            is not plain JSON.

    Example:
        >>> curves = pd.DataFrame({"trial_id": "a", "execution": 0, "fold": 0, "epoch": [0, 1],
        ...                        "metric": "val_loss", "value": [0.7, 0.6]})
        >>> trials = Trials({"a": {"lr": 0.1}}, {Run("a"): Recorded("completed")}, curves,
        ...                 Objective("val_loss"))
        >>> trials.matrix("val_loss").values
        array([[0.7, 0.6]])
    """

    hyperparameters: Mapping[str, Mapping[str, Json]]
    recorded: Mapping[Run, Recorded]
    curves: pd.DataFrame
    objective: Objective
    space: tuple[Hyperparameter, ...] = ()
    design: Design = Design()
    context: Context = field(default_factory=Context)
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        """Freeze and validate."""
        values = {
            trial: MappingProxyType(dict(values)) for trial, values in self.hyperparameters.items()
        }
        object.__setattr__(self, "hyperparameters", MappingProxyType(values))
        object.__setattr__(self, "recorded", MappingProxyType(dict(self.recorded)))
        object.__setattr__(self, "curves", _canonical(self.curves, tuple(self.recorded)))
        series = _canonical(self.context.series, tuple(self.recorded))
        object.__setattr__(self, "context", replace(self.context, series=series))
        _check_plain(values)
        unknown = {run.trial_id for run in self.recorded} - values.keys()
        if unknown:
            raise TrialsError(
                f"runs of trials without hyperparameters: {_some(unknown)}; give each trial an "
                "entry in `hyperparameters`, empty if nothing is known of it"
            )

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs, in the order of the rows of `matrix`."""
        return tuple(self.recorded)

    @cached_property
    def runs_of(self) -> Mapping[str, tuple[Run, ...]]:
        """The runs of each trial; empty where none was started."""
        runs: dict[str, list[Run]] = {trial: [] for trial in self.hyperparameters}
        for run in self.runs:
            runs[run.trial_id].append(run)
        return {trial: tuple(members) for trial, members in runs.items()}

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics in the curves, sorted."""
        return tuple(sorted(self.curves["metric"].unique()))

    @cached_property
    def epochs(self) -> int:
        """Number of epochs of the longest run."""
        return 0 if self.curves.empty else int(self.curves["epoch"].max()) + 1

    def matrix(self, metric: str) -> Matrix:
        """One metric of all runs; all unobserved where no run has it."""
        if metric not in self._matrices:
            shape = (len(self.runs), self.epochs)
            return Matrix(np.full(shape, np.nan), np.zeros(shape, bool))
        return self._matrices[metric]

    def curve(self, run: Run, metric: str) -> Curve:
        """The epochs at which a metric of a run was observed, and its values there."""
        return self._observed(self._matrices, run, metric)

    def series(self, run: Run, name: str) -> Curve:
        """The same for a series of the context, such as "learning_rate"."""
        return self._observed(self._series, run, name)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Hyperparameters as a table, one row per trial; NaN where a trial has no such value."""
        names = list(dict.fromkeys(n for v in self.hyperparameters.values() for n in v))
        rows = [[values.get(n, np.nan) for n in names] for values in self.hyperparameters.values()]
        index = pd.Index(list(self.hyperparameters), name="trial_id", dtype="str")
        return pd.DataFrame(rows, index=index, columns=names, dtype=object)

    def coverage(self, run: Run) -> Coverage:
        """How much of a run was observed.

        "curves": metrics by epoch; "best epoch": several metrics of one epoch; "objective": a
        single value; "nothing".
        """
        if self._has_curves[run]:
            return "curves"
        recorded = self.recorded[run]
        if len(recorded.metrics) > 1:
            return "best epoch"
        return "objective" if recorded.metrics or recorded.score is not None else "nothing"

    def save(self, path: str | Path) -> None:
        """Write to a folder, without loss: `trials.json` and Parquet tables of the curves.

        Raises:
            OSError: The folder cannot be made or written.
        """
        folder.write(Path(path), self._parts())

    @classmethod
    def load(cls, path: str | Path) -> "Trials":
        """Read what `save` wrote.

        Raises:
            ReadError: A file is missing, cut off, or of a newer schema.
        """
        return cls(**folder.read(Path(path)))

    def __eq__(self, other: object) -> bool:
        """Same observations: a NaN equals a NaN, and 1 is neither 1.0 nor True."""
        if not isinstance(other, Trials):
            return NotImplemented
        mine, mine_tables = folder.to_plain(self._parts())
        theirs, their_tables = folder.to_plain(other._parts())
        return to_json(mine) == to_json(theirs) and all(
            table.equals(their_tables[name]) for name, table in mine_tables.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def _parts(self) -> folder.Parts:
        return {name: getattr(self, name) for name in folder.PART_NAMES}  # type: ignore[return-value]

    @cached_property
    def _row(self) -> Mapping[Run, int]:
        return {run: row for row, run in enumerate(self.runs)}

    @cached_property
    def _has_curves(self) -> Mapping[Run, bool]:
        rows = np.bincount(_positions(self.curves, self.runs), minlength=len(self.runs))
        return dict(zip(self.runs, (rows > 0).tolist(), strict=True))

    @cached_property
    def _matrices(self) -> Mapping[str, Matrix]:
        return _pivot(self.curves, self.runs, self.epochs)

    @cached_property
    def _series(self) -> Mapping[str, Matrix]:
        series = self.context.series
        epochs = 0 if series.empty else int(series["epoch"].max()) + 1
        return _pivot(series, self.runs, epochs)

    def _observed(self, matrices: Mapping[str, Matrix], run: Run, metric: str) -> Curve:
        if metric not in matrices:
            return Curve(np.empty(0, np.intp), np.empty(0))
        matrix, row = matrices[metric], self._row[run]
        epochs = np.flatnonzero(matrix.observed[row])
        return Curve(epochs, matrix.values[row, epochs])


def _pivot(table: pd.DataFrame, runs: tuple[Run, ...], epochs: int) -> dict[str, Matrix]:
    positions = _positions(table, runs)
    epoch, value = table["epoch"].to_numpy(), table["value"].to_numpy()
    matrices = {}
    for metric, rows in table.groupby("metric", sort=False).indices.items():
        shape = (len(runs), epochs)
        matrix = Matrix(np.full(shape, np.nan), np.zeros(shape, bool))
        matrix.values[positions[rows], epoch[rows]] = value[rows]
        matrix.observed[positions[rows], epoch[rows]] = True
        for array in matrix:
            array.flags.writeable = False
        matrices[str(metric)] = matrix
    return matrices


def _positions(curves: pd.DataFrame, runs: tuple[Run, ...]) -> NDArray[np.intp]:
    index = pd.MultiIndex.from_tuples(runs, names=Run._fields)
    if not runs:
        return np.full(len(curves), -1, np.intp)
    return index.get_indexer(pd.MultiIndex.from_frame(curves[list(Run._fields)]))


def _canonical(curves: pd.DataFrame, runs: tuple[Run, ...]) -> pd.DataFrame:
    """The curves in fixed columns, types and order, checked against the runs."""
    missing = set(CURVE_COLUMNS) - set(curves.columns)
    if missing:
        raise TrialsError(
            f"curves lack the columns {_some(missing)}; got {list(curves.columns)}, "
            f"need {list(CURVE_COLUMNS)}"
        )
    try:
        curves = curves[list(CURVE_COLUMNS)].astype(CURVE_DTYPES)
    except (TypeError, ValueError) as error:
        raise TrialsError(f"curves must have the types {CURVE_DTYPES}: {error}") from error
    if (curves["epoch"] < 0).any():
        raise TrialsError("curves have negative epochs; epochs count from 0")
    positions = _positions(curves, runs)
    if (positions < 0).any():
        strays = curves.loc[positions < 0, list(Run._fields)].drop_duplicates()
        raise TrialsError(
            f"curves of runs that are not in `recorded`: {_some(strays.itertuples(index=False))}; "
            "give each run an entry there, `Recorded()` if the tool said nothing of it"
        )
    order = np.lexsort((curves["metric"].to_numpy(), curves["epoch"].to_numpy(), positions))
    curves = curves.iloc[order].reset_index(drop=True)
    keys = [*Run._fields, "epoch", "metric"]
    repeated = curves.duplicated(keys)
    if repeated.any():
        raise TrialsError(
            "one value per run, epoch and metric; repeated: "
            + _some(curves.loc[repeated, keys].itertuples(index=False))
        )
    return curves


def _check_plain(hyperparameters: Mapping[str, Mapping[str, Json]]) -> None:
    for trial, values in hyperparameters.items():
        try:
            to_json(values)
        except TypeError as error:
            raise TrialsError(f"hyperparameters of trial {trial}: {error}") from error


def _some(items: Iterable[object], most: int = 5) -> str:
    """The first few of many things, for a message."""
    names = sorted(str(item) for item in items)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
