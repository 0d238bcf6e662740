"""The cells of CSV files as columns of numbers: many small files at once, odd files with care.

A cell that is empty, or says NA in one of its spellings, was not observed; `nan` and `inf` were.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as pacsv

from auditor.errors import ReadError
from auditor.readers.looking import SEPARATORS

MOST_COLUMNS = 10_000
"""A file with more is no log of epochs."""

MOST_HEADER_BYTES = 2**20
"""Of the first line: ten thousand names of a hundred characters."""

NOT_OBSERVED = ("", "NA", "N/A", "n/a", "<NA>", "None", "none", "null", "NULL", "-")
"""Texts of cells in which nothing was observed."""

GLANCE_BYTES = 2**12

_WORDS = re.compile(rb"(?:NA|nan|NaN|inf|Inf|Infinity)*")
_NUMBER = r"^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?i:nan|inf|infinity))$"


@dataclass
class Table:
    """One file.

    Attributes:
        names: Its header, stripped.
        values: Per column all its cells; NaN where nothing was observed.
        observed: Per column which cells were.
        starts: Rows before which the header stands once more.
        notes: What could not be used, in sentences.
    """

    names: tuple[str, ...]
    values: list[NDArray[np.float64]]
    observed: list[NDArray[np.bool_]]
    starts: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Layout(NamedTuple):
    names: tuple[str, ...]
    separator: str
    decimal: str = "."


class _Body(NamedTuple):
    """The lines below a header, each ended by a line break."""

    lines: bytes
    rows: int
    is_plain: bool
    notes: list[str]


def header(content: bytes) -> tuple[str, ...]:
    """The names of the columns; none where the content is no text."""
    try:
        return _header(_as_utf8(content))[0].names
    except ReadError:
        return ()


def tables(contents: Sequence[bytes]) -> list[Table | ReadError]:
    """Parse the contents of files; what cannot be is an error in its place."""
    found: dict[int, Table | ReadError] = {}
    groups: dict[_Layout, list[tuple[int, _Body]]] = defaultdict(list)
    for place, content in enumerate(contents):
        try:
            layout, lines = _header(_as_utf8(content))
            body = _body(layout, lines)
        except ReadError as error:
            found[place] = error
            continue
        if body.is_plain:
            groups[layout].append((place, body))
        else:
            found[place] = _careful(layout, body)
    for layout, members in groups.items():
        parsed = _together(layout, [body for _, body in members])
        found |= dict(zip((place for place, _ in members), parsed, strict=True))
    return [found[place] for place in range(len(contents))]


def _as_utf8(content: bytes) -> bytes:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = content.decode("utf-16", "replace").encode()
    # A file that was being written when the machine went down may end in zeros.
    content = content.removeprefix(b"\xef\xbb\xbf").rstrip(b"\0")
    if b"\0" in content:
        raise ReadError("the file is binary, not a table of text; no epochs are taken from it")
    return content.replace(b"\r", b"\n") if b"\n" not in content else content


def _header(content: bytes) -> tuple[_Layout, bytes]:
    """The header, and the lines below it."""
    content = content.lstrip(b"\r\n")
    if content[:4].lower() == b"sep=":  # Excel's remark about its separator
        content = content.partition(b"\n")[2]
    line, _, lines = content.partition(b"\n")
    check_header(len(line))
    layout = _layout(line)
    if not layout.names:
        raise ReadError("the file is empty: no epoch was recorded")
    if layout.separator == ";" and re.search(rb"\d,\d", lines[:1_000]):
        layout = layout._replace(decimal=",")
    return layout, lines


def check_header(size: int) -> None:
    """Refuse a first line that would take gigabytes as names.

    Raises:
        ReadError: It has more than `MOST_HEADER_BYTES`.
    """
    if size > MOST_HEADER_BYTES:
        raise ReadError(f"its first line has {size:,} bytes: a table of epochs has a short header")


@lru_cache(256)
def _layout(line: bytes) -> _Layout:
    text = line.decode("utf-8", "replace").strip()
    separator = max(SEPARATORS, key=text.count)
    try:
        names = next(csv.reader(io.StringIO(text), delimiter=separator), [])
    except csv.Error as error:
        raise ReadError(f"the file has no readable header: {error}") from error
    if len(names) > MOST_COLUMNS:  # here, so that they are not remembered
        raise ReadError(f"the file has more than the {MOST_COLUMNS:,} columns that are accepted")
    return _Layout(tuple(name.strip() for name in names), separator)


def _body(layout: _Layout, lines: bytes) -> _Body:
    """The lines, without a last one that is cut off, and whether they hold nothing but numbers."""
    notes = []
    end = lines.rfind(b"\n") + 1
    whole, last = (lines[:end], lines[end:]) if end < len(lines) else (lines, b"")
    separator, width = layout.separator.encode(), len(layout.names)
    if last.strip():
        # A last number without an end may be the first digits of a longer one.
        is_row = last.count(separator) == width - 1 and b'"' not in last and width > 1
        if last.endswith(b"\r"):
            whole += last + b"\n"
        elif is_row:
            whole += last.rpartition(separator)[0] + separator + b"\n"
            notes.append("the last line has no end, so its last cell may be cut off: left out")
        else:
            notes.append("the last line is cut off, and left out")
    # Only the first lines are looked at here: what is odd further on shows when it is parsed.
    glance = whole[: whole.rfind(b"\n", 0, GLANCE_BYTES) + 1].translate(
        None, b"0123456789.,+-eE \t;|\r\n"
    )
    is_plain = b'"' not in whole and _WORDS.fullmatch(glance) is not None
    return _Body(whole, whole.count(b"\n"), is_plain, notes)


def _together(layout: _Layout, bodies: Sequence[_Body]) -> list[Table]:
    """Files with one header, parsed as one."""
    rows = sum(body.rows for body in bodies)
    table = _numbers(layout, b"".join(body.lines for body in bodies)) if rows else None
    if rows and (table is None or table.num_rows != rows):
        if len(bodies) == 1:
            return [_careful(layout, bodies[0])]
        half = len(bodies) // 2
        return [*_together(layout, bodies[:half]), *_together(layout, bodies[half:])]
    columns = [_arrays(column) for column in table.columns] if table else []
    if not columns:
        columns = [(np.empty(0), np.empty(0, np.bool_)) for _ in layout.names]
    found, start = [], 0
    for body in bodies:
        part = slice(start, start := start + body.rows)
        values = [values[part] for values, _ in columns]
        found.append(
            Table(layout.names, values, [seen[part] for _, seen in columns], [], body.notes)
        )
    return found


def _numbers(layout: _Layout, lines: bytes) -> pa.Table | None:
    """All cells as numbers; None where one is not."""
    names = [str(place) for place in range(len(layout.names))]
    try:
        return pacsv.read_csv(
            pa.BufferReader(lines),
            pacsv.ReadOptions(column_names=names),
            pacsv.ParseOptions(delimiter=layout.separator, quote_char=False),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float64()),
                null_values=NOT_OBSERVED,
                decimal_point=layout.decimal,
            ),
        )
    except pa.ArrowException:
        return None


def _arrays(column: pa.ChunkedArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values, NaN where nothing is, and where something is."""
    seen = pc.is_valid(column).to_numpy()
    return column.fill_null(np.nan).to_numpy(), seen


def _careful(layout: _Layout, body: _Body) -> Table:
    """A file with quotes, text, blank lines, lines of several lengths or headers in between."""
    ragged: list[pacsv.InvalidRow] = []

    def skip(row: pacsv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    text = re.sub(rb"\r+\n?", b"\n", body.lines).decode("utf-8", "replace").encode()
    names = [str(place) for place in range(len(layout.names))]
    try:
        cells = pacsv.read_csv(
            pa.BufferReader(text),
            pacsv.ReadOptions(column_names=names, use_threads=False),
            pacsv.ParseOptions(delimiter=layout.separator, invalid_row_handler=skip),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException:  # nothing but blank lines
        cells = pa.table({name: pa.array([], pa.string()) for name in names})
    columns = [pc.utf8_trim(column, characters=" '\"\t%") for column in cells.columns]
    table = Table(layout.names, [], [], notes=list(body.notes))
    if ragged:
        table.notes.append(
            f"{len(ragged):,} of its lines have another number of cells than the header has, "
            f"{len(names)}; the first is line {ragged[0].number + 1}: left out"
        )
    is_header = np.ones(cells.num_rows, np.bool_)
    for name, column in list(zip(layout.names, columns, strict=True))[:2]:
        is_header &= pc.equal(column, name.strip(" '\"\t")).to_numpy()
    table.starts = (np.flatnonzero(is_header) - np.arange(is_header.sum())).tolist()
    for name, column in zip(layout.names, columns, strict=True):
        values, seen, note = _as_numbers(name, column.filter(pa.array(~is_header)), layout.decimal)
        table.values.append(values)
        table.observed.append(seen)
        table.notes += [note] if note else []
    return table


def _as_numbers(
    name: str, column: pa.ChunkedArray, decimal: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_], str]:
    """A column of text as numbers, and a sentence on the cells that are none."""
    if decimal != ".":
        column = pc.replace_substring(column, decimal, ".")
    is_number = pc.match_substring_regex(column, _NUMBER)
    is_empty = pc.is_in(column, pa.array(NOT_OBSERVED))
    odd = column.filter(pc.invert(pc.or_(is_number, is_empty)))
    note = ""
    if len(odd):
        note = f"{name or 'a column without a name'} is not a number in {len(odd):,} cells, "
        note += f"such as {odd[0].as_py()!r:.80}: they are left out"
    numbers = pc.if_else(is_number, column, pa.scalar(None, pa.string()))
    return *_arrays(pc.cast(numbers, pa.float64())), note
