"""CSV and Parquet files of strangers as columns, bounded."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv as pacsv

from auditor.errors import ReadError
from auditor.readers.columns import Columns
from auditor.readers.contents import clean, read_bytes
from auditor.readers.csv_logger.cells import MOST_COLUMNS, check_header
from auditor.readers.looking import SEPARATORS

MOST_BYTES = 2**29
"""Of a CSV file, unpacked: some ten million rows, which take about five times as much memory."""

MOST_RAGGED = 10_000
"""Lines with another number of cells than the header has; with more it is no table."""

MOST_UNPACKED_BYTES = 2**32
"""Of a Parquet file, by its own account."""

MOST_CELLS = 2**27
"""Of a Parquet file, a gigabyte of numbers: equal ones take no place in it."""


def read_columns(path: Path) -> Columns:
    """Read a CSV or Parquet file, by what is in it.

    Raises:
        ReadError: It is neither, or too large.
    """
    try:
        with path.open("rb") as file:
            is_parquet = path.is_file() and file.read(4) == b"PAR1"
    except (OSError, ValueError) as error:
        raise ReadError(f"the file cannot be read: {error}") from error
    return _read_parquet(path) if is_parquet else parse_csv(read_bytes(path, MOST_BYTES))


def parquet_names(path: Path) -> tuple[str, ...]:
    """The columns of a Parquet file; none if it is not readable."""
    try:
        return tuple(pq.read_schema(path).names)[:MOST_COLUMNS]
    except (OSError, ValueError, pa.ArrowException):
        return ()


def parse_csv(content: bytes) -> Columns:
    """Parse a CSV file with a header.

    Raises:
        ReadError: It has no header, or most lines are no rows of it.
    """
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = content.decode(encoding, "replace").lstrip("\r\n")
    if "\0" in text:
        raise ReadError("the file is binary, not a table of text")
    text = text if "\n" in text else text.replace("\r", "\n")
    header, _, body = text.partition("\n")
    check_header(len(header))
    separator = max(SEPARATORS, key=header.count)
    try:
        cells = next(csv.reader(io.StringIO(header), delimiter=separator), [])
    except csv.Error as error:
        raise ReadError(f"the file has no readable header: {error}") from error
    if not cells or len(cells) > MOST_COLUMNS:
        raise ReadError(f"the header has {len(cells):,} columns; 1 to {MOST_COLUMNS:,} are read")
    body, notes = _without_cut_end(body, separator)
    decimal = "," if separator == ";" and re.search(r"\d,\d", body[:1_000]) else "."
    columns, ragged = _cells(body, len(cells), separator)
    notes += [f"{ragged:,} lines have more or fewer cells than the header: left out"] * (ragged > 0)
    return Columns(dict(zip(_unique(cells), columns, strict=True)), notes, decimal)


def _cells(body: str, width: int, separator: str) -> tuple[list[pa.ChunkedArray], int]:
    """All cells as text, and how many lines are no rows."""
    ragged = 0

    def skip(_: pacsv.InvalidRow) -> str:
        nonlocal ragged
        ragged += 1
        return "skip" if ragged <= MOST_RAGGED else "error"

    names = [str(place) for place in range(width)]
    if not body.strip():
        return [pa.chunked_array([[]], pa.string()) for _ in names], 0
    try:
        table = pacsv.read_csv(
            pa.BufferReader(body.encode("utf-8", "replace")),
            pacsv.ReadOptions(column_names=names),
            pacsv.ParseOptions(
                delimiter=separator,
                newlines_in_values='"' in body,
                invalid_row_handler=skip,
            ),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        short = " ".join(str(error).split())
        raise ReadError(f"the file is no table with {width} columns ({short:.200})") from error
    return table.columns, ragged


def _without_cut_end(body: str, separator: str) -> tuple[str, list[str]]:
    """The lines, without a last cell that may be the beginning of a longer one."""
    whole, end, last = body.rpartition("\n")
    if not last.strip() or last.endswith("\r"):
        return body, []
    if '"' in last or separator not in last:
        return whole + end, ["the last line has no end and may be cut off: left out"]
    kept = last.rpartition(separator)[0] + separator
    return f"{whole}{end}{kept}\n", [
        "the last line has no end, so its last cell may be cut off: left out"
    ]


def _unique(names: Sequence[str]) -> list[str]:
    """Names without blanks around them; a name that was there before gets a number."""
    found: dict[str, None] = {}
    repeats: Counter[str] = Counter()  # to try each number anew would take long
    for name in names:
        name = str(clean(name.strip().strip("\"'")))
        free = name
        while free in found:
            repeats[name] += 1
            free = f"{name}.{repeats[name]}"
        found[free] = None
    return list(found)


def _read_parquet(path: Path) -> Columns:
    try:
        with pq.ParquetFile(path) as file:
            _check_size(file.metadata)
            text = [f.name for f in file.schema_arrow if _is_text(f.type)]
        # The same text in millions of rows stays as small as it is in the file.
        with pq.ParquetFile(path, read_dictionary=text) as file:
            table = file.read()
        table.validate(full=True)
    except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
        short = " ".join(str(error).split())
        raise ReadError(f"the file is no readable Parquet file ({short:.200})") from error
    columns = zip(_unique(table.column_names), table.columns, strict=True)
    return Columns({n: _decoded(c) for n, c in columns if not n.startswith("__index_level_")})


def _check_size(about: pq.FileMetaData) -> None:
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    columns = range(about.num_columns)
    if size > MOST_UNPACKED_BYTES or about.num_columns > MOST_COLUMNS:
        raise ReadError(
            f"the file holds {size:,} bytes in {about.num_columns:,} columns; accepted are "
            f"{MOST_UNPACKED_BYTES:,} and {MOST_COLUMNS:,}"
        )
    # Lists have more values than rows.
    cells = sum(group.column(i).num_values for group in groups for i in columns)
    cells = max(cells, about.num_rows * about.num_columns)
    if cells > MOST_CELLS:
        raise ReadError(f"the file holds {cells:,} cells; {MOST_CELLS:,} are accepted")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text of any kind as plain text.

    Raises:
        ReadError: It is far more than what it was packed into.
    """
    if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
        lengths = (
            pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0
            for chunk in column.chunks
        )
        if (size := sum(lengths)) > MOST_BYTES:
            raise ReadError(f"a column holds {size:,} bytes of text; {MOST_BYTES:,} are accepted")
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    is_text = pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if pa.types.is_dictionary(column.type) or is_text:
        return pc.cast(column, pa.string() if is_text else kind)
    return column
