"""Pickled histories, through an allow-list: nothing that a stranger's pickle names is ever called.

A pickle is a program. Here the few names that a dictionary of lists and NumPy arrays needs stand
for small functions of this file, which copy bytes and nothing else; every other name is refused.
"""

import io
import pickle
import pickletools
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from auditor.errors import ReadError

MOST_BYTES = 2**24
MOST_STEPS = 1_000_000
"""Of one pickle, in bytes and in instructions: a history of 20 metrics and 50,000 epochs."""

MOST_BITS = 1_024
"""Of a whole number: the largest float has as many."""

MOST_PICKLES = 1_000
"""In one file."""

MOST_DEPTH = 8
"""Of containers in each other."""

REMEDY = "save history.history, a plain dictionary, as JSON or as a pickle"

_NEVER = {"EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER", "PERSID", "BINPERSID"}
_STORE = {"PUT", "BINPUT", "LONG_BINPUT"}
_NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")


class _Refused(pickle.UnpicklingError):
    """The pickle asks for what is not on the list."""


def load_pickles(content: bytes) -> list[Any]:
    """The values of all pickles in a file, one after the other, or of a NumPy file of objects.

    Returns:
        Dictionaries, lists, tuples, text, numbers and NumPy arrays of numbers.

    Raises:
        ReadError: It is damaged, too large, or names anything that is not on the list.
    """
    if content.startswith(b"\x93NUMPY"):
        content = _inside_npy(content)
    if len(content) > MOST_BYTES:
        raise ReadError(f"the pickle has more than the {MOST_BYTES:,} bytes that are accepted")
    stream = io.BytesIO(content)
    values: list[Any] = []
    # People append one history after the other to a file.
    while not values or content.startswith(b"\x80", stream.tell()):
        start = stream.tell()
        try:
            _check(stream)
            stream.seek(start)
            values.append(_plain(_Unpickler(stream).load()))
        except _Refused as error:
            raise ReadError(f"{error}; {REMEDY}") from error
        except Exception as error:  # whatever a forged pickle makes of the functions below
            raise ReadError(
                f"the file is not a readable pickle ({type(error).__name__}: {error!s:.100}), "
                f"perhaps cut off; {REMEDY}"
            ) from error
        if len(values) == MOST_PICKLES:
            raise ReadError(f"the file has more than the {MOST_PICKLES:,} pickles accepted")
    return values


def _inside_npy(content: bytes) -> bytes:
    """The pickle in what `np.save("history.npy", history.history)` writes."""
    width = 2 if content[6:7] == b"\x01" else 4
    start = 8 + width + int.from_bytes(content[8 : 8 + width], "little")
    if b"'|O'" not in content[:start]:
        raise ReadError(f"the file is an array of numbers, not a history; {REMEDY}")
    return content[start:]


def _check(stream: io.BytesIO) -> None:
    """Go through the steps of a pickle without doing them.

    Raises:
        _Refused: It would take memory far beyond its own size, or leaves the file.
    """
    for step, (code, argument, _) in enumerate(pickletools.genops(stream)):
        if code.name in _NEVER:
            raise _Refused("the pickle refers to objects outside of the file")
        # The place of a value in a table that is made as large as the pickle says.
        if code.name in _STORE and int(argument or 0) > step + 1:
            raise _Refused("the pickle asks for more memory than it needs")
        if isinstance(argument, int) and argument.bit_length() > MOST_BITS:
            raise _Refused("the pickle holds a number of hundreds of digits")
        if step == MOST_STEPS:
            raise _Refused(f"the pickle has more than the {MOST_STEPS:,} steps that are accepted")


class _Unpickler(pickle.Unpickler):
    """Admits what a dictionary of numbers is made of."""

    def __init__(self, stream: io.BytesIO) -> None:
        # latin1: Python 2 stored the bytes of arrays as text.
        super().__init__(stream, encoding="latin1")
        self._left = 4 * MOST_BYTES

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """Our function of this name, and nothing else."""
        module = module.replace("numpy._core.", "numpy.core.").replace("__builtin__", "builtins")
        known: dict[str, Callable[..., Any]] = {
            "collections.OrderedDict": self._dictionary,
            "collections.defaultdict": _default_dictionary,
            "builtins.dict": self._dictionary,
            "builtins.list": _list,
            "_codecs.encode": self._encoded,
            "numpy.dtype": _Dtype,
            "numpy.ndarray": _Array,
            "numpy.core.multiarray._reconstruct": _Array,
            "numpy.core.multiarray.scalar": _scalar,
            "numpy.core.numeric._frombuffer": _array_of_buffer,
        }
        if f"{module}.{name}" not in known:
            raise _Refused(
                f"the pickle holds {ascii(f'{module}.{name}')[1:-1]:.200}, which is not loaded: "
                "only plain containers and NumPy numbers and arrays are"
            )
        return _StandIn(known[f"{module}.{name}"])

    def persistent_load(self, pid: object) -> NoReturn:
        """Never."""
        raise _Refused("the pickle refers to objects outside of the file")

    def _dictionary(self, items: Any = ()) -> dict[Any, Any]:
        self._spend(len(items))
        return dict(items)

    def _encoded(self, text: str, encoding: str) -> bytes:
        """The bytes that protocols before 3 write as text."""
        self._spend(len(text))
        return text.encode("latin1" if encoding in ("latin1", "latin-1") else "ascii")

    def _spend(self, size: int) -> None:
        """A value may be copied again and again by a few bytes each time."""
        self._left -= 100 + size
        if self._left < 0:
            raise _Refused("the pickle asks for more memory than it needs")


class _StandIn:
    """A function that a pickle can call, and not change."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, _: object) -> NoReturn:
        raise _Refused("the pickle changes what it is loaded by")


def _list() -> list[Any]:
    return []


def _default_dictionary(factory: object = None) -> dict[Any, Any]:
    return {}


class _Dtype:
    """In place of `numpy.dtype`."""

    def __init__(self, code: str, *_: object) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]

    @property
    def is_object(self) -> bool:
        return self.code.lstrip("|") in ("O", "O8", "O4")

    @property
    def numbers(self) -> np.dtype[Any]:
        code = self.code if self.order not in ("<", ">") else self.order + self.code.lstrip("<>=|")
        if not _NUMBERS.fullmatch(code):
            raise _Refused(f"the pickle holds an array of {code!a:.40}, not of numbers")
        return np.dtype(code)


class _Array:
    """In place of an array: its bytes are looked at only when they are all there."""

    def __init__(self, *_: object) -> None:
        self.value: Any = []

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, _, content = state
        if dtype.is_object:
            self.value = content[0] if shape == () else content
        else:
            self.value = _numbers(content, dtype, shape)


def _array_of_buffer(content: Any, dtype: _Dtype, shape: Any, _: str) -> _Array:
    array = _Array()
    array.value = _numbers(content, dtype, shape)
    return array


def _scalar(dtype: _Dtype, content: Any = None) -> Any:
    if dtype.is_object:
        return content
    (value,) = _numbers(content, dtype, (1,))
    return value.item()


def _numbers(content: Any, dtype: _Dtype, shape: Any) -> NDArray[Any]:
    if isinstance(content, str):
        content = content.encode("latin1")
    # The shape counts for nothing but agreeing with the bytes that there are.
    return np.frombuffer(content, dtype.numbers).reshape(shape)


def _plain(value: Any) -> Any:
    """The value without our stand-ins; what is shared may not be counted out to billions."""
    left = iter(range(2 * MOST_STEPS))
    return _unwrapped(value, left, 0)


def _unwrapped(value: Any, left: Iterator[int], depth: int) -> Any:
    if next(left, None) is None or depth > MOST_DEPTH:
        raise _Refused("the pickle holds more than a history does")
    if isinstance(value, _Array):
        value = value.value
    if isinstance(value, np.ndarray) and sum(1 for _ in islice(left, value.size)) < value.size:
        raise _Refused("the pickle holds more than a history does")
    if isinstance(value, dict):
        return {key: _unwrapped(item, left, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unwrapped(item, left, depth + 1) for item in value]
    return value
