"""`chunks.npy` of our own sweeps: whole, absent, or named as a problem."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.readers import read
from auditor.readers.ours.chunks import read_chunks
from auditor.trials import Chunks, Run
from tests.readers.sweeps import SWEEP, write_sweep

ROWS = [2, 2, 1]
CHUNKS = {"folds": {"0": {"rows": ROWS, "digest": "a"}, "1": {"rows": ROWS, "digest": "b"}}}
KIND = [("execution", "<i4"), ("fold", "<i4"), ("epoch", "<i4"), ("val_loss", "<f4", (3,))]
KEYS = [(0, 0, 0), (0, 0, 1), (1, 1, 0)]


def npy(keys: Any = KEYS, kind: Any = KIND, **more: Any) -> bytes:
    records = np.zeros(len(keys), kind)
    for record, (execution, fold, epoch) in zip(records, keys, strict=True):
        record["execution"], record["fold"], record["epoch"] = execution, fold, epoch
        record[kind[-1][0]] = np.arange(kind[-1][2][0]) + epoch
    file = io.BytesIO()
    np.save(file, records, **more)
    return file.getvalue()


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    path = write_sweep(tmp_path / "sweep")
    (path / "sweep.json").write_text(json.dumps({**SWEEP, "chunks": CHUNKS}))
    (path / "trial_0000" / "chunks.npy").write_bytes(npy())
    return path


def test_chunks_are_read_by_run_and_metric(sweep: Path) -> None:
    trials = read(sweep)
    chunks = trials.context.chunks
    assert chunks is not None
    assert dict(chunks.rows) == {0: (2, 2, 1), 1: (2, 2, 1)}
    assert chunks.values.keys() == {Run("0000"), Run("0000", 1, 1)}
    found = chunks.values[Run("0000")]["val_loss"]
    np.testing.assert_array_equal(found, [[0, 1, 2], [1, 2, 3]])
    assert trials.provenance.problems == ()


def test_a_sweep_without_chunks_has_none_and_says_why(sweep: Path) -> None:
    given = {**SWEEP, "chunks": {"folds": {}, "why_not": ["there are 16 validation rows"]}}
    (sweep / "sweep.json").write_text(json.dumps(given))
    trials = read(sweep)
    assert trials.context.chunks is None
    assert any("because there are 16 validation rows" in s for s in trials.provenance.missing)


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


PICKLED = io.BytesIO()
np.save(PICKLED, np.array([{}], object), allow_pickle=True)

BROKEN = {
    "empty": b"",
    "text": b"execution,fold,epoch\n",
    "cut off": npy()[:-4],
    "longer": npy() + b"\0",
    "pickled": PICKLED.getvalue(),
    "plain numbers": b"\x93NUMPY\x01\x00v\x00" + npy()[10:60],
    "huge": header("{'descr': " + repr(KIND) + ", 'fortran_order': False, 'shape': (10**18,)}"),
    "nested": header("(" * 9_000),
    "code": header("__import__('os').abort()"),
    "other fields": npy(kind=[*KIND[:2], ("step", "<i4"), ("epoch", "<i4"), KIND[3]]),
    "other floats": npy(kind=[*KIND[:3], ("val_loss", "<f8", (3,))]),
    "an epoch missing": npy([(0, 0, 0), (0, 0, 2)]),
    "an epoch twice": npy([(0, 0, 0), (0, 0, 0)]),
    "a run twice": npy([(0, 0, 0), (1, 0, 0), (0, 0, 0)]),
    "a fold of none": npy([(0, 7, 0)]),
    "negative": npy([(-1, 0, 0)]),
    "other chunks": npy(kind=[*KIND[:3], ("val_loss", "<f4", (4,))]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_a_problem_of_its_trial_alone(name: str, sweep: Path) -> None:
    (sweep / "trial_0002" / "chunks.npy").write_bytes(BROKEN[name])
    trials = read(sweep)
    (problem,) = trials.provenance.problems
    assert (problem.trial_id, problem.file) == ("0002", "trial_0002/chunks.npy")
    assert problem.message.endswith("; the chunks of this trial are ignored")
    assert trials.context.chunks is not None
    assert len(trials.context.chunks.values) == 2


@pytest.mark.parametrize("rows", [[0, 1], "many", {"a": 1}, [1] * 5_000])
def test_rows_that_are_none_are_a_problem(rows: Any, sweep: Path) -> None:
    given = {"folds": {"0": {"rows": rows, "digest": "a"}}}
    (sweep / "sweep.json").write_text(json.dumps({**SWEEP, "chunks": given}))
    trials = read(sweep)
    assert trials.context.chunks is None
    assert [problem.file for problem in trials.provenance.problems] == ["sweep.json"]


def test_trials_with_other_metrics_stand_beside_one_another(sweep: Path) -> None:
    other = npy([(0, 0, 0)], [*KIND[:3], ("val_mae", "<f4", (3,)), ("val_löss", "<f4", (3,))])
    (sweep / "trial_0002" / "chunks.npy").write_bytes(other)
    chunks = read(sweep).context.chunks
    assert isinstance(chunks, Chunks)
    assert chunks.values[Run("0002")].keys() == {"val_mae", "val_löss"}
    assert chunks.values[Run("0000")].keys() == {"val_loss"}


def test_files_that_are_not_there_are_no_problem(tmp_path: Path) -> None:
    assert read_chunks({"a": tmp_path / "chunks.npy"}, {0: (1, 1)}) == (None, [])
