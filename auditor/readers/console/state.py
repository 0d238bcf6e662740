"""What one bar says: `[=====] - 99s 353ms/step - loss: 0.5057 - val_loss: 0.7364`."""

import re
import sys
from dataclasses import dataclass, replace

LONGEST = 8192
"""Bytes of one bar: a model of fifty outputs prints some five thousand."""

_STOP = re.compile(rb"[\r\n\x08]|(?<![A-Z])Epoch \d{1,9}/\d|(?P<steps>\d{1,12}/\d)")
_START = re.compile(
    rb"(?:\x1b?\[[0-9;]{0,12}m|[^A-Za-z0-9\r\n\x08]){0,900}"
    rb"\d{0,9}[A-Za-z_:]"
)
_CONTINUED = re.compile(rb"\r?\n *(?=- [^\r\n:]{1,80}: [-\d.naif])")
_ESCAPES = re.compile(r"\x1b?\[[0-9;]{0,12}[mK]")
_BETWEEN = re.compile(r"\s[-–—]\s")
_HEAD = re.compile(
    r"[^A-Za-z0-9]{0,800}"  # the bar, in whatever letters an encoding made of it
    r"(?P<ahead>ETA: *)?(?P<time>(?:\d{1,9}:){0,3}\d{1,9}(?= ?s|:|$| )s?)?"
    r"(?: *[\d.]{1,12}(?:[mun]?s|min|h)/\w{1,20})?\s*"
)
_RATE = re.compile(r" *[\d.]{1,12}(?:[mun]?s|min|h)/\w{1,20} *")
_NUMBER = (
    r"[-+]?(?:(?i:nan|inf)(?![a-z])|[1-9]\d{0,2}(?:,\d{3})+\.\d+|"
    r"\d+(?:\.\d*)?(?:[eE][-+]?\d{1,4})?)"
)
_METRIC = re.compile(rf"\s*([^\s:][^:]{{0,99}}?) ?: *({_NUMBER})(?![\d.,%])")
_WHOLE = re.compile(r"[-+]?(?:nan|inf|\d+\.\d{4}(?![\de])|\d\.\d{4}e[-+]\d\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class State:
    """The metrics of a bar.

    Attributes:
        end: Where it ends in the bytes that it was parsed from.
        texts: The values by metric, as they are printed.
        seconds: Since the epoch began.
        is_under_way: It says how long the epoch will still take, or is shown once more.
        is_cut_off: The log ends right after it, or within it.
    """

    end: int
    texts: dict[str, str]
    seconds: float | None
    is_under_way: bool
    is_cut_off: bool

    @property
    def is_validated(self) -> bool:
        """Whether it has validation metrics, as only the last state of an epoch has."""
        return any(name.startswith("val_") for name in self.texts)

    def value(self, metric: str) -> float:
        """The value of a metric."""
        return float(self.texts[metric].replace(",", ""))


def parse_state(text: bytes, start: int, is_all: bool) -> State | None:
    """What follows the steps of a bar; None where that are no metrics.

    Args:
        text: Bytes of a log, UTF-8 as far as they are text.
        start: Where the steps end.
        is_all: Whether the log ends where `text` does.
    """
    most = min(start + LONGEST, len(text))
    if not _START.match(text, start, most):
        return None
    end, joined = start, b""
    while True:
        stop = _STOP.search(text, end, most)
        close = stop.start() if stop else most
        joined += text[end:close]
        more = _CONTINUED.match(text, close, most)
        if more is None or not joined:
            break
        joined, end = joined + b" ", more.end()
    # A line broken by the width of a window, or joined to the next bar: whose digits are they?
    is_joined = stop is not None and stop["steps"] is not None
    is_broken = stop is not None and re.match(rb"\r?\n[\d.]", text[close : close + 3]) is not None
    is_cut_off = is_all and stop is None and close == len(text)
    state = _parse(joined, close, is_cut_off, is_cut_off or is_broken or is_joined)
    # Only Keras prints backspaces, before it shows the same bar again.
    if state is not None and stop is not None and stop[0] == b"\b":
        return replace(state, is_under_way=True)
    return state


def _parse(line: bytes, end: int, is_cut_off: bool, is_doubtful: bool) -> State | None:
    first, *parts = _BETWEEN.split(_ESCAPES.sub("", line.decode("utf-8", "replace")))
    head = _HEAD.fullmatch(first)
    if head is None:
        return None
    ahead, time = head["ahead"], head["time"]
    texts: dict[str, str] = {}
    ended = False
    for place, part in enumerate(parts):
        metric = None if part.lstrip().startswith("ETA:") else _METRIC.match(part)
        if metric is None:
            again = _HEAD.fullmatch(part)
            if again is None or not (again[0].strip() or place == 0):
                break
            ahead, time = ahead or again["ahead"], time or again["time"]
            continue
        last = part[metric.end() :].strip()
        if place == len(parts) - 1 and is_doubtful and not _is_whole(metric[2] + last):
            break
        texts.setdefault(sys.intern(metric[1].strip()), metric[2])
        if last:
            ended = True  # other words follow without a line break
            break
    if not texts:
        return None
    seconds = float(time.rstrip("s")) if time and not ahead and ":" not in time else None
    return State(end, texts, seconds, ahead is not None, is_cut_off and not ended)


def _is_whole(number: str) -> bool:
    """Whether Keras prints a number so, and so no digit of it is cut off."""
    return _WHOLE.match(number) is not None
