"""Events in what Keras printed: epochs that begin, bars that are full, trials of KerasTuner.

A log is mostly bars under way, several a second, each of which overwrites the one before. They are
never parsed: only where the two numbers of `281/281` agree, or a validation metric stands, is text
looked at. Whatever separates updates (line ends, carriage returns, backspaces, nothing at all
where a paste lost them) therefore does not matter.
"""

import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from auditor.readers.console.state import LONGEST, State, parse_state
from auditor.readers.console.summary import HEADER

AROUND = 2**16
"""Bytes before and after a place that may be needed to understand it."""

MOST_TEXT = 2**14
"""Bytes after a message that belong to it, such as a table of a hundred hyperparameters."""

BEHIND = 2048
"""Bytes before a bar that tell whether it overwrites the one before."""

MOST_LOOKED_AT = 200
"""Numbers such as 3/281 that are looked at before a text is said to show no bar."""

MOST_DIGITS = 12
"""Of a number of steps."""

_EPOCH = re.compile(rb"(?<![A-Z])Epoch +(\d{1,9})/(\d{1,24})(?:/(\d{1,12}))?(?!\d)")
_STEPS = re.compile(rb"(\d{1,12})/(?:(\d{1,12})(?!\d)|(?:Unknown|None)\b)")
_OLD = re.compile(rb"(?:^|[\r\n])[^\r\n]{0,60}?(?<![^\s:>\]])(?:- )?(\d{1,9})s - (?=[A-Za-z])")
_VALIDATION = b" - val_"


@dataclass(frozen=True)
class Event:
    """Something in a log.

    Attributes:
        at, end: Where, in bytes from its start.
    """

    at: int
    end: int


@dataclass(frozen=True)
class Epoch(Event):
    """`Epoch 3/10`.

    Attributes:
        number: As printed, from 1.
        totals: How many epochs there may be, the likeliest first. More than one where a lost line
            break joined the total and the first number of the bar: "Epoch 1/10281/281".
    """

    number: int
    totals: tuple[int, ...]


@dataclass(frozen=True)
class Bar(Event):
    """A bar that is full, or has validation metrics.

    Attributes:
        state: What it says.
        steps: Its number of steps; None where Keras did not know or say it.
        behind: Some text before it.
    """

    state: State
    steps: int | None
    behind: bytes


@dataclass(frozen=True)
class Mark(Event):
    """A message around training.

    Attributes:
        kind: A key of `MARKS`.
        text: What follows it.
    """

    kind: str
    text: bytes


MARKS = {
    "trial": b"Search: Running Trial #",
    "end of trial": b" Complete [",
    "best": b"So Far: ",
    "stopped early": b": early stopping",
    "stopped at NaN": b"Invalid loss, terminating training",
    "traceback": b"Traceback (most recent call last)",
    "summary": HEADER,
}


def events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """The events of a log, in order, in bounded memory.

    Args:
        pieces: Its text in UTF-8, a few megabytes at a time.
    """
    text, before, last = b"", 0, 0
    done = 0  # everything before it is looked at
    for piece in chain(pieces, [None]):
        text += piece or b""
        stop = len(text) if piece is None else max(len(text) - AROUND, done)
        for event in _within(_Window(text, before, done, stop, piece is None)):
            if event.at >= last:  # not inside the one before
                last = event.end
                yield event
        cut = max(stop - AROUND, 0)
        text, before, done = text[cut:], before + cut, stop - cut


@dataclass
class _Window:
    """Bytes of a log, of which those from `start` to `stop` are looked at now."""

    text: bytes
    before: int
    start: int
    stop: int
    is_last: bool

    def find(self, what: bytes) -> Iterator[int]:
        at = self.text.find(what, self.start)
        while 0 <= at < self.stop:
            yield at
            at = self.text.find(what, at + 1)


def _within(window: _Window) -> Iterator[Event]:
    """The events that begin in a window, in order."""
    found: list[Iterator[Event]] = [
        (_epoch(window, match) for match in _epochs(window)),
        _lines_without_bar(window),
        _full_bars(window),
        _validated_bars(window),
        *(_marks(window, kind, words) for kind, words in MARKS.items()),
    ]
    return heapq.merge(*found, key=lambda event: event.at)


def _epochs(window: _Window) -> Iterator[re.Match[bytes]]:
    # The pattern alone would take as long as all else: it cannot skip to its first letter.
    matches = (_EPOCH.match(window.text, at) for at in window.find(b"Epoch "))
    return (match for match in matches if match)


def _epoch(window: _Window, match: re.Match[bytes]) -> Epoch:
    number, joined, steps = int(match[1]), match[2], match[3]
    at = window.before + match.start()
    if steps is None:
        return Epoch(at, window.before + match.end(), number, (int(joined),))
    ways = [(joined[:i], joined[i:]) for i in range(1, len(joined))]
    ways = [
        (total, step)
        for total, step in ways
        if step[:1] != b"0" and int(step) <= int(steps) and int(total) >= number
    ]
    # The longest number of steps comes first: that is a full bar, or one as long as Keras pads it.
    # The bar itself is an event of its own.
    end = window.before + match.end(1)
    return Epoch(at, end, number, tuple(int(total) for total, _ in ways))


def _full_bars(window: _Window) -> Iterator[Bar]:
    """Bars whose two numbers agree."""
    for slash, digits in _full(window):
        steps = window.text[slash + 1 : slash + 1 + digits]
        bar = _bar(window, slash - digits, slash + 1 + digits, int(steps))
        if bar is not None:
            yield bar


def _validated_bars(window: _Window) -> Iterator[Bar]:
    """Bars with validation metrics, of however many steps; those that are full once more."""
    looked = end = 0
    for at in window.find(_VALIDATION):
        if window.before + at < end:
            continue
        near = list(_STEPS.finditer(window.text, max(at - LONGEST, looked), at))
        looked = at
        bar = _bar(window, *near[-1].span(), int(near[-1][2] or 0) or None) if near else None
        if bar is not None and window.before + at < bar.end:
            end = bar.end
            yield bar


def shows_bar(text: bytes) -> bool:
    """Whether a text holds a bar, full or not, that shows metrics."""
    steps = islice(_STEPS.finditer(text), MOST_LOOKED_AT)
    return any(parse_state(text, match.end(), False) is not None for match in steps)


def _bar(window: _Window, start: int, end: int, steps: int | None) -> Bar | None:
    state = parse_state(window.text, end, window.is_last)
    if state is None:
        return None
    behind = b"" if state.is_validated else window.text[max(start - BEHIND, 0) : start]
    return Bar(window.before + start, window.before + state.end, state, steps, behind)


def _full(window: _Window) -> Iterator[tuple[int, int]]:
    """Slashes between two equal numbers, and how many digits these have.

    The first number may follow other digits: there a line break was lost.
    """
    pad = np.zeros(MOST_DIGITS + 2, np.uint8)
    text = np.concatenate([pad, np.frombuffer(window.text, np.uint8), pad])
    at = np.flatnonzero(text[len(pad) + window.start : len(pad) + window.stop] == ord("/"))
    at += len(pad) + window.start
    found: list[NDArray[np.intp]] = []
    for digits in range(1, MOST_DIGITS + 1):
        at = at[_is_digit(text[at + digits])]
        same = at[~_is_digit(text[at + digits + 1])]
        for place in range(1, digits + 1):
            same = same[text[same + place] == text[same + place - digits - 1]]
        found.append(np.stack([same - len(pad), np.full_like(same, digits)], axis=1))
    places = np.concatenate(found)
    for slash, digits in places[np.argsort(places[:, 0])]:
        yield int(slash), int(digits)


def _is_digit(text: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return text - np.uint8(ord("0")) < 10  # below "0" it wraps around


def _lines_without_bar(window: _Window) -> Iterator[Bar]:
    """` - 3s - loss: ...`, as Keras printed with `verbose=2` before 2.3, after its `Epoch 3/10`."""
    for match, following in pairwise(chain(_epochs(window), [None])):
        if match is None:  # only to say so to the type checker
            return
        stop = min(match.end() + LONGEST, following.start() if following else len(window.text))
        line = _OLD.search(window.text, match.end(), stop)
        if line and not _STEPS.search(window.text, match.end(), line.end(1)):
            state = parse_state(window.text, line.start(1), window.is_last)
            if state is not None:
                at = window.before + line.start(1)
                yield Bar(at, window.before + state.end, state, None, b"")


def _marks(window: _Window, kind: str, words: bytes) -> Iterator[Mark]:
    """Messages of one kind."""
    for at, following in pairwise(chain(window.find(words), [len(window.text)])):
        # What stands before is part of the message: "Trial 3 Complete [".
        line = window.text.rfind(b"\n", max(at - 200, 0), at) + 1
        start = line if kind in ("end of trial", "best") and line else at
        text = window.text[start : min(following, at + MOST_TEXT)]
        yield Mark(window.before + at, window.before + at + len(words), kind, text)
