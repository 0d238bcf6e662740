"""A sweep as the command line asks for it: which space, which data, how to search."""

import io
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.errors import AuditorError, DirectoryError, SearchError
from auditor.files import Json

if TYPE_CHECKING:
    from auditor.search import PlanSummary, Progress
    from auditor.sweep_data import Data
    from search_spaces import Space

VALIDATION_BATCH = 1024
"""Rows validated at once: their number changes no result, and small batches cost the most."""


class Sampler(StrEnum):
    """How configurations are chosen."""

    GRID = "grid"
    RANDOM = "random"


class Lane(StrEnum):
    """How trials are trained."""

    AUTO = "auto"
    STACKED = "stacked"
    FIT = "fit"


class TaskOption(StrEnum):
    """What the target of a table is."""

    AUTO = "auto"
    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


@dataclass(frozen=True)
class Source:
    """What is trained on what."""

    space: "Space"
    data: "Data"


def load(
    space: str,
    table: Path | None = None,
    target: str | None = None,
    task: TaskOption = TaskOption.AUTO,
    validation_fraction: float = 0.2,
    seed: int = 0,
    test: Path | None = None,
) -> Source:
    """Load a search space, and its own data unless there is a table.

    Raises:
        ReadError, DataError: The data cannot be read or used.
        SearchError: There is no such space.
    """
    from auditor.sweep_data import load_table, with_test
    from search_spaces import load_space, space_names

    # The data first: what is wrong with them is said without waiting for a framework.
    data = None
    if table is not None and target is not None:
        data = load_table(table, target, task.value, validation_fraction, seed, test)
    if space not in space_names():  # its module may import one
        import_framework()
    loaded = load_space(space)
    if data is not None:
        return Source(loaded, data)
    own = loaded.load_data()
    return Source(loaded, own if test is None else with_test(own, test))


@dataclass(frozen=True)
class Plan:
    """How to search; see the options of `auditor sweep`."""

    folder: Path
    sampler: Sampler = Sampler.GRID
    objective: str = "val_loss"
    gap_penalty: float | None = None
    epochs: int = 20
    batch_size: int = 32
    max_trials: int | None = None
    executions: int = 1
    seed: int = 0
    overwrite: bool = False
    folds: int = 0
    stratify: bool = False
    clean_train_metrics: bool = False
    per_example_losses: bool = False
    check_data: bool = True
    lane: Lane = Lane.AUTO
    jobs: int | None = None
    workers_per_gpu: int = 1

    def tuner(self, source: Source, progress: Callable[["Progress"], None]) -> Any:
        """The tuner for a source.

        Raises:
            DirectoryError: The folder cannot be written, or holds another sweep.
            SearchError: The model cannot be built, or the objective's direction is not known.
        """
        import_framework()
        import keras_tuner

        from auditor.search import GridSearch, RandomSearch

        check_objective(self.objective)
        name, _, direction = self.objective.partition(":")
        if (
            not direction
            and keras_tuner.engine.metrics_tracking.infer_metric_direction(name) is None
        ):
            raise SearchError(
                f"is a small or a large {name} good? Say --objective {name}:min or {name}:max"
            )
        arguments: dict[str, Any] = {
            "objective": keras_tuner.Objective(name, direction) if direction else name,
            "max_trials": self.max_trials,
            "gap_penalty": self.gap_penalty,
            "seed": self.seed,
            "executions_per_trial": self.executions,
            "cross_validation": self.folds,
            "stratify": self.stratify,
            "clean_train_metrics": self.clean_train_metrics,
            "per_example_losses": self.per_example_losses,
            "check_data": self.check_data,
            "lane": self.lane.value,
            "n_jobs": self.jobs,
            "workers_per_gpu": self.workers_per_gpu,
            "directory": str(self.folder.parent),
            "project_name": self.folder.name,
            "overwrite": self.overwrite,
            "progress": progress,
        }
        given = {key: value for key, value in arguments.items() if value is not None}
        kind = GridSearch if self.sampler is Sampler.GRID else RandomSearch
        # KerasTuner prints that it reloads; our caller says so in its own words.
        with _in_words_of_options(), redirect_stdout(io.StringIO()):
            return kind(source.space.hypermodel(source.data), **given)

    def reruns(
        self,
        source: Source,
        progress: Callable[["Progress"], None],
        wanted: Sequence[Mapping[str, Json]],
    ) -> Any:
        """The tuner that trains configurations of this sweep again, in a folder of it.

        Raises:
            DirectoryError, SearchError: As of `tuner`; or the data are not those of the sweep.
        """
        tuner = self.tuner(source, progress)
        from auditor.search.confirming import check_same, rerunning

        check_same(self.folder, *self._arguments(source.data))
        return rerunning(tuner, wanted)

    def sentences(self, data: "Data") -> tuple[str, ...]:
        """What is done with the data, beyond what they say themselves."""
        rows = len(data.x) + len(data.x_validation)
        how = "stratified by class" if self.stratify else "at random"
        text = f"cross-validation: {self.folds} folds of all {rows} rows ({how}, seed {self.seed})"
        return (text,) if self.folds else ()

    def run(self, tuner: Any, data: "Data") -> None:
        """Run all trials that are still to be run."""
        rows, options = self._arguments(data)
        with _in_words_of_options():
            tuner.search(*rows, **options, test_data=data.test)

    def summary(self, source: Source) -> "PlanSummary":
        """What would train together; nothing is trained, or written to the folder.

        Raises:
            DirectoryError, SearchError: As of `tuner` and `run`.
        """
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, self.folder.name)
            _copy_notes(self.folder, folder)
            try:
                tuner = replace(self, folder=folder).tuner(source, lambda now: None)
                rows, options = self._arguments(source.data)
                with _in_words_of_options():
                    summary: PlanSummary = tuner.plan_summary(*rows, **options)
            except AuditorError as error:
                text = str(error).replace(str(folder), str(self.folder))
                raise type(error)(text) from error
        return summary

    def _arguments(self, data: "Data") -> tuple[tuple[Any, Any], dict[str, Any]]:
        """The arguments of `search`, those by place first."""
        import numpy as np

        x, y = data.x, data.y
        validation: dict[str, Any] = {"validation_data": (data.x_validation, data.y_validation)}
        if self.folds:
            x = np.concatenate([data.x, data.x_validation])
            y = np.concatenate([data.y, data.y_validation])
            validation = {}
        return (x, y), {
            **validation,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "validation_batch_size": VALIDATION_BATCH,
            "verbose": 0,
        }


def _copy_notes(folder: Path, to: Path) -> None:
    """Copy what a search needs to go on, which is little beside curves and weights."""
    for name in ("sweep.json", "oracle.json", "tuner0.json", "trial_*/trial.json"):
        for file in folder.glob(name):
            copy = to / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    for file in folder.glob("trial_*/history.csv"):  # That there is one tells that a trial ended.
        (to / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        (to / file.relative_to(folder)).touch()


def check_objective(text: str) -> None:
    """Refuse an objective that says no metric, or neither min nor max after a colon.

    Raises:
        SearchError: It does.
    """
    name, colon, direction = text.partition(":")
    if not name or (colon and direction not in ("min", "max")):
        raise SearchError(
            f"--objective {text!r} is not METRIC, METRIC:min or METRIC:max; "
            f"say --objective {name or 'val_loss'}:min or {name or 'val_loss'}:max"
        )


_OPTIONS = {
    "directory": "--out FOLDER",
    "project_name": "--out FOLDER",
    "overwrite=True": "--overwrite",
}
"""What the command line calls arguments of a tuner."""


@contextmanager
def _in_words_of_options() -> Iterator[None]:
    """Say which options stand for the arguments that an error names."""
    try:
        yield
    except DirectoryError as error:
        text = str(error)
        named = dict.fromkeys(option for name, option in _OPTIONS.items() if f"`{name}" in text)
        more = f" (here: {', or '.join(named)})" if named else ""
        raise DirectoryError(f"{text}{more}") from error


def import_framework() -> None:
    """Import Keras, and keep away what TensorFlow's C++ writes to the terminal meanwhile.

    Its own switch, set here for later messages, comes too late for the first ones.

    Raises:
        SearchError: There is no backend to train with.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras  # noqa: F401

        # It warns of every structure that is traced, which is what a sweep does.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    except ImportError as error:
        raise SearchError(
            f"training needs Keras and a backend ({error}): pip install 'sweep-auditor[tensorflow]'"
        ) from error
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
