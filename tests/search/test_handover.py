"""Runs that have ended, as files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.search.handover import (
    Handover,
    note_ended,
    read_ended,
    read_run,
    read_runs,
    write_run,
)
from auditor.search.recorder import Execution
from tests.search.test_plain import ARRAYS, FLOATS, assert_same

ROWS = st.dictionaries(st.text(max_size=5), FLOATS, max_size=3)


@st.composite
def handovers(draw: Any) -> Handover:
    epochs = draw(st.lists(ROWS, max_size=3))
    execution = Execution(
        execution=draw(st.integers(0, 3)),
        seed=draw(st.integers(0, 2**32 - 1)),
        started="2026-01-02T03:04:05+00:00",
        fold=draw(st.integers(0, 3)),
        lane="stacked",
        stack=draw(st.none() | st.text()),
        epochs=epochs,
        seconds=[draw(FLOATS) for _ in epochs],
        returned=draw(st.none() | ROWS),
        best_value=draw(st.none() | FLOATS),
        best_weights=draw(st.none() | st.lists(ARRAYS, max_size=2)),
        build_config={"input_shape": (None, 3)},
        error=draw(st.none() | st.text()),
        total_seconds=draw(st.none() | FLOATS),
    )
    return Handover(
        trial_id=draw(st.sampled_from(["0000", "0001"])),
        execution=execution,
        error=draw(st.none() | st.text()),
        is_given_up=draw(st.booleans()),
        refused=draw(st.none() | st.text()),
        clock=draw(st.integers(0, 99)),
        fits="a",
        start=(5, draw(FLOATS), [draw(FLOATS)], 7),
        history={"history": {"loss": draw(st.lists(FLOATS))}, "epoch": [0], "params": {}},
        final_weights=draw(st.none() | st.lists(ARRAYS, max_size=2)),
        callbacks=[{"best": np.float32(1.5)}],
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(handed=handovers())
def test_all_of_a_run_but_its_model_is_handed_over(handed: Handover, tmp_path: Path) -> None:
    handed.execution.model = object()
    write_run(tmp_path, handed)
    found = read_run(tmp_path, handed.run)
    assert found is not None
    assert found.run == handed.run
    assert found.execution.model is None
    handed.execution.model = None
    for one, other in ((found, handed), (found.execution, handed.execution)):
        mine, its = dict(vars(one)), dict(vars(other))
        mine.pop("execution"), its.pop("execution")
        assert_same(mine, its)


def run(trial_id: str = "0000", **more: Any) -> Handover:
    return Handover(trial_id, Execution(0, 0, ""), **more)


def damage(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:50])


def change_version(file: Path) -> None:
    from auditor.search.plain import read_plain, write_plain

    write_plain(file, {**read_plain(file), "schema": 99})


@pytest.mark.parametrize("act", [damage, change_version, lambda file: file.write_text("")])
def test_a_damaged_run_costs_no_other(act: Any, tmp_path: Path) -> None:
    for trial_id in ("0000", "0001", "0002"):
        write_run(tmp_path, run(trial_id))
    act(tmp_path / "0001-0-0.run.npz")
    assert [handed.trial_id for handed in read_runs(tmp_path)] == ["0000", "0002"]


def test_a_run_that_is_written_again_is_there_once(tmp_path: Path) -> None:
    write_run(tmp_path, run(clock=1))
    write_run(tmp_path, run(clock=2))
    assert [handed.clock for handed in read_runs(tmp_path)] == [2]


def test_what_callbacks_keep_that_is_not_plain_is_left_out(tmp_path: Path) -> None:
    write_run(tmp_path, run(history={"history": {"model": [object()]}}, clock=3))
    (found,) = read_runs(tmp_path)
    assert (found.history, found.clock) == (None, 3)


def test_an_absent_folder_holds_no_runs(tmp_path: Path) -> None:
    assert read_runs(tmp_path / "absent") == []
    assert read_run(tmp_path, ("0000", 0, 0)) is None


def test_a_list_of_runs_that_have_ended_grows(tmp_path: Path) -> None:
    path = tmp_path / "stack" / "ended"
    assert read_ended(path) == []
    for run in (("a b", 0, 1), ("é\n", 2, 0)):
        note_ended(path, run)
    assert read_ended(path) == [("a b", 0, 1), ("é\n", 2, 0)]
    with path.open("a") as file:
        file.write('["c", 0')  # is being written
    assert len(read_ended(path)) == 2
