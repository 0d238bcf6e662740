import collections
import contextlib
import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ReadError
from auditor.readers.history.pickles import load_pickles

DATA = Path(__file__).parents[1] / "data" / "keras-3.15.1" / "history" / "single"

HISTORY = {"loss": [0.5, float("inf")], "val_loss": [1, 2]}


class Runs:
    """An object whose pickle runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [
        HISTORY,
        [HISTORY, HISTORY],
        collections.OrderedDict(HISTORY),
        collections.defaultdict(list, HISTORY),
        {"loss": [np.float32(0.5), np.float64(0.25), np.int64(3)]},
        {"loss": np.array([0.5, np.nan]), "acc": np.arange(2, dtype=">f4")},
        {"loss": np.asfortranarray(np.ones((2, 3)))},
        {"loss": np.array([0.5, None], object)},
        np.array({"loss": [0.5]}, object),
    ],
    ids=[
        "plain",
        "list",
        "ordered",
        "default",
        "scalars",
        "arrays",
        "2-d",
        "objects",
        "array of a dict",
    ],
)
def test_plain_values_come_back(value: object, protocol: int) -> None:
    (loaded,) = load_pickles(pickle.dumps(value, protocol))
    plain = value.item() if isinstance(value, np.ndarray) else value
    if isinstance(plain, dict):
        assert list(loaded) == list(plain)
        for name, values in plain.items():
            np.testing.assert_equal(np.array(loaded[name], float), np.array(values, float))
    else:
        assert loaded == plain


@pytest.mark.parametrize("name", ["history_0.pkl", "history_2.pkl", "history_5.pkl", "history.npy"])
def test_what_people_save(name: str) -> None:
    (loaded,) = load_pickles((DATA / name).read_bytes())
    assert loaded["loss"] == [2.726750373840332, 2.626878023147583, 2.5799973011016846]


def test_several_pickles_in_one_file() -> None:
    assert load_pickles(pickle.dumps(HISTORY) + pickle.dumps({"loss": [1.0]})) == [
        HISTORY,
        {"loss": [1.0]},
    ]


def test_a_keras_history_object_is_named_and_the_remedy_given() -> None:
    with pytest.raises(
        ReadError, match=r"keras\.src.*History, which is not loaded.*history.history"
    ):
        load_pickles((DATA / "object.pkl").read_bytes())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "mark"
    content = pickle.dumps({"loss": [Runs(f"touch {mark}")]}, protocol)
    with pytest.raises(ReadError, match="system, which is not loaded"):
        load_pickles(content)
    assert not mark.exists()


BIG_TEXT = b"X" + struct.pack("<I", 2**20) + b"a" * 2**20
FORGED = {
    "a table of 67 million values": b"\x80\x04}r\x00\x00\x00\x04.",
    "a terabyte of bytes": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"abc.",
    "a terabyte of text": b"\x80\x05\x8d" + struct.pack("<Q", 2**40) + b"abc.",
    "an array larger than its bytes": pickle.dumps(np.zeros(3)).replace(
        b"K\x03\x85", b"J\xff\xff\xff\x7f\x85"
    ),
    "text copied again and again": b"\x80\x04"
    + BIG_TEXT
    + b"\x940("
    + b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R" * 200
    + b"l.",
    "lists of lists of lists": b"\x80\x04]\x94"
    + b"".join(b"(h%ch%cl\x94" % (i, i) for i in range(60))
    + b".",
    "another file": b"Pabc\n.",
    "a registered extension": b"\x80\x02\x82\x01.",
    "eval": b"ceval\neval\n(S'1+1'\ntR.",
    "a method": b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93.",
    "a change of our functions": b"\x80\x02c__builtin__\nlist\nN}(X\x08\x00\x00\x00__name__X"
    b"\x01\x00\x00\x00xu\x86b.",
    "an array of text": pickle.dumps(np.array(["a"])),
    "an array of records": pickle.dumps(np.zeros(2, [("a", "f4")])),
    "numbers alone": b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8'}\n" + b"0" * 8,
    "empty": b"",
    "cut off": pickle.dumps(HISTORY)[:-5],
    "no pickle": b"\x80\x04hello",
    "too many": pickle.dumps(None) * 2_000,
}


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED)
def test_a_forged_pickle_is_an_error_that_takes_little_memory(content: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ReadError):
            load_pickles(content)
        assert tracemalloc.get_traced_memory()[1] < 500 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "value",
    [
        {"loss": [0.5], "params": {"units": 10**5_000}},
        {f"loss_{n}": values for n, values in enumerate([np.zeros(2**16)] * 100)},
    ],
    ids=["a number of any length", "one array under many names"],
)
def test_what_is_small_in_the_file_alone_is_refused(value: object) -> None:
    with pytest.raises(ReadError, match=r"hundreds of digits|more than a history"):
        load_pickles(pickle.dumps(value))


@pytest.mark.parametrize("depth", [20, 50_000])
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(ReadError, match="more than a history does"):
        load_pickles(b"\x80\x04" + b"]" * depth + b"a" * (depth - 1) + b".")


@given(st.data())
def test_a_changed_pickle_is_an_error_of_ours_or_none(data: st.DataObject) -> None:
    value = {"loss": np.arange(3.0), "acc": [np.float32(1), 2.5], "more": {"a": (1, None)}}
    content = bytearray(pickle.dumps(value, data.draw(st.integers(0, 5))))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ReadError):
        load_pickles(bytes(content))
