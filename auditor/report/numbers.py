"""How numbers look, everywhere a person reads them.

Four significant digits; what is not finite in words; epochs from 1. An en dash means "not known".
"""

import math
from collections.abc import Sequence

from auditor.files import Json, to_json

DIGITS = 4
"""Significant digits. Validation losses of neighbouring trials differ in the third or fourth."""

MOST_DECIMALS = 6
"""In a column; what is smaller is nothing beside its neighbours."""

UNKNOWN = "–"

MINUTE, HOUR, DAY = 60, 3600, 86400


def number(value: float | None, digits: int = DIGITS) -> str:
    """A measured number.

    Example:
        >>> number(0.69314718), number(1e-5), number(float("nan")), number(None)
        ('0.6931', '1e-5', 'NaN', '–')
    """
    if value is None:
        return UNKNOWN
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    if 10**digits <= abs(value) < 1e6:
        return f"{value:.0f}"
    return _short_exponent(f"{value:.{digits}g}")


def aligned(values: Sequence[float | None]) -> list[str]:
    """The numbers of one column, with as many decimals as its typical size needs.

    Example:
        >>> aligned([0.2296, 0.0131, 0.5, None])
        ['0.2296', '0.0131', '0.5000', '–']
    """
    sizes = sorted(abs(v) for v in values if v is not None and math.isfinite(v) and v)
    typical = sizes[len(sizes) // 2] if sizes else 1.0
    decimals = min(max(DIGITS - 1 - math.floor(math.log10(typical)), 0), MOST_DECIMALS)
    return [
        number(v) if v is None or not math.isfinite(v) or abs(v) >= 1e6 else f"{v:.{decimals}f}"
        for v in values
    ]


def count(n: int, noun: str = "", plural: str = "") -> str:
    """A number of things: "1 trial", "2,000 trials"."""
    if not noun:
        return f"{n:,}"
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def ratio(k: int, n: int) -> str:
    """A part of a whole, as counts: "8/24"."""
    return f"{k:,}/{n:,}" if n else UNKNOWN


def percent(value: float | None) -> str:
    """A share in percent: 0.3333 is "33 %"."""
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{100 * value:.0f} %"


def epoch(index: int | None) -> str:
    """An epoch that data count from 0, as a person counts it."""
    return UNKNOWN if index is None else f"{index + 1:,}"


def seconds(value: float | None) -> str:
    """A duration: "0.50 s", "12.3 s", "1 min 3 s", "2 h 5 min", "3 d 4 h"."""
    if value is None or not math.isfinite(value):
        return number(value)
    if value < MINUTE:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    whole = round(value)
    for size, name, below, below_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // below} {below_name}"
    return f"{whole} s"


def setting(value: Json) -> str:
    """The value of a hyperparameter, in its own type: 1.0 stays 1.0, and 1 stays 1."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value is None:
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return number(value)
        text = _short_exponent(f"{value:.6g}")
        return text + ".0" if text.lstrip("-").isdigit() else text
    return to_json(value)


def _short_exponent(text: str) -> str:
    """1e-05 as 1e-5, and 1e+06 as 1e6."""
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text
