"""Plain values and arrays in one file, whole or absent; nothing in it is ever unpickled.

Such a file is an uncompressed `.npz`: the arrays, and as `values` the JSON text of the rest. Floats
keep every bit, arrays their types too; only the sign and the payload of a NaN outside of arrays are
lost. Zip files hold checksums, so that a damaged file is known.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from auditor.errors import ReadError
from auditor.files import Json, from_json, to_json, whole_file

_VALUES = "values"


class NotPlainError(TypeError):
    """A value is more than None, numbers, text, arrays, and lists, tuples and dicts of these."""


def write_plain(path: Path, value: Any, flush: bool = False) -> None:
    """Write a file so that a reader, or a killed process, sees the old or the new content whole.

    Args:
        path: Where to write. Its folder must exist.
        value: None, bool, int, float, str, NumPy scalars and arrays without objects, and lists,
            tuples and dicts of these.
        flush: Wait until it is on the disk, so that it survives a power cut too.

    Raises:
        NotPlainError: `value` holds something else.
        OSError: The folder is missing, read-only or full. The old file is untouched.
    """
    arrays: list[np.ndarray] = []
    text = to_json(encoded(value, arrays))
    named = {str(at): array for at, array in enumerate(arrays)}
    named[_VALUES] = np.frombuffer(text.encode(), np.uint8)
    # Straight to the disk: a stack's state may be as large as what memory is left.
    with whole_file(path) as file:
        np.savez(file, **named)  # type: ignore[arg-type]
        if flush:
            file.flush()
            os.fsync(file.fileno())


def read_plain(path: Path) -> Any:
    """What `write_plain` wrote.

    Raises:
        ReadError: The file is missing, unreadable, or damaged.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            values = from_json(file[_VALUES].tobytes().decode())
            return _decoded(values, {name: file[name] for name in file.files})
    except Exception as error:  # Damage to a zip file shows in any way.
        raise ReadError(f"cannot read {path}: {type(error).__name__}: {error}") from error


def encoded(value: Any, arrays: list[np.ndarray]) -> Json:
    """A value as JSON; its arrays are put into `arrays`.

    Raises:
        NotPlainError: It is not plain.
    """
    # Not `isinstance`: a subclass would come back as another type, and what stands for a model in
    # a stack would make one to answer.
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    try:
        if kind is list:
            return [encoded(item, arrays) for item in value]
        if kind is tuple:
            return {"tuple": [encoded(item, arrays) for item in value]}
        if kind is dict:
            pairs = [[encoded(k, arrays), encoded(v, arrays)] for k, v in value.items()]
            return {"dict": pairs}
    except RecursionError as error:
        raise NotPlainError("a value is nested too deeply, or holds itself") from error
    if kind is np.ndarray or issubclass(kind, np.generic):
        array = np.asarray(value)
        if array.dtype.hasobject or array.dtype.names is not None:
            raise NotPlainError(f"an array of {array.dtype} is not plain")
        name = "array" if kind is np.ndarray else "scalar"
        found: dict[str, Json] = {name: len(arrays)}
        if np.dtype(array.dtype.str) != array.dtype:  # Of an extension, as bfloat16.
            found |= {"type": array.dtype.name, "shape": list(array.shape)}
            array = np.frombuffer(array.tobytes(), np.uint8)
        arrays.append(array)
        return found
    raise NotPlainError(f"a {kind.__name__} is not plain")


def _decoded(value: Json, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decoded(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_decoded(item, arrays) for item in value["tuple"])
    if "dict" in value:
        return {_decoded(key, arrays): _decoded(item, arrays) for key, item in value["dict"]}
    array = arrays[str(value["array" if "array" in value else "scalar"])]
    if "type" in value:
        array = array.view(np.dtype(value["type"])).reshape(value["shape"])
    return array if "array" in value else array[()]
