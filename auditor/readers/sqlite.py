"""SQLite databases of strangers: read only, with nothing written beside them, bounded in time.

A database may hold more than tables: views that never end, generated columns that compute, pages
that point in circles. Only plain columns of plain tables are read, and a clock runs beside it.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from auditor.errors import ReadError

MAGIC = b"SQLite format 3\0"

MOST_ROWS = 20_000_000
"""Of one query."""

MOST_CELL_BYTES = 16 * 2**20
"""Of one text or blob."""

MOST_TABLES = 1_000
"""A tool makes about twenty."""

MOST_COPIED_BYTES = 4 * 2**30
"""Of a database that must be copied, because its last writes are in a file beside it."""

SLOWEST_BYTES_PER_SECOND, LEAST_SECONDS = 4 * 2**20, 3.0
"""A sound database is read some ten times faster; one that takes longer runs in circles."""

_PATIENCE = 2.0
"""Seconds until a program that is writing must let go."""

_INTERRUPTED = "interrupted"
"""What SQLite says when the clock has stopped it."""

ROWS_AT_ONCE = 50_000

_STEPS_BETWEEN_LOOKS = 100_000
"""Of SQLite's virtual machine, about a millisecond."""

_WAL_VERSION = slice(18, 20)
"""Bytes of the header: both are 2 in a database with a write-ahead log."""

_PAGE_SIZE, _CHANGE_COUNTER, _PAGES, _VALID_FOR = (
    slice(16, 18),
    slice(24, 28),
    slice(28, 32),
    slice(92, 96),
)
"""More bytes of the header; the number of pages counts where the two counters agree."""

_SUPER_JOURNAL = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""The end of a journal that names a file which SQLite would delete after a rollback."""

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database to read plain tables; text that is no UTF-8 is replaced.

    Whatever SQLite raises inside the `with` block becomes a `ReadError`.

    Args:
        path: A database. Last writes that lie beside it (`-wal`, `-journal`) are read too: from
            a copy in a temporary folder, for SQLite would write beside the original.

    Raises:
        ReadError: It is no database, damaged, or takes too long.
    """
    with ExitStack() as stack:
        try:
            path = Path(os.path.realpath(path))
            connection = sqlite3.connect(_uri(path, stack), uri=True, timeout=_PATIENCE)
            stack.callback(connection.close)
            _restrict(connection, path.stat().st_size)
        except (OSError, ValueError) as error:
            raise ReadError(f"the database cannot be read: {error}") from error
        except sqlite3.Error as error:
            raise _explained(error) from error
        try:
            yield connection
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # What is wrong may name what is no UTF-8, and cannot even be said.
            raise _explained(error) from error


def tables(connection: sqlite3.Connection) -> Mapping[str, tuple[str, ...]]:
    """The columns of each plain table, by the table's name."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
    with_sql = connection.execute(query).fetchmany(MOST_TABLES)
    plain = [str(name) for name, sql in with_sql if not _is_virtual(sql)]
    return {name: _columns(connection, name) for name in plain}


def chunks(
    connection: sqlite3.Connection, query: str, values: Sequence[Any] = ()
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query, some ten thousand at a time: cells are of any type, whatever the schema.

    Raises:
        ReadError: There are more than `MOST_ROWS`.
    """
    cursor = connection.execute(query, values)
    count = 0
    while chunk := cursor.fetchmany(ROWS_AT_ONCE):
        count += len(chunk)
        if count > MOST_ROWS:
            raise ReadError(f"a table has more than the {MOST_ROWS:,} rows that are accepted")
        yield chunk


def quoted(name: str) -> str:
    """A name of a table or column, as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _explained(error: Exception) -> ReadError:
    why = (
        "it takes too long, as if its pages ran in circles" if _INTERRUPTED in str(error) else error
    )
    return ReadError(
        f"the database cannot be read: {why}; if a program is writing it try again, "
        "else repair it with `sqlite3 FILE .recover`"
    )


def _check_whole(head: bytes, size: int) -> None:
    """Refuse a database that is cut off: SQLite reads zeros where the rest of a page is missing."""
    page = int.from_bytes(head[_PAGE_SIZE], "big")
    page = 2**16 if page == 1 else page
    is_counted = head[_CHANGE_COUNTER] == head[_VALID_FOR]
    pages = int.from_bytes(head[_PAGES], "big") if is_counted else 0
    if page and (size % page or size < page * pages):
        raise ReadError(
            f"the database is cut off: it has {size:,} bytes of {max(pages, size // page + 1):,} "
            f"pages of {page:,} bytes; copy it again from where it came from"
        )


def _uri(path: Path, stack: ExitStack) -> str:
    """How to open a database so that nothing is written beside it."""
    if not path.is_file():
        raise ReadError("the file is missing, or not a regular file")
    with path.open("rb") as file:
        head = file.read(100)
    if not head.startswith(MAGIC):
        raise ReadError("the file is no SQLite database")
    if _has(path, "-wal"):
        return f"{_copied(path, '-wal', stack).as_uri()}?mode=rw"
    _check_whole(head, path.stat().st_size)
    if head[_WAL_VERSION] != b"\1\1":
        # Opened otherwise, SQLite makes an empty -wal and a -shm.
        return f"{path.as_uri()}?mode=ro&immutable=1"
    if _has(path, "-journal") and _is_abandoned(path):
        return f"{_copied(path, '-journal', stack).as_uri()}?mode=rw"
    # With its locks, for a search may be under way.
    return f"{path.as_uri()}?mode=ro"


def _has(path: Path, ending: str) -> bool:
    """Whether a file with last writes is beside a database."""
    beside = path.with_name(path.name + ending)
    return beside.is_file() and beside.stat().st_size > 0


def _is_abandoned(path: Path) -> bool:
    """Whether the journal is of a program that was killed: then SQLite must undo its last write."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK
    finally:
        connection.close()
    return False


def _copied(path: Path, ending: str, stack: ExitStack) -> Path:
    """A copy of a database and the file beside it, in a temporary folder that the stack removes."""
    beside = path.with_name(path.name + ending)
    size, more = path.stat().st_size, beside.stat().st_size
    if size + more > MOST_COPIED_BYTES:
        raise ReadError(
            f"the last writes are in {ending}, and {size + more:,} bytes are too many to copy: "
            "close the program that writes it, or run `PRAGMA wal_checkpoint(TRUNCATE)`"
        )
    with beside.open("rb") as file:
        file.seek(max(0, more - len(_SUPER_JOURNAL)))
        if ending == "-journal" and file.read() == _SUPER_JOURNAL:
            raise ReadError("its last write spans several databases and was cut off: repair it")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="auditor-")))
    shutil.copyfile(beside, folder / f"copy{ending}")
    shutil.copyfile(path, folder / "copy")
    return folder / "copy"


def _restrict(connection: sqlite3.Connection, size: int) -> None:
    """Deny whatever a plain table does not need."""
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA mmap_size = 0")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_CELL_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.set_authorizer(_authorise)
    end = time.monotonic() + LEAST_SECONDS + size / SLOWEST_BYTES_PER_SECOND
    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS_BETWEEN_LOOKS)


def _authorise(
    action: int, what: str | None, _: str | None, __: str | None, via: str | None
) -> int:
    """Reading columns, not through a view or trigger; no functions, no recursion."""
    allowed = action in _ALLOWED or (action == sqlite3.SQLITE_PRAGMA and what == "table_info")
    return sqlite3.SQLITE_OK if allowed and via is None else sqlite3.SQLITE_DENY


def _is_virtual(sql: object) -> bool:
    """Whether a table is computed by an extension."""
    return not isinstance(sql, str) or sql.upper().split()[:2] == ["CREATE", "VIRTUAL"]


def _columns(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    found = connection.execute(f"PRAGMA table_info({quoted(table)})")
    return tuple(str(column[1]) for column in found)
