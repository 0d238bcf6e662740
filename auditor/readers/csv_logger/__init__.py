"""Files of Keras's CSVLogger, and tables like them: one row per epoch, one column per metric.

A file holds one training, or several one after the other (`append=True`): then its epochs return to
the first one. Nothing else is recorded; hyperparameters come from names and from files beside.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from os.path import splitext
from pathlib import Path

from auditor.errors import ReadError
from auditor.readers.beside import Beside
from auditor.readers.contents import read_bytes
from auditor.readers.csv_logger.cells import Table, header, tables
from auditor.readers.csv_logger.runs import ASIDE, EPOCH, INDEX, metric_name, runs_of
from auditor.readers.gathered import Gathered, file_name, trial_ids
from auditor.readers.looking import Look
from auditor.readers.names import hyperparameters_in_path
from auditor.readers.reader import NO_FILE, Match, Source
from auditor.trials import Run, Trials, role, twin

SUFFIXES = (".csv", ".log", ".txt", ".tsv", "")
"""Ends of names, with or without `.gz` after them; standard input has none."""

MOST_BYTES = 2**28
"""Of one file: some million epochs."""

BATCH_BYTES = 2**26
"""Of files that are parsed together."""

_OF_A_TABLE = {
    *("trial", "trial_id", "trial_name", "run", "run_id", "run_name", "execution", "fold"),
    *("experiment_id", "config_id", "training_iteration", "number", "round_epochs"),
}
"""Columns of tables that hold several runs side by side: other readers know them."""

_MISSING = (
    "A CSV log does not record how the training ended: completed, stopped early and crashed look "
    "alike."
)
_NO_EPOCHS = "Files without a column of epochs: their rows are counted, and may be something else."
_NO_HYPERPARAMETERS = (
    "A CSV log does not record hyperparameters, and none were found in the names of files and "
    "folders (such as lr=0.1,units=32) or in a params.json or config.yaml beside them."
)

_EMPTY = (
    "the log is empty: the training ended before its first epoch did, or has not got there yet; "
    "look into it, or remove the file"
)


def matches(look: Look) -> Match:
    """Whether the path is a table of epochs."""
    if not look.is_file:
        return NO_FILE
    if look.suffix not in SUFFIXES:
        return Match(False, "its name does not end in .csv, .log, .txt or .tsv")
    written = header(look.head)
    names = [name.lower() for name in written]
    if len(names) < 2:
        return Match(False, "its first line is no header of columns")
    if of_a_table := [name for name in names if name in _OF_A_TABLE]:
        return Match(False, f"its column {of_a_table[0]} belongs to a table of several runs")
    metrics = {metric_name(name) for name in written}
    pairs = sorted(name for name in metrics if twin(name) in metrics and role(name) == "train")
    losses = [name for name in names if "loss" in name]
    if set(EPOCH).intersection(names) and (pairs or losses):
        return Match(True, f"it has columns for the epoch and {(pairs or losses)[0]}")
    if not pairs:
        return Match(False, "it has no columns of epoch and loss, or of a metric and its val_ twin")
    # Without epochs, rows may as well be trials: then other columns say what was tried.
    others = [name for name in written if not _is_of_an_epoch(name, metrics)]
    if others:
        return Match(False, f"it has no column of epochs, and its column {others[0]} is no metric")
    return Match(True, f"it has columns {pairs[0]} and {twin(pairs[0])}, and nothing but metrics")


def _is_of_an_epoch(name: str, metrics: set[str]) -> bool:
    metric = metric_name(name)
    is_metric = twin(metric) in metrics or metric == "learning_rate" or "loss" in metric.lower()
    return is_metric or name.lower() in ASIDE.union(INDEX)


def read(source: Source) -> Trials:
    """Read all files as one sweep.

    Raises:
        ReadError: No file has an epoch.
    """
    found = Gathered(source)
    beside = Beside(source.root)
    without_epochs = False
    empty = _empty_beside(source)
    files = (*source.files, *empty)
    ids = dict(zip(files, trial_ids(files, source.root), strict=True))
    for file, table in _tables(source.files):
        if isinstance(table, ReadError):
            found.problem(f"{table}: write it again, or remove it", file, ids[file])
            continue
        runs, notes = runs_of(table)
        without_epochs |= not set(EPOCH + INDEX).intersection(map(str.lower, table.names))
        for note in (*table.notes, *notes):
            found.problem(note, file, ids[file])
        if runs:
            found.files.append(file_name(file, source.root))
        known = hyperparameters_in_path(file, source.root) | beside.hyperparameters(file)
        for number, run in enumerate(runs, start=1):
            name = ids[file] if len(runs) == 1 else f"{ids[file]}#{number}"
            found.add(Run(name), run, hyperparameters=known)
    for file in empty:
        found.problem(_EMPTY, file, ids[file])
    beside.note_in(found)
    if not found.recorded:
        first = found.problems[0].message if found.problems else "there are no files"
        raise ReadError(f"no epoch can be read from {source.path}: {first}")
    found.missing += [_MISSING, *([_NO_EPOCHS] if without_epochs else [])]
    if not any(found.hyperparameters.values()):
        found.missing.append(_NO_HYPERPARAMETERS)
    return found.trials("CSVLogger")


def _empty_beside(source: Source) -> list[Path]:
    """Logs of no bytes where others of the same kind have some: nothing else shows those runs."""
    if source.path != source.root:  # a single file was asked for
        return []
    logs: dict[Path, set[str]] = {}
    for file in source.files:
        logs.setdefault(file.parent, set()).add(file.name)
    near = set()
    for folder, known in logs.items():
        ends = {splitext(name)[1] for name in known}
        others = set(Look(folder).files) - known
        near |= {folder / name for name in others if splitext(name)[1] in ends}
    usual = Counter(name for known in logs.values() for name in known).most_common(5)
    for above in {folder.parent for folder in logs if folder != source.root}:
        without = {above / name for name in Look(above).folders} - logs.keys()
        near |= {folder / name for folder in without for name, _ in usual}
    looks = [Look(file) for file in sorted(near)]
    return [look.path for look in looks if look.is_file and not look.size]


def _tables(files: Sequence[Path]) -> Iterator[tuple[Path, Table | ReadError]]:
    """The tables of all files, parsed together as far as memory allows."""
    batch: dict[Path, bytes] = {}
    size = 0
    for file in files:
        try:
            batch[file] = read_bytes(file, MOST_BYTES)
        except ReadError as error:
            yield file, error
            continue
        size += len(batch[file])
        if size > BATCH_BYTES:
            yield from zip(batch, tables(list(batch.values())), strict=True)
            batch, size = {}, 0
    yield from zip(batch, tables(list(batch.values())), strict=True)
