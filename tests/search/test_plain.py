"""Values come back as they were, from a file that holds no code."""

import math
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from auditor.errors import ReadError
from auditor.search.plain import NotPlainError, read_plain, write_plain

DTYPES = st.one_of(
    hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.boolean_dtypes(), hnp.unicode_string_dtypes()
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
FLOATS = st.floats() | st.just(math.nan)
ATOMS = st.none() | st.booleans() | st.integers() | FLOATS | st.text() | ARRAYS
KEYS = st.text() | st.integers() | st.tuples(st.text(), st.integers())
VALUES = st.recursive(
    ATOMS | ARRAYS.map(lambda array: array.ravel()[0] if array.size else None),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


def assert_same(one: Any, other: Any) -> None:
    """Bit by bit, and of the same types."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray | np.generic):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, its in zip(one, other, strict=True):
            assert_same(mine, its)
    elif isinstance(one, dict):
        assert_same(list(one.items()), list(other.items()))
    else:
        assert repr(one) == repr(other)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=VALUES)
def test_what_is_written_is_read(value: Any, tmp_path: Path) -> None:
    write_plain(tmp_path / "a.npz", value)
    assert_same(read_plain(tmp_path / "a.npz"), value)
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("kind", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
def test_types_of_extensions_come_back(kind: Any, tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3).astype(kind)
    write_plain(tmp_path / "a.npz", [array], flush=True)
    assert_same(read_plain(tmp_path / "a.npz"), [array])


class Number(float):
    pass


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value",
    [{1, 2}, b"", Number(1), [object()], np.array([None]), np.zeros(1, "i4,f4"), len, LOOP],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain_is_refused_and_the_old_file_stays(value: Any, tmp_path: Path) -> None:
    write_plain(tmp_path / "a.npz", 1)
    with pytest.raises(NotPlainError):
        write_plain(tmp_path / "a.npz", {"value": value})
    assert read_plain(tmp_path / "a.npz") == 1


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
def test_a_file_that_was_cut_off_is_known(share: float, tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    write_plain(file, {"a": np.arange(1000), "b": [1.5]})
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ReadError, match=r"a\.npz"):
        read_plain(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_bit_that_has_changed_is_known_or_changes_nothing(data: Any, tmp_path: Path) -> None:
    value = {"a": np.arange(50), "b": [1.5, "text"]}
    write_plain(tmp_path / "a.npz", value)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "a.npz").write_bytes(content)
    try:
        found = read_plain(tmp_path / "a.npz")
    except ReadError:
        return
    assert_same(found, value)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    np.savez(tmp_path / "a.npz", values=np.array([Evil()]))
    with pytest.raises(ReadError):
        read_plain(tmp_path / "a.npz")
    assert not (tmp_path / "ran").exists()
