"""Inputs in any form of plain arrays, as rows of numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Numbers = NDArray[np.float32]

CHUNK_BYTES = 1 << 24
"""Numbers that are converted at once."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """The inputs of one side: arrays with the same rows, whose other axes are features.

    Attributes:
        parts: The arrays.
        names: Of all features; empty where they have none.

    Example:
        >>> Inputs.of(np.zeros((100, 28, 28))).features
        784
    """

    parts: tuple[NDArray[Any], ...]
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, x: Any, names: Sequence[str] = ()) -> "Inputs | None":
        """From an array, a table, or nested lists and mappings of these; None from anything else.

        Args:
            x: As `Model.fit` takes it.
            names: Of the features; by default a table's columns.
        """
        if isinstance(x, Inputs):
            return x
        parts = tuple(_arrays(x))
        arrays = tuple(part for part in parts if part is not None)
        if len(arrays) < len(parts) or len({len(array) for array in arrays}) != 1:
            return None
        found = cls(arrays, tuple(names) or tuple(map(str, getattr(x, "columns", ()))))
        return found if found.features else None

    def __len__(self) -> int:
        """Rows."""
        return len(self.parts[0])

    def part(self, rows: Rows | slice) -> "Inputs":
        """The inputs of some rows."""
        return Inputs(tuple(part[rows] for part in self.parts), self.names)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Features of each part."""
        return tuple(int(np.prod(part.shape[1:], dtype=np.int64)) for part in self.parts)

    @property
    def features(self) -> int:
        """Numbers per row."""
        return sum(self.widths)

    @property
    def are_codes(self) -> bool:
        """Whether values may be numbers of words or categories; bytes are rather grey levels."""
        return all(p.dtype.kind in "iu" and p.dtype.itemsize > 1 and p.ndim < 3 for p in self.parts)

    def like(self, other: "Inputs") -> bool:
        """Whether rows of both can be compared."""
        return [p.shape[1:] for p in self.parts] == [p.shape[1:] for p in other.parts]

    def name(self, feature: int) -> str:
        """A feature as people find it: "age", or "x[:, 3, 4]"."""
        if len(self.names) == self.features:
            return self.names[feature]
        part = 0
        while feature >= self.widths[part]:
            feature -= self.widths[part]
            part += 1
        shape = self.parts[part].shape[1:]
        place = "".join(f", {i}" for i in np.unravel_index(feature, shape)) if shape else ""
        return f"x{f'[{part}]' * (len(self.parts) > 1)}[:{place}]"

    def take(self, rows: Rows, columns: Rows | None = None) -> Numbers:
        """Some rows as float32, shape (row, feature), which is what Keras computes with.

        Args:
            rows: Which.
            columns: Which features; None for all.
        """
        taken = []
        begin = 0
        for part, width in zip(self.parts, self.widths, strict=True):
            if columns is None:
                block = part[rows].reshape(len(rows), width)
            else:
                own = columns[(columns >= begin) & (columns < begin + width)] - begin
                # Not all of a row where a few numbers are wanted, as of large images.
                index = np.unravel_index(own, part.shape[1:]) if part.ndim > 1 else ()
                block = part[(rows[:, None], *index)] if index else part[rows, None][:, own]
            with np.errstate(over="ignore"):
                taken.append(block.astype(np.float32, copy=False))
            begin += width
        return taken[0] if len(taken) == 1 else np.concatenate(taken, axis=1)

    def blocks(self, rows: Rows, columns: Rows | None = None) -> Iterator[Numbers]:
        """The same, a few megabytes at a time."""
        width = self.features if columns is None else len(columns)
        step = max(1, CHUNK_BYTES // (4 * width))
        for begin in range(0, len(rows), step):
            yield self.take(rows[begin : begin + step], columns)


def some(count: int, most: int, rng: np.random.Generator) -> Rows:
    """Numbers below `count`, ascending; a random sample where there are more than `most`."""
    if count <= most:
        return np.arange(count)
    return np.sort(rng.choice(count, most, replace=False))


def plain(value: Any) -> NDArray[Any] | None:
    """A plain array of numbers, also from a pandas object; None for anything else."""
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fiub":
        return value
    return None


def _arrays(value: Any) -> Iterator[NDArray[Any] | None]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _arrays(item)
    else:
        yield plain(value)
