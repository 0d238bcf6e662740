"""Values that go to executors as files."""

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditor.errors import SearchError
from auditor.search.launching import sharing
from auditor.search.launching.sharing import SHARED_BYTES, share

SIZE = SHARED_BYTES // 8 + 1


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_loaded", sharing.OrderedDict())


def large(seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=SIZE)


def test_a_value_comes_back(tmp_path: Path) -> None:
    shared = share({"x": [1, "two"], "f": lambda x: x + 1}, tmp_path / "new")
    assert len(pickle.dumps(shared)) < 1000
    value = pickle.loads(pickle.dumps(shared)).load()
    assert value["x"] == [1, "two"]
    assert value["f"](1) == 2


@pytest.mark.parametrize(
    "array",
    [
        large(),
        large().reshape(-1, 1, order="F"),
        np.asfortranarray(np.arange(2 * SIZE).reshape(2, -1)),
        np.arange(4 * SIZE)[::2],
        np.arange(4 * SIZE, dtype="int16").view("float16"),
        np.full(SIZE, "a long word"),
        np.zeros(SIZE, dtype=[("a", "f4"), ("b", "i8")]),
        np.full(SIZE, np.datetime64("2020-01-01")),
    ],
    ids=lambda array: f"{array.dtype} {array.strides}",
)
def test_large_arrays_are_mapped_and_cannot_be_changed(tmp_path: Path, array: Any) -> None:
    shared = share([array], tmp_path)
    (loaded,) = shared.load()
    assert type(loaded) is np.ndarray
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(loaded, array)
    assert isinstance(loaded.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        loaded[...] = loaded
    assert shared.path.stat().st_size < 1000


def test_arrays_inside_of_tables_and_objects_are_mapped(tmp_path: Path) -> None:
    class Own:
        def __init__(self) -> None:
            self.table = pd.DataFrame({"x": large(1), "y": large(2)})

    shared = share(Own(), tmp_path)
    assert shared.path.stat().st_size < 10_000
    pd.testing.assert_frame_equal(shared.load().table, Own().table)


def test_equal_arrays_are_written_once(tmp_path: Path) -> None:
    one = large()
    share({"a": one, "b": one.copy(), "c": large(1)}, tmp_path)
    share([one], tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 2


def test_small_arrays_and_arrays_of_objects_are_part_of_the_value(tmp_path: Path) -> None:
    words = np.array(["a", None] * SIZE, dtype=object)
    loaded = share([np.ones(3), words], tmp_path).load()
    np.testing.assert_array_equal(loaded[0], np.ones(3))
    assert loaded[1].tolist() == words.tolist()
    assert not list(tmp_path.glob("*.npy"))


def test_a_changed_file_is_not_unpickled(tmp_path: Path) -> None:
    shared = share({"x": 1}, tmp_path)
    shared.path.write_bytes(pickle.dumps({"x": 2}))
    with pytest.raises(SearchError, match="is not the file that the search has written"):
        shared.load()
    assert share({"x": 1}, tmp_path).load() == {"x": 1}


@pytest.mark.parametrize("pattern", ["*.pkl", "*.npy"])
def test_a_folder_that_is_not_seen_is_explained(tmp_path: Path, pattern: str) -> None:
    shared = share([large()], tmp_path)
    next(tmp_path.glob(pattern)).unlink()
    with pytest.raises(SearchError, match="must be on a file system that all workers see"):
        shared.load()


def test_a_process_keeps_the_latest_values(tmp_path: Path) -> None:
    first, second, third = (share([number], tmp_path) for number in range(3))
    one = first.load()
    second.load()
    assert first.load() is one
    third.load()
    assert first.load() is one
    assert len(sharing._loaded) == 2


class Holder:
    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)


def closing_over(lock: Any) -> Any:
    return lambda: lock


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (threading.Lock(), "the value"),
        ({"data": [1, threading.Lock()]}, r"\['data'\]\[1\]"),
        ((Holder(x=large(), log=Holder(lock=threading.Lock())),), r"\[0\]\.log\.lock"),
        (Holder(build=closing_over(threading.Lock())), r"build.*closing_over.*:lock"),
    ],
)
def test_what_cannot_be_sent_is_named(tmp_path: Path, value: Any, where: str) -> None:
    with pytest.raises(SearchError, match=rf"other processes: {where} is a lock .*or use n_jobs=1"):
        share(value, tmp_path)
    assert not list(tmp_path.glob("*.pkl"))
