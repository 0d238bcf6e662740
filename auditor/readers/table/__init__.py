"""Plain tables, CSV or Parquet: a row per trial and epoch, or a row per trial.

Columns are known by their names where these leave no doubt; otherwise a mapping says what they
are, as in `--columns trial=run_id,epoch=step,loss=train_loss,val_loss=valid,hp:units=width`. On its
left stand our names, on its right the table's:

- `trial`, `epoch`, `execution`, `fold`, `seed`, `status`, `seconds`;
- `metric` and `value`, of a table with one value per row; `split`, of one whose rows say whether
  they are of training or validation data;
- `hp:NAME`, a hyperparameter. Where there is none, all columns count that are no metrics and stay
  the same within a trial, as do those of a `trials.csv` beside it with the same column of trials;
- anything else is a metric by its Keras name. Where there is one, no other column is a metric.

Our own `auditor audit --csv` writes such tables: `curves.csv`, with `leaderboard.csv` beside it.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.columns import ABSENT, Columns, by_row
from auditor.readers.contents import clean
from auditor.readers.gathered import file_name, trial_ids
from auditor.readers.looking import Look
from auditor.readers.metrics import choose_objective, keras_name
from auditor.readers.reader import NO_FILE, Match, Source
from auditor.readers.table.beside import Beside, is_leaderboard, objective_of, read_beside
from auditor.readers.table.curves import curves_of, epochs_of
from auditor.readers.table.files import parquet_names, read_columns
from auditor.readers.table.layout import Layout, layout
from auditor.readers.table.recorded import recorded_of
from auditor.readers.table.runs import Rows, restarts, rows_of
from auditor.trials import (
    Context,
    Objective,
    Problem,
    Provenance,
    Recorded,
    Run,
    Trials,
    empty_curves,
    role,
)

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", "")
"""Ends of names, with or without `.gz` after them; standard input has none."""

_ONE_ROW = (
    "Learning curves: the table has one row per trial. Of which epoch its metrics are it does not "
    "say, so onset of overfitting, late divergence and recovery cannot be seen."
)
_UNSURE = (
    "it has no columns that are surely trial, epoch and metric; say which they are with "
    "--format table --columns trial=NAME,epoch=NAME,loss=NAME,val_loss=NAME"
)
_CALLED = {"model", "model_name", "name", "experiment", "experiment_name", "config"}
"""Columns that call trials by names, where all others are metrics."""

_NO_STATUS = "How trainings ended: completed, stopped early and crashed look alike in this table."


def matches(look: Look) -> Match:
    """Whether the path is a table whose columns leave no doubt, or are those of the mapping."""
    if not look.is_file:
        return NO_FILE
    if look.suffix not in SUFFIXES:
        return Match(False, "its name does not end in .csv, .tsv, .txt or .parquet")
    is_parquet = look.head[:4] == b"PAR1"
    names = parquet_names(look.path) if is_parquet else look.columns
    if len(names) < 2 or not (is_parquet or look.text):
        return Match(False, "its first line is no header of columns")
    if look.mapping:
        absent = [column for column in look.mapping.values() if column not in names]
        return Match(not absent, f"it has {'no column ' + absent[0] if absent else 'all columns'}")
    if is_leaderboard(names):
        return Match(False, "it is a leaderboard of ours, which is read with curves.csv beside it")
    return _certain(layout(names))


def _certain(columns: Layout) -> Match:
    known, metrics = columns.known, columns.metrics
    first = next(iter(metrics), None)
    if "trial" in known and columns.is_long:
        if first or "value" in known:
            what = f"{known['trial']}, {known['epoch']} and {first or known['value']}"
            return Match(True, f"it has columns {what}")
        return Match(False, "it has columns of trials and epochs, and none that is surely a metric")
    repeats = [known[word] for word in ("fold", "execution") if word in known]
    if columns.is_long and first and (columns.tried or repeats):
        # Not a log of one training: that has no such columns.
        what = f"{known['epoch']}, {first} and {(*columns.tried, *repeats)[0]}"
        return Match(True, f"it has columns {what}, and a row per epoch")
    if columns.is_long or not first:
        return Match(False, _UNSURE)
    losses = [c for c, n in metrics.items() if role(n) == "validation" or n == "loss"]
    if columns.names_trials and losses:
        return Match(True, f"it has columns {known['trial']} and {losses[0]}, and a row per trial")
    others = [name for name in columns.others if keras_name(name) != "learning_rate"]
    validation = [column for column in losses if metrics[column] != "loss"]
    if validation and not others and known.get("trial", "").lower() in _CALLED:
        return Match(True, f"it has columns {known['trial']} and {validation[0]}")
    if (validation and others) or columns.tried:
        what = f"{(columns.tried or others)[0]} and {(validation or [first])[0]}"
        return Match(True, f"it has columns {what}, and a row per trial")
    return Match(False, _UNSURE)


def read(source: Source) -> Trials:
    """Read one table.

    Raises:
        ReadError: It is no table, a column of the mapping is not there, or it has no rows.
    """
    table = read_columns(source.path)
    columns = _settled(table, layout(table.names, source.columns))
    if not columns.metrics and "value" not in columns.known:
        raise ReadError(
            f"none of the columns {', '.join(table.names)[:500]} is surely a metric; "
            "say which are with --columns loss=NAME,val_loss=NAME"
        )
    name = trial_ids([source.path], source.root)[0]
    table, rows = rows_of(table, columns, name)
    beside = Beside()
    if "trial" in columns.known and not columns.hyperparameters:
        beside = read_beside(source.path, columns.known["trial"])
    if not table.rows and not beside.hyperparameters:
        raise ReadError("the table has a header and no rows")
    if columns.is_long and not _is_row_per_trial(columns, rows):
        return _long(source, table, columns, rows, beside)
    return _wide(source, table, columns, beside)


def _settled(table: Columns, columns: Layout) -> Layout:
    """The layout, where columns that are called like metrics and hold words are none."""
    if columns.is_mapped:
        return columns
    words = [c for c in columns.metrics if _holds_words(table, c)]
    metrics = {c: name for c, name in columns.metrics.items() if c not in words}
    return replace(columns, metrics=metrics, others=(*columns.others, *words))


def _holds_words(table: Columns, column: str) -> bool:
    if table.numbers(column) is not None:
        return False
    numbers, odd = table.numbers_among(column)
    return odd > int(numbers.observed.sum())


def _is_row_per_trial(columns: Layout, rows: Rows) -> bool:
    return "trial" in columns.known and 1 < len(rows.trials) == len(rows.trial)


def _long(source: Source, table: Columns, columns: Layout, rows: Rows, beside: Beside) -> Trials:
    """A table with a row per trial and epoch."""
    if table.rows:
        usable, epochs = epochs_of(table, columns, rows)
        if not usable.all():
            table, rows = table.taken(usable), rows.taken(usable)
        restarts(rows, epochs)
        constant, varying = _by_trial(table, columns, rows)
        columns = replace(columns, metrics={**columns.metrics, **varying})
        curves, series = curves_of(table, columns, rows, epochs)
        runs, first = rows.runs
        recorded = dict(zip(runs, recorded_of(table, columns, {}, first), strict=True))
        places: dict[str, int] = {}
        for run, row in zip(runs, first.tolist(), strict=True):
            places.setdefault(run.trial_id, row)
        values = _of_trials(table, constant, places)
    else:
        curves = series = empty_curves()
        recorded, values = {}, {}
    for trial, (value, epoch) in beside.objectives.items():
        if trial not in values:
            told = Recorded("unknown", None, epoch, {"objective": value})
            recorded[Run(trial)] = told
    known = {
        trial: {**beside.hyperparameters.get(trial, {}), **values.get(trial, {})}
        for trial in dict.fromkeys((*values, *(run.trial_id for run in recorded)))
    }
    if beside.file and not set(beside.hyperparameters) & set(known):
        rows.notes.append(f"{beside.file.name} has none of its trials: not used")
    return _trials(
        source, known, recorded, (curves, series), objective_of(beside, curves), rows, beside
    )


def _by_trial(
    table: Columns, columns: Layout, rows: Rows
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Columns that stay the same within each trial, and those of numbers that do not."""
    trials, first = np.unique(rows.trial, return_index=True)
    of_trial = first[np.searchsorted(trials, rows.trial)]
    constant, varying = dict(columns.hyperparameters), {}
    for name in columns.others:
        numbers = table.numbers(name)
        cells: NDArray[np.generic] = table.codes(name)[0] if numbers is None else numbers.values
        same = (cells == cells[of_trial]) | ((cells != cells) & (cells != cells)[of_trial])
        if same.all():
            constant[name] = name
        elif numbers is not None and not columns.is_mapped:
            varying[name] = keras_name(name)
    return constant, varying


def _of_trials(
    table: Columns, names: Mapping[str, str], places: Mapping[str, int]
) -> dict[str, dict[str, Json]]:
    """Hyperparameters from the first row of each trial."""
    rows = np.array(list(places.values()), np.intp)
    found: dict[str, dict[str, Json]] = {trial: {} for trial in places}
    for column, name in names.items():
        for trial, value in zip(places, table.cells(column, rows), strict=True):
            if value is not ABSENT:
                found[trial][name] = value
    return found


def _wide(source: Source, table: Columns, columns: Layout, beside: Beside) -> Trials:
    """A table with a row per trial, or several of its executions or folds."""
    columns, rows = _numbered(table, columns)
    metrics = {name: table.numbers_among(column)[0] for column, name in columns.metrics.items()}
    names = {**{name: name for name in columns.others}, **columns.hyperparameters}
    values = by_row(table, names)
    told = [
        {name: float(v.values[row]) for name, v in metrics.items() if v.observed[row]}
        for row in range(table.rows)
    ]
    recorded = recorded_of(table, columns, dict(enumerate(told)), np.arange(table.rows))
    trial_of = [rows.trials[code] for code in rows.trial.tolist()]
    known: dict[str, dict[str, Json]] = {}
    runs: dict[Run, Recorded] = {}
    following: dict[tuple[str, int], int] = {}
    for row, trial in enumerate(trial_of):
        known.setdefault(trial, {**beside.hyperparameters.get(trial, {}), **values[row]})
        run = Run(trial, int(rows.execution[row]), int(rows.fold[row]))
        free = following.get((trial, run.fold), 0)
        run = run._replace(execution=free) if run in runs else run
        following[trial, run.fold] = max(free, run.execution + 1)
        runs[run] = recorded[row]
    rows.missing.append(_ONE_ROW)
    empty = empty_curves()
    return _trials(source, known, runs, (empty, empty), None, rows, beside)


def _numbered(table: Columns, columns: Layout) -> tuple[Layout, Rows]:
    """The rows by their ids; by their numbers where no column can be one."""
    if "trial" in columns.known:
        kept, rows = rows_of(table, columns, "")
        if kept.rows == table.rows and (
            columns.names_trials or len(rows.trials) == table.rows or columns.is_mapped
        ):
            return columns, rows
    zeros = np.zeros(table.rows, np.int64)
    numbers = np.arange(table.rows)
    known = {ours: column for ours, column in columns.known.items() if ours != "trial"}
    others = [columns.known[word] for word in ("trial", "epoch") if word in columns.known]
    rows = Rows(numbers, zeros, zeros, [str(number) for number in numbers])
    return replace(columns, known=known, others=(*others, *columns.others)), rows


def _trials(
    source: Source,
    known: Mapping[str, Mapping[str, Json]],
    recorded: Mapping[Run, Recorded],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    objective: Objective | None,
    rows: Rows,
    beside: Beside,
) -> Trials:
    curves, series = tables
    names = {*curves["metric"].unique(), *(m for told in recorded.values() for m in told.metrics)}
    missing = list(rows.missing)
    if all(told.status == "unknown" for told in recorded.values()):
        missing.append(_NO_STATUS)
    files = [file_name(source.path, source.root)]
    problems = [Problem(note, files[0]) for note in rows.notes]
    if beside.file:
        files.append(file_name(beside.file, source.root))
        problems += [Problem(note, files[1]) for note in beside.notes]
    return Trials(
        known,
        recorded,
        curves,
        objective or choose_objective(names),
        context=Context(series=series),
        provenance=Provenance(
            "table",
            path=str(clean(str(source.path))),
            files=tuple(files),
            missing=tuple(missing),
            problems=tuple(problems),
        ),
    )
