"""Tables of strangers, column by column: text, numbers, truth values, lists.

A cell of text that is empty, or says NA in one of its spellings, was not observed; `nan` and `inf`
were. Text stays text until a column is asked for: it may hold anything further down.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from auditor.files import Json
from auditor.readers.contents import clean
from auditor.readers.csv_logger.cells import NOT_OBSERVED

MOST_LITERAL = 2_000
"""Characters of a printed list or dictionary; a longer one stays text."""

_WHOLE = re.compile(r"[-+]?(0|[1-9]\d{0,17})")
_POINT = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?|[-+]?inf(inity)?", re.I)
_GAPPED = re.compile(r"-?\d{1,17}\.0")
_ABSENT = {"", "na", "n/a", "nan", "<na>", "-"}
"""Texts of cells without a value of a hyperparameter, in lower case."""


class Numbers(NamedTuple):
    """A column of numbers: the cells, NaN where nothing was observed, and which were."""

    values: NDArray[np.float64]
    observed: NDArray[np.bool_]


class Columns:
    """A table.

    Attributes:
        names: Of its columns, each once.
        rows: How many there are.
        notes: What could not be used, in sentences.
    """

    def __init__(
        self, columns: Mapping[str, pa.ChunkedArray], notes: Sequence[str] = (), decimal: str = "."
    ) -> None:
        """Columns of one length, of any types."""
        self._columns = dict(columns)
        self.names = tuple(self._columns)
        self.rows = len(next(iter(self._columns.values()), ()))
        self.notes = list(notes)
        self._decimal = decimal
        self._numbers: dict[str, Numbers | None] = {}

    def numbers(self, name: str) -> Numbers | None:
        """A column as numbers; None if a cell is something else."""
        if name not in self._numbers:
            self._numbers[name] = self._parse(self._columns[name])
        return self._numbers[name]

    def _parse(self, column: pa.ChunkedArray) -> Numbers | None:
        try:
            if pa.types.is_boolean(column.type):
                return None
            try:
                column = pc.cast(column, pa.float64(), safe=False)
            except pa.ArrowInvalid:  # text with gaps
                column = pc.cast(_spared(column, self._decimal), pa.float64())
        except (pa.ArrowException, NotImplementedError):
            return None
        seen = pc.is_valid(column).to_numpy(zero_copy_only=False)
        return Numbers(column.fill_null(np.nan).to_numpy(), seen)

    def numbers_among(self, name: str) -> tuple[Numbers, int]:
        """The numbers in a column, and how many cells hold something else."""
        if (numbers := self.numbers(name)) is not None:
            return numbers, 0
        cells = self.cells(name)
        found = [_number(cell) for cell in cells]
        values = np.array([np.nan if value is None else value for value in found])
        seen = np.array([value is not None for value in found], bool)
        return Numbers(values, seen), sum(c is not ABSENT for c in cells) - int(seen.sum())

    def taken(self, rows: NDArray[np.bool_]) -> "Columns":
        """Some of the rows."""
        columns = {name: column.filter(pa.array(rows)) for name, column in self._columns.items()}
        return Columns(columns, self.notes, self._decimal)

    def codes(self, name: str) -> tuple[NDArray[np.intp], list[str]]:
        """A column as names: which of them stands in each row, -1 for none."""
        return _coded(self._columns[name])

    def cells(self, name: str, rows: NDArray[np.intp] | None = None) -> list[Json]:
        """A column as plain values, such as lists where the text is one; `ABSENT` for none.

        Args:
            name: Of the column.
            rows: Places of the cells that are wanted; by default all.
        """
        column = self._columns[name]
        column = column if rows is None else column.take(pa.array(rows))
        if not pa.types.is_string(column.type):
            return [_plain(value) for value in column.to_pylist()]
        codes, texts = _coded(column)
        values = [_parsed(text) for text in texts]
        has_gaps = bool((codes < 0).any()) or any(value is ABSENT for value in values)
        pairs = zip(values, texts, strict=True)
        if has_gaps and all(value is ABSENT or _GAPPED.fullmatch(text) for value, text in pairs):
            # So pandas writes whole numbers in a column with gaps.
            values = [value if value is ABSENT else int(value) for value in values]
        values.append(ABSENT)
        return [values[code] for code in codes.tolist()]


class _Absent:
    """The type of `ABSENT`."""


ABSENT = _Absent()
"""A cell without a value: not the same as None, which may be a value."""


def by_row(table: Columns, names: Mapping[str, str]) -> list[dict[str, Json]]:
    """Per row its values under new names, without those that it does not have.

    Args:
        table: The table.
        names: Column -> the new name.
    """
    found: list[dict[str, Json]] = [{} for _ in range(table.rows)]
    for column, name in names.items():
        for row, value in zip(found, table.cells(column), strict=True):
            if value is not ABSENT:
                row[name] = value
    return found


def from_lists(lists: Mapping[str, Sequence[Json]]) -> Columns:
    """A table from lists by name, cut to the shortest."""
    rows = min((len(cells) for cells in lists.values()), default=0)
    return Columns({name: _array(cells[:rows]) for name, cells in lists.items()})


def _array(cells: Sequence[Json]) -> pa.ChunkedArray:
    """A list as a column; one of mixed types as text."""
    try:
        return pa.chunked_array([pa.array(cells)])
    except (pa.ArrowException, OverflowError):
        texts = [None if cell is None else str(clean(cell)) for cell in cells]
        return pa.chunked_array([pa.array(texts, pa.string())])


def _spared(column: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """Text without what stands for nothing."""
    if decimal != ".":
        column = pc.replace_substring(column, decimal, ".")
    column = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(column, pa.array(NOT_OBSERVED)), None, column)


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.intp], list[str]]:
    if not pa.types.is_string(column.type):
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        column = pa.chunked_array([pa.array(texts, pa.string())])
    coded = pa.chunked_array(pc.dictionary_encode(column)).unify_dictionaries().combine_chunks()
    labels = [str(clean(label.strip())) for label in coded.dictionary.to_pylist()]
    codes = coded.indices.fill_null(-1).to_numpy().astype(np.intp)
    unique = list(dict.fromkeys(label for label in labels if label))
    place = {label: i for i, label in enumerate(unique)}
    return np.array([*(place.get(label, -1) for label in labels), -1], np.intp)[codes], unique


def _number(cell: Json) -> float | None:
    """A cell of an odd column as a number: "97.5 %" is one."""
    if isinstance(cell, str):
        cell = _parsed(cell.strip().removesuffix("%").strip() or "-")
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else None


def _plain(value: Json) -> Json:
    if value is None or (isinstance(value, float) and value != value):
        return ABSENT
    return clean(value)


def _parsed(text: str) -> Json:
    """A number, truth value, None or list where the text is surely one."""
    lower = text.lower()
    if lower in _ABSENT:
        return ABSENT
    if lower in ("none", "null"):
        return None
    if lower in ("true", "false"):
        return lower == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    if _POINT.fullmatch(text) and len(text) < 400:
        return float(text)
    return literal(text) if text[0] in "[({" else text


def literal(text: str) -> Json:
    """A printed list or dictionary as plain values; other text as it is. No code is run."""
    if len(text) > MOST_LITERAL:
        return text
    try:
        return clean(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return text
