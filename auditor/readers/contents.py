"""The contents of strangers' files, bounded: whatever is in them, memory and time stay small.

Errors are sentences without the path: whoever reads the file knows it, and names it.
"""

import gzip
import json
import re
import zlib
from contextlib import suppress
from pathlib import Path

from pydantic_core import from_json

from auditor.errors import ReadError
from auditor.files import Json

MOST_BYTES = 64 * 2**20
"""Of a file that is read at once. Notes on one trial take some kilobytes, search spaces some
hundred."""

MOST_DEPTH = 100
"""Levels of nesting in YAML; its parser is recursive."""

_LONG_NUMBER = re.compile(r"[-+]?[0-9][0-9a-fA-FxX_:.]{1000}")
"""As YAML writes one, perhaps to the base 60 or 16: what comes of it takes long, or no text."""

MOST_TEXT_BYTES = 2**30
"""Of a table or log that is read at once."""


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """The bytes of a regular file, unpacked if its name ends in `.gz`.

    Args:
        path: The file.
        most: Bytes accepted; by default `MOST_BYTES`.

    Raises:
        ReadError: The file is missing, no regular file, or has more bytes than that.
    """
    most = MOST_BYTES if most is None else most
    try:
        if not path.is_file():  # a pipe or a device would block
            raise ReadError("the file is missing, or not a regular file")
        packed = path.name.lower().endswith(".gz")
        with gzip.open(path) if packed else path.open("rb") as file:
            size = 0 if packed else path.stat().st_size
            content = b"" if size > most else file.read(most + 1)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise ReadError(f"the file cannot be read: {error}") from error
    if size > most or len(content) > most:
        many = f"{size:,} bytes, more than" if size else "more than"
        raise ReadError(f"the file has {many} the {most:,} bytes that are accepted")
    return content


def read_text(path: Path, most: int = MOST_TEXT_BYTES) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark; what is neither is replaced.

    Raises:
        ReadError: As for `read_bytes`.
    """
    content = read_bytes(path, most)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def load_json(path: Path, most: int | None = None) -> Json:
    """Parse a JSON file; the literals NaN and Infinity are numbers.

    Raises:
        ReadError: As for `read_bytes`, or it is cut off, no JSON, or nested too deeply.
    """
    return parse_json(read_bytes(path, most))


def parse_json(content: bytes | str) -> Json:
    """The same for what has been read.

    Raises:
        ReadError: It is cut off, no JSON, or nested too deeply.
    """
    with suppress(ValueError):
        # Fast, and refuses what needs care: lone surrogates, other encodings, deep nesting.
        return from_json(content)
    try:
        return clean(json.loads(content))
    except RecursionError as error:
        raise ReadError("the file is nested too deeply to be read") from error
    except ValueError as error:
        raise ReadError(f"the file is not readable JSON ({error}), perhaps cut off") from error


def load_yaml(path: Path, most: int = 2**20) -> Json:
    """Parse a YAML file of plain values.

    Raises:
        ReadError: As for `read_bytes`, or it is no YAML, nested too deeply, or holds aliases or
            tags: a few of those make gigabytes, or objects.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = read_bytes(path, most)
    depth = 0
    try:
        for event in yaml.parse(content, loader):
            opens = isinstance(event, yaml.events.CollectionStartEvent)
            depth += opens - isinstance(event, yaml.events.CollectionEndEvent)
            if depth > MOST_DEPTH or isinstance(event, yaml.events.AliasEvent):
                raise ReadError("the file is nested too deeply, or holds aliases: not accepted")
            if isinstance(event, yaml.events.ScalarEvent) and _LONG_NUMBER.match(event.value):
                raise ReadError("the file holds a number of thousands of digits: not accepted")
        return clean(yaml.load(content, loader))
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        short = " ".join(str(error).split())
        raise ReadError(f"the file is not readable YAML ({short:.200}), perhaps cut off") from error


def clean(value: Json) -> Json:
    """The value with text that UTF-8 can hold: JSON and file names may contain lone surrogates.

    Keys become text; what YAML makes beyond JSON, such as dates, too.
    """
    match value:
        case str():
            return value if value.isascii() else value.encode("utf-8", "replace").decode()
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [clean(item) for item in value]
        case dict():
            return {str(clean(key)): clean(item) for key, item in value.items()}
    return str(value)
