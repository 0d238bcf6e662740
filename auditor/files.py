"""Files that are whole or absent, and JSON that keeps every float.

JSON has no NaN or infinity. Here they are the strings "NaN", "Infinity" and "-Infinity", as in the
JSON mapping of Protocol Buffers; a genuine string that reads like one of them (or starts with a
backslash) gets a backslash in front, so that nothing is lost on the way back.
"""

import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json as parse

from auditor.errors import ReadError

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_NUMBERS = re.compile(r'"(NaN|-?Infinity)"(?!\s*:)')
"""Such a number in JSON text, not a key of that name. Inside a string its quotes are escaped."""

Json = Any
"""None, bool, int, float, str, or a list or string-keyed dict of these."""


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file so that a reader, or a killed process, sees the old or the new content whole.

    The content goes to a temporary file in the same folder, which then takes the name of `path` in
    one step. That survives a kill at any moment; against a power cut it is as good as the file
    system's own ordering of renames (a flush of every file would cost more than a small trial).

    Args:
        path: Where to write. Its folder must exist.
        content: Text (written as UTF-8) or bytes.

    Raises:
        OSError: The folder is missing, read-only or full. The old file is untouched.
    """
    with whole_file(Path(path)) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write into that takes the name of `path` at the end; see `write_whole`."""
    # Not named after `path`: that name may already be as long as a name may be.
    temporary = path.with_name(f".{os.getpid()}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """Make a folder, and the one around it, but not what that is in: a lost mount stays lost.

    Raises:
        OSError: It cannot be made.
    """
    path.parent.mkdir(exist_ok=True)
    path.mkdir(exist_ok=True)


def to_json(value: object, indent: int | None = None) -> str:
    r"""Strict JSON text of plain values, with non-finite floats as strings.

    Raises:
        TypeError: `value` holds something that is not a plain JSON type.
        ValueError: `value` is nested too deeply, or holds an integer of thousands of digits.

    Example:
        >>> to_json({"score": float("inf"), "name": "Infinity"})
        '{"score": "Infinity", "name": "\\\\Infinity"}'
    """
    try:
        return json.dumps(_encode(value), indent=indent, allow_nan=False)
    except RecursionError as error:
        raise ValueError("nested too deeply to be written as JSON") from error


def from_json(text: str) -> Json:
    """The inverse of `to_json`.

    One thing is lost: two lone surrogates in a row, which no valid text contains, come back as the
    one character that they make up.

    Raises:
        ValueError: The text is not JSON, or is nested too deeply to be parsed.
    """
    if '"\\\\' not in text:  # no string begins with a backslash
        with suppress(ValueError):
            # Fast, but it refuses lone surrogates and deep nesting.
            return parse(_NUMBERS.sub(r"\1", text))
    try:
        return _decode(json.loads(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json(path: str | os.PathLike[str]) -> Json:
    """Read a file that `to_json` wrote.

    Raises:
        ReadError: The file is missing, unreadable, cut off, or nested too deeply.
    """
    try:
        return from_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReadError(
            f"cannot read {path}: {error}; it may have been cut off or changed: write it again, or "
            "restore it from a copy"
        ) from error


def _encode(value: object) -> Json:
    match value:
        case float() if math.isnan(value):
            return "NaN"
        case float() if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        case str() if value in _NON_FINITE or value.startswith("\\"):
            return "\\" + value
        case Mapping():
            return {_key(key): _encode(item) for key, item in value.items()}
        case list() | tuple():
            return [_encode(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"cannot write {type(value).__name__} as JSON: {value!r:.80}")


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    raise TypeError(f"keys of a JSON object are strings, not {type(key).__name__}: {key!r:.80}")


def _decode(value: Json) -> Json:
    match value:
        case str() if value in _NON_FINITE:
            return _NON_FINITE[value]
        case str() if value.startswith("\\"):
            return value[1:]
        case dict():
            return {key: _decode(item) for key, item in value.items()}
        case list():
            return [_decode(item) for item in value]
    return value
