"""Learning curves as somebody printed them: a pandas table in a text file.

Rows are epochs, numbered by a column "epoch" or by the index, from 0 or from 1 as the first row
says. What pandas left out ("...") was not observed.

pandas prints NaN for a value that is NaN and for one that is missing. A NaN is read as observed
where the training loss of that row is NaN too and no accuracy is: an accuracy is a number even of a
model that diverged, so a row without one is padding. Any other NaN was not observed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from auditor.errors import ReadError
from auditor.readers.contents import clean, read_text
from auditor.readers.gathered import MOST_EPOCHS, Gathered, file_name, trial_ids
from auditor.readers.looking import Look
from auditor.readers.metrics import keras_name
from auditor.readers.printed.table import Table, tables
from auditor.readers.reader import NO_FILE, Match, Source
from auditor.trials import Recorded, Run, Trials

MOST_BYTES = 2**26
"""Of a file: a million printed rows."""

_NUMBERS = ("epoch", "epochs")
_BESIDE = {"time", "seconds", "index", "step", "...", "..", "…"}
_NOT_PRINTED = {"NaN", "NAN", "nan", "<NA>", "None", "...", "..", "…"}


def matches(look: Look) -> Match:
    """Whether a file holds a printed table of losses."""
    if not look.is_file:
        return NO_FILE
    if "loss" not in look.text.lower():
        return Match(False, "it shows no printed table with a loss")
    for table in tables(look.text):
        if table.is_curves:
            return Match(True, f"it shows a table of {', '.join(table.names)}")
        if table.strange:
            why = f"the column {table.strange[0]!r:.80} of its table is no metric"
            return Match(False, why)
    return Match(False, "it shows no printed table with a loss")


def read(source: Source) -> Trials:
    """Read printed tables.

    Raises:
        ReadError: None of the files holds one.
    """
    gathered = Gathered(source)
    assumed: list[str] = []
    for path, name in zip(source.files, trial_ids(source.files, source.root), strict=True):
        try:
            text = read_text(path, MOST_BYTES)
        except ReadError as error:
            gathered.problem(str(error), path, name)
            continue
        parts = [part for table in tables(text) if table.is_curves for part in _runs(table)]
        if not parts:
            gathered.problem("no table of losses is in it; leave it out", path, name)
            continue
        gathered.files.append(file_name(path, source.root))
        for place, part in enumerate(parts, start=1):
            at = Run(name if len(parts) == 1 else f"{name}#{place}")
            assumed += _add(gathered, at, part, path)
    if not gathered.recorded:
        reasons = "; ".join(dict.fromkeys(problem.message for problem in gathered.problems))
        raise ReadError(f"no printed table can be read: {reasons}")
    gathered.missing += [
        "Hyperparameters, status, epochs planned, seeds, data and versions: a table has none.",
        "Digits beyond those printed.",
        *assumed[:5],
        *([f"The like of {len(assumed) - 5} more."] if len(assumed) > 5 else []),
    ]
    return gathered.trials("printed table")


@dataclass
class _Part:
    """The rows of one run in a table, by epoch from 0."""

    table: Table
    rows: dict[int, list[str]]
    is_assumed: bool


def _runs(table: Table) -> Iterator[_Part]:
    """The runs in a table: a number that was there before begins another one."""
    column = next((n for n, name in enumerate(table.names) if name.lower() in _NUMBERS), None)
    numbered = []
    for index, cells in table.rows:
        number = index if column is None else _number(cells[column])
        if number is not None and number == int(number):
            numbered.append((int(number), cells))
    runs: list[dict[int, list[str]]] = [{}]
    for number, cells in numbered:
        if number in runs[-1]:
            runs.append({})
        runs[-1][number] = cells
    for rows in filter(None, runs):
        first, is_assumed = _first(rows, table, column is None)
        yield _Part(table, {n - first: cells for n, cells in rows.items()}, is_assumed)


def _first(rows: dict[int, list[str]], table: Table, is_index: bool) -> tuple[int, bool]:
    """The number of the first epoch, 0 or 1, and whether nothing in the table says so."""
    if min(rows) in (0, 1):
        return min(rows), False
    if (
        is_index
        and table.all_rows is not None
        and max(rows) in (table.all_rows, table.all_rows - 1)
    ):
        return max(rows) - table.all_rows + 1, False
    return 0, True


def _add(gathered: Gathered, at: Run, part: _Part, path: Path) -> list[str]:
    """Add a run; sentences on what of it is not there, or assumed."""
    curves: dict[str, tuple[list[int], list[float]]] = {}
    unclear = 0
    for epoch, cells in sorted(part.rows.items()):
        if not 0 <= epoch < MOST_EPOCHS:
            gathered.problem(
                f"epoch {epoch:,} is not among the {MOST_EPOCHS:,} that are accepted, and left "
                "out; check the table",
                path,
                at.trial_id,
            )
            break
        diverged = _is_diverged(part.table.names, cells)
        for name, cell in zip(part.table.names, cells, strict=True):
            if name.lower() in (*_NUMBERS, *_BESIDE):
                continue
            value = _number(cell)
            if value is None and not (diverged and cell.lower() == "nan"):
                unclear += cell.lower() == "nan"
                continue
            epochs, values = curves.setdefault(keras_name(str(clean(name))), ([], []))
            if not epochs or epochs[-1] != epoch:
                epochs.append(epoch)
                values.append(math.nan if value is None else value)
    gathered.add(at, curves, Recorded())
    return _sentences(part, at.trial_id, unclear)


def _is_diverged(names: list[str], cells: list[str]) -> bool:
    """Whether a NaN in a row is the value of a model that diverged."""
    shown = {keras_name(name): cell for name, cell in zip(names, cells, strict=True)}
    lost = [cell for name, cell in shown.items() if "loss" in name and not name.startswith("val_")]
    rates = [cell for name, cell in shown.items() if "acc" in name and not name.startswith("val_")]
    return any(cell.lower() == "nan" for cell in lost) and not any(
        cell in _NOT_PRINTED for cell in rates
    )


def _sentences(part: _Part, trial: str, unclear: int) -> list[str]:
    found = []
    for before, after in pairwise([-1, *sorted(part.rows)]):
        if after > before + 1:
            found.append(f"{trial}: epochs {before + 2} to {after}: not in the table.")
    if part.is_assumed:
        found.append(
            f"{trial}: whether its rows are numbered from 0 or from 1: taken to be from 0."
        )
    if unclear:
        found.append(
            f"{trial}: {unclear} cells that say NaN beside a finite loss: taken as missing."
        )
    return found


def _number(cell: str) -> float | None:
    """The number in a cell; None where it is NaN or left out."""
    return None if cell in _NOT_PRINTED else float(cell)
