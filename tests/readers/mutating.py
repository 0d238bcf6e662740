"""What can happen to a file: bits flip, parts are lost, doubled, or become something else."""

import random

_WORDS = (
    b"NaN", b"-Infinity", b"null", b"1e999", b"-1", b"0", b"9" * 400, b'""', b"[]", b"{}", b"\0",
    b"\xff\xfe", b"\r", b"\n", b"\x1b[31m", b"<script>", b"'", b'"', b",", b";", b"true", b"../..",
)  # fmt: skip


def mutate(content: bytes, dice: random.Random) -> bytes:
    """The content with one to four random changes."""
    for _ in range(dice.randint(1, 4)):
        content = dice.choice(_CHANGES)(content, dice)
    return content


def _flip(content: bytes, dice: random.Random) -> bytes:
    if not content:
        return content
    changed = bytearray(content)
    for _ in range(dice.randint(1, 8)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randint(0, len(content))]


def _lose(content: bytes, dice: random.Random) -> bytes:
    start, end = _span(content, dice)
    return content[:start] + content[end:]


def _double(content: bytes, dice: random.Random) -> bytes:
    start, end = _span(content, dice)
    return content[:end] + content[start:]


def _put(content: bytes, dice: random.Random) -> bytes:
    at = dice.randint(0, len(content))
    return content[:at] + dice.choice(_WORDS) + content[at:]


def _replace_number(content: bytes, dice: random.Random) -> bytes:
    """A value of another type where a number was: in JSON and tables, all others stay readable."""
    digits = [i for i, byte in enumerate(content[:20_000]) if 48 <= byte <= 57]
    if not digits:
        return content
    start = end = dice.choice(digits)
    while end < len(content) and content[end] in b"0123456789.eE+-":
        end += 1
    return content[:start] + dice.choice(_WORDS) + content[end:]


def _span(content: bytes, dice: random.Random) -> tuple[int, int]:
    start = dice.randint(0, len(content))
    return start, min(len(content), start + dice.choice([1, 10, 100, 1000]))


_CHANGES = (_flip, _cut, _lose, _double, _put, _replace_number, _replace_number)
