"""Contents of strangers' files: bounded, plain, and never run."""

import gzip
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ReadError
from auditor.readers import contents


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b'{"a": [1, NaN]}'))
    assert contents.load_json(path)["a"][0] == 1


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
def test_a_file_larger_than_accepted_is_not_read(tmp_path: Path, name: str) -> None:
    content = b"x" * 2000
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises(ReadError, match="more than the 1,000 bytes"):
        contents.read_bytes(tmp_path / name, 1000)
    assert contents.read_bytes(tmp_path / name, 2000) == content


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_opened(file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(ReadError, match="not a regular file"):
        contents.read_bytes(file)


@pytest.mark.parametrize(
    "content", [b"", b"[", b"[" * 100_000, b"{" + b'"a":{' * 100_000, b"\xff\xfe\x00", b"9" * 9999]
)
def test_broken_json_is_one_clear_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ReadError, match=r"not readable JSON|nested too deeply"):
        contents.load_json(file)


YAML_BOMBS = {
    "aliases": b"a: &a [1]\nb: *a\n",
    "nested": b"[" * 5000,
    "nested as blocks": b"".join(b" " * i + b"a:\n" for i in range(500)),
    "a tag that makes an object": b"!!python/object/apply:os.system ['touch x']",
    "cut off": b"a: [1, 2",
    "binary": bytes(range(256)),
    "two documents": b"a: 1\n---\nb: 2\n",
    "a date that is none": b"a: 2024-99-99",
}


@pytest.mark.parametrize("content", YAML_BOMBS.values(), ids=YAML_BOMBS)
def test_yaml_that_is_more_than_plain_values_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ReadError):
        contents.load_yaml(file)


def test_yaml_of_plain_values(file: Path) -> None:
    file.write_text("lr: 1.0e-3\nlayers: [64, 32]\n1: yes\nday: 2024-05-01\nnone:\n")
    assert contents.load_yaml(file) == {
        "lr": 0.001, "layers": [64, 32], "1": True, "day": "2024-05-01", "none": None,
    }  # fmt: skip


@given(st.binary(max_size=200))
def test_any_bytes_give_values_or_a_read_error(content: bytes) -> None:
    with suppress(ReadError):
        contents.parse_json(content)


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("\ud800", "?"),
        ({"\ud800": ["\udfff", 1, None]}, {"?": ["?", 1, None]}),
        ({1: (True, 0.5)}, {"1": [True, 0.5]}),
    ],
)
def test_text_is_what_utf_8_can_hold(value: object, cleaned: object) -> None:
    assert contents.clean(value) == cleaned
