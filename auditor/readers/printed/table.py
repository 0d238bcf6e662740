"""Tables of learning curves in text, as pandas prints them, or between vertical bars.

pandas leaves rows out in the middle ("..."), breaks wide tables into blocks of columns (each header
but the last ends in a backslash), and may print a line with the index's name below the header.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from auditor.trials import twin

_METRIC = re.compile(
    r"loss|acc|err|mae|mse|auc|precision|recall|f1|r2|iou|dice|score", re.IGNORECASE
)
_ASIDE = {"epoch", "epochs", "lr", "learning_rate", "time", "seconds", "index", "step"}
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+|nan|inf|NaN|NAN|<NA>|None)")
_NAME = re.compile(r"[A-Za-z_][^\s|]{0,99}")
_LEFT_OUT = {"...", "..", "…", ":"}
_FOOTER = re.compile(r"\[(\d{1,12}) rows x \d{1,9} columns\]")
_RULE = re.compile(r"[-+|:=\s]+")

FEWEST_ROWS = 2
"""A table of fewer is no learning curve."""


@dataclass
class Table:
    """One table.

    Attributes:
        names: Of its columns, without the index.
        rows: The printed cells of each row, by its place and its index or epoch.
        has_index: Whether rows are numbered; otherwise they are counted from 0.
        left_out: Whether rows are left out.
        all_rows: How many rows there are with those left out, where that is printed.
    """

    names: list[str]
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    has_index: bool = True
    left_out: bool = False
    all_rows: int | None = None

    @property
    def strange(self) -> list[str]:
        """Columns that are neither a metric, nor known to stand beside some."""
        return [
            name
            for name in self.names
            if not (_METRIC.search(name) or twin(name) in self.names or name.lower() in _ASIDE)
        ]

    @property
    def is_curves(self) -> bool:
        """Whether it holds losses, and nothing that makes its rows trials, not epochs."""
        losses = any("loss" in name.lower() for name in self.names)
        return losses and not self.strange and len(self.rows) >= FEWEST_ROWS


def tables(text: str) -> Iterator[Table]:
    """The tables in a text, whole: blocks of columns are put together again."""
    whole: Table | None = None
    goes_on = False
    for table, is_broken in _blocks(text.splitlines()):
        numbers = [number for number, _ in table.rows]
        if goes_on and whole is not None and numbers == [number for number, _ in whole.rows]:
            whole.names += table.names
            for (_, cells), (_, more) in zip(whole.rows, table.rows, strict=True):
                cells += more
            whole.all_rows = table.all_rows
        else:
            if whole is not None:
                yield whole
            whole = table
        goes_on = is_broken
    if whole is not None:
        yield whole


def _blocks(lines: list[str]) -> Iterator[tuple[Table, bool]]:
    """Headers with the rows below, and whether more columns follow in another block."""
    at, goes_on = 0, False
    while at < len(lines):
        header = _header(lines[at], goes_on)
        at += 1
        if header is None:
            continue
        names, is_broken = header
        table = Table(names)
        if at < len(lines) and len(_cells(lines[at])) == 1 and _NAME.fullmatch(lines[at].strip()):
            at += 1  # the name of the index
        while at < len(lines) and _take(table, lines[at]):
            at += 1
        footer = _FOOTER.search("\n".join(lines[at : at + 2])[:1000])
        table.all_rows = int(footer[1]) if footer else None
        if table.rows:
            goes_on = is_broken
            yield table, is_broken


def _header(line: str, goes_on: bool) -> tuple[list[str], bool] | None:
    """The names in a header, and whether it is of a block; None where it is no header.

    The first block has a metric; what goes on may be all else.
    """
    if len(line) > 100_000:
        return None
    is_broken = line.rstrip().endswith("\\")
    names = [name for name in _cells(line.rstrip().removesuffix("\\")) if name]
    fits = all(_NAME.fullmatch(name) or name in _LEFT_OUT for name in names)
    is_header = names and fits and (goes_on or any(map(_METRIC.search, names)))
    return (names, is_broken) if is_header else None


def _take(table: Table, line: str) -> bool:
    """Add a row to a table; False where the line is none."""
    if len(line) > 100_000:
        return False
    cells = _cells(line)
    if cells and all(cell in _LEFT_OUT for cell in cells):
        table.left_out = True
        return True
    if ("|" in line or "+" in line[:2]) and _RULE.fullmatch(line):
        return True
    if len(cells) == len(table.names) and not (table.rows and table.has_index):
        cells = [str(len(table.rows)), *cells]
        table.has_index = False
    if len(cells) != len(table.names) + 1 or not re.fullmatch(r"\d{1,9}", cells[0]):
        return False
    if not all(_NUMBER.fullmatch(cell) or cell in _LEFT_OUT for cell in cells[1:]):
        return False
    table.rows.append((int(cells[0]), cells[1:]))
    return True


def _cells(line: str) -> list[str]:
    if line.count("|") < 2:
        return line.split()
    cells = [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
    return cells
