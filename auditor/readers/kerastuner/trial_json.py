"""One `trial.json` of KerasTuner, in whatever state a killed program left it.

Our own directories have the same file with one
more key, so both readers use this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.contents import MOST_BYTES, clean, load_json
from auditor.readers.kerastuner.space import TUNER_PREFIX
from auditor.trials import Direction, Recorded, Status

FOLDER = "trial_"

_STATUS: Mapping[str, Status] = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "INVALID": "failed",
    "RUNNING": "unfinished",
    "IDLE": "unfinished",
    "STOPPED": "unfinished",
}


@dataclass(frozen=True)
class TrialFile:
    """What one `trial.json` says.

    Attributes:
        trial_id: The name of its folder, without "trial_".
        file: Its path below the project directory.
        values: Values of the hyperparameters.
        tuner_values: Values that Hyperband adds for itself, such as "tuner/epochs".
        space: The space that this trial knew, as KerasTuner writes it.
        metrics: One value per metric, averaged over executions.
        directions: "min" or "max" per metric.
        score, best_step, status, message: KerasTuner's, the status in our words.
        has_message: False before KerasTuner 1.2.
        extra: The key "auditor", as it stands.
    """

    trial_id: str
    file: str
    values: Mapping[str, Json]
    tuner_values: Mapping[str, Json]
    space: tuple[Json, ...]
    metrics: Mapping[str, float]
    directions: Mapping[str, Direction]
    score: float | None
    best_step: int | None
    status: Status
    message: str | None
    has_message: bool
    extra: Json

    def recorded(self, started: str | None = None) -> Recorded:
        """What KerasTuner says of the trial, as of its only run."""
        # Where it is not known it is 0: after a crash, and up to 1.1.
        known = self.metrics and (self.has_message or self.best_step)
        return Recorded(
            status=self.status,
            message=self.message,
            best_epoch=self.best_step if known else None,
            metrics=self.metrics,
            score=self.score,
            started=started,
        )


# What a trial.json must look like; anything else in it is ignored.


def _mapping(value: object) -> object:
    return {} if value is None else value


@dataclass
class _Observation:
    value: float | list[float | None] | None = None
    step: float | None = None


@dataclass
class _Metric:
    observations: list[_Observation] = field(default_factory=list)
    direction: Literal["min", "max"] = "min"


@dataclass
class _Metrics:
    metrics: dict[str, _Metric] = field(default_factory=dict)


@dataclass
class _Values:
    values: dict[str, Any]
    space: list[Any] = field(default_factory=list)


@dataclass
class _Trial:
    hyperparameters: _Values
    metrics: Annotated[_Metrics, BeforeValidator(_mapping)] = field(default_factory=_Metrics)
    score: float | None = None
    best_step: float | None = None
    status: str | None = None
    message: str | None = None


@cache
def _trial() -> TypeAdapter[_Trial]:
    return TypeAdapter(_Trial)


def read_trial(folder: Path, earlier: TrialFile | None = None) -> TrialFile:
    """Read the `trial.json` of a folder.

    Args:
        folder: Of the trial.
        earlier: Another trial of the search; a space that equals its own is kept once.

    Raises:
        ReadError: As for `load_json`, or the file is no trial.
    """
    state = load_json(folder / "trial.json")
    try:
        trial = _trial().validate_python(state)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ReadError(
            f"the file is not a trial of KerasTuner ({where}: {first['msg']})"
        ) from error
    values = trial.hyperparameters.values
    metrics = {
        name: value
        for name, metric in trial.metrics.metrics.items()
        if (value := _value(metric, trial.best_step)) is not None
    }
    step = trial.best_step
    space = tuple(trial.hyperparameters.space)
    return TrialFile(
        trial_id=trial_id(folder),
        file=f"{clean(folder.name)}/trial.json",
        values={n: v for n, v in values.items() if not n.startswith(TUNER_PREFIX)},
        tuner_values={n: v for n, v in values.items() if n.startswith(TUNER_PREFIX)},
        space=earlier.space if earlier and earlier.space == space else space,
        metrics=metrics,
        directions={name: metric.direction for name, metric in trial.metrics.metrics.items()},
        score=trial.score,
        best_step=int(step) if step is not None and 0 <= step < MOST_BYTES else None,
        status=_STATUS.get(trial.status or "", "unknown"),
        message=trial.message,
        has_message="message" in state,
        extra=state.get("auditor"),
    )


def _value(metric: _Metric, best_step: float | None) -> float | None:
    """The metric at the best step, averaged over executions as KerasTuner itself does."""
    at_best = [o for o in metric.observations if o.step == best_step]
    for observation in reversed(at_best or metric.observations):
        value = observation.value
        values = [v for v in (value if isinstance(value, list) else [value]) if v is not None]
        if values:
            return sum(values) / len(values)
    return None


def trial_id(folder: Path) -> str:
    """The tool's own name of the trial in a folder."""
    return str(clean(folder.name)).removeprefix(FOLDER)
