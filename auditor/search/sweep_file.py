"""`sweep.json`: what describes a sweep as a whole, kept up to date while it runs."""

import copy
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from auditor import __version__
from auditor.files import Json
from auditor.search import facts, store
from auditor.search.chunks import with_runs
from auditor.search.data_checks import checks_of
from auditor.search.folds import Fold
from auditor.search.losses import loss_of
from auditor.search.recorder import Execution
from auditor.search.recording_oracle import RecordingOracle
from auditor.search.results import objective_of
from auditor.search.runs import CrossValidation
from auditor.search.stacking.plan import PlannedStack
from auditor.trials import Context, Objective


class SweepFile:
    """Knows the sweep that a directory holds, and refuses to mix it with another."""

    def __init__(
        self,
        path: Path,
        oracle: RecordingOracle,
        gap_penalty: float,
        cross_validation: CrossValidation | None = None,
    ) -> None:
        """Look at what is there.

        Args:
            path: The directory.
            oracle: Of the search.
            gap_penalty: Weight of the generalization gap in the score.
            cross_validation: How the data are split; None for not at all.

        Raises:
            DirectoryError: The directory holds a sweep with another objective, sampler or folds.
            ReadError: Its `sweep.json` is cut off.
        """
        self._path = path
        self._oracle = oracle
        self._stored = self._binding()
        ways = cross_validation or CrossValidation()
        self._plan: dict[str, Json] = {
            "gap_penalty": gap_penalty,
            "folds": ways.count,
            "stratify": ways.stratify,
        }
        self._losses: set[str | None] = set(self._stored.get("losses", []))
        plan = self._stored.get("plan") or {}
        self._stacks = {s["name"]: PlannedStack.from_state(s) for s in plan.get("stacks", [])}
        self._alone: dict[str, str] = dict(plan.get("alone", {}))
        self._split: facts.Split | None = None
        self._digest: str | None = None
        # Of then, since the arrays may be changed in place; one for each fold.
        self._label_digests: set[str | None] = set()
        self._rows_of_fold: tuple[int, int] | None = None
        self._labels_seen = True
        self._was_watched = False
        self._weighted = False
        self._data = facts.DataFacts()
        self._checks: Json = self._stored.get("data_checks")
        self._chunks: dict[str, Json] = self._stored.get("chunks") or {}
        self._writes = True
        store.check_same_sweep(path, self._stored, self._state())

    def unwritten(self) -> "SweepFile":
        """A copy that takes notes, and never writes them down."""
        other = copy.copy(self)
        other._writes = False
        other._plan, other._losses = dict(self._plan), set(self._losses)
        other._chunks = copy.deepcopy(self._chunks)
        other._stacks, other._alone = dict(self._stacks), dict(self._alone)
        return other

    def _write(self) -> None:
        if self._writes:
            store.write_sweep(self._path, self._state())

    @property
    def context(self) -> Context:
        """What is known of the data, for the score of a trial."""
        return Context(**self._data.context())

    @property
    def stacks(self) -> list[PlannedStack]:
        """All stacks that were ever planned."""
        return list(self._stacks.values())

    @property
    def alone(self) -> dict[str, str]:
        """Per trial of the ordinary lane, while others are stacked, the reason."""
        return dict(self._alone)

    def add_plan(self, stacks: Sequence[PlannedStack], alone: Mapping[str, str]) -> None:
        """Write down what will train together, before it does."""
        for stack in stacks:
            known = self._stacks.get(stack.name, stack)
            # One that goes on after an interruption has fewer runs left.
            self._stacks[stack.name] = replace(stack, runs=known.runs)
        self._alone |= alone
        self._write()

    def open(
        self,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        executions: int,
        folds: Sequence[Fold] = (),
    ) -> None:
        """Take note of the arguments of `search`.

        What is known of the labels holds for all rows where there are folds.

        Args:
            args: Those by place.
            kwargs: Those by name.
            executions: Per trial.
            folds: Of the rows; empty without cross-validation.

        Raises:
            DirectoryError: The directory holds a sweep on other data, or cannot be written.
        """
        if self._writes:
            store.prepare(self._path)  # with `overwrite=True` KerasTuner has removed it
        self._plan |= {
            "executions": executions,
            "epochs": kwargs.get("epochs"),
            "batch_size": facts.by_name(args, kwargs).get("batch_size"),
        }
        self._digest = facts.fingerprint(args, dict(kwargs))
        self._split = facts.labels(args, kwargs, all_rows=bool(folds))
        self._weighted = facts.weights_training_only(facts.by_name(args, kwargs))
        parts = [self._split]
        if self._split is not None and folds:
            y = self._split.train
            parts = [facts.Split(y[fold.train], y[fold.validation]) for fold in folds]
        self._label_digests = {facts.label_digest(part) for part in parts}
        self._rows_of_fold = (len(folds[0].train), len(folds[0].validation)) if folds else None
        self._stored = self._binding()
        self._checks = self._stored.get("data_checks")
        self._chunks = self._stored.get("chunks") or {}
        store.check_same_sweep(self._path, self._stored, self._state())
        known = self._stored.get("labels_seen") is not False
        self._labels_seen = known and self._split is not None
        self._learn()

    def check_data(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], folds: Sequence[Fold] = ()
    ) -> None:
        """Write down what the data themselves show, unless that has been done.

        Args:
            args: Of `search`, by place.
            kwargs: Those by name.
            folds: Of the rows; the first one is looked at.
        """
        if self._checks is None:
            self._checks = checks_of(args, kwargs, folds)
            self._write()

    def note_chunks(self, executions: Iterable[Execution]) -> None:
        """Take note of how validation rows were dealt out to chunks; see `with_runs`."""
        before, self._chunks = self._chunks, with_runs(self._chunks, executions)
        if self._chunks != before:
            self._write()

    def _binding(self) -> dict[str, Json]:
        """What is stored; nothing where no trial has ended yet, so that a mistake can be mended."""
        ended = any(self._path.glob(f"trial_*/{store.HISTORY_FILE}"))
        return (store.read_sweep(self._path) if ended else None) or {}

    @property
    def losses(self) -> set[str | None]:
        """Names of the losses of all models so far; None for one without a name."""
        return set(self._losses)

    @property
    def labels_seen(self) -> bool:
        """Whether all trials so far saw the labels of the search, as far as is known."""
        return self._labels_seen

    def note_loss(self, model: Any) -> None:
        """Take note of the loss of a model: a no-skill loss exists only where all share one."""
        self.note_elsewhere({loss_of(model)}, labels_seen=True)

    def note_elsewhere(self, losses: Iterable[str | None], labels_seen: bool) -> None:
        """Take note of losses seen elsewhere, and of whether labels there were the search's."""
        if new := set(losses) - self._losses:
            self._losses |= new
            self._learn()
        if not labels_seen:
            self._forget_labels()

    def see_fit(self, arguments: Mapping[str, Any]) -> None:
        """Take note of what `Model.fit` was given, by code that may change what `search` was.

        Label facts must hold for all trials: they are forgotten where one saw other labels.

        Args:
            arguments: By the names that `Model.fit` has for them.
        """
        self._was_watched = True
        if facts.weights_training_only(arguments) and not self._weighted:
            self._weighted = True
            self._learn()
        if facts.label_digest(facts.labels((), arguments)) not in self._label_digests:
            self._forget_labels()

    def end_fit(self, hypermodel: Any) -> None:
        """Take note that a training has ended; what nobody could watch may have had any labels.

        Args:
            hypermodel: What trained: only KerasTuner's own `fit` is known to pass everything on.
        """
        own = type(hypermodel).fit is not keras_tuner.HyperModel.fit
        if own and not self._was_watched:
            self._forget_labels()
        self._was_watched = False

    def _forget_labels(self) -> None:
        if self._labels_seen:
            self._labels_seen = False
            self._learn()

    def _learn(self) -> None:
        loss = next(iter(self._losses)) if len(self._losses) == 1 else None
        split = self._split if self._labels_seen else None
        known = facts.data_facts(split, loss, self._digest)
        self._data = replace(known, weighted_training=self._weighted)
        if self._rows_of_fold is not None and split is not None:
            train, validation = self._rows_of_fold
            self._data = replace(self._data, train_rows=train, validation_rows=validation)
        self._write()

    def _state(self) -> dict[str, Json]:
        space = self._oracle.get_space().get_config()["space"]
        return {
            "version": __version__,
            "objective": _objective(objective_of(self._oracle.objective)),
            "sampler": self._oracle.sampler,
            "seed": self._oracle.seed,
            **self._plan,
            "backend": keras.config.backend(),
            "versions": {
                "python": platform.python_version(),
                "keras": keras.__version__,
                "keras_tuner": keras_tuner.__version__,
                **_of_backend(),
            },
            "plan": {
                "stacks": [stack.state() for stack in self._stacks.values()],
                "alone": self._alone,
            },
            "losses": sorted(self._losses, key=str),
            "labels_seen": self._labels_seen,
            "context": self._data.context(),
            "data_checks": self._checks,
            "chunks": self._chunks,
            "data_fingerprint": self._digest,
            "space": space,
        }


def _of_backend() -> dict[str, str]:
    name = keras.config.backend()
    version = getattr(sys.modules.get(name), "__version__", None)
    return {name: str(version)} if version else {}


def _objective(objective: Objective) -> dict[str, Json]:
    return {
        "name": objective.name,
        "direction": objective.direction,
        "components": [_objective(part) for part in objective.components],
    }
