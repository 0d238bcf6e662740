"""Sends a large value to executors once: a file, and its arrays as memory maps beside it."""

import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from auditor.errors import SearchError
from auditor.files import whole_file, write_whole

SHARED_BYTES = 1 << 20
"""Arrays larger than this are mapped from files of their own: processes share one copy of them."""

KEPT = 2
"""So many values stay loaded in a process: those of this search, and of the one before."""

DEPTH = 6
"""How far inside a value the part that cannot be pickled is looked for."""

_loaded: OrderedDict[str, Any] = OrderedDict()


@dataclass(frozen=True)
class Shared:
    """A value in a file, as small as its path.

    Attributes:
        path: The file, on a file system that all executors see.
        digest: SHA-256 of its content, which did not come through that file system.
    """

    path: Path
    digest: str

    def load(self) -> Any:
        """The value. A process loads it once, so tasks must not change it; large arrays cannot be.

        Raises:
            SearchError: The file is not there, or not the one that was written.
        """
        if self.digest not in _loaded:
            _loaded[self.digest] = self._read()
            while len(_loaded) > KEPT:
                _loaded.popitem(last=False)
        _loaded.move_to_end(self.digest)
        return _loaded[self.digest]

    def _read(self) -> Any:
        try:
            data = self.path.read_bytes()
            if hashlib.sha256(data).hexdigest() != self.digest:
                raise SearchError(
                    f"{self.path} is not the file that the search has written; it is not read, "
                    "for it could run anything. Start the search again"
                )
            return _Unpickler(io.BytesIO(data), self.path.parent).load()
        except FileNotFoundError as error:
            raise SearchError(
                f"{error.filename} is not to be seen from here; the directory of the sweep must be "
                "on a file system that all workers see, and stay there until the search ends"
            ) from error


def share(value: Any, folder: Path) -> Shared:
    """Write a value for executors to load.

    Args:
        value: Anything that cloudpickle can send. What it says about itself decides its name, so
            that the same value is written once.
        folder: Where to, on a file system that all executors see. It is made if need be.

    Raises:
        SearchError: A part of the value cannot be pickled; the message says which.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    try:
        _Pickler(file, folder).dump(value)
    except OSError:
        raise
    except Exception as error:
        where, part = _culprit(value)
        raise SearchError(
            f"the search cannot be sent to other processes: {where} is a {type(part).__qualname__} "
            f"({error}); make it inside build or HyperModel.fit, or use n_jobs=1"
        ) from error
    data = file.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"{digest[:16]}.pkl"
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        write_whole(path, data)
    return Shared(path, digest)


def _is_large(value: Any) -> bool:
    is_array = type(value) in (np.ndarray, np.memmap)
    return is_array and value.nbytes > SHARED_BYTES and not value.dtype.hasobject


class _Pickler(cloudpickle.Pickler):
    """Leaves the name of a file where a large array was."""

    def __init__(self, file: Any, folder: Path) -> None:
        super().__init__(file)
        self._folder = folder
        self._written: dict[int, tuple[str, Any]] = {}  # with the array, whose id stays its own

    def persistent_id(self, value: Any) -> str | None:
        if not _is_large(value):
            return None
        if id(value) not in self._written:
            self._written[id(value)] = _write_array(value, self._folder), value
        return self._written[id(value)][0]


class _Probe(cloudpickle.Pickler):
    """Finds out whether something can be pickled, without large arrays."""

    def persistent_id(self, value: Any) -> str | None:
        return "" if _is_large(value) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, folder: Path) -> None:
        super().__init__(file)
        self._folder = folder

    def persistent_load(self, name: str) -> Any:
        # A plain array: a np.memmap would pass its type on to all that is computed from it.
        return np.load(self._folder / name, mmap_mode="r", allow_pickle=False).view(np.ndarray)


def _write_array(array: Any, folder: Path) -> str:
    """Write an array into a file that is named by its content; its name."""
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    plain = array.T if fortran else np.ascontiguousarray(array)
    content = hashlib.sha256(f"{array.dtype.descr} {array.shape} {fortran}".encode())
    content.update(plain.reshape(-1).view(np.uint8).data)
    name = f"{content.hexdigest()[:32]}.npy"
    if not (folder / name).exists():
        with whole_file(folder / name) as file:
            np.save(file, array.view(np.ndarray), allow_pickle=False)
    return name


def _culprit(value: Any, where: str = "the value", depth: int = DEPTH) -> tuple[str, Any]:
    """The innermost part that cannot be pickled, and how to get there."""
    if depth:
        for name, part in _parts(value):
            if not _can_be_pickled(part):
                path = name if where == "the value" else f"{where}{name}"
                return _culprit(part, path.removeprefix("."), depth - 1)
    return where, value


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value is made of, with how that is reached from it."""
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"[{number}]", part) for number, part in enumerate(value))
    elif callable(value) and getattr(value, "__closure__", None):
        names = value.__code__.co_freevars
        for name, cell in zip(names, value.__closure__, strict=True):
            yield f"{value.__qualname__}:{name}", cell.cell_contents
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from ((f".{name}", part) for name, part in vars(value).items())


def _can_be_pickled(value: Any) -> bool:
    try:
        _Probe(io.BytesIO()).dump(value)
    except Exception:
        return False
    return True
