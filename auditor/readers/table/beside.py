"""The table of trials beside one of their curves: `trials.csv`, or our own `leaderboard.csv`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.columns import Columns, by_row
from auditor.readers.looking import Look
from auditor.readers.table.files import read_columns
from auditor.readers.table.layout import layout
from auditor.trials import Direction, Objective

LEADERBOARD = (
    *("trial_id", "rank", "rank_without_penalty", "score", "objective", "best_epoch"),
    *("gap", "penalty", "spread", "runs", "outcome"),
)
"""Columns of our own `leaderboard.csv`, before those of the hyperparameters."""

_STEMS = ("leaderboard", "trials", "hyperparameters", "configs", "configurations", "params", "runs")
_PREFIX = "hyperparameter."
"""Before a hyperparameter in `leaderboard.csv` whose name is taken by another column."""


@dataclass
class Beside:
    """What the table of trials says.

    Attributes:
        file: The table; None if there is none.
        hyperparameters: Per trial.
        objectives: Per trial the value that ranked it and its best epoch, of a leaderboard.
        direction: Whether small scores rank first, of a leaderboard.
        notes: What could not be used, in sentences.
    """

    file: Path | None = None
    hyperparameters: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    objectives: Mapping[str, tuple[float, int | None]] = field(default_factory=dict)
    direction: Direction | None = None
    notes: Sequence[str] = ()


def is_leaderboard(names: Sequence[str]) -> bool:
    """Whether columns are those of our own `leaderboard.csv`."""
    return set(LEADERBOARD) <= set(names)


def read_beside(path: Path, column: str) -> Beside:
    """The table of trials beside a table.

    Args:
        path: The table of curves.
        column: What it calls the column of trials; the table of trials must do so too.
    """
    look = Look(path.parent)
    names = {name.lower(): name for name in reversed(look.files) if name != path.name}
    ends = (".csv", ".csv.gz", ".tsv", ".parquet")
    for name in (stem + end for stem in _STEMS for end in ends):
        if name not in names:
            continue
        file = path.parent / names[name]
        try:
            table = read_columns(file)
        except ReadError as error:
            return Beside(file, notes=[f"{error}; no hyperparameters are taken from it"])
        if column in table.names:
            return _beside(table, file, path, column)
    return Beside()


def _beside(table: Columns, file: Path, path: Path, column: str) -> Beside:
    table = _of_this_file(table, path, column)
    codes, labels = table.codes(column)
    if len(labels) < table.rows:
        why = f"{column} is not different in each of its rows; no hyperparameters are taken from it"
        return Beside(file, notes=[why])
    trials = [labels[code] for code in codes.tolist()]
    if not is_leaderboard(table.names):
        named = {name: name for name in layout(table.names, {"trial": column}).others}
        return Beside(file, dict(zip(trials, by_row(table, named), strict=True)), notes=table.notes)
    own = table.names[len(LEADERBOARD) :]
    named = {name: name.removeprefix(_PREFIX) for name in own}
    values = table.numbers_among("objective")[0].values
    epochs = table.numbers_among("best_epoch")[0].values
    return Beside(
        file,
        dict(zip(trials, by_row(table, named), strict=True)),
        {
            trial: (value, int(epoch) if epoch >= 0 else None)
            for trial, value, epoch in zip(trials, values.tolist(), epochs.tolist(), strict=True)
            if np.isfinite(value) and not abs(epoch) > 1e9
        },
        _direction(table),
        table.notes,
    )


def _of_this_file(table: Columns, path: Path, column: str) -> Columns:
    """The rows that are for this file, where a column names the files that rows are for."""
    codes, labels = table.codes(column)
    if len(labels) == table.rows:
        return table
    for name in table.names:
        codes, labels = table.codes(name)
        # The longest: "a_b" is in the name of "curves_a_b.csv", and "a" as well.
        inside = [place for place, label in enumerate(labels) if label in path.name]
        if name != column and inside and len(labels) > 1:
            return table.taken(codes == max(inside, key=lambda place: len(labels[place])))
    return table


def _direction(table: Columns) -> Direction | None:
    """Whether scores rise or fall from rank to rank."""
    ranks, scores = (table.numbers_among(name)[0].values for name in ("rank", "score"))
    usable = np.isfinite(ranks) & np.isfinite(scores)
    steps = np.diff(scores[usable][np.argsort(ranks[usable], kind="stable")])
    if (steps > 0).any() == (steps < 0).any():
        return None
    return "min" if (steps > 0).any() else "max"


def objective_of(beside: Beside, curves: pd.DataFrame) -> Objective | None:
    """What a leaderboard ranked by: the metric that has its values at the best epochs."""
    if not beside.objectives or beside.direction is None:
        return None
    best = curves[curves["trial_id"].isin(list(beside.objectives))]
    wanted = {trial: pair for trial, pair in beside.objectives.items() if pair[1] is not None}
    at = best["trial_id"].map({trial: epoch for trial, (_, epoch) in wanted.items()}).astype(float)
    best = best[best["epoch"].to_numpy() == at.to_numpy()]
    value = best["trial_id"].map({trial: value for trial, (value, _) in wanted.items()})
    best = best.assign(same=np.isclose(best["value"], value.astype(float), rtol=1e-9))
    # Of a trial of several runs the leaderboard has the mean.
    single = best.groupby("trial_id", observed=True)[["execution", "fold"]].transform("nunique")
    same = best[(single == 1).all(axis=1)].groupby("metric", observed=True)["same"].all()
    names = [str(name) for name, is_same in same.items() if is_same]
    if not names:
        return Objective("objective", beside.direction, "leaderboard.csv, which does not name it")
    name = min(names, key=lambda n: (not n.startswith("val_"), n))
    return Objective(name, beside.direction, "leaderboard.csv has its values at the best epochs")
