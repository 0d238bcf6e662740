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
from pydantic import ValidationError

from auditor.errors import ReadError, TrialsError
from auditor.files import Json, to_json
from auditor.trials import folder, losses, tables
from auditor.trials.records import (
    Context,
    Coverage,
    Design,
    Hyperparameter,
    Objective,
    Provenance,
    Recorded,
    Run,
)
from auditor.trials.tables import Column, Curve


class Matrix(NamedTuple):
    """One metric of all runs, as arrays of shape (run, epoch).

    `values` is NaN where nothing was observed; `observed` tells such a NaN from a measured one.
    """

    values: NDArray[np.float64]
    observed: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Trials:
    """All observations of one sweep. Validated once, when made; not to be changed afterwards.

    Attributes:
        hyperparameters: Per trial, in the order of their start, its values by name. A value is
            absent where it is inactive or was never read by the code that built the model.
        recorded: Per run what the tool said. Its keys are all runs; a trial without a run is
            planned but not started.
        curves: One row per run, epoch (from 0) and metric, in this order; names are categories.
        objective, space, design, context, provenance: See their classes.
        reruns: Trainings made later to confirm causes, one trial per seed; no part of the sweep,
            and not ranked. None where there are none.

    Raises:
        TrialsError: A run of an unknown trial, a duplicate, negative or fractional epoch, a cell
            without a value, a name that is not Unicode text, a value that is not plain JSON, a
            field of the wrong type.

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
    design: Design = field(default_factory=Design)
    context: Context = field(default_factory=Context)
    provenance: Provenance = field(default_factory=Provenance)
    reruns: "Trials | None" = None

    def __post_init__(self) -> None:
        """Freeze and validate."""
        values = {
            trial: MappingProxyType(dict(values)) for trial, values in self.hyperparameters.items()
        }
        object.__setattr__(self, "hyperparameters", MappingProxyType(values))
        recorded = {Run(run[0], int(run[1]), int(run[2])): r for run, r in self.recorded.items()}
        object.__setattr__(self, "recorded", MappingProxyType(recorded))
        _check_names(values)
        object.__setattr__(self, "curves", tables.canonical(self.curves, tuple(self.recorded)))
        series = tables.canonical(self.context.series, tuple(self.recorded))
        rows = losses.canonical(self.context.losses, self.recorded)
        object.__setattr__(self, "context", replace(self.context, series=series, losses=rows))
        _check_plain(values)
        unknown = {run.trial_id for run in self.recorded} - values.keys()
        if unknown:
            raise TrialsError(
                f"runs of trials without hyperparameters: {tables.some(unknown)}; give each trial "
                "an entry in `hyperparameters`, empty if nothing is known of it"
            )
        try:
            folder.checked(self._parts())
        except ValidationError as error:
            raise TrialsError(f"observations of the wrong type: {error}") from error

    def __repr__(self) -> str:
        """One line, for prompts and debuggers."""
        trials, runs = len(self.hyperparameters), len(self.recorded)
        return f"Trials(trials={trials}, runs={runs}, path={self.provenance.path!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        # The report stands far to the right of here, and is loaded when asked for.
        from auditor.report.notebook import trials_html

        return trials_html(self)

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
        return tuple(self.curves["metric"].cat.categories)

    @cached_property
    def epochs(self) -> int:
        """Number of epochs of the longest run."""
        return 0 if self.curves.empty else int(self.curves["epoch"].max()) + 1

    def matrix(self, metric: str) -> Matrix:
        """One metric of all runs; all unobserved where no run has it."""
        shape = (len(self.runs), self.epochs)
        matrix = Matrix(np.full(shape, np.nan), np.zeros(shape, bool))
        column = self.column(metric)
        matrix.values[column.run, column.epochs] = column.values
        matrix.observed[column.run, column.epochs] = True
        return matrix

    def column(self, metric: str) -> Column:
        """One metric of all runs, their curves one after the other."""
        return self._curves.get(metric, self._nothing)

    def curve(self, run: Run, metric: str) -> Curve:
        """The epochs at which a metric of a run was observed, and its values there."""
        return self.column(metric).curve(self._row[run])

    def series(self, run: Run, name: str) -> Curve:
        """The same for a series of the context, such as "learning_rate"."""
        return self.series_column(name).curve(self._row[run])

    def series_column(self, name: str) -> Column:
        """A series of the context of all runs, as `column`."""
        # Most sweeps have other series than those that are asked for: they need not be split.
        if name not in self._series_names:
            return self._nothing
        return self._series[name]

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

    def coverage_of(self, trial_id: str) -> Coverage:
        """How much was observed of the run of a trial of which most was."""
        covered = {self.coverage(run) for run in self.runs_of[trial_id]}
        kinds: tuple[Coverage, ...] = ("curves", "best epoch", "objective", "nothing")
        return next((kind for kind in kinds if kind in covered), "nothing")

    def save(self, path: str | Path) -> None:
        """Write to a folder, without loss: `trials.json` and Parquet tables of the curves.

        Reruns go to a folder in it.

        Raises:
            OSError: The folder cannot be made or written.
        """
        if self.reruns is not None:
            self.reruns.save(Path(path) / folder.RERUNS)
        folder.write(Path(path), self._parts(), self.reruns is not None)

    @classmethod
    def load(cls, path: str | Path) -> "Trials":
        """Read what `save` wrote.

        Raises:
            ReadError: A file is missing, cut off, of a newer schema, or of another folder.
        """
        try:
            parts, has_reruns = folder.read(Path(path))
            reruns = cls.load(Path(path) / folder.RERUNS) if has_reruns else None
            return cls(**parts, reruns=reruns)
        except TrialsError as error:
            raise ReadError(
                f"the files in {path} do not belong together: {error}; {folder.REMEDY}"
            ) from error

    def __eq__(self, other: object) -> bool:
        """Same observations: a NaN equals a NaN, and 1 is neither 1.0 nor True."""
        if not isinstance(other, Trials):
            return NotImplemented
        mine, mine_tables = folder.to_plain(self._parts())
        theirs, their_tables = folder.to_plain(other._parts())
        return (
            to_json(mine) == to_json(theirs)
            and all(table.equals(their_tables[name]) for name, table in mine_tables.items())
            and losses.to_bytes(self.context.losses) == losses.to_bytes(other.context.losses)
            and self.context.chunks == other.context.chunks
            and self.reruns == other.reruns
        )

    __hash__ = None  # type: ignore[assignment]

    def _parts(self) -> folder.Parts:
        return {name: getattr(self, name) for name in folder.PART_NAMES}  # type: ignore[return-value]

    @cached_property
    def _row(self) -> Mapping[Run, int]:
        return {run: row for row, run in enumerate(self.runs)}

    @cached_property
    def _has_curves(self) -> Mapping[Run, bool]:
        lengths = np.zeros(len(self.runs), np.intp)
        for column in self._curves.values():
            lengths += np.diff(column.bounds)
        return dict(zip(self.runs, (lengths > 0).tolist(), strict=True))

    @cached_property
    def _curves(self) -> Mapping[str, Column]:
        return tables.split(self.curves, self.runs)

    @cached_property
    def _nothing(self) -> Column:
        return tables.nothing(len(self.runs))

    @cached_property
    def _series_names(self) -> frozenset[str]:
        return frozenset(self.context.series["metric"].cat.categories)

    @cached_property
    def _series(self) -> Mapping[str, Column]:
        return tables.split(self.context.series, self.runs)


def _check_plain(hyperparameters: Mapping[str, Mapping[str, Json]]) -> None:
    for trial, values in hyperparameters.items():
        if all(type(n) is str and _is_plain(v) for n, v in values.items()):
            continue
        try:
            to_json(values)
        except (TypeError, ValueError) as error:
            raise TrialsError(f"hyperparameters of trial {trial}: {error}") from error


def _is_plain(value: Json) -> bool:
    """Whether it takes no closer look to see that it is plain JSON; true of nearly all values."""
    return type(value) in (str, float, bool) or (type(value) is int and abs(value) < 2**63)


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if not isinstance(name, str) or name != name.encode(errors="replace").decode():
            raise TrialsError(
                f"trial ids are Unicode text, got {name!r}; a file name in another encoding "
                "must be escaped first"
            )
