"""`cv_results_` of scikit-learn's searches: a DataFrame saved as CSV or Parquet, or JSON.

One row per candidate: its parameters, and per scorer the scores of each fold. The test split of
cross-validation is validation data here; a score is greater where it is better, `neg_log_loss` too.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.columns import Columns, by_row, from_lists, literal
from auditor.readers.contents import load_json
from auditor.readers.gathered import Gathered, file_name
from auditor.readers.looking import Look
from auditor.readers.reader import NO_FILE, Match, Source
from auditor.readers.table.files import parquet_names, read_columns
from auditor.trials import Design, Objective, Recorded, Run, Trials

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".json", "")
"""Ends of names, with or without `.gz` after them; standard input has none."""

MOST_FOLDS = 1_000

_MEAN = "mean_test_"
_PARAM = "param_"
_SPLIT = re.compile(r"split(\d{1,4})_test_(.+)")
_JSON_KEYS = re.compile(r'"mean_test_[^"]+"\s*:')

_MISSING = (
    "Learning curves: scikit-learn keeps one score per fold, so onset of overfitting, late "
    "divergence and recovery cannot be seen.",
    "Why fits failed: a candidate that raised has the score NaN, without a message (or the number "
    "that was set as error_score, which looks like any other score).",
)
_NO_TRAIN = "Training scores: the search ran without return_train_score=True."
_NO_FOLDS = "Scores of the folds: only their means are there."
_NO_REFIT = "Which scorer chose the best candidate: there are several ({}); the first one ranks."
_HALVING = "Equal training: successive halving gave candidates different resources ({})."


def matches(look: Look) -> Match:
    """Whether the path holds `cv_results_`."""
    if not look.is_file:
        return NO_FILE
    if look.suffix not in SUFFIXES:
        return Match(False, "its name does not end in .csv, .parquet or .json")
    if look.text.lstrip()[:1] in ("{", "["):
        yes = _JSON_KEYS.search(look.text) is not None and '"param' in look.text
        return Match(yes, f"it is JSON {'with' if yes else 'without'} mean_test_ and param_")
    names = parquet_names(look.path) if look.head[:4] == b"PAR1" else look.columns
    if not any(name.startswith(_MEAN) for name in names):
        return Match(False, "it has no column mean_test_score")
    if not any(name == "params" or name.startswith(_PARAM) for name in names):
        return Match(False, "it has a column mean_test_, but no column param_")
    return Match(True, "it has the columns of scikit-learn's cv_results_")


def read(source: Source) -> Trials:
    """Read the candidates of one search.

    Raises:
        ReadError: The file is no table of candidates, or has none.
    """
    is_json = Look(source.path).text.lstrip()[:1] in ("{", "[")
    table = _from_json(load_json(source.path)) if is_json else read_columns(source.path)
    scorers = [name.removeprefix(_MEAN) for name in table.names if name.startswith(_MEAN)]
    if not scorers or not table.rows:
        raise ReadError(
            "there are no candidates with a mean_test_score; save "
            "pandas.DataFrame(search.cv_results_).to_csv(...) once more"
        )
    found = Gathered(source, files=[file_name(source.path, source.root)])
    for note in table.notes:
        found.problem(note, source.path)
    values = _hyperparameters(table)
    scores, folds = _scores(table, scorers)
    seconds = (
        table.numbers_among("mean_fit_time")[0].values if "mean_fit_time" in table.names else None
    )
    for row in range(table.rows):
        for fold, by_metric in enumerate(scores):
            told = {metric: column[row] for metric, column in by_metric.items()}
            spent = float(seconds[row]) if seconds is not None else math.nan
            found.add(
                Run(str(row), 0, fold),
                recorded=_recorded(told, f"val_{scorers[0]}", spent),
                hyperparameters=values[row],
            )
    found.missing += _MISSING
    found.missing += _remarks(table, scorers, folds)
    objective = Objective(
        f"val_{scorers[0]}", "max", f"{_MEAN}{scorers[0]} ranks, and greater scores are better"
    )
    return found.trials("scikit-learn", objective, design=Design(_sampler(table, values)))


def _from_json(content: Json) -> Columns:
    """A table from `{name: [...]}`, from pandas's `{name: {"0": ...}}`, or from a list of rows."""
    if isinstance(content, list):
        rows = [row for row in content if isinstance(row, dict)]
        names = list(dict.fromkeys(name for row in rows for name in row))
        content = {name: [row.get(name) for row in rows] for name in names}
    if not isinstance(content, dict):
        raise ReadError(f"the file holds a {type(content).__name__}, not columns by name")
    lists = {n: list(v.values()) if isinstance(v, dict) else v for n, v in content.items()}
    return from_lists({name: cells for name, cells in lists.items() if isinstance(cells, list)})


def _hyperparameters(table: Columns) -> list[dict[str, Json]]:
    """From the column of dictionaries, which tells None from nothing; else from single columns."""
    named = {n: n.removeprefix(_PARAM) for n in table.names if n.startswith(_PARAM)}
    single = by_row(table, named)
    whole = table.cells("params") if "params" in table.names else [None] * table.rows
    found = []
    for values, printed in zip(single, whole, strict=True):
        given = literal(printed) if isinstance(printed, str) else printed
        if isinstance(given, dict):
            values = {str(name): value for name, value in given.items()}
        found.append(values)
    return found


def _scores(table: Columns, scorers: Sequence[str]) -> tuple[list[dict[str, list[float]]], bool]:
    """Per fold the columns of scores by metric; of the means where folds were left out."""
    folds = {int(m[1]) for n in table.names if (m := _SPLIT.fullmatch(n)) and m[2] in scorers}
    prefixes = [f"split{fold}" for fold in sorted(folds)[:MOST_FOLDS]] or ["mean"]
    found = []
    for prefix in prefixes:
        columns: dict[str, list[float]] = {}
        for scorer in scorers:
            for split, metric in (("test", f"val_{scorer}"), ("train", scorer)):
                name = f"{prefix}_{split}_{scorer}"
                if name in table.names:
                    columns[metric] = table.numbers_among(name)[0].values.tolist()
        found.append(columns)
    return found, bool(folds)


def _recorded(scores: Mapping[str, float], ranking: str, seconds: float) -> Recorded:
    """A fold; without a score it failed."""
    known = {metric: value for metric, value in scores.items() if not math.isnan(value)}
    failed = ranking not in known
    return Recorded(
        status="failed" if failed else "completed",
        message="its score is NaN: fitting or scoring raised" if failed else None,
        metrics=known,
        score=known.get(ranking),
        seconds=seconds if seconds >= 0 and math.isfinite(seconds) else None,
    )


def _remarks(table: Columns, scorers: Sequence[str], folds: bool) -> list[str]:
    found = [] if folds else [_NO_FOLDS]
    if not any("_train_" in name for name in table.names):
        found.append(_NO_TRAIN)
    if len(scorers) > 1:
        found.append(_NO_REFIT.format(", ".join(scorers)[:300]))
    if "n_resources" in table.names:
        amounts = table.codes("n_resources")[1]
        found.append(_HALVING.format(", ".join(amounts[:10])))
    return found


def _sampler(
    table: Columns, values: Sequence[Mapping[str, Json]]
) -> Literal["grid", "adaptive", "unknown"]:
    """A grid is known by having all combinations."""
    if "n_resources" in table.names:
        return "adaptive"
    names = {name for candidate in values for name in candidate}
    distinct = [{repr(candidate.get(name)) for candidate in values} for name in names]
    whole = math.prod(len(options) for options in distinct)
    return "grid" if len(names) > 1 and whole == len(values) else "unknown"
