"""Tables of trials that people saved of a study: `study.trials_dataframe().to_csv(...)`."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auditor.errors import ReadError
from auditor.readers.columns import Columns, by_row
from auditor.readers.optuna.objective import METRIC_NAMES
from auditor.readers.optuna.study import STATES, Study, StudyTrial
from auditor.readers.table.files import read_columns
from auditor.trials import Problem

_STANDARD = {"number", "value", "state", "datetime_start", "datetime_complete", "duration"}
_STANDARD |= {"trial_id", "_trial_id", "", "index", "Unnamed: 0"}
_PREFIXES = ("params_", "user_attrs_", "system_attrs_", "intermediate_values_", "values_", "value_")
_VALUE = re.compile(r"values?_(.+)")

_MISSING = (
    "The direction, the search space, and what empty cells were: None, NaN or nothing at all; they "
    "count as nothing."
)

MOST_PARTS = 1_000
"""Studies in one table."""


def is_table(names: Sequence[str]) -> bool:
    """Whether columns are those of a table of trials."""
    has_value = any(name == "value" or _VALUE.fullmatch(name) for name in names)
    has_params = any(name.startswith("params_") for name in names)
    return has_value and ({"number", "state"} <= set(names) or has_params)


def study_names(path: Path, names: Sequence[str]) -> list[str]:
    """The studies in a table: several where numbers repeat and other columns tell them apart.

    Raises:
        ReadError: It is no table.
    """
    return [name for name, _ in _parts(read_columns(path))] if _extra(names) else []


def read_table(path: Path, part: str | None) -> Study:
    """One study of a table.

    Raises:
        ReadError: It is no table, or has no such study.
    """
    table = read_columns(path)
    parts = dict(_parts(table))
    if part is not None and parts:
        if part not in parts:
            raise ReadError(f"the table has no study {part!r}; it has {', '.join(parts)[:500]}")
        table = parts[part]
    if not table.rows:
        raise ReadError("the table has a header and no trials")
    return _study(table)


def _extra(names: Sequence[str]) -> list[str]:
    """Columns that are not Optuna's, as people add them before they join tables."""
    return [n for n in names if n not in _STANDARD and not n.startswith(_PREFIXES)]


def _parts(table: Columns) -> list[tuple[str, Columns]]:
    extra = _extra(table.names)
    numbers = table.codes("number")[0].tolist() if "number" in table.names else []
    if len(set(numbers)) == len(numbers) or not extra:
        return []
    cells = [table.codes(name) for name in extra]
    varying = [(codes, labels) for codes, labels in cells if len(set(codes.tolist())) > 1]
    keys = list(zip(*(codes.tolist() for codes, _ in varying), strict=True))
    if not keys or len(set(keys)) > MOST_PARTS:
        return []
    parts = []
    first = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    places = np.array([first[key] for key in keys])
    for key, place in first.items():
        words = [labels[c] for c, (_, labels) in zip(key, varying, strict=True) if c >= 0]
        parts.append((" ".join(words) or "other", table.taken(places == place)))
    return parts


def _study(table: Columns) -> Study:
    study = Study(problems=[Problem(note) for note in table.notes], missing=(_MISSING,))
    rows = by_row(table, {name: name for name in table.names})
    values = [n for n in table.names if n == "value" or _VALUE.fullmatch(n)]
    names = [m[1] for n in values if (m := _VALUE.fullmatch(n)) and not m[1].isdigit()]
    if names and len(names) == len(values):
        study.system_attrs[METRIC_NAMES] = names
    columns = {name: table.numbers_among(name)[0] for name in values}
    steps = {
        int(name.removeprefix("intermediate_values_")): table.numbers_among(name)[0]
        for name in table.names
        if re.fullmatch(r"intermediate_values_\d{1,15}", name)
    }
    numbers = [n for cells in rows if isinstance(n := cells.get("number"), int)]
    if len(set(numbers)) != len(rows):
        numbers = list(range(len(rows)))
    for row, cells in enumerate(rows):
        trial = StudyTrial(numbers[row], str(cells.get("state", "")).removeprefix("TrialState."))
        if trial.state not in (*STATES, "WAITING"):
            trial.state = ""
        for prefix, held in (
            ("params_", trial.params),
            ("user_attrs_", trial.user_attrs),
            ("system_attrs_", trial.system_attrs),
        ):
            held |= {n.removeprefix(prefix): v for n, v in cells.items() if n.startswith(prefix)}
        for place, name in enumerate(values):
            if columns[name].observed[row]:
                trial.values[place] = float(columns[name].values[row])
        for step, found in steps.items():
            if found.observed[row]:
                trial.intermediate[step] = float(found.values[row])
        trial.started = cells.get("datetime_start")
        trial.completed = cells.get("datetime_complete")
        study.trials.append(trial)
    study.directions = [None] * len(values)
    return study
