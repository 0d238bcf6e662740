"""`sweep.json`: what describes a sweep as a whole, kept up to date while it runs."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from auditor import __version__
from auditor.files import Json
from auditor.search import facts, store
from auditor.search.recording_oracle import RecordingOracle
from auditor.search.results import objective_of
from auditor.trials import Context, Objective


class SweepFile:
    """Knows the sweep that a directory holds, and refuses to mix it with another."""

    def __init__(self, path: Path, oracle: RecordingOracle, gap_penalty: float) -> None:
        """Look at what is there.

        Raises:
            DirectoryError: The directory holds a sweep with another objective or sampler.
            ReadError: Its `sweep.json` is cut off.
        """
        self._path = path
        self._oracle = oracle
        self._stored = self._binding()
        self._plan: dict[str, Json] = {"gap_penalty": gap_penalty}
        self._losses: set[str | None] = set(self._stored.get("losses", []))
        self._split: facts.Split | None = None
        self._digest: str | None = None
        self._data = facts.DataFacts()
        store.check_same_sweep(path, self._stored, self._state())

    @property
    def context(self) -> Context:
        """What is known of the data, for the score of a trial."""
        return Context(**self._data.context())

    def open(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], executions: int) -> None:
        """Take note of the arguments of `search`.

        Raises:
            DirectoryError: The directory holds a sweep on other data, or cannot be written.
        """
        store.prepare(self._path)  # with `overwrite=True` KerasTuner has removed it
        self._plan |= {"executions": executions, "epochs": kwargs.get("epochs")}
        self._digest = facts.fingerprint(args, dict(kwargs))
        self._split = facts.labels(args, dict(kwargs))
        self._stored = self._binding()
        store.check_same_sweep(self._path, self._stored, self._state())
        self._learn()

    def _binding(self) -> dict[str, Json]:
        """What is stored; nothing where no trial has ended yet, so that a mistake can be mended."""
        ended = any(self._path.glob(f"trial_*/{store.HISTORY_FILE}"))
        return (store.read_sweep(self._path) if ended else None) or {}

    def note_loss(self, model: Any) -> None:
        """Take note of the loss of a model: a no-skill loss exists only where all share one."""
        name = facts.loss_of(model)
        if name not in self._losses:
            self._losses.add(name)
            self._learn()

    def _learn(self) -> None:
        loss = next(iter(self._losses)) if len(self._losses) == 1 else None
        self._data = facts.data_facts(self._split, loss, self._digest)
        store.write_sweep(self._path, self._state())

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
            },
            "losses": sorted(self._losses, key=str),
            "context": self._data.context(),
            "data_fingerprint": self._digest,
            "space": space,
        }


def _objective(objective: Objective) -> dict[str, Json]:
    return {
        "name": objective.name,
        "direction": objective.direction,
        "components": [_objective(part) for part in objective.components],
    }
