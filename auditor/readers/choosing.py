"""What of all that is below a path is to be read, as the words of a command line say it."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from auditor.errors import ObjectiveError, ReadError
from auditor.readers.gathered import file_name
from auditor.readers.metrics import direction_of
from auditor.readers.reader import Source
from auditor.trials import Direction, Objective, Trials

STANDARD_INPUT = "standard input"

MOST_LISTED = 20
"""Sweeps named in an error."""


@contextmanager
def stored(stream: BinaryIO) -> Iterator[Path]:
    """A stream as a file, so that it can be looked at before it is read; deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="auditor-") as folder:
        path = Path(folder) / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file, 2**20)
        yield path


def from_standard_input(trials: Trials) -> Trials:
    """Trials read from a stored stream, without the name of the file that is deleted."""
    return replace(trials, provenance=replace(trials.provenance, path=STANDARD_INPUT))


def names(sources: Sequence[Source], path: Path) -> list[str]:
    """What tells sweeps apart: reader, path below the common one, and part."""
    return [
        " ".join([source.reader.key, file_name(source.path, path), *filter(None, [source.part])])
        for source in sources
    ]


def choose(sources: Sequence[Source], path: Path, wanted: str | None) -> list[Source]:
    """The sweeps that are meant: all, the one of a number in the list, or those whose name has it.

    Args:
        sources: All sweeps below a path.
        path: That path.
        wanted: A number from 1, or a part of a name; None for all.

    Raises:
        ReadError: None is meant.
    """
    if wanted is None:
        return list(sources)
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted) <= len(sources):
        return [sources[int(wanted) - 1]]
    listed = names(sources, path)
    chosen = [s for s, name in zip(sources, listed, strict=True) if wanted in name]
    if not chosen:
        raise ReadError(
            f"no sweep {wanted!r} below {path}; there are "
            + "; ".join(f"{n}: {name}" for n, name in enumerate(listed[:MOST_LISTED], 1))
            + (f"; and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else "")
        )
    return chosen


def parse_columns(texts: Sequence[str]) -> dict[str, str]:
    """Pairs such as "loss=train_loss,epoch=step": our name, then the table's.

    Raises:
        ReadError: One of them is no pair.

    Example:
        >>> parse_columns(["loss=train_loss,epoch=step"])
        {'loss': 'train_loss', 'epoch': 'step'}
    """
    pairs = [pair.partition("=") for text in texts for pair in text.split(",")]
    for ours, equals, theirs in pairs:
        if not (ours.strip() and equals and theirs.strip()):
            raise ReadError(
                f"columns {','.join(texts)!r}: {ours + equals + theirs!r} is no pair; "
                "write loss=train_loss,epoch=step: our name, then the table's"
            )
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def with_objective(trials: Trials, text: str) -> Trials:
    """Trials ranked by another metric: "val_accuracy", or "my_metric:max".

    Raises:
        ObjectiveError: No run has that metric, or the direction is neither "min" nor "max".
    """
    name, _, given = text.partition(":")
    directions: dict[str, Direction] = {"": direction_of(name), "min": "min", "max": "max"}
    if given not in directions:
        raise ObjectiveError(f"objective {text!r}: the direction is {given!r}, not min or max")
    recorded = {metric for run in trials.recorded.values() for metric in run.metrics}
    known = recorded.union(trials.metrics)
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise ObjectiveError(f"objective {name!r}: no trial has it; recorded are {listed}")
    return replace(trials, objective=Objective(name, directions[given], "the caller"))
