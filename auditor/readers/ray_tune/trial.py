"""One trial of Ray Tune: its folder, and what the state of the search says of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.contents import load_json, read_bytes
from auditor.readers.gathered import Gathered, file_name
from auditor.readers.looking import Look
from auditor.readers.ray_tune.results import (
    Reports,
    flat,
    read_progress_csv,
    read_result_json,
    values_of,
)
from auditor.readers.ray_tune.state import TrialState, seconds
from auditor.readers.renaming import keras_names
from auditor.trials import Recorded, Run, Status

PARAMS, RESULTS, PROGRESS, ERRORS = "params.json", "result.json", "progress.csv", "error.txt"

MOST_MESSAGE = 1_000
"""Characters kept of an error."""

_STATUS: Mapping[str, Status] = {
    "TERMINATED": "completed",
    "ERROR": "failed",
    "RUNNING": "unfinished",
    "PAUSED": "unfinished",
    "PENDING": "unfinished",
}
_FAILURE = re.compile(r"^Failure # \d+ \(occurred at ([-0-9_]+)\)", re.MULTILINE)
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)\b.*", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CONFIG = "config/"


class Length(NamedTuple):
    """How many reports a trial made, whether it was told to stop, whether they are lost."""

    reports: int
    was_stopped: bool = False
    is_lost: bool = False


class _Failure(NamedTuple):
    """The last failure: the exception, and when in Ray's own way of writing ("" if unknown)."""

    message: str
    date: str


@dataclass(frozen=True)
class RayTrial:
    """A trial: its id, what the state says, its folder. At least one of these two is there."""

    trial_id: str
    state: TrialState | None
    folder: Look | None

    def add_to(self, gathered: Gathered) -> Length:
        """Read it."""
        reports, failure = self._reports(gathered), self._failure(gathered)
        values = flat(self._config(gathered, reports))
        if not reports.last and not failure and self.state and self.state.status == "PENDING":
            gathered.hyperparameters[self.trial_id] = values  # planned, and not started
            return Length(0)
        renamed = keras_names(reports.curves)
        curves = {ours: reports.curves[name] for name, ours in renamed.items()}
        gathered.add(Run(self.trial_id), curves, self._recorded(reports, failure), values)
        # A rule that the search was given ends every trial; without a state it is not known.
        has_rule = self.state.has_rule if self.state else True
        many = max((len(epochs) for epochs, _ in curves.values()), default=0)
        is_lost = not reports.last and bool(gathered.recorded[Run(self.trial_id)].metrics)
        return Length(many, reports.last.get("done") is True and not has_rule, is_lost)

    def _recorded(self, reports: Reports, failure: _Failure | None) -> Recorded:
        status = self._status(reports, failure)
        start = self.state.start_time if self.state else None
        return Recorded(
            status,
            failure.message if failure and status == "failed" else None,
            metrics={} if reports.last else self._last_metrics(),
            seconds=seconds(reports.last.get("time_total_s")),
            started=_iso(seconds(reports.first.get("timestamp")) if start is None else start),
        )

    def _last_metrics(self) -> dict[str, float]:
        """What the state keeps of the last report, where the reports are lost."""
        metrics = values_of(self.state.last_result) if self.state else {}
        return {ours: metrics[name] for name, ours in keras_names(metrics).items()}

    def _status(self, reports: Reports, failure: _Failure | None) -> Status:
        """How it ended; without a state, by what its files say last."""
        if self.state:
            return _STATUS.get(self.state.status, "unknown")
        date = reports.last.get("date")
        if failure and not (isinstance(date, str) and date > failure.date):
            return "failed"
        return "completed" if reports.last.get("done") is True else "unknown"

    def _config(self, gathered: Gathered, reports: Reports) -> Mapping[str, Any]:
        """Its hyperparameters as Ray notes them, nested: in a file, in the state, in reports."""
        first, last = (
            report.get("config") or {name.removeprefix(_CONFIG): value
                                     for name, value in report.items() if name.startswith(_CONFIG)}
            for report in (reports.first, reports.last)
        )  # fmt: skip
        if first != last:
            gathered.problem(
                "its hyperparameters changed while it trained, as in population based training; "
                "the last are given",
                trial_id=self.trial_id,
            )
        noted = self._load(gathered)
        for config in (noted, self.state.config if self.state else None, last):
            if isinstance(config, dict) and config:
                return config
        return {}

    def _load(self, gathered: Gathered) -> Json:
        path = self._path(PARAMS)
        if path is None:
            return None
        try:
            noted = load_json(path)
            if not isinstance(noted, dict):
                raise ReadError(f"the file holds a {type(noted).__name__}, not an object")
        except ReadError as error:
            message = f"{error}; hyperparameters are taken from other files, if they are there"
            gathered.problem(message, path, self.trial_id)
            return None
        gathered.files.append(file_name(path, gathered.source.root))
        return noted

    def _reports(self, gathered: Gathered) -> Reports:
        """From the first of two files that holds any."""
        found = Reports()
        for name, reader in ((RESULTS, read_result_json), (PROGRESS, read_progress_csv)):
            path = self._path(name)
            if path is None or found.last:
                continue
            try:
                found = reader(path)
            except ReadError as error:
                gathered.problem(f"{error}; its reports are lost here", path, self.trial_id)
                continue
            gathered.files.append(file_name(path, gathered.source.root))
            for complaint in found.complaints:
                gathered.problem(complaint, path, self.trial_id)
        return found

    def _failure(self, gathered: Gathered) -> _Failure | None:
        path = self._path(ERRORS)
        if path is None:
            return None
        try:
            text = _COLOURS.sub("", read_bytes(path).decode("utf-8", "replace"))
        except ReadError as error:
            gathered.problem(f"{error}; why the trial failed is not known", path, self.trial_id)
            return None
        gathered.files.append(file_name(path, gathered.source.root))
        failures = list(_FAILURE.finditer(text))
        last = text[failures[-1].end() :] if failures else text
        exceptions = list(_EXCEPTION.finditer(last))
        message = last[exceptions[-1].start() :] if exceptions else last
        return _Failure(message.strip()[:MOST_MESSAGE], failures[-1][1] if failures else "")

    def _path(self, name: str) -> Path | None:
        """The file of a name, if it is there."""
        if self.folder is None or name not in self.folder.files:
            return None
        return self.folder.path / name


def _iso(time: float | None) -> str | None:
    try:
        return None if time is None else datetime.fromtimestamp(time, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        return None
