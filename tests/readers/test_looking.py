"""A glance at files and folders that tells formats, whatever they are."""

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.readers.looking import HEAD_BYTES, Look, natural


def test_a_folder_shows_its_folders_and_files_in_natural_order(tmp_path: Path) -> None:
    for name in ("run_10", "run_2"):
        (tmp_path / name).mkdir()
    (tmp_path / "b.csv").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    look = Look(tmp_path)
    assert look.is_dir
    assert look.folders == ("run_2", "run_10")
    assert look.files == ("b.csv", "link")
    assert look.head == b""


def test_the_head_of_a_file_is_bounded_and_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "A.CSV.gz"
    path.write_bytes(gzip.compress(b"x" * 2 * HEAD_BYTES))
    look = Look(path)
    assert (look.name, look.suffix, look.head) == ("a.csv.gz", ".csv", b"x" * HEAD_BYTES)


@pytest.mark.parametrize("content", [b"not packed", gzip.compress(b"cut off")[:-9], b"\x1f\x8b"])
def test_a_broken_packed_file_is_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    assert Look(path).head in (b"", b"cut off")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("\ufeffepoch".encode(), "epoch"),
        ("épo".encode("utf-16"), "épo"),
        (b"\xff\x00binary", ""),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
def test_the_head_as_text(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "a").write_bytes(content)
    assert Look(tmp_path / "a").text == text


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("epoch,loss\r\n1,2", ("epoch", "loss")),
        ("\nepoch; loss;x,y", ("epoch", "loss", "x,y")),
        ('"a\tb"\tc', ("a\tb", "c")),
        ("one", ("one",)),
        ("", ()),
    ],
)
def test_the_columns_of_a_table(tmp_path: Path, line: str, columns: tuple[str, ...]) -> None:
    (tmp_path / "a").write_bytes(line.encode())
    assert Look(tmp_path / "a").columns == columns


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_neither_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    look = Look(tmp_path / "pipe")
    assert (look.is_file, look.is_dir, look.head) == (False, False, b"")


@pytest.mark.parametrize("name", ["missing", "nul\0byte", "loop"])
def test_what_is_not_there_is_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    look = Look(tmp_path / name)
    assert (look.is_file, look.is_dir, look.head, look.files, look.size) == (
        False, False, b"", (), 0,
    )  # fmt: skip


@given(st.lists(st.text()))
def test_any_names_have_a_natural_order(names: list[str]) -> None:
    ordered = sorted(names, key=natural)
    assert sorted(ordered) == sorted(names)


def test_numbers_count_by_their_value() -> None:
    names = ["a10", "a9", "10", "9", "a" + "9" * 30]
    assert sorted(names, key=natural) == ["9", "10", "a9", "a10", "a" + "9" * 30]
