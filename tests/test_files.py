"""Files are whole or absent, and JSON keeps every value."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.errors import ReadError
from auditor.files import from_json, read_json, to_json, write_whole

# Single surrogates too: they come from file names in another encoding.
text = st.text(st.characters(exclude_categories=()), max_size=8).filter(
    lambda s: s == s.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | text
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "\\NaN", "\\", "", "1", "null"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


def exactly(value: Any) -> Any:
    """A form in which 1, 1.0 and True differ, -0.0 and 0.0 too, and NaN equals NaN."""
    match value:
        case dict():
            return {key: exactly(item) for key, item in value.items()}
        case list():
            return [exactly(item) for item in value]
    return type(value).__name__, repr(value)


@settings(deadline=None)
@given(values)
@example([1, 1.0, True, "1", None, "NaN", math.nan, -0.0, {"NaN": [math.inf, "\\Infinity"]}])
@example("\ud800 alone")
def test_json_keeps_every_value(value: Any) -> None:
    written = to_json(value)
    assert exactly(from_json(written)) == exactly(value)
    json.loads(written, parse_constant=pytest.fail)  # strict: no bare NaN


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({1: 2}, TypeError),
        ({"a": {1, 2}}, TypeError),
        ([b"bytes"], TypeError),
        ([10**5000], ValueError),
    ],
)
def test_what_is_not_json_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        to_json(value)


def test_deep_nesting_is_an_error_and_not_a_crash() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="deeply"):
        to_json(deep)
    with pytest.raises(ValueError, match="deeply"):
        from_json("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize("content", ["", '{"a": 1', "\xff", '{"a": 1}}'])
def test_an_unreadable_file_is_named_with_what_to_do(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ReadError, match=r"state\.json.*restore it from a copy"):
        read_json(path)
    with pytest.raises(ReadError, match="absent"):
        read_json(tmp_path / "absent.json")


@pytest.mark.parametrize("name", ["a.txt", "n" * 255])
def test_a_file_is_written_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_whole(path, "old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["replace", "open"])
def test_a_failed_write_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, step, full)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_while_writing_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new")
    monkeypatch.undo()
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])
