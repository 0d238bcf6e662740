"""Journal files of Optuna: one operation per line, replayed as Optuna does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.contents import MOST_TEXT_BYTES, parse_json, read_bytes
from auditor.readers.optuna.space import decoded
from auditor.readers.optuna.study import Study, StudyTrial
from auditor.trials import Direction, Problem

_STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
_DIRECTIONS: tuple[Direction | None, ...] = (None, "min", "max")
_DAMAGE = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What an operation with odd contents ends in."""

_CREATE_STUDY, _DELETE_STUDY, _STUDY_USER, _STUDY_SYSTEM, _CREATE_TRIAL = range(5)
_PARAM, _STATE, _INTERMEDIATE, _TRIAL_USER, _TRIAL_SYSTEM = range(5, 10)


def read_journal(path: Path) -> list[Study]:
    """The studies in a journal that were not deleted.

    Raises:
        ReadError: Not even its first line can be read.
    """
    journal = _Journal()
    problem = None
    for number, line in enumerate(_lines(read_bytes(path, MOST_TEXT_BYTES)), start=1):
        try:
            operation = parse_json(line)
            journal.apply(operation)
        except (ReadError, *_DAMAGE) as error:
            if number == 1:
                raise ReadError(f"line 1 is no operation of Optuna ({error!r:.200})") from error
            # Trials are numbered by their order here: after a gap it is not known whose what is.
            problem = Problem(
                f"line {number:,} is no operation ({error!r:.200}), perhaps cut off; what follows "
                "is not read"
            )
            break
    studies = list(journal.studies.values())
    for study in studies:
        study.problems += [problem] if problem else []
    return studies


def _lines(content: bytes) -> Iterator[bytes]:
    """Lines that hold something, without making a list of them all."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        if line := content[start:end].strip():
            yield line
        start = end + 1


class _Journal:
    """The state after some operations. An operation on what is not there has no effect."""

    def __init__(self) -> None:
        self.studies: dict[int, Study] = {}
        self._next_study = 0
        self._trials: list[tuple[Study, StudyTrial]] = []
        self._known: dict[str, Json] = {}

    def apply(self, operation: Any) -> None:
        code = operation["op_code"]
        if code == _CREATE_STUDY:
            self._create_study(operation)
        elif code == _DELETE_STUDY:
            self.studies.pop(operation["study_id"], None)
        elif code in (_STUDY_USER, _STUDY_SYSTEM):
            if study := self.studies.get(operation["study_id"]):
                kind = "user" if code == _STUDY_USER else "system"
                getattr(study, f"{kind}_attrs").update(operation[f"{kind}_attr"])
        elif code == _CREATE_TRIAL:
            if study := self.studies.get(operation["study_id"]):
                self._create_trial(study, operation)
        elif _PARAM <= code <= _TRIAL_SYSTEM:
            at = operation["trial_id"]
            if 0 <= at < len(self._trials):
                study, trial = self._trials[at]
                # What has ended does not change.
                if trial.state in ("RUNNING", "WAITING"):
                    self._change(study, trial, code, operation)

    def _create_study(self, operation: Any) -> None:
        name = str(operation["study_name"])
        if name not in {study.name for study in self.studies.values()}:
            directions = [_DIRECTIONS[d] for d in operation["directions"][:100]]
            self.studies[self._next_study] = Study(name, directions)
            self._next_study += 1

    def _create_trial(self, study: Study, operation: Any) -> None:
        state = _STATES[operation.get("state", 0)]
        trial = StudyTrial(len(study.trials), state)
        trial.started = operation.get("datetime_start")
        trial.completed = operation.get("datetime_complete")
        for name, value in (operation.get("params") or {}).items():
            self._add_param(study, trial, name, value, operation["distributions"][name])
        _set_values(trial, operation.get("values"), operation.get("value"))
        for step, value in (operation.get("intermediate_values") or {}).items():
            trial.intermediate[int(step)] = float(value)
        trial.user_attrs |= operation.get("user_attrs") or {}
        trial.system_attrs |= operation.get("system_attrs") or {}
        study.trials.append(trial)
        self._trials.append((study, trial))

    def _change(self, study: Study, trial: StudyTrial, code: int, operation: Any) -> None:
        if code == _PARAM:
            value, distribution = operation["param_value_internal"], operation["distribution"]
            self._add_param(study, trial, operation["param_name"], value, distribution)
        elif code == _STATE:
            trial.state = _STATES[operation["state"]]
            trial.started = operation.get("datetime_start") or trial.started
            trial.completed = operation.get("datetime_complete") or trial.completed
            _set_values(trial, operation.get("values"), None)
        elif code == _INTERMEDIATE:
            trial.intermediate[int(operation["step"])] = float(operation["intermediate_value"])
        elif code == _TRIAL_USER:
            trial.user_attrs |= operation["user_attr"]
        else:
            trial.system_attrs |= operation["system_attr"]

    def _add_param(
        self, study: Study, trial: StudyTrial, name: str, value: Json, text: str
    ) -> None:
        if text not in self._known:
            self._known[text] = parse_json(text)
        distribution = self._known[text]
        trial.params[str(name)] = decoded(value, distribution)
        alternatives = study.distributions.setdefault(str(name), [])
        if distribution not in alternatives:
            alternatives.append(distribution)


def _set_values(trial: StudyTrial, values: Json, value: Json) -> None:
    told = values if values is not None else [value] if value is not None else []
    trial.values |= {place: float(v) for place, v in enumerate(told[:100])}
