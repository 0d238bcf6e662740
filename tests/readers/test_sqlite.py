"""Databases of strangers: last writes are read, nothing is written, traps are refused."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.errors import ReadError
from auditor.readers import sqlite

ENDLESS = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT x FROM r"


def make(path: Path, *statements: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("CREATE TABLE t (a, b)", "INSERT INTO t VALUES (1, 'x')", *statements):
        connection.execute(statement)
    return connection


def all_rows(path: Path, query: str = "SELECT a FROM t") -> list[tuple[object, ...]]:
    with sqlite.connect(path) as connection:
        return [row for chunk in sqlite.chunks(connection, query) for row in chunk]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "a b%20?#"
    folder.mkdir()
    return folder / "study.db"


def test_tables_have_their_columns_and_views_are_none(path: Path) -> None:
    make(path, "CREATE VIEW v AS SELECT * FROM t", "CREATE VIRTUAL TABLE f USING fts5(c)").close()
    with sqlite.connect(path) as connection:
        found = sqlite.tables(connection)
    assert found["t"] == ("a", "b")
    assert not {"v", "f"} & found.keys()


def test_rows_come_in_pieces(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path, "INSERT INTO t VALUES (2, 'y')").close()
    monkeypatch.setattr(sqlite, "ROWS_AT_ONCE", 1)
    with sqlite.connect(path) as connection:
        pieces = list(sqlite.chunks(connection, "SELECT a FROM t WHERE a > ?", [0]))
        assert pieces == [[(1,)], [(2,)]]
        monkeypatch.setattr(sqlite, "MOST_ROWS", 1)
        with pytest.raises(ReadError, match="more than the 1 rows"):
            list(sqlite.chunks(connection, "SELECT a FROM t"))


@pytest.mark.parametrize("mode", ["WAL", "DELETE", "TRUNCATE", "PERSIST"])
def test_a_search_under_way_is_read_without_writing_beside_it(path: Path, mode: str) -> None:
    writer = make(path, f"PRAGMA journal_mode = {mode}", "INSERT INTO t VALUES (2, 'y')")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO t VALUES (3, 'z')")
    before = sorted(os.listdir(path.parent))
    assert all_rows(path) == [(1,), (2,)]
    assert sorted(os.listdir(path.parent)) == before
    writer.close()


def test_a_log_without_writes_needs_no_copy(path: Path) -> None:
    make(path, "PRAGMA journal_mode = WAL").close()
    assert all_rows(path) == [(1,)]
    assert os.listdir(path.parent) == [path.name]


def killed_while_writing(path: Path, target: Path) -> Path:
    """A copy taken while a transaction has pages in the database already."""
    writer = make(path, "PRAGMA cache_size = 1", "PRAGMA cache_spill = 1", "BEGIN")
    many = "INSERT INTO t SELECT 7, printf('%.*c', 3000, 'x') FROM n"
    writer.execute("CREATE TEMP TABLE n AS WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL "
                   "SELECT x + 1 FROM r WHERE x < 50) SELECT x FROM r")  # fmt: skip
    writer.execute("UPDATE t SET a = 5")
    writer.execute(many)
    target.mkdir()
    for name in os.listdir(path.parent):
        shutil.copy(path.parent / name, target / name)
    writer.close()
    return target / path.name


def test_a_write_that_was_cut_off_is_undone_in_a_copy(path: Path, tmp_path: Path) -> None:
    copy = killed_while_writing(path, tmp_path / "copy")
    names = sorted(os.listdir(copy.parent))
    assert names == ["study.db", "study.db-journal"]
    content = copy.read_bytes()
    assert all_rows(copy) == [(1,)]
    assert (sorted(os.listdir(copy.parent)), copy.read_bytes()) == (names, content)


def test_a_journal_that_names_another_file_is_not_followed(path: Path, tmp_path: Path) -> None:
    copy = killed_while_writing(path, tmp_path / "copy")
    with (copy.parent / "study.db-journal").open("ab") as journal:
        journal.write(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
    with pytest.raises(ReadError, match="several databases"):
        all_rows(copy)


def test_last_writes_that_are_too_many_to_copy_are_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = make(path, "PRAGMA journal_mode = WAL", "INSERT INTO t VALUES (2, 'y')")
    monkeypatch.setattr(sqlite, "MOST_COPIED_BYTES", 10)
    with pytest.raises(ReadError, match=r"-wal, and .* bytes are too many"):
        all_rows(path)
    writer.close()


@pytest.mark.parametrize(
    ("statement", "query"),
    [
        (f"CREATE VIEW trap AS {ENDLESS}", "SELECT x FROM trap"),
        ("CREATE VIEW trap AS SELECT a FROM t", "SELECT a FROM trap"),
        ("SELECT 1", ENDLESS),
        ("SELECT 1", "SELECT zeroblob(1000000000)"),
        ("SELECT 1", "DELETE FROM t"),
        ("SELECT 1", "ATTACH 'other.db' AS other"),
    ],
)
def test_only_plain_columns_can_be_read(path: Path, statement: str, query: str) -> None:
    make(path, statement).close()
    with pytest.raises(ReadError, match=r"not authorized|prohibited"):
        all_rows(path, query)


def test_what_takes_too_long_is_stopped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path, *["INSERT INTO t SELECT a, b FROM t"] * 8).close()
    monkeypatch.setattr(sqlite, "LEAST_SECONDS", 0.1)
    with pytest.raises(ReadError, match="takes too long"):
        all_rows(
            path, "SELECT x.a FROM t AS x, t AS y, t AS z, t AS w WHERE x.a + y.a + z.a + w.a = 3"
        )


def test_a_huge_cell_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path, "INSERT INTO t VALUES (zeroblob(2000), '')").close()
    monkeypatch.setattr(sqlite, "MOST_CELL_BYTES", 1000)
    with pytest.raises(ReadError, match="too big"):
        all_rows(path)


def test_text_that_is_no_utf8_is_replaced(path: Path) -> None:
    make(path, "INSERT INTO t VALUES (CAST(x'ff41' AS TEXT), '')").close()
    assert all_rows(path)[1] == ("\ufffdA",)


def test_an_error_about_a_name_that_is_no_utf8_is_one_clear_error(path: Path) -> None:
    make(path, 'CREATE TABLE "nameless" ("abcdef")').close()
    content = path.read_bytes().replace(b"nameless", b"\xff" * 8)
    path.write_bytes(content.replace(b'("abcdef")', b"(((((((((("))
    with pytest.raises(ReadError, match="cannot be read"), sqlite.connect(path) as connection:
        sqlite.tables(connection)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda content: b"", "no SQLite database"),
        (lambda content: b"hello", "no SQLite database"),
        (lambda content: content[:1000], "cut off"),
        # SQLite itself reads zeros here.
        (lambda content: content[:-1], "cut off: it has 8,191 bytes of 2 pages of 4,096 bytes"),
        (lambda content: content[:4096], "cut off"),
        (lambda content: content[:100] + b"\xff" * 8092, "malformed|not a database"),
    ],
)
def test_a_damaged_database_is_one_clear_error(
    path: Path, damage: Callable[[bytes], bytes], why: str
) -> None:
    make(path).close()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ReadError, match=why):
        all_rows(path)


def test_a_missing_file_and_a_circle_of_links_are_errors(path: Path) -> None:
    with pytest.raises(ReadError, match="missing"):
        all_rows(path)
    path.symlink_to(path)
    with pytest.raises(ReadError, match="missing"):
        all_rows(path)
