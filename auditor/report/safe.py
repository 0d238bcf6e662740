"""Text from strangers' directories, made harmless for the place where it is shown.

A trial's id can be any name of a folder, and a message any output of a program: terminal escapes,
markup, direction overrides, bytes that are no text. All of it is shown, none of it works.
"""

import html
import unicodedata

from pydantic_core import to_json

from auditor.files import Json

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode categories: control, format (direction overrides, zero width), lone surrogates, private
use, and the two separators that end a line in JavaScript and some terminals."""

_JOINERS = {"\u200c", "\u200d"}
"""Format characters that ordinary words and emoji are made of."""

_IN_SCRIPT = {c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def printable(text: str) -> str:
    r"""The text with every character that acts instead of showing replaced by its escape.

    Example:
        >>> printable("\x1b[31mred")
        '\\x1b[31mred'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if _acts(c) else c for c in text)


def _acts(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE and character not in _JOINERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def label(text: str) -> str:
    """The same for Plotly, which reads tags such as `<b>` and `<a href>` in any of its texts."""
    return html.escape(printable(text), quote=False)


def script_json(value: Json) -> str:
    """JSON text for the inside of a script element: nothing in it can end or open an element.

    Numbers that are not finite become the texts "NaN", "Infinity" and "-Infinity". Texts stay as
    they are, because nobody reads them back: this is for a page's own script.
    """
    text = to_json(value, inf_nan_mode="strings").decode()
    for character, escape in _IN_SCRIPT.items():  # for megabytes much faster than `translate`
        text = text.replace(character, escape)
    return text
