"""`sweep.json`, and the key "auditor" that our sweeps add to each `trial.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from auditor.errors import ReadError
from auditor.files import Json, read_json
from auditor.readers.kerastuner.trial_json import TrialFile
from auditor.trials import DataChecks, ModelFacts, Objective, Problem, Recorded, Run, Status

SCHEMA = 1
"""Version of `sweep.json`."""

MOST_CHUNKS = 1_000
"""More parts of the validation rows were not made by a search."""

_T = TypeVar("_T")


@dataclass
class SweepContext:
    """Facts about the data; see `auditor.trials.Context`."""

    train_rows: int | None = None
    validation_rows: int | None = None
    label_counts: dict[str, int] = field(default_factory=dict)
    target_variance: float | None = None
    no_skill_loss: float | None = None
    no_skill_from: str | None = None
    untrained_loss: float | None = None
    training_no_skill_loss: float | None = None
    weighted_training: bool = False


@dataclass
class _Objective:
    name: str
    direction: Literal["min", "max"] = "min"
    components: list["_Objective"] = field(default_factory=list)


Reason = Annotated[str, Field(max_length=1_000)]
"""Of a sentence. What is longer was not written by a search."""


@dataclass
class _Dealt:
    rows: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(max_length=MOST_CHUNKS)]


@dataclass
class SweepChunks:
    """How validation rows were dealt out to chunks.

    Attributes:
        folds: Per fold the rows of its chunks.
        why_not: Why some runs have none, as clauses that go after "because".
    """

    folds: dict[Annotated[int, Field(ge=0)], _Dealt] = field(default_factory=dict)
    why_not: list[Reason] = field(default_factory=list)

    @property
    def rows(self) -> dict[int, tuple[int, ...]]:
        """Rows in each chunk, by fold."""
        return {fold: dealt.rows for fold, dealt in self.folds.items()}


@dataclass
class _Plan:
    alone: dict[str, Reason] = field(default_factory=dict)


@dataclass
class Sweep:
    """`sweep.json`: what holds for all trials. Whatever is not known is empty.

    Attributes:
        objective_: As it stands there; see `objective`.
        sampler, seed, executions, epochs, gap_penalty: See `auditor.trials.Design`.
        version: Of the program that made the sweep.
        versions: Of the software that trained.
        context: Facts about the data.
        space: The search space as KerasTuner writes it.
        data_checks: What comparing training and validation data showed.
        plan: Why trials were not stacked. Which stacks there were is noted with each run.
        chunks: How validation rows were dealt out.
    """

    objective_: _Objective | None = None
    sampler: Literal["grid", "random", "adaptive", "unknown"] = "unknown"
    seed: int | None = None
    executions: int | None = None
    epochs: int | None = None
    gap_penalty: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    version: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    context: SweepContext = field(default_factory=SweepContext)
    space: list[Any] = field(default_factory=list)
    plan: _Plan = field(default_factory=_Plan)
    data_checks: DataChecks | None = None
    chunks: SweepChunks = field(default_factory=SweepChunks)

    @property
    def objective(self) -> Objective | None:
        """What the sweep ranks by; None where `sweep.json` does not say."""
        return _build(self.objective_) if self.objective_ else None


@dataclass
class _RunNotes:
    execution: int = 0
    fold: int = 0
    status: Status = "unknown"
    message: str | None = None
    best_epoch: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    authoritative: bool = False
    seconds: float | None = None
    started: str | None = None
    seed: int | None = None
    lane: str | None = None
    stack: str | None = None
    losses: int | None = None
    why_no_losses: Reason | None = None


@dataclass
class TrialNotes:
    """The key "auditor" of a `trial.json`.

    Attributes:
        read: Names of the hyperparameters that the build really read; None where not known.
        runs: One entry per training.
        model: What was trained.
    """

    read: list[str] | None = None
    runs: list[_RunNotes] = field(default_factory=list)
    model: ModelFacts | None = None

    def recorded(self, trial_id: str) -> dict[Run, Recorded]:
        """What was recorded of each run."""
        return {
            Run(trial_id, run.execution, run.fold): Recorded(
                status=run.status,
                message=run.message,
                best_epoch=run.best_epoch,
                metrics=run.metrics,
                authoritative=run.authoritative,
                seconds=run.seconds,
                started=run.started,
                seed=run.seed,
            )
            for run in self.runs
        }

    def lanes(self, trial_id: str) -> dict[Run, str]:
        """How each run was trained."""
        return {Run(trial_id, r.execution, r.fold): r.lane for r in self.runs if r.lane}

    def stacks(self, trial_id: str) -> dict[Run, str]:
        """Which stack trained each run that was trained in one."""
        return {Run(trial_id, r.execution, r.fold): r.stack for r in self.runs if r.stack}


def read_sweep(path: Path) -> tuple[Sweep, list[Problem]]:
    """Read `sweep.json`; what cannot be used in it is a problem, and taken as unknown.

    Raises:
        ReadError: It is of another schema, so that its names may mean something else.
    """
    try:
        state = read_json(path)
    except ReadError as error:
        return Sweep(), [Problem(f"{error}; objective and design are inferred", path.name)]
    if not isinstance(state, dict):
        return Sweep(), [Problem(f"holds a {type(state).__name__}, not an object", path.name)]
    if state.get("schema", SCHEMA) != SCHEMA:
        raise ReadError(
            f"{path}: schema {state['schema']!r}, this version reads {SCHEMA}; update sweep-auditor"
        )
    if "objective" in state:
        state["objective_"] = state.pop("objective")
    sweep, complaints = _lenient(_sweep(), state)
    return sweep, [Problem(complaint, path.name) for complaint in complaints]


def read_notes(trial: TrialFile) -> tuple[TrialNotes, list[Problem]]:
    """The notes in a `trial.json`; empty where there are none."""
    if not isinstance(trial.extra, dict):
        return TrialNotes(), []
    notes, complaints = _lenient(_notes(), trial.extra)
    return notes, [Problem(f"auditor.{c}", trial.file, trial.trial_id) for c in complaints]


def _build(objective: _Objective) -> Objective:
    parts = tuple(_build(component) for component in objective.components)
    return Objective(objective.name, objective.direction, "sweep.json", parts)


@cache
def _sweep() -> TypeAdapter[Sweep]:
    return TypeAdapter(Sweep)


@cache
def _notes() -> TypeAdapter[TrialNotes]:
    return TypeAdapter(TrialNotes)


def _lenient(adapter: TypeAdapter[_T], state: Mapping[str, Json]) -> tuple[_T, list[str]]:
    """Validate without the entries that are not what they should be, and name those."""
    state = _without_null(state)
    try:
        return adapter.validate_python(state), []
    except ValidationError as error:
        wrong = {
            str(e["loc"][0]): f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()
        }
    kept = {name: value for name, value in state.items() if name not in wrong}
    return adapter.validate_python(kept), [f"{text}; it is ignored" for text in wrong.values()]


def _without_null(value: Json) -> Json:
    """The value without null entries of objects: an absent name has a default, null has none."""
    if isinstance(value, dict):
        return {name: _without_null(item) for name, item in value.items() if item is not None}
    return value
