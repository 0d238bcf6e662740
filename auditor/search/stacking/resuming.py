"""From a checkpoint, and from runs that were handed over, back to a stack that goes on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from auditor.search.crashes import CrashError
from auditor.search.handover import Handover
from auditor.search.stacking.memory import NotResumable
from auditor.search.stacking.program import State
from auditor.search.stacking.rows import Absent, Place, RunId, StackedRun

if TYPE_CHECKING:
    from auditor.search.stacking.stack import Stack

PARTS = ("weights", "others", "optimizer")
"""Of a `State`."""

TRAINED = (
    *("started", "epochs", "seconds", "best_value"),
    *("chunks", "chunk_rows", "chunk_digest", "why_no_chunks"),
)
"""What becomes of an `Execution` while it is trained."""

_AT_ITS_END = ("best_weights", "losses", "why_no_losses")
"""What it has from its end on."""


class Resumed:
    """Puts what a checkpoint holds into a stack that has not begun."""

    def __init__(
        self,
        stack: "Stack",
        content: dict[str, Any],
        wanted: Mapping[RunId, StackedRun],
        handed: Mapping[RunId, Handover],
    ) -> None:
        self._stack, self._places = stack, stack.places
        self._content, self._wanted, self._handed = content, wanted, handed

    def apply(self, again: Sequence[StackedRun]) -> None:
        """Do it; these runs have to be trained once more, after all others."""
        places, content = self._places, self._content
        places.clock = content["clock"]
        places.count = len(content["taken"])
        places.taken = [None] * places.count
        waiting = (self._wanted.get(name) or self._absent(name) for name in content["waiting"])
        places.waiting.clear()
        places.waiting.extend(run for run in waiting if run is not None)
        places.waiting.extend(again)
        self._load()
        anew = [at for at, entry in enumerate(content["taken"]) if not self._put(at, entry)]
        # Once more: what the callbacks did at the beginning of the training is undone.
        self._load()
        for at in anew:
            self._stack.start(places.start(at, self._wanted[content["taken"][at]["run"]]))

    def _load(self) -> None:
        put = self._places.engine.backend.to_device
        state, best = (
            State(*[[put(array) for array in part.get(name, ())] for name in PARTS])
            for part in (self._content["state"], self._content["best"])
        )
        self._places.load(state, best, self._content["lifted"])

    def _put(self, at: int, entry: dict[str, Any] | None) -> bool:
        """Give a row to who had it; whether that is done."""
        if entry is None:
            return True
        run, state = self._wanted.get(entry["run"]), entry["state"]
        if run is None:
            self._places.taken[at] = self._absent(entry["run"], entry["epoch"])
            return True
        if state is None:
            return False
        place = Place(self._places, at, run, entry["epoch"])
        self._places.taken[at] = place
        if not self._stack.start(place):
            return True
        try:
            place.callbacks.resume(state["callbacks"])
        except NotResumable:
            return False
        place.last_logs, place.has_best = state["last_logs"], state["has_best"]
        for name in TRAINED:
            setattr(run.execution, name, state["execution"][name])
        return True

    def _absent(self, name: RunId, epoch: int = 0) -> Absent | None:
        """The place of a run that was reported; None where its row is to be free."""
        handed = self._handed.get(name)
        if handed is None or handed.clock <= self._content["clock"]:
            return None
        return Absent(name, self._content["runs"][name][0], handed.clock, epoch)


def is_whole(handed: Handover | None, run: StackedRun) -> bool:
    """Whether nothing is missing of a run that was handed over."""
    if handed is None:
        return False
    if handed.error is not None or handed.refused is not None:
        return True
    known = handed.history is not None
    wanted = not run.keeps_final_weights or (handed.final_weights and handed.callbacks is not None)
    return known and bool(wanted)


def adopt(run: StackedRun, handed: Handover, model: Any) -> StackedRun:
    """Let a run have ended as it did in another process; a model of its structure keeps weights."""
    for name in (*TRAINED, *_AT_ITS_END):
        setattr(run.execution, name, getattr(handed.execution, name))
    run.execution.model_facts = handed.execution.model_facts or run.execution.model_facts
    if run.execution.best_weights is not None:
        run.execution.model = model
    if handed.error is not None:
        run.error = CrashError(handed.error, handed.is_given_up)
    run.refused, run.final_weights, run.weights = handed.refused, handed.final_weights, []
    if handed.history is not None:
        run.history = keras.callbacks.History()
        vars(run.history).update(handed.history)
    own = keras.tree.flatten(run.call.callbacks)
    for callback, values in zip(own, handed.callbacks or (), strict=False):
        vars(callback).update(values)
    return run
