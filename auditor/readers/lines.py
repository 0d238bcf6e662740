"""Long files of lines, some megabytes at a time: parsed values take many times their text."""

from collections.abc import Iterator

BLOCK_BYTES = 2**22

MOST_BAD_LINES = 100_000
"""A file with more lines that are none of its format is left there."""


def blocks(content: bytes) -> Iterator[bytes]:
    """The content in pieces of whole lines, `BLOCK_BYTES` or little more each."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + BLOCK_BYTES) + 1 or len(content)
        yield content[start:end]
        start = end
