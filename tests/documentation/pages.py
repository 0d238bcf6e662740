"""The pages that people read, and the blocks of code in them.

A block says by a comment before it, which no reader sees, how it is treated:

    <!-- not run: it needs a cluster -->   only looked at; Python must compile
    <!-- run -->                           a block of commands is run too; Python is in any case
    <!-- run: slow -->                     the same, in the slow tier
    <!-- file: first.py -->                written to that file, for a block of commands to run
    <!-- output -->                        what the commands before it print, among other things

Commands of `auditor` are held against its options in all blocks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"<!-- (not run|run|file|output)(?:: (.+))? -->")


@dataclass(frozen=True)
class Block:
    """A block of code; one that is merely indented has no language."""

    page: str
    line: int
    language: str
    text: str
    marker: str
    detail: str

    @property
    def runs(self) -> bool:
        """Whether it is run, and not only looked at or written to a file."""
        return self.marker == "run" or (self.language == "python" and not self.marker)

    @property
    def is_slow(self) -> bool:
        return self.runs and self.detail == "slow"


def pages() -> list[str]:
    """All pages, as paths from the root of the project."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


@cache
def tokens(page: str) -> list[Token]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return MarkdownIt().enable("table").parse(text)


@cache
def blocks(page: str) -> tuple[Block, ...]:
    return tuple(_blocks(page))


def _blocks(page: str) -> Iterator[Block]:
    before = ""
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            marker = MARKER.search(before)
            kind, detail = marker.groups() if marker else ("", "")
            line = token.map[0] + 1 if token.map else 0
            yield Block(page, line, token.info, token.content, kind, detail or "")
        before = token.content if token.type == "html_block" else ""
