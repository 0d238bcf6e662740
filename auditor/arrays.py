"""Arrays of single-precision numbers as the bytes of an `.npy` file; nothing is ever unpickled."""

import io
import math

import numpy as np
from numpy.typing import NDArray

from auditor.errors import ReadError

Singles = NDArray[np.float32]


def to_npy(array: Singles) -> bytes:
    """The bytes of an `.npy` file.

    Example:
        >>> from_npy(to_npy(np.ones(2, np.float32)))
        array([1., 1.], dtype=float32)
    """
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array, "<f4", order="C"), (1, 0), allow_pickle=False)
    return file.getvalue()


def from_npy(content: bytes) -> Singles:
    """The array in the bytes of an `.npy` file, which `to_npy` made; it is read-only.

    Raises:
        ReadError: They are cut off, of another kind, or longer than they say.
    """
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        shape, is_fortran, kind = np.lib.format.read_array_header_1_0(file)
    # A damaged header raises whatever its parser happens to raise.
    except Exception as error:
        raise ReadError(f"it is no .npy file ({error!r:.100})") from error
    body = memoryview(content)[file.tell() :]
    # Before anything is made of that size: a header may say any.
    is_plain = version == (1, 0) and not is_fortran and kind == np.dtype("<f4")
    if not is_plain or min(shape, default=0) < 0 or len(body) != 4 * math.prod(shape):
        raise ReadError(
            f"{shape!s:.50} single-precision numbers are needed, it has {len(body)} bytes of "
            f"{kind!s:.50}"
        )
    try:
        return np.frombuffer(body, "<f4").reshape(shape)
    except (ValueError, OverflowError) as error:
        raise ReadError(f"no array has the shape {shape!s:.50}") from error
