"""SQLite stores of Optuna, of schemas from version 1 on; the tool itself is never asked."""

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.contents import clean, parse_json
from auditor.readers.optuna.space import decoded
from auditor.readers.optuna.study import Study, StudyTrial
from auditor.readers.sqlite import chunks, connect, tables
from auditor.trials import Direction, Problem

DIRECTIONS: Mapping[str, Direction] = {"MINIMIZE": "min", "MAXIMIZE": "max"}
MOST_STUDIES = 10_000
MOST_PROBLEMS = 100
"""Of one study that are noted."""

_OF = "WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?) ORDER BY rowid"
_NON_FINITE = {"NAN": math.nan, "INF_POS": math.inf, "INF_NEG": -math.inf}


def is_store(columns: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether tables are those of Optuna."""
    return {"studies", "trials", "trial_params"} <= columns.keys()


def study_names(path: Path) -> list[str] | None:
    """The studies in a database, but not those without trials beside others; None: not Optuna's.

    Raises:
        ReadError: It is no database that can be read.
    """
    with _opened(path) as connection:
        if not is_store(tables(connection)):
            return None
        query = "SELECT study_name, study_id FROM studies ORDER BY study_id"
        studies = connection.execute(query).fetchmany(MOST_STUDIES)
        used = {row[0] for row in connection.execute("SELECT DISTINCT study_id FROM trials")}
    names = [str(clean(str(name))) for name, study in studies if study in used]
    return names or [str(clean(str(name))) for name, _ in studies]


def read_study(path: Path, name: str | None) -> Study:
    """One study of a database; the first where no name is given.

    Raises:
        ReadError: It is damaged, or has no such study.
    """
    with _opened(path) as connection:
        return _Store(connection).study(name)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A database whose complaints may quote bytes that are no text."""
    try:
        with connect(path) as connection:
            yield connection
    except UnicodeDecodeError as error:
        raise ReadError(f"the database is damaged ({error}): restore it from a copy") from error


class _Store:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._columns = tables(connection)
        self._parsed: dict[str, Json] = {}

    def study(self, name: str | None) -> Study:
        studies = self._connection.execute("SELECT study_id, study_name FROM studies")
        found = {str(clean(str(title))): key for key, title in studies.fetchmany(MOST_STUDIES)}
        if not found or (name is not None and name not in found):
            raise ReadError(f"the store has no study {name!r}; it has {', '.join(found) or 'none'}")
        name = name if name is not None else next(iter(found))
        key = found[name]
        study = Study(name, self._directions(key), version=self._version())
        for which in ("user", "system"):
            table = f"study_{which}_attributes"
            for attribute, text in self._rows(table, "key, value_json", "WHERE study_id = ?", key):
                getattr(study, f"{which}_attrs")[str(clean(str(attribute)))] = self._json(text)
        trials = self._trials(key)
        study.trials = list(trials.values())
        self._add_params(study, trials, key)
        self._add_values(trials, key)
        for which in ("user", "system"):
            table = f"trial_{which}_attributes"
            for trial, attribute, text in self._rows(table, "trial_id, key, value_json", _OF, key):
                if trial in trials:
                    attributes = getattr(trials[trial], f"{which}_attrs")
                    attributes[str(clean(str(attribute)))] = self._json(text)
        return study

    def _rows(self, table: str, columns: str, where: str, key: Any) -> Iterator[tuple[Any, ...]]:
        """Rows of a table that this schema may not have."""
        wanted = [column.strip() for column in columns.split(",")]
        if set(wanted) <= set(self._columns.get(table, ())):
            listed = ", ".join(f'"{column}"' for column in wanted)
            for chunk in chunks(self._connection, f"SELECT {listed} FROM {table} {where}", (key,)):
                yield from chunk

    def _version(self) -> str | None:
        if "library_version" not in self._columns.get("version_info", ()):
            return None
        row = self._connection.execute("SELECT library_version FROM version_info").fetchone()
        return str(clean(str(row[0])))[:100] if row and row[0] is not None else None

    def _directions(self, key: Any) -> list[Direction | None]:
        if "direction" in self._columns["studies"]:  # before 2.4
            rows = self._rows("studies", "direction", "WHERE study_id = ?", key)
            return [DIRECTIONS.get(str(row[0])) for row in rows][:1]
        rows = self._rows("study_directions", "objective, direction", "WHERE study_id = ?", key)
        found = {place: DIRECTIONS.get(str(word)) for place, word in rows}
        return [found.get(place) for place in range(min(len(found), 100))]

    def _trials(self, key: Any) -> dict[Any, StudyTrial]:
        found: dict[Any, StudyTrial] = {}
        columns = "trial_id, number, state, datetime_start, datetime_complete"
        for trial, number, state, start, end in self._rows(
            "trials", columns, "WHERE study_id = ? ORDER BY trial_id", key
        ):
            number = number if isinstance(number, int) else len(found)
            started = str(start) if start is not None else None
            completed = str(end) if end is not None else None
            found[trial] = StudyTrial(number, str(state), started=started, completed=completed)
        for trial, value in self._rows("trials", "trial_id, value", "WHERE study_id = ?", key):
            if isinstance(value, int | float):  # before 2.4
                found[trial].values[0] = float(value)
        return found

    def _add_params(self, study: Study, trials: Mapping[Any, StudyTrial], key: Any) -> None:
        columns = "trial_id, param_name, param_value, distribution_json"
        seen: set[tuple[str, str]] = set()
        for trial, name, value, text in self._rows("trial_params", columns, _OF, key):
            if trial not in trials:
                continue
            name, text = str(clean(str(name))), str(text)
            try:
                distribution = self._json(text)
                trials[trial].params[name] = decoded(value, distribution)
            except ReadError as error:
                if len(study.problems) < MOST_PROBLEMS:
                    message = f"{name}: {error}; it is left out"
                    study.problems.append(Problem(message, trial_id=str(trials[trial].number)))
                continue
            if (name, text) not in seen:
                seen.add((name, text))
                study.distributions.setdefault(name, []).append(distribution)

    def _add_values(self, trials: Mapping[Any, StudyTrial], key: Any) -> None:
        # Up to 2.3 the table of values held what is now called intermediate values.
        for table, value in (
            ("trial_intermediate_values", "intermediate_value"),
            ("trial_values", "value"),
        ):
            place = "step" if "step" in self._columns.get(table, ()) else "objective"
            typed = f"{value}_type" in self._columns.get(table, ())
            columns = f"trial_id, {place}, {value}" + (f", {value}_type" if typed else "")
            for trial, at, number, *kind in self._rows(table, columns, _OF, key):
                real = _real(number, kind[0] if kind else None)
                if trial in trials and isinstance(at, int) and real is not None:
                    held = trials[trial].intermediate if place == "step" else trials[trial].values
                    if place == "step" or 0 <= at < 100:
                        held[at] = real

    def _json(self, text: Any) -> Json:
        """A text of JSON; itself where it is none. Each is parsed once."""
        text = str(text)
        if text not in self._parsed:
            try:
                self._parsed[text] = parse_json(text)
            except ReadError:
                self._parsed[text] = clean(text)
        return self._parsed[text]


def _real(value: Any, kind: Any) -> float | None:
    """A stored value; SQLite has no NaN, which older schemas kept as nothing."""
    if kind in _NON_FINITE:
        return _NON_FINITE[kind]
    if value is None and kind is None:
        return math.nan
    return float(value) if isinstance(value, int | float) else None
