"""Chunks: what is kept of the validation rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from auditor.errors import ReadError, TrialsError
from auditor.trials import Chunks, Context, Objective, Recorded, Run, Trials, empty_curves
from auditor.trials.chunks import ChunkValues

ROWS = {0: (2, 2, 1)}


def test_values_are_those_given_and_read_only() -> None:
    runs = {
        Run("b"): {"val_loss": np.arange(6.0).reshape(2, 3)},
        Run("a", 1): {"val_loss": np.zeros((1, 3)), "val_mae": np.full((1, 3), np.nan)},
        Run("a"): {"val_loss": np.full((4, 3), np.inf)},
    }
    chunks = Chunks(ROWS, runs)
    assert set(chunks.values) == set(runs)
    assert len(chunks.values) == len(runs)
    for run, given in runs.items():
        assert chunks.values[run].keys() == given.keys()
        for name, array in given.items():
            found = chunks.values[run][name]
            np.testing.assert_array_equal(found, array)
            assert found.dtype == np.float32
            assert not found.flags.writeable
    assert dict(chunks.rows) == ROWS


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"val_loss": np.zeros((2, 4))}, "4 chunks, but `rows` has 3"),
        ({"val_loss": np.zeros(3)}, "one shape"),
        ({"val_loss": np.zeros((2, 3)), "val_mae": np.zeros((1, 3))}, "one shape"),
        ({}, "one shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays: dict, message: str) -> None:
    with pytest.raises(TrialsError, match=message):
        Chunks(ROWS, {Run("a"): arrays})


def test_runs_of_a_fold_without_rows_are_refused() -> None:
    with pytest.raises(TrialsError, match="fold 1"):
        Chunks(ROWS, {Run("a", 0, 1): {"val_loss": np.zeros((1, 3))}})


def trials_with(chunks: Chunks | None) -> Trials:
    runs = [Run("a"), Run("b", 1)]
    return Trials(
        {run.trial_id: {} for run in runs},
        {run: Recorded() for run in runs},
        empty_curves(),
        Objective("val_loss"),
        context=Context(chunks=chunks),
    )


LOSSES = {"val_loss": np.array([[0.5, np.nan, np.inf]])}
CHUNKS = Chunks(
    ROWS, {Run("a"): LOSSES, Run("b", 1): {"val_loss": np.ones((4, 3)), "val_mae": np.ones((4, 3))}}
)


def test_chunks_are_saved_and_stay_in_the_file_until_they_are_looked_at(tmp_path: Path) -> None:
    trials = trials_with(CHUNKS)
    trials.save(tmp_path)
    loaded = Trials.load(tmp_path)
    assert loaded == trials
    assert loaded.context.chunks is not None
    values = loaded.context.chunks.values
    assert isinstance(values, ChunkValues)
    assert all(isinstance(table.numbers, np.memmap) for table in values.tables)
    loaded.save(tmp_path)
    assert Trials.load(tmp_path) == trials


def test_other_chunks_are_other_trials(tmp_path: Path) -> None:
    trials = trials_with(CHUNKS)
    assert trials != trials_with(None)
    assert trials != trials_with(Chunks(ROWS, {Run("a"): LOSSES}))
    assert trials != trials_with(Chunks({0: (1, 1, 1)}, CHUNKS.values))
    assert trials != trials_with(
        Chunks(ROWS, {**CHUNKS.values, Run("a"): {"val_mae": LOSSES["val_loss"]}})
    )
    trials.save(tmp_path)
    trials_with(None).save(tmp_path)
    assert Trials.load(tmp_path).context.chunks is None


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("chunks.npy", lambda content: content[:-4]),
        ("chunks.npy", lambda content: b""),
        ("chunks.npy", lambda content: b"PK\x05\x06" + bytes(18)),  # an empty archive
        (
            "chunks.json",
            lambda content: content.replace(b'"epochs": [1]', b'"epochs": [%d]' % 4**40),
        ),
        ("chunks.npy", None),
        ("chunks.json", lambda content: content.replace(b'"epochs": [1]', b'"epochs": [2]')),
        ("chunks.json", lambda content: content.replace(b'"epochs": [1]', b'"epochs": [-1]')),
        ("chunks.json", lambda content: content.replace(b'"schema": 1', b'"schema": 2')),
        ("chunks.json", lambda content: content.replace(b'"chunks": 3', b'"chunks": 0')),
        ("chunks.json", lambda content: content.replace(b'"rows"', b'"lines"')),
    ],
)
def test_damaged_files_are_named(
    name: str, damage: Callable[[bytes], bytes] | None, tmp_path: Path
) -> None:
    trials_with(CHUNKS).save(tmp_path)
    file = tmp_path / name
    if damage is None:
        file.unlink()
    else:
        before = file.read_bytes()
        file.unlink()  # as it was read before, it may be mapped
        file.write_bytes(damage(before))
        assert file.read_bytes() != before
    with pytest.raises(ReadError, match="chunks"):
        Trials.load(tmp_path)
