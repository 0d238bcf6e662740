"""Which runs train together: decided once, written down, and kept when a search goes on."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from auditor.files import Json
from auditor.search.stacking import sizing
from auditor.search.stacking.candidates import Candidate
from auditor.search.stacking.lifting import Slot
from auditor.search.stacking.rows import RunId, StackedRun
from auditor.search.stacking.sizing import Machine

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


@dataclass
class Plan:
    """What becomes of a wave of trials.

    Attributes:
        stacks: Each with the group that its runs belong to.
        alone: Per trial of the ordinary lane the reason.
        structures: Per trial what it has in common with those that it can train with.
    """

    stacks: list[tuple[PlannedStack, Group]] = field(default_factory=list)
    alone: dict[str, str] = field(default_factory=dict)
    structures: dict[str, str] = field(default_factory=dict)


class OutdatedError(Exception):
    """Runs that are not examined yet are no longer like those that they were planned with."""


def make_plan(
    candidates: Iterable[Candidate],
    kept: Iterable[PlannedStack] = (),
    everything: bool = False,
    machine: Machine | None = None,
) -> Plan:
    """Decide which runs train together, and how.

    Args:
        candidates: Trials that could be stacked.
        kept: Stacks of an earlier plan: their runs stay as they were.
        everything: Also where a group is too small to be worth a program of its own.
        machine: What they will train on; None for what this process sees.

    Raises:
        OutdatedError: See there.
    """
    candidates = list(candidates)
    old = {run: stack for stack in kept for run in stack.runs}
    structures = {c.trial.trial_id: c.signature for c in candidates}
    plan, machine = Plan(structures=structures), machine or sizing.this_machine()
    groups = group(candidates, old)
    for found in groups:
        earlier = {old[run].name: old[run] for run in found.runs if run in old}
        if earlier and all(stack.fits(found) for stack in earlier.values()):
            for stack in earlier.values():
                runs = tuple(run for run in stack.runs if run in found.runs)
                plan.stacks.append((replace(stack, runs=runs), found))
        elif any(run.examine is not None for run in found.runs.values()):
            raise OutdatedError
        elif everything or found.is_worth_stacking:
            plan.stacks += [(stack, found) for stack in _stacks(found, len(groups), machine)]
        else:
            reason = "too few runs of this structure, too short to compile a stack for"
            plan.alone |= {trial: reason for trial, _, _ in found.runs}
    plan.stacks.sort(key=lambda pair: -pair[1].steps * len(pair[0].runs) / len(pair[1].runs))
    return plan


def _stacks(found: Group, groups: int, machine: Machine) -> Iterator[PlannedStack]:
    """The stacks of a group: to keep all cores busy, of one size so that one program does."""
    model, call = found.model, found.any_run.call
    compiled = sizing.is_compiled(model, machine.where)
    parts = cut(list(found.runs), max(1, -(-machine.at_once // groups)))
    most = machine.most_rows(model, call.batch_size)
    rows = min(most, sizing.even_rows(max(map(len, parts))))
    lifted, differences = tuple(found.choices.items()), found.differences
    for runs in parts:
        yield PlannedStack(stack_name(runs), compiled, rows, runs, lifted, differences)


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
