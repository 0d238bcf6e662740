"""Trainings made to confirm causes: a search of its own, in a folder of the sweep.

    <sweep>/confirm/   a sweep like any other, one trial per new seed

Nothing else in the directory changes. A search that was interrupted goes on, as any does.
"""

import copy
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.errors import SearchError
from auditor.files import Json
from auditor.readers.ours import CONFIRM_FOLDER
from auditor.search import facts, store
from auditor.search.on_test import without_test_data
from auditor.search.recording_oracle import RecordingOracle
from auditor.search.space import Values

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.search.recording_tuner import RecordingTuner

PREFIX = "r"
"""Of the ids of reruns. Seeds are drawn from ids: these are other seeds than those of the sweep,
although its own seed, which folds depend on, is the same."""


class RerunOracle(RecordingOracle):
    """Hands out given configurations, each as often as it is listed; one trial per training."""

    def __init__(self, wanted: Sequence[Mapping[str, Json]], **kwargs: Any) -> None:
        """List the configurations.

        Args:
            wanted: One per training, in this order; those made earlier are left out.
            **kwargs: KerasTuner's.
        """
        super().__init__(**kwargs)
        self._wanted = [dict(values) for values in wanted]

    def _next_values(self) -> Values | None:
        return next(iter(self._left()), None)

    def _size(self) -> int:
        return len(self.trials) + len(self._left())

    def _left(self) -> list[Values]:
        """What is still to be trained, however it came that a trial is there."""
        cells = {_key(values): values for values in self._wanted}
        made = Counter(_cell(trial.hyperparameters.values, cells) for trial in self.trials.values())
        left = []
        for values in self._wanted:
            if made[_key(values)]:
                made[_key(values)] -= 1
            else:
                left.append(dict(values))
        return left

    def _next_id(self) -> str:
        return f"{PREFIX}{super()._next_id()}"

    def _note_id(self, trial_id: str) -> None:
        super()._note_id(trial_id.removeprefix(PREFIX))


def rerunning(tuner: "RecordingTuner", wanted: Sequence[Mapping[str, Json]]) -> "RecordingTuner":
    """A tuner that trains given configurations as another one does, in a folder of that sweep.

    Args:
        tuner: Whose models, lane and processes are used; of a class of the user's too.
        wanted: See `RerunOracle`.

    Raises:
        DirectoryError: The folder cannot be written.
    """
    from auditor.search.recording_tuner import RecordingTuner

    own = tuner.oracle
    oracle = RerunOracle(
        wanted,
        objective=own.objective,
        seed=own.seed,
        hyperparameters=own.get_space(),
        tune_new_entries=own.tune_new_entries,
        allow_new_entries=own.allow_new_entries,
        max_retries_per_trial=own.max_retries_per_trial,
        max_consecutive_failed_trials=None,
    )
    other = copy.copy(tuner)  # with what a class of the user's has set
    RecordingTuner.__init__(
        other,
        oracle,
        tuner.hypermodel,
        gap_penalty=tuner.gap_penalty,
        keep_weights=0,
        progress=tuner._progress,
        cross_validation=tuner.cross_validation.count,
        stratify=tuner.cross_validation.stratify,
        clean_train_metrics=tuner.clean_train_metrics,
        per_example_losses=False,
        check_data=False,
        lane=tuner.lane,
        n_jobs=tuner.n_jobs,
        workers_per_gpu=tuner.workers_per_gpu,
        directory=tuner.project_dir,
        project_name=CONFIRM_FOLDER,
        max_model_size=tuner.max_model_size,
        optimizer=tuner.optimizer,
        loss=tuner.loss,
        metrics=tuner.metrics,
        distribution_strategy=tuner.distribution_strategy,
    )
    return other


def confirmed(
    tuner: "RecordingTuner",
    given: tuple[tuple[Any, ...], dict[str, Any]] | None,
    budget: int | None,
) -> "Audit":
    """The audit of a sweep after the reruns that decide its causes; see `RecordingTuner.confirm`.

    Args:
        tuner: Of the sweep.
        given: The arguments of `Model.fit`, by place and by name; None where they are not known.
        budget: Trainings at most; None for as many as it takes.

    Raises:
        SearchError: There are no arguments, or they are not those of the sweep.
    """
    if given is None:
        raise SearchError(
            "confirm() trains as search() did, which has not run to its end in this process; give "
            "confirm() the arguments of search()"
        )
    args, kwargs = given[0], without_test_data(given[1])
    check_same(Path(tuner.project_dir), args, kwargs)
    plan = tuner.audit().plan_reruns(budget)
    if plan.trainings:
        rerunning(tuner, plan.wanted).search(*args, **kwargs)
    return tuner.audit()


def check_same(path: Path, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """See that reruns would differ from a sweep in nothing but their seeds, as far as it is noted.

    Args:
        path: The directory of the sweep.
        args: Of `search`, by place.
        kwargs: Those by name.

    Raises:
        SearchError: They would.
    """
    stored = store.read_sweep(path) or {}
    given = {
        **facts.by_name(args, kwargs),
        "data_fingerprint": facts.fingerprint(args, dict(kwargs)),
    }
    for key, words in _SAME.items():
        then, now = stored.get(key), given.get(key)
        if then is not None and now is not None and then != now:
            change = "" if key == "data_fingerprint" else f" ({then}, now {now})"
            raise SearchError(
                f"{path} holds a sweep with other {words}{change}; reruns that are to confirm its "
                "causes must be like its trials in all but the seed: give the same arguments"
            )


_SAME = {
    "data_fingerprint": "data, or another split of them",
    "epochs": "numbers of epochs",
    "batch_size": "batch sizes",
}


def _cell(values: Values, cells: Mapping[str, Values]) -> str | None:
    """The configuration that a trial trains; a build may have added values to it."""
    own = values.items()
    fitting = [key for key, cell in cells.items() if all(item in own for item in cell.items())]
    return max(fitting, key=lambda key: len(cells[key]), default=None)


def _key(values: Values) -> str:
    return json.dumps(values, sort_keys=True, default=repr)
