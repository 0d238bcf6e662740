"""The report for a terminal: readable at 80 columns, without colour, and in a pipe.

Tables are laid out here and not by rich: its tables shorten what does not fit, and an id that is
cut cannot be looked up. Nothing here is ever cut; what is too wide goes to the next line.
"""

import io
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from auditor.report.numbers import UNKNOWN, count
from auditor.report.parts import Cell, Column, Entry, Section, Table, Tone
from auditor.report.safe import printable
from auditor.report.sections import sections

if TYPE_CHECKING:
    from auditor.auditing import Audit

GAP = "  "
AS_ABOVE = "as above"
BULLET = "- "
LEAST_WIDTH = 40
"""Narrower than this, words break everywhere; such a terminal scrolls sideways instead."""

NARROWEST_COLUMN = 10
PROSE = 24

_STYLES: dict[Tone, str] = {
    "good": "green",
    "tip": "cyan",
    "warning": "yellow",
    "error": "bold red",
    "quiet": "dim",
    "plain": "",
}


def render_terminal(audit: "Audit", width: int = 80, colour: bool = False) -> str:
    """The report as text that ends in a newline; see `laid_out`."""
    return laid_out(sections(audit), width, colour)


def laid_out(shown: Iterable[Section], width: int = 80, colour: bool = False) -> str:
    """Sections as text that ends in a newline.

    Args:
        shown: What to show.
        width: Columns of the terminal.
        colour: Whether to add ANSI colours. They repeat what the words say.
    """
    width = max(width, LEAST_WIDTH)
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        # Without this a width that the caller gave would be overruled by the environment's.
        _environ={},
    )
    with console.capture() as capture:
        for section in shown:
            for line in _section(section, width):
                line.rstrip()  # columns are padded, ends of lines need not be
                console.print(line, soft_wrap=True)
    return capture.get().lstrip("\n")


def _section(section: Section, width: int) -> Iterator[Text]:
    yield Text()
    yield Text(section.title.upper(), "bold")
    yield Text("─" * min(width, 80), "dim")
    if section.headline:
        yield from _wrapped(section.headline, width, style=f"bold {_STYLES[section.tone]}".strip())
        yield Text()
    if section.answers:
        yield from _facts(section.answers, width)
        yield from [Text()] * bool(section.paragraphs or section.facts)
    for paragraph in section.paragraphs:
        yield from _wrapped(paragraph, width)
    if section.facts:
        yield from [Text()] * bool(section.paragraphs)
        yield from _facts(section.facts, width)
    for entry in section.entries:
        yield Text()
        yield from _entry(entry, width)
    for table in section.tables:
        yield Text()
        yield from _table(table, width)
    yield from [Text()] * bool(section.notes)
    for note in section.notes:
        first, *rest = _fit(Text(printable(note)), width - len(BULLET))
        yield Text.assemble(BULLET, first)
        yield from (Text.assemble(" " * len(BULLET), line) for line in rest)


def _facts(facts: tuple[tuple[str, str], ...], width: int) -> Iterator[Text]:
    rows = [[Text(printable(name), "dim"), Text(printable(value))] for name, value in facts]
    names = min(max(name.cell_len for name, _ in rows), width // 3)
    for row in rows:
        yield from _row(row, [names, width - names - len(GAP)], [False, False])


def _entry(entry: Entry, width: int) -> Iterator[Text]:
    title = Text(printable(f"{entry.label} {entry.title}"), f"bold {_STYLES[entry.tone]}".strip())
    title.append(f" ({printable(entry.badge)})", "dim")
    yield from _fit(title, width)
    for text in (entry.sentence, *entry.details):
        yield from _wrapped(text, width, indent=2)
    if entry.table:
        yield from _table(entry.table, width, indent=2)
    if entry.remedy:
        yield from _wrapped(f"→ {entry.remedy}", width, indent=2)


def _table(table: Table, width: int, indent: int = 0) -> Iterator[Text]:
    margin = " " * indent
    if table.title:
        yield Text(margin + printable(table.title), "bold")
    rows = table.rows[: table.brief]
    heads = [Text(printable(_heading(column)), "dim") for column in table.columns]
    bodies = [[Text(printable(c.text), _STYLES[c.tone]) for c in row] for row in _shown(table)]
    beside = _beside(table.columns, [heads, *bodies], width - indent)
    rights = [table.columns[i].align == "right" for i in beside]
    lines = [[cells[i] for i in beside] for cells in (heads, *bodies)]
    widths = _widths(lines, rights, width - indent)
    for row, cells in zip((None, *rows), lines, strict=True):
        yield from (Text.assemble(margin, line) for line in _row(cells, widths, rights))
        if row and len(beside) < len(table.columns):
            rest = [i for i, c in enumerate(table.columns) if i not in beside and not c.aside]
            below = _below([(table.columns[i], row.cells[i]) for i in rest])
            yield from _wrapped(below, width, indent + 5, "dim")
    if len(table.rows) > len(rows):
        yield Text(f"{margin}… {count(len(table.rows) - len(rows))} more, see --csv", "dim")
    if table.note:
        yield from _wrapped(table.note, width, indent, "dim")


def _shown(table: Table) -> Iterator[list[Cell]]:
    """The cells of each row, without the words that the row above has said."""
    above = [""] * len(table.columns)
    for row in table.rows[: table.brief]:
        yield [
            Cell(AS_ABOVE, tone="quiet")
            if column.ditto and cell.text and cell.text == said
            else cell
            for column, cell, said in zip(table.columns, row.cells, above, strict=True)
        ]
        above = [cell.text for cell in row.cells]


def _beside(columns: tuple[Column, ...], rows: list[list[Text]], room: int) -> list[int]:
    """The columns that stand side by side: all of them where the page is wide enough."""
    natural = _natural(rows)
    beside = [i for i, column in enumerate(columns) if not column.aside]
    if _needed(natural, beside) <= room:
        return beside
    few = [i for i in beside if not columns[i].below]
    if len(few) < len(beside):
        # A long id is easier to copy from a line of its own than from a folded column.
        few = [i for i in few if columns[i].name != "trial" or natural[i] <= room // 3]
    beside = few
    least = [min(width, NARROWEST_COLUMN) for width in natural]
    while len(beside) > 1 and _needed(least, beside) > room:
        beside.pop()
    return beside


def _needed(widths: list[int], beside: list[int]) -> int:
    return sum(widths[i] for i in beside) + len(GAP) * (len(beside) - 1)


def _heading(column: Column) -> str:
    return f"{column.name} ({column.unit})" if column.unit else column.name


def _below(pairs: list[tuple[Column, Cell]]) -> str:
    """What has no place beside: "lr=0.1  activation=relu"."""
    return GAP.join(
        f"{column.name}{'=' if len(cell.text) < PROSE else ': '}{cell.text}"
        for column, cell in pairs
        if cell.text not in ("", UNKNOWN)
    )


def _widths(rows: list[list[Text]], rights: list[bool], room: int) -> list[int]:
    """Natural widths; where they exceed the room, the widest columns of words give way."""
    widths = _natural(rows)
    room -= len(GAP) * (len(widths) - 1)
    while sum(widths) > room:
        words = [i for i, right in enumerate(rights) if not right and widths[i] > NARROWEST_COLUMN]
        candidates = words or [i for i, width in enumerate(widths) if width > NARROWEST_COLUMN]
        if not candidates:
            break
        widths[max(candidates, key=lambda i: widths[i])] -= 1
    return widths


def _natural(rows: list[list[Text]]) -> list[int]:
    return [max(text.cell_len for text in column) for column in zip(*rows, strict=True)]


def _row(cells: list[Text], widths: list[int], rights: list[bool]) -> Iterator[Text]:
    columns = [list(_fit(cell, width)) for cell, width in zip(cells, widths, strict=True)]
    for lines in zip_longest(*columns, fillvalue=Text()):
        parts = [
            _padded(line, width, right)
            for line, width, right in zip(lines, widths, rights, strict=True)
        ]
        yield Text(GAP).join(parts)


def _padded(text: Text, width: int, right: bool = False) -> Text:
    space = " " * max(0, width - text.cell_len)
    return Text.assemble(space, text) if right else Text.assemble(text, space)


def _wrapped(text: str, width: int, indent: int = 0, style: str = "") -> Iterator[Text]:
    for line in _fit(Text(printable(text), style), width - indent):
        yield Text.assemble(" " * indent, line)


def _fit(text: Text, width: int) -> Iterator[Text]:
    """Lines no wider than the width, broken between words, and inside a word only if need be."""
    line, style = "", text.style
    for word in text.plain.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            yield Text(line, style)
        *full, line = chop_cells(word, width) or [""]
        yield from (Text(part, style) for part in full)
    if line:
        yield Text(line, style)
