"""Runs collected from files, one after another, into `Trials`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from auditor.files import Json
from auditor.readers.contents import clean
from auditor.readers.folds import folds
from auditor.readers.metrics import choose_objective
from auditor.readers.reader import Source
from auditor.trials import (
    CURVE_COLUMNS,
    Context,
    Design,
    Hyperparameter,
    ModelFacts,
    Objective,
    Problem,
    Provenance,
    Recorded,
    Run,
    Trials,
    empty_curves,
    is_series,
)

RATE = "learning_rate"

SECONDS = "seconds"
"""The series of how long each epoch took."""

CLOCK_RISE = 1.5
"""Times the first of them that ever longer seconds end above when they count from the start of the
training: after two epochs that are about twice as many. Epochs themselves hardly change."""

MOST_EPOCHS = 1_000_000
"""An epoch beyond this is taken for damage: tables by epoch would not fit in memory."""


def file_name(path: Path, root: Path) -> str:
    """The name of a file as problems and provenance give it: below the root, as text."""
    name = path.relative_to(root) if path.is_relative_to(root) else path
    return str(clean(name.as_posix()))


def trial_ids(files: Sequence[Path], root: Path) -> list[str]:
    """An id per file: its folder below the root, or the name without its end where many share one.

    Example:
        >>> trial_ids([Path("s/a/log.csv"), Path("s/b/1.csv"), Path("s/b/2.csv")], Path("s"))
        ['a', 'b/1', 'b/2']
    """
    sharing = Counter(file.parent for file in files)
    stems = Counter((file.parent, _stem(file)) for file in files)
    ids = []
    for file in files:
        name = file.name if stems[file.parent, _stem(file)] > 1 else _stem(file)
        alone = sharing[file.parent] == 1 and file.parent != root
        ids.append(file_name(file.parent if alone else file.parent / name, root))
    return ids


def _stem(file: Path) -> str:
    name = file.name[:-3] if file.name.lower().endswith(".gz") else file.name
    return Path(name).stem


class _Piece(NamedTuple):
    """One metric of one run."""

    run: Run
    metric: str
    epochs: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass
class Gathered:
    """What has been read so far of one sweep.

    Attributes:
        source: What is being read.
        hyperparameters, recorded, files, missing, problems: See `Trials` and `Provenance`.
        models: See `Context`.
    """

    source: Source
    hyperparameters: dict[str, dict[str, Json]] = field(default_factory=dict)
    recorded: dict[Run, Recorded] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    models: dict[str, ModelFacts] = field(default_factory=dict)
    _pieces: list[_Piece] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def add(
        self,
        run: Run,
        curves: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
        recorded: Recorded | None = None,
        hyperparameters: Mapping[str, Json] | None = None,
    ) -> None:
        """Add a run, or more of one.

        Args:
            run: The run; its trial id as text that UTF-8 can hold.
            curves: Per metric the epochs at which it was observed (from 0, each once), and the
                values there. "learning_rate", "seconds" (of each epoch) and the like become series
                of the context.
            recorded: What the tool says of the run.
            hyperparameters: Of its trial, added to those known.
        """
        self.hyperparameters.setdefault(run.trial_id, {}).update(hyperparameters or {})
        if recorded is not None or run not in self.recorded:
            self.recorded[run] = recorded or Recorded()
        for name, (epochs, values) in (curves or {}).items():
            at = np.asarray(epochs, np.int64)
            if len(at):
                self._names.add(name)
                self._pieces.append(_Piece(run, name, at, np.asarray(values, np.float64)))

    def problem(self, message: str, file: Path | None = None, trial_id: str | None = None) -> None:
        """Note something that could not be read or used."""
        name = file_name(file, self.source.root) if file is not None else None
        self.problems.append(Problem(message, name, trial_id))

    @property
    def metrics(self) -> set[str]:
        """Names of the metrics seen so far, in curves and single values; series left out."""
        names = {name for name in self._names if not is_series(name, self._names)}
        return names | {name for recorded in self.recorded.values() for name in recorded.metrics}

    def trials(
        self,
        tool: str,
        objective: Objective | None = None,
        space: Iterable[Hyperparameter] = (),
        design: Design | None = None,
        version: str | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> Trials:
        """All of it. Without an objective one is chosen from the metrics."""
        self._join_folds()
        self._tell_rates()
        self._pieces = [p for p in self._pieces if p.metric != SECONDS or _are_of_epochs(p.values)]
        is_aside = {name: is_series(name, self._names) for name in self._names}
        curves = [piece for piece in self._pieces if not is_aside[piece.metric]]
        series = [piece for piece in self._pieces if is_aside[piece.metric]]
        return Trials(
            hyperparameters=self.hyperparameters,
            recorded=self.recorded,
            curves=_table(curves),
            objective=objective or choose_objective(self.metrics),
            space=tuple(space),
            design=design or Design(),
            context=Context(series=_table(series), models=self.models),
            provenance=Provenance(
                tool=tool,
                version=version,
                path=str(clean(str(self.source.path))),
                files=tuple(self.files),
                versions=versions or {},
                missing=tuple(self.missing),
                problems=tuple(self.problems),
            ),
        )

    def _tell_rates(self) -> None:
        """Make a learning rate a hyperparameter where each run logged one, and trials differ in it.

        A rate that changes during training belongs to a schedule, and stays a series.
        """
        logged: dict[str, set[float]] = {trial: set() for trial in self.hyperparameters}
        for piece in self._pieces:
            if piece.metric == RATE:
                logged[piece.run.trial_id].update(np.unique(piece.values).tolist())
        named = {name for values in self.hyperparameters.values() for name in values}
        constant = all(len(rates) == 1 and np.isfinite([*rates]) for rates in logged.values())
        if not constant or named & {RATE, "lr"} or len(set(map(tuple, logged.values()))) < 2:
            return
        for trial, (rate,) in logged.items():
            self.hyperparameters[trial][RATE] = _short(rate)
        self.missing.append("Hyperparameters, but for the learning rate that each run logged.")

    def _join_folds(self) -> None:
        """Make one trial of those that are its folds."""
        same = folds(self.recorded, self.hyperparameters)
        trial = {run.trial_id: fold.trial_id for run, fold in same.items()}
        self.hyperparameters = {trial.get(t, t): v for t, v in self.hyperparameters.items()}
        self.models = {trial.get(t, t): facts for t, facts in self.models.items()}
        self.recorded = {same.get(run, run): told for run, told in self.recorded.items()}
        self._pieces = [p._replace(run=same.get(p.run, p.run)) for p in self._pieces]
        self.problems = [
            replace(p, trial_id=trial.get(p.trial_id, p.trial_id)) if p.trial_id else p
            for p in self.problems
        ]


def _are_of_epochs(seconds: NDArray[np.float64]) -> bool:
    """Whether seconds may be those of each epoch, rather than since the training began."""
    runs_on = len(seconds) > 1 and bool((np.diff(seconds) > 0).all())
    is_clock = runs_on and bool(seconds[-1] > CLOCK_RISE * seconds[0])
    return not is_clock and bool(np.isfinite(seconds).all() and (seconds >= 0).all())


def _short(value: float) -> float:
    """What was written before it became a number of single precision: 0.1, not 0.10000000149."""
    single = np.float32(value)
    return float(str(single)) if float(single) == value else value


def _table(pieces: Sequence[_Piece]) -> pd.DataFrame:
    """The pieces as one long table, in the order of runs, epochs and metrics where that is cheap.

    Whole columns, and names as categories: millions of observations take no Python objects.
    """
    if not pieces:
        return empty_curves()
    names = {name: code for code, name in enumerate(sorted({piece.metric for piece in pieces}))}
    trials: dict[str, int] = {}
    parts = []
    for run, members in groupby(pieces, key=lambda piece: piece.run):
        code = trials.setdefault(run.trial_id, len(trials))
        parts += [(code, run, *part) for part in _interleaved(list(members), names)]
    lengths = [len(epochs) for *_, epochs, _, _ in parts]
    columns = (
        _categories(np.repeat([code for code, *_ in parts], lengths), trials),
        np.repeat([run.execution for _, run, *_ in parts], lengths),
        np.repeat([run.fold for _, run, *_ in parts], lengths),
        np.concatenate([epochs for *_, epochs, _, _ in parts]),
        _categories(np.concatenate([codes for *_, codes, _ in parts]), names),
        np.concatenate([values for *_, values in parts]),
    )
    return pd.DataFrame(dict(zip(CURVE_COLUMNS, columns, strict=True)), copy=False)


def _interleaved(
    members: list[_Piece], names: Mapping[str, int]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Epochs, codes of metrics and values of a run: by epoch where all metrics have the same."""
    members.sort(key=lambda piece: piece.metric)
    codes, epochs = [names[piece.metric] for piece in members], members[0].epochs
    if all(np.array_equal(epochs, piece.epochs) for piece in members[1:]):
        values = np.stack([piece.values for piece in members], axis=1).ravel()
        yield np.repeat(epochs, len(codes)), np.tile(codes, len(epochs)), values
        return
    for code, piece in zip(codes, members, strict=True):
        yield piece.epochs, np.full(len(piece.epochs), code), piece.values


def _categories(codes: NDArray[np.int64], names: Iterable[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, pd.Index(list(names), dtype="str"))
