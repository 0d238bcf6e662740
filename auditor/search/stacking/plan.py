"""Which runs train together: decided once, written down, and kept when a search goes on."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from auditor.files import Json
from auditor.search.stacking.candidates import Candidate
from auditor.search.stacking.lifting import Slot
from auditor.search.stacking.rows import RunId, StackedRun

WORTH_STACKING = 2_000
"""Steps that a group of runs needs for a program of its own: an ordinary step of a small model
takes about 1 ms, compiling a stack about 2 s."""

STEPS_PER_RUN = 200
"""Steps that are saved for each run however short it is: what comes before and after training, and
compiling for each activation and rate, takes `Model.fit` 0.2 s or more."""


@dataclass(eq=False)
class Group:
    """Runs of one structure that share a compiled program.

    Attributes:
        model: Of that structure; it becomes the program's.
        runs: By what identifies them, in order.
        choices: The slots in which they differ, with all values that occur.
    """

    model: Any
    runs: dict[RunId, StackedRun] = field(default_factory=dict)
    choices: dict[Slot, tuple[float | str, ...]] = field(default_factory=dict)

    @property
    def any_run(self) -> StackedRun:
        """One of them."""
        return next(iter(self.runs.values()))

    @property
    def steps(self) -> int:
        """Steps that all runs take together, if none stops early."""
        return sum(run.steps * run.call.epochs for run in self.runs.values())

    @property
    def is_worth_stacking(self) -> bool:
        """Whether a program of its own most likely pays."""
        saved = self.steps + STEPS_PER_RUN * len(self.runs)
        return len(self.runs) > 1 and saved >= WORTH_STACKING

    @property
    def differences(self) -> tuple[str, ...]:
        """What its runs differ in, in words."""
        rates = {run.learning_rate for run in self.runs.values()}
        words = [_in_words(slot, self.model) for slot in self.choices]
        return (*(["learning rate"] if len(rates) > 1 else []), *words)


@dataclass(frozen=True)
class PlannedStack:
    """A stack, as `sweep.json` holds it.

    Attributes:
        name: Its name, unique in a sweep.
        compiled: Whether XLA compiles it.
        exclusive: Whether it uses all cores, so that no other one like it trains meanwhile.
        is_timed: Whether both were found to be the fastest; they are likely otherwise.
        rows: Runs that train at once.
        runs: All of them, in order.
        lifted: The slots in which runs of its group differ, with all values that occur there.
        differences: The same and the learning rate in words, for people.
    """

    name: str
    compiled: bool
    rows: int
    runs: tuple[RunId, ...]
    lifted: tuple[tuple[Slot, tuple[float | str, ...]], ...] = ()
    differences: tuple[str, ...] = ()
    is_timed: bool = False
    exclusive: bool = False

    def fits(self, found: Group) -> bool:
        """Whether the runs of a group differ in nothing but what this stack lifts.

        The code that builds them may have been changed since the stack was planned.
        """
        lifted = dict(self.lifted)
        return found.choices.keys() <= lifted.keys() and all(
            run.held.get(slot) in values
            for run in found.runs.values()
            for slot, values in self.lifted
        )

    def state(self) -> dict[str, Json]:
        """As in `sweep.json`."""
        return {
            "name": self.name,
            "compiled": self.compiled,
            "exclusive": self.exclusive,
            "is_timed": self.is_timed,
            "rows": self.rows,
            "runs": [list(run) for run in self.runs],
            "lifted": [
                [slot.kind, slot.where, slot.name, list(values)] for slot, values in self.lifted
            ],
            "differences": list(self.differences),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "PlannedStack":
        """From `sweep.json`."""
        return cls(
            name=str(state["name"]),
            compiled=bool(state["compiled"]),
            exclusive=bool(state.get("exclusive", False)),
            is_timed=bool(state.get("is_timed", False)),
            rows=int(state["rows"]),
            runs=tuple((str(t), int(e), int(f)) for t, e, f in state["runs"]),
            lifted=tuple(
                (Slot(str(kind), int(where), str(name)), tuple(values))
                for kind, where, name, values in state["lifted"]
            ),
            differences=tuple(str(words) for words in state.get("differences", ())),
        )


def _in_words(slot: Slot, model: Any) -> str:
    """A slot as a person would call it: "rate of layer dropout"."""
    if slot.kind == "optimizer":
        return f"{slot.name} of the optimizer"
    if slot.kind == "weight penalty":
        return f"{slot.name} penalty of {model.trainable_variables[slot.where].path}"
    layer = list(model._flatten_layers())[slot.where].name
    if slot.kind == "activity penalty":
        return f"{slot.name} penalty of the output of layer {layer}"
    return f"{slot.name} of layer {layer}"


def group(
    candidates: Iterable[Candidate], old: Mapping[RunId, "PlannedStack"] | None = None
) -> list[Group]:
    """Put the runs of one structure together.

    Args:
        candidates: Whose runs.
        old: The stacks of an earlier plan that runs were in; those of one group stay together.
    """
    groups: dict[Any, Group] = {}
    for candidate in candidates:
        trial_id = candidate.trial.trial_id
        for run in candidate.runs:
            name = (trial_id, run.execution.execution, run.execution.fold)
            earlier = (old or {}).get(name)
            key = (candidate.signature, tuple(run.held), earlier and earlier.lifted)
            groups.setdefault(key, Group(candidate.model)).runs[name] = run
    for found in groups.values():
        held = [run.held for run in found.runs.values()]
        values = {slot: {own[slot] for own in held} for slot in held[0]}
        found.choices = {
            slot: tuple(sorted(set_, key=lambda v: (isinstance(v, str), v)))
            for slot, set_ in values.items()
            if len(set_) > 1
        }
    return list(groups.values())


def cut(runs: Sequence[RunId], parts: int) -> list[tuple[RunId, ...]]:
    """Runs in order, cut into parts of nearly one size, so that a trial mostly stays together."""
    count = min(parts, len(runs))
    bounds = [round(i * len(runs) / count) for i in range(count + 1)]
    return [tuple(runs[a:b]) for a, b in pairwise(bounds)]


def stack_name(runs: Sequence[RunId]) -> str:
    """A short name that the runs of a stack determine."""
    return hashlib.blake2b(repr(list(runs)).encode(), digest_size=4).hexdigest()
