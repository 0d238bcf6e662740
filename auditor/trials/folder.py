"""`Trials` as a folder: `trials.json` for everything small, Parquet for the curves.

Parquet tables are made from Arrow arrays with `from_pandas=False`: pandas' own conversion would
turn an observed NaN into "nothing was observed".
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict, TypeAdapter, ValidationError

from auditor.errors import AuditorError, ReadError
from auditor.files import Json, read_json, to_json, write_whole
from auditor.trials import chunk_files, losses
from auditor.trials.chunks import Chunks
from auditor.trials.data_checks import DataChecks
from auditor.trials.model_facts import ModelFacts
from auditor.trials.on_test import WinnerOnTest
from auditor.trials.predictions import Predictions
from auditor.trials.records import (
    CURVE_DTYPES,
    Context,
    Design,
    Hyperparameter,
    Objective,
    Provenance,
    Recorded,
    Run,
)

SCHEMA = 1
"""Version of the folder's layout; raised when an older program could not read it."""

LOSSES = "losses.npy"
"""The loss of each validation row, run after run; there only where some were recorded."""

_FILES = (
    *("trials.json", "curves.parquet", "series.parquet"),
    *(LOSSES, chunk_files.INDEX, chunk_files.NUMBERS),
)

MOST_ROWS = 2**27
"""Of a table of curves: 10,000 trials of 1,000 epochs have a tenth of that for each metric."""

RERUNS = "reruns"
"""Folder of the trainings made to confirm causes, in the same form."""

REMEDY = "audit the original directory again, or restore this folder from a copy"
"""What to do about a folder that cannot be read."""


class Parts(TypedDict):
    """The fields of `Trials`, by name."""

    hyperparameters: Mapping[str, Mapping[str, Json]]
    recorded: Mapping[Run, Recorded]
    curves: pd.DataFrame
    objective: Objective
    space: tuple[Hyperparameter, ...]
    design: Design
    context: Context
    provenance: Provenance


PART_NAMES = tuple(Parts.__annotations__)


@dataclass(frozen=True)
class _SmallContext:
    """`Context` without its arrays; mappings by run as pairs, since JSON keys are strings.

    Of the losses only whose they are, and how many.
    """

    train_rows: int | None
    validation_rows: int | None
    label_counts: dict[str, int]
    target_variance: float | None
    no_skill_loss: float | None
    no_skill_from: str | None
    lane: list[tuple[Run, str]]
    stack: list[tuple[Run, str]]
    # Absent in older records.
    untrained_loss: float | None = None
    training_no_skill_loss: float | None = None
    weighted_training: bool = False
    why_alone: dict[str, str] = field(default_factory=dict)
    models: dict[str, ModelFacts] = field(default_factory=dict)
    predictions: Predictions | None = None
    data_checks: DataChecks | None = None
    losses: list[tuple[Run, int]] = field(default_factory=list)
    on_test: WinnerOnTest | None = None


@dataclass(frozen=True)
class _Small:
    """What goes to `trials.json`."""

    __pydantic_config__ = ConfigDict(revalidate_instances="always")

    schema: int
    hyperparameters: dict[str, dict[str, Any]]
    recorded: list[tuple[Run, Recorded]]
    objective: Objective
    space: tuple[Hyperparameter, ...]
    design: Design
    context: _SmallContext
    provenance: Provenance
    # Absent in older records.
    has_reruns: bool = False


def write(path: Path, parts: Parts, has_reruns: bool = False) -> None:
    """Write the parts of `Trials` to a folder, each file whole or absent.

    Args:
        path: The folder.
        parts: Of the trials.
        has_reruns: Whether there are reruns, in the folder `RERUNS` below.
    """
    small, tables = to_plain(parts)
    small["has_reruns"] = has_reruns
    path.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_whole(path / f"{name}.parquet", parquet(table))
    chunk_files.write(path, parts["context"].chunks)
    if parts["context"].losses:
        write_whole(path / LOSSES, losses.to_bytes(parts["context"].losses))
    else:
        (path / LOSSES).unlink(missing_ok=True)
    write_whole(path / "trials.json", to_json(small, indent=1))


def read(path: Path) -> tuple[Parts, bool]:
    """The inverse of `write`: the parts, and whether there are reruns.

    Raises:
        ReadError: A file is missing, cut off, of a newer schema, or not what `write` makes.
    """
    for file in (path / name for name in _FILES):
        if file.exists() and not file.is_file():  # a pipe would block
            raise ReadError(f"{file} is no regular file; {REMEDY}")
    state = read_json(path / "trials.json")
    schema = state.get("schema") if isinstance(state, dict) else None
    if schema != SCHEMA:
        raise ReadError(
            f"{path / 'trials.json'}: schema {schema!r}, this version reads {SCHEMA}; "
            f"update sweep-auditor, or {REMEDY}"
        )
    try:
        small = _small().validate_python(state)
    except ValidationError as error:
        raise ReadError(
            f"{path / 'trials.json'} is not a record of trials: {error}; {REMEDY}"
        ) from error
    context = {
        **vars(small.context),
        "lane": dict(small.context.lane),
        "stack": dict(small.context.stack),
        "series": _table(path / "series.parquet"),
        "chunks": _chunks(path),
        "losses": _losses(path / LOSSES, small.context.losses),
    }
    parts: Parts = {
        "hyperparameters": small.hyperparameters,
        "recorded": dict(small.recorded),
        "curves": _table(path / "curves.parquet"),
        "objective": small.objective,
        "space": small.space,
        "design": small.design,
        "context": Context(**context),
        "provenance": small.provenance,
    }
    return parts, small.has_reruns


def to_plain(parts: Parts) -> tuple[Json, dict[str, pd.DataFrame]]:
    """Everything small as plain JSON values, and the tables by name.

    Raises:
        ValidationError: A field holds what its type does not allow.
    """
    return _small().dump_python(checked(parts)), {
        "curves": parts["curves"],
        "series": parts["context"].series,
    }


def checked(parts: Parts) -> _Small:
    """Everything small, with a whole number in a field of floats made one.

    Checked on the way out as on the way in, so that what cannot be read back is not written.

    Raises:
        ValidationError: A field holds what its type does not allow.
    """
    context = {name: getattr(parts["context"], name) for name in _SmallContext.__annotations__}
    small = _Small(
        schema=SCHEMA,
        hyperparameters={trial: dict(v) for trial, v in parts["hyperparameters"].items()},
        recorded=list(parts["recorded"].items()),
        objective=parts["objective"],
        space=parts["space"],
        design=parts["design"],
        context=_SmallContext(
            **{
                **context,
                "lane": list(parts["context"].lane.items()),
                "stack": list(parts["context"].stack.items()),
                "why_alone": dict(parts["context"].why_alone),
                "models": dict(parts["context"].models),
                "losses": losses.lengths(parts["context"].losses),
            }
        ),
        provenance=parts["provenance"],
    )
    return _small().validate_python(small)


@cache
def _small() -> TypeAdapter[_Small]:
    return TypeAdapter(_Small)


def parquet(table: pd.DataFrame) -> bytes:
    """A table of curves as a Parquet file, with every NaN that was observed."""
    arrays = {name: _array(table[name]) for name in CURVE_DTYPES}
    sink = pa.BufferOutputStream()
    # Losses hardly ever repeat: to look for repetitions in them costs time and saves nothing.
    packed = {name: "none" if name == "value" else "snappy" for name in CURVE_DTYPES}
    repeating = [name for name in CURVE_DTYPES if name != "value"]
    pq.write_table(pa.table(arrays), sink, compression=packed, use_dictionary=repeating)
    return bytes(sink.getvalue())


def _array(column: "pd.Series[Any]") -> pa.Array:
    if column.dtype.kind in "if":
        return pa.array(column.to_numpy(), from_pandas=False)
    names = pa.array(column.cat.categories.tolist(), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(column.cat.codes.to_numpy()), names)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Say of whatever a damaged file makes its parser raise which file it is, and what to do."""
    try:
        yield
    except (
        OSError, LookupError, ValueError, TypeError, OverflowError, pa.ArrowException, AuditorError
    ) as error:  # fmt: skip
        raise ReadError(
            f"cannot read {path}: {error!s:.300}; it may have been cut off or changed: {REMEDY}"
        ) from error


def _table(path: Path) -> pd.DataFrame:
    with _said(path):
        # Never hand over the path itself: Arrow would treat some names as addresses.
        content = pa.BufferReader(path.read_bytes())
        # The same name in millions of rows stays as small as it is in the file.
        file = pq.ParquetFile(content, read_dictionary=["trial_id", "metric"])
        if file.metadata.num_rows > MOST_ROWS:
            raise ReadError(f"it has {file.metadata.num_rows:,} rows; {MOST_ROWS:,} are accepted")
        table = file.read(list(CURVE_DTYPES)).unify_dictionaries()
        columns = {
            name: _category(table[name]) if kind == "category" else table[name].to_numpy()
            for name, kind in CURVE_DTYPES.items()
        }
        return pd.DataFrame(columns, copy=False).astype(CURVE_DTYPES)


def _chunks(path: Path) -> Chunks | None:
    with _said(path / chunk_files.INDEX):
        return chunk_files.read(path)


def _losses(path: Path, known: list[tuple[Run, int]]) -> losses.Losses:
    if not known:
        return {}
    with _said(path):
        return losses.from_bytes(path.read_bytes(), known)


def _category(column: pa.ChunkedArray) -> pd.Categorical:
    column = column.combine_chunks()
    chunk = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    return pd.Categorical.from_codes(chunk.indices.to_numpy(), chunk.dictionary.to_pylist())
