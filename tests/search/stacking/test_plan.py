"""The plan of a wave: who trains with whom, written down and read again."""

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.search.stacking import sizing
from auditor.search.stacking.lifting import Slot
from auditor.search.stacking.plan import Group, PlannedStack, cut, group, make_plan, stack_name
from auditor.search.stacking.rows import StackedRun

RATE = Slot("level", 2, "rate")
LAYERS = [SimpleNamespace(name=name) for name in ("in", "hidden", "dropout")]
ACTIVATION = Slot("activation", 1, "activation")

names = st.text(min_size=1, max_size=8)
run_ids = st.tuples(names, st.integers(0, 9), st.integers(0, 9))
slots = st.builds(Slot, st.sampled_from(["optimizer", "level"]), st.integers(0, 99), names)
values = st.lists(st.floats(allow_nan=False, allow_infinity=False) | names, min_size=1)
stacks = st.builds(
    PlannedStack,
    name=names,
    compiled=st.booleans(),
    is_timed=st.booleans(),
    rows=st.integers(1, 4096),
    runs=st.lists(run_ids, max_size=4).map(tuple),
    lifted=st.lists(st.tuples(slots, values.map(tuple)), max_size=3).map(tuple),
    differences=st.lists(names, max_size=2).map(tuple),
)


@given(stacks)
def test_a_planned_stack_survives_its_file(stack: PlannedStack) -> None:
    assert PlannedStack.from_state(json.loads(json.dumps(stack.state()))) == stack


@given(st.lists(run_ids, min_size=1, max_size=40, unique=True), st.integers(1, 50))
def test_a_cut_keeps_all_runs_in_order_in_parts_of_nearly_one_size(
    runs: list[Any], parts: int
) -> None:
    found = cut(runs, parts)
    assert [run for part in found for run in part] == runs
    assert len(found) == min(parts, len(runs))
    sizes = [len(part) for part in found]
    assert 1 <= min(sizes) <= max(sizes) <= min(sizes) + 1


def test_the_name_of_a_stack_is_that_of_its_runs_in_every_process() -> None:
    runs = [("0000", 0, 0), ("0001", 0, 0)]
    assert stack_name(runs) == stack_name(tuple(runs)) == "fb00a6d6"
    assert stack_name(runs[:1]) != stack_name(runs) != stack_name(runs[::-1])


# Candidates without models


def run(execution: int = 0, fold: int = 0, held: Any = None, **call: Any) -> Any:
    given = {"train": range(64), "batch_size": 16, "epochs": 2, "callbacks": (), **call}
    place: Any = SimpleNamespace(execution=execution, fold=fold)
    arguments: Any = SimpleNamespace(**given)
    return StackedRun("", place, arguments, [], 0.1, held or {}, build=lambda: None)


def candidate(trial_id: str, signature: str = "s", runs: Any = None, **held: Any) -> Any:
    return SimpleNamespace(
        trial=SimpleNamespace(trial_id=trial_id),
        signature=signature,
        model=SimpleNamespace(of=trial_id, _flatten_layers=lambda: LAYERS),
        runs=runs or [run(held={RATE: held.get("rate", 0.1), ACTIVATION: held.get("f", "relu")})],
    )


def test_a_group_holds_the_runs_of_a_structure_and_where_they_differ() -> None:
    candidates = [candidate("0", rate=0.5), candidate("1", "other"), candidate("2", rate=0.1)]
    first, second = group(candidates)
    assert list(first.runs) == [("0", 0, 0), ("2", 0, 0)]
    assert first.model.of == "0"
    assert first.choices == {RATE: (0.1, 0.5)}
    assert list(second.runs) == [("1", 0, 0)]
    assert second.choices == {}


def test_executions_and_folds_are_runs_of_one_group() -> None:
    runs = [run(execution, fold) for execution in range(2) for fold in range(3)]
    (found,) = group([candidate("0", runs=runs)])
    assert list(found.runs) == [("0", e, f) for e in range(2) for f in range(3)]


def test_runs_of_an_earlier_plan_are_grouped_with_their_own() -> None:
    old = PlannedStack("old", True, 4, (("0", 0, 0), ("1", 0, 0)), ((RATE, (0.1, 0.9)),))
    candidates = [candidate("1", rate=0.9), candidate("2", rate=0.3)]
    found = group(candidates, dict.fromkeys(old.runs, old))
    assert [list(one.runs) for one in found] == [[("1", 0, 0)], [("2", 0, 0)]]


@pytest.mark.parametrize(("rows", "size", "steps"), [(64, 16, 4), (65, 16, 5), (3, 16, 1)])
def test_the_last_batch_of_an_epoch_is_a_step_too(rows: int, size: int, steps: int) -> None:
    one = run(train=range(rows), batch_size=size, epochs=7)
    assert one.steps == steps
    assert Group(None, {("0", 0, 0): one, ("1", 0, 0): one}).steps == 2 * 7 * steps
    one.train_rows = range(size)
    assert one.steps == 1


# Decisions


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "device", lambda: "cpu")
    monkeypatch.setattr(sizing, "cores", lambda: 4)
    monkeypatch.setattr(sizing, "is_compiled", lambda model, where: True)
    monkeypatch.setattr(sizing, "most_rows", lambda model, size, where: 10)


def many(count: int, signature: str = "s", start: int = 0, **call: Any) -> list[Any]:
    ids = range(start, start + count)
    return [candidate(str(i), signature, [run(held={RATE: float(i)}, **call)]) for i in ids]


def test_a_group_is_cut_into_a_stack_per_core_all_of_one_size() -> None:
    plan = make_plan(many(14), everything=True)
    assert [len(stack.runs) for stack, _ in plan.stacks] == [4, 4, 3, 3]
    assert {stack.rows for stack, _ in plan.stacks} == {4}
    assert plan.alone == {}
    assert dict(plan.stacks[0][0].lifted) == {RATE: tuple(map(float, range(14)))}
    assert plan.stacks[0][0].differences == ("rate of layer dropout",)


def test_there_are_no_more_rows_than_fit() -> None:
    plan = make_plan(many(100), everything=True)
    assert [(stack.rows, len(stack.runs)) for stack, _ in plan.stacks] == [(10, 25)] * 4


def test_several_groups_share_the_cores() -> None:
    plan = make_plan([*many(6), *many(6, "other", 6)], everything=True)
    assert [len(stack.runs) for stack, _ in plan.stacks] == [3] * 4


def test_the_longest_stack_starts_first() -> None:
    short, long = many(8, epochs=1), many(8, "long", 8, epochs=50)
    plan = make_plan([*short, *long], everything=True)
    epochs = [found.any_run.call.epochs for _, found in plan.stacks]
    assert epochs == sorted(epochs, reverse=True)


@pytest.mark.parametrize(
    ("count", "epochs", "is_stacked"), [(2, 10_000, True), (1, 10_000, False), (9, 1, False)]
)
def test_small_groups_are_not_worth_a_program(count: int, epochs: int, is_stacked: bool) -> None:
    plan = make_plan(many(count, epochs=epochs))
    assert bool(plan.stacks) is is_stacked
    assert len(plan.alone) == (0 if is_stacked else count)
    assert all("too few runs" in reason for reason in plan.alone.values())


def test_an_earlier_plan_is_kept_for_what_is_left_of_it() -> None:
    whole = make_plan(many(14, epochs=10_000))
    old = [PlannedStack.from_state(stack.state()) for stack, _ in whole.stacks]
    left = many(9, start=5, epochs=10_000)
    plan = make_plan(left, old)
    by_name = {stack.name: stack for stack in old}
    for stack, found in plan.stacks:
        known = by_name[stack.name]
        assert (stack.rows, stack.compiled, stack.lifted) == (4, True, known.lifted)
        assert stack.runs == tuple(run for run in known.runs if int(run[0]) >= 5)
        assert len(found.runs) == 9
    assert sorted(run for stack, _ in plan.stacks for run in stack.runs) == sorted(
        (str(i), 0, 0) for i in range(5, 14)
    )


def test_what_was_planned_is_stacked_however_little_is_left() -> None:
    old = PlannedStack("old", True, 4, tuple((str(i), 0, 0) for i in range(4)))
    plan = make_plan(many(1, start=3), [old])
    assert [stack.name for stack, _ in plan.stacks] == ["old"]
    assert math.isclose(plan.stacks[0][1].steps, 8)
