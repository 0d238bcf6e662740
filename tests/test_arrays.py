"""Arrays on the disk: what was written comes back, and nothing else is believed."""

import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from auditor.arrays import from_npy, to_npy
from auditor.errors import ReadError


@given(arrays(np.float32, array_shapes(min_dims=0, min_side=0, max_side=4)))
def test_an_array_comes_back_bit_by_bit(array: np.ndarray) -> None:
    again = from_npy(to_npy(array))
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.tobytes() == array.tobytes()
    assert not again.flags.writeable
    np.testing.assert_array_equal(np.load(io.BytesIO(to_npy(array)), allow_pickle=False), array)


def saved(array: np.ndarray, **how: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **how)
    return file.getvalue()


def headed(shape: str) -> bytes:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


WHOLE = to_npy(np.ones(9, np.float32))


@pytest.mark.parametrize(
    "content",
    [
        *[WHOLE[:cut] for cut in (0, 3, 8, 40, len(WHOLE) - 1)],
        WHOLE + b"more",
        WHOLE.replace(b"(9,)", b"(9999999999,)"),
        WHOLE.replace(b"(9,)", b"[9] "),
        WHOLE.replace(b"(9,)", b"(-9,)"),
        headed("(" + "1," * 65 + ")") + bytes(4),
        headed("(0, " + "9" * 30 + ")"),
        b"PK\x03\x04",
        saved(np.ones(3)),
        saved(np.array(["a", None], object)),
        saved(np.asfortranarray(np.ones((2, 3), np.float32))),
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ReadError):
        from_npy(content)


@given(st.binary(max_size=40), st.integers(0, 120))
def test_damage_raises_nothing_else(damage: bytes, at: int) -> None:
    with suppress(ReadError):
        from_npy(WHOLE[:at] + damage + WHOLE[at + len(damage) :])
