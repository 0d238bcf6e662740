"""The parts of `Trials`: small frozen records of what was observed."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from auditor.files import Json
from auditor.trials.data_checks import DataChecks
from auditor.trials.model_facts import ModelFacts
from auditor.trials.predictions import Predictions

if TYPE_CHECKING:
    from auditor.trials.chunks import Chunks
    from auditor.trials.on_test import WinnerOnTest

Direction = Literal["min", "max"]
Coverage = Literal["curves", "best epoch", "objective", "nothing"]
Role = Literal["train", "validation", "test"]
Status = Literal["completed", "failed", "pruned", "unfinished", "unknown"]

VALIDATION_PREFIX = "val_"
TEST_PREFIX = "test_"
CLEAN_PREFIX = "clean_"
"""Before the name of a training metric that was measured again, in inference mode."""
CURVE_DTYPES = {
    "trial_id": "category",
    "execution": "int64",
    "fold": "int64",
    "epoch": "int64",
    "metric": "category",
    "value": "float64",
}
CURVE_COLUMNS = tuple(CURVE_DTYPES)


class Run(NamedTuple):
    """One training: a trial, which execution of it (a seed), which cross-validation fold."""

    trial_id: str
    execution: int = 0
    fold: int = 0


def role(metric: str) -> Role:
    """Whether a metric was measured on training, validation or test data, by its Keras name."""
    if metric.startswith(VALIDATION_PREFIX):
        return "validation"
    return "test" if metric.startswith(TEST_PREFIX) else "train"


def twin(metric: str) -> str:
    """The same metric on the other side: "val_loss" for "loss", and "loss" for "val_loss"."""
    if metric.startswith(VALIDATION_PREFIX):
        return metric.removeprefix(VALIDATION_PREFIX)
    return VALIDATION_PREFIX + metric


def is_series(name: str, names: Container[str]) -> bool:
    """Whether values per epoch describe the training, rather than being a metric of the model.

    Args:
        name: Of the column.
        names: Of all columns beside it: "clean_x" is a series only next to a training metric "x",
            so that a metric of somebody's own may be called so.
    """
    metric = name.removeprefix(CLEAN_PREFIX)
    is_clean = metric != name and metric in names and role(metric) == "train"
    return is_clean or name in _SERIES


_SERIES = ("learning_rate", "seconds", "unregularised_val_loss")


@dataclass(frozen=True)
class Objective:
    """The metric that ranks trials.

    Attributes:
        name: A Keras metric name such as "val_loss", or "multi_objective".
        direction: Whether small ("min") or large ("max") is good.
        known_from: How it is known, in words: "sweep.json", "the caller", "score equals val_loss".
        components: For a multi-objective its parts. KerasTuner minimises the sum of the parts to
            minimise less the sum of the parts to maximise.
    """

    name: str
    direction: Direction = "min"
    known_from: str = "the caller"
    components: tuple["Objective", ...] = ()


@dataclass(frozen=True)
class Condition:
    """A hyperparameter exists only where its parent has one of these values."""

    name: str
    values: tuple[Json, ...]


@dataclass(frozen=True)
class Hyperparameter:
    """One axis of the search space.

    Attributes:
        name: Its name.
        kind: "choice", "int", "float", "boolean" or "fixed".
        values: All values it can take; empty where it is continuous.
        low, high, step, sampling: The range of a number, as KerasTuner defines it.
        ordered: Whether its values have an order.
        conditions: All must hold for it to exist.
    """

    name: str
    kind: Literal["choice", "int", "float", "boolean", "fixed"]
    values: tuple[Json, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    sampling: str | None = None
    ordered: bool = False
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Design:
    """How configurations were chosen.

    Attributes:
        sampler: "grid", "random", "adaptive" or "unknown".
        seed: The seed of the whole search.
        executions: Executions planned per trial.
        epochs: Epochs planned per run.
        gap_penalty: Weight of the generalization gap in the search's own score.
    """

    sampler: Literal["grid", "random", "adaptive", "unknown"] = "unknown"
    seed: int | None = None
    executions: int | None = None
    epochs: int | None = None
    gap_penalty: float | None = None


@dataclass(frozen=True)
class Recorded:
    """What the tool itself said of one run.

    Attributes:
        status: How the run ended, in the tool's own view.
        message: Its error or remark.
        best_epoch: Its best epoch, from 0.
        metrics: Metrics of that epoch, or whatever single values the run returned.
        authoritative: True where `metrics` are what the run returned in place of a history (a
            float or dictionary from `HyperModel.fit`): then they, not the curves, are its result.
        score: The number that the tool ranked it by.
        seconds: Wall time of training.
        started: ISO 8601 time.
        seed: Seed of this run.
    """

    status: Status = "unknown"
    message: str | None = None
    best_epoch: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    authoritative: bool = False
    score: float | None = None
    seconds: float | None = None
    started: str | None = None
    seed: int | None = None


def empty_curves() -> pd.DataFrame:
    """A table of curves with all its columns and no row."""
    return _EMPTY.copy(deep=False)


_NO_NAMES = pd.CategoricalDtype(pd.Index([], dtype="str"))
_EMPTY = pd.DataFrame(
    {
        name: pd.Series(dtype=_NO_NAMES if kind == "category" else kind)
        for name, kind in CURVE_DTYPES.items()
    }
)


@dataclass(frozen=True, eq=False)
class Context:
    """What is known beside the curves. Everything is optional, and empty where unknown.

    Attributes:
        train_rows, validation_rows: Rows of data.
        label_counts: Training rows per class.
        target_variance: Variance of the validation target, for regression.
        no_skill_loss: Validation loss of a model that knows nothing but the label frequencies.
        no_skill_from: Where that comes from, in words.
        untrained_loss: Validation loss of a model that answers the same for all classes, or 0:
            about where training starts. It is far above the no-skill loss where classes are rare
            or targets far from 0.
        training_no_skill_loss: Training loss of the model that has the no-skill loss. Where classes
            or the spread of the target differ between the two sides it is another number.
        weighted_training: Whether training rows were weighted and validation rows were not: their
            losses are not the same quantity then.
        series: More curves, in the columns of `Trials.curves`: "learning_rate", "seconds" (wall
            time of the epoch; of a stack's epoch each run's share), "unregularised_val_loss",
            "clean_loss" and the like (training metrics measured again after the epoch, in
            inference mode).
        lane: How a run was trained: "fit" or "stacked".
        stack: Which stack trained a run.
        why_alone: Why a trial could not be stacked, in words, for trials of a sweep with stacks.
        models: What the model of a trial is made of.
        predictions: What the best model says of the validation rows.
        data_checks: What comparing training and validation data showed.
        chunks: Validation loss and metrics on fixed parts of the validation rows, by epoch.
        losses: The loss of each validation row at the best epoch of a run, in the order of the
            rows (of its fold), without the penalties of the model; where a sweep was asked to
            record them.
        on_test: What the winner showed on test data.
    """

    train_rows: int | None = None
    validation_rows: int | None = None
    label_counts: Mapping[str, int] = field(default_factory=dict)
    target_variance: float | None = None
    no_skill_loss: float | None = None
    no_skill_from: str | None = None
    untrained_loss: float | None = None
    training_no_skill_loss: float | None = None
    weighted_training: bool = False
    series: pd.DataFrame = field(default_factory=empty_curves)
    lane: Mapping[Run, str] = field(default_factory=dict)
    stack: Mapping[Run, str] = field(default_factory=dict)
    why_alone: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, ModelFacts] = field(default_factory=dict)
    predictions: Predictions | None = None
    data_checks: DataChecks | None = None
    chunks: "Chunks | None" = None
    losses: Mapping[Run, NDArray[np.float32]] = field(default_factory=dict)
    on_test: "WinnerOnTest | None" = None


@dataclass(frozen=True)
class Problem:
    """Something below the path that could not be read or used.

    Attributes:
        message: What is wrong and what to do, in one sentence.
        file: The file, below `Provenance.path`.
        trial_id: The trial it belongs to, where that is known.
    """

    message: str
    file: str | None = None
    trial_id: str | None = None


@dataclass(frozen=True)
class Provenance:
    """Where the observations come from.

    Attributes:
        tool: The tool that wrote them, such as "auditor" or "keras-tuner".
        version: Its version, or the generation of its format.
        path: The directory or file that was read.
        files: The files that were read, below `path`.
        versions: Versions of the software that trained: backend, keras, Python.
        missing: What the tool does not record, in sentences.
        problems: What should have been readable and was not.
    """

    tool: str = "unknown"
    version: str | None = None
    path: str | None = None
    files: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
