"""Histories as text: `print(history.history)`, pasted and broken as it may be, and cut-off JSON.

Nothing is evaluated. A list is read up to the first place at which it is not certain what comes
next: an ellipsis, a quote that does not belong, the end of the text within a number.
"""

import re
from dataclasses import dataclass, field
from typing import Any

MOST_CHARACTERS = 2**24
"""Of a text; a history of 20 metrics and 40,000 epochs has as many."""

QUOTES = "[\"'`\u00b4\u2018\u2019\u201c\u201d]{0,3}"
_KEY = re.compile(
    r"(?<![\w/.\-])(?P<name>[A-Za-z_][\w/.\-]{0,99})" + QUOTES + r"\s{0,9}[:=]\s{0,9}"
    r"(?P<open>(?:[A-Za-z_.]{0,30}\(\s{0,9})?\[|\{)"
)
"""A name, and the list or braces after it; its quotes may be lost."""

_NUMBER = r"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|(?i:nan|infinity|inf))(?![\w.])"
_PLAIN = re.compile(r"[\s\d.,eE+\-naNifty]*")
_TOKEN = re.compile(
    rf"""(?P<space>\s*+)(?:
    (?P<number>{_NUMBER})
    |(?P<nothing>None|null)\b
    |<tf\.Tensor:[^<>]{{0,200}}?numpy=(?P<tensor>{_NUMBER})\s*>
    |(?P<wrap>(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*\()
    |(?P<remark>,\s*[a-z_]{{1,20}}=[^\[\]()]{{0,100}}(?=\)))
    |(?P<sign>[,\])])
    )""",
    re.VERBOSE,
)
_WRAPS = re.compile(r"(?:.*\.)?(?:float|float16|float32|float64|bfloat16|double|tensor|array)\($")
_NO_LABELS = {"history", "params", "config", "hparams", "hyperparameters", "logs", "data"}


@dataclass
class TextRun:
    """One history in a text.

    Attributes:
        label: The name before its braces, if it has one.
        series: Per name the values; None where nothing was observed.
        cut: Names of those of which only the first values are certain.
    """

    label: str = ""
    series: dict[str, list[Any]] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)


def runs_in_text(text: str) -> list[TextRun]:
    """The histories in a text. A name that comes again starts the next one.

    Example:
        >>> runs_in_text("{'loss': [0.5, 0.4], 'accuracy': [0.9, ...")[0].series
        {'loss': [0.5, 0.4], 'accuracy': [0.9]}
    """
    text = text[:MOST_CHARACTERS]
    runs = [TextRun()]
    position = 0
    while key := _KEY.search(text, position):
        name, position = key["name"], key.end()
        if key["open"] == "{":
            if name.lower() not in _NO_LABELS:
                runs.append(TextRun(name))
            continue
        values, is_cut, position = _values(text, position)
        if not values:
            continue
        if name in runs[-1].series:
            runs.append(TextRun())
        runs[-1].series[name] = values
        runs[-1].cut |= {name} if is_cut else set()
    return [run for run in runs if run.series]


def _values(text: str, start: int) -> tuple[list[Any], bool, int]:
    """The values of a list that starts here, whether it is cut off, and where it ends."""
    plain = _PLAIN.match(text, start)
    comma = text.rfind(",", start, plain.end() if plain else start)
    if comma >= 0:
        try:
            values = [float(part) for part in text[start:comma].split(",")]
        except ValueError:
            return _careful(text, start, has_commas=True)
        rest, is_cut, end = _careful(text, comma + 1, has_commas=True)
        return values + rest, is_cut, end
    return _careful(text, start, has_commas="," in text[start : start + 100].split("]")[0])


def _careful(text: str, position: int, has_commas: bool) -> tuple[list[Any], bool, int]:
    """The same where more than numbers and commas stand in the list."""
    values: list[Any] = []
    after_number: re.Match[str] | None = None
    wraps = 0
    while token := _TOKEN.match(text, position):
        number = token["number"] or token["tensor"]
        if token["sign"] == "]":
            return values, False, token.end()
        if number or token["nothing"]:
            if after_number is None or not has_commas:
                values.append(float(number) if number else None)
            elif (joined := _joined(after_number, token)) is not None:
                values[-1] = joined
            else:
                break
            after_number = token
        elif token["sign"] == ",":
            after_number = None
        elif token["wrap"] and _WRAPS.fullmatch(token["wrap"]):
            wraps += 1
        elif token["sign"] == ")" and wraps:
            wraps -= 1
        elif not token["remark"]:
            break
        position = token.end()
    if after_number is not None and not text[position:].strip():
        values.pop()  # The text may end within this number.
    return values, True, position


def _joined(first: re.Match[str], second: re.Match[str]) -> float | None:
    """The number that a line break has cut in two: "0.69", "314"."""
    digits = f"{first['number']}{second['number']}"
    is_broken = second["space"] in ("\n", "\r\n") and re.fullmatch(r"-?\d+\.\d+", digits)
    return float(digits) if is_broken and "." in str(first["number"]) else None
