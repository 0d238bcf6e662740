"""A saved Keras `history.history`: JSON, printed text, a pickle, what `np.save` makes of it.

One dictionary of lists per training; several in a file are named in a dictionary, or in a list.
"""

import re

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.beside import Beside
from auditor.readers.contents import clean, parse_json, read_bytes
from auditor.readers.gathered import Gathered, file_name, trial_ids
from auditor.readers.history import pickles
from auditor.readers.history.text import QUOTES, runs_in_text
from auditor.readers.history.values import HistoryRun, run_of, runs_in
from auditor.readers.looking import Look
from auditor.readers.names import hyperparameters_in_path
from auditor.readers.reader import NO_FILE, Match, Source
from auditor.trials import Run, Trials

TEXT = (".txt", ".log", ".out", ".json", ".jsonl", ".ndjson", "")
JSON = (".json", ".jsonl", ".ndjson")
PICKLE = (".pkl", ".pickle", ".p", ".pck", ".npy", ".history", "")
"""Ends of names, `.gz` after them or not; people often give a pickle none."""

REFUSED = (".joblib", ".pt", ".pth", ".ckpt", ".dill", ".h5", ".hdf5", ".keras", ".npz")
_REFUSED_NAMES = ("params.pkl", "tuner.pkl", "tuner.dill", "searcher-state.pkl")

_START = re.compile(rb"(?:\x80[\x00-\x05](?:\x95.{8})?)?(?:[}\](]|c|\x8c)", re.DOTALL)
_TELLING = re.compile(rb"loss|acc|callbacks.{1,3}history|callbacks\.History", re.DOTALL)
"""How a pickle of a dictionary, a list or an object begins, and what a history has in it."""

_METRIC = r"(?:loss(?:es)?|acc|accuracy|error|mae|mse|rmse|auc)" + QUOTES + r"\s{0,9}[:=]\s{0,9}"
_LIST = re.compile(
    _METRIC
    + r"(?:(?:[\w.]{0,30}\(\s{0,9})?\[\s{0,99}(?:[\w.]{1,30}\()?\"?[-+]?(?:[\d.]|nan|inf|null|<tf)"
    r"|\{\s{0,9}\"(?:\d|(?:train|val)\w{0,9}\"\s{0,9}:\s{0,9}\[))",
    re.IGNORECASE,
)
_RECORDS = re.compile(
    r'\s*+\[?\s*+\{[^\[\]{}]{0,5000}"[\w/ ]{0,40}' + _METRIC + r"[-\d.N]", re.IGNORECASE
)
_LOG = re.compile(r"(?:^|[\r\n])[^\S\r\n]*Epoch \d+/\d+")

_MISSING = "A saved history does not record how the training ended, nor when."
_NO_HYPERPARAMETERS = (
    "A saved history does not record hyperparameters, and none were found in the names of files "
    "and folders (such as lr=0.1,units=32) or in a params.json or config.yaml beside them."
)


def matches(look: Look) -> Match:
    """Whether the path is a saved history."""
    if not look.is_file:
        return NO_FILE
    if look.suffix in REFUSED or look.name in _REFUSED_NAMES:
        return Match(False, "such files run code when they are opened, so they are not")
    if look.suffix in PICKLE and (match := _matches_pickle(look.head)):
        return match
    if look.suffix not in TEXT:
        return Match(False, "its name is not that of a JSON file, a text or a pickle")
    if look.suffix not in JSON and _LOG.search(look.text):
        return Match(False, "it is the log of a training")
    if found := _LIST.search(look.text):
        return Match(True, f"it holds a list of numbers after {found.group()[:30].split()[0]!a}")
    is_of_epochs = '"epoch"' in look.text and '"trial_id"' not in look.text
    if look.suffix in JSON and is_of_epochs and _RECORDS.match(look.text):
        return Match(True, "it holds a list of epochs with their loss")
    return Match(False, "it holds no list of numbers after the name of a loss or metric")


def _matches_pickle(head: bytes) -> Match | None:
    """None where it is no pickle."""
    if head.startswith(b"\x93NUMPY") and b"'|O'" in head[:200]:
        return Match(True, "it is a NumPy file of objects")
    if not _START.match(head) or head[:1] not in (b"\x80", b"(", b"c"):
        return None
    if _TELLING.search(head) and (head[:1] == b"\x80" or b"\n" in head[:100]):
        return Match(True, "it is a pickle that names a loss")
    return Match(False, "it is a pickle, and nothing in it names a loss")


def read(source: Source) -> Trials:
    """Read all files as one sweep.

    Raises:
        ReadError: No file has a history.
    """
    found = Gathered(source)
    beside = Beside(source.root)
    ids = trial_ids(source.files, source.root)
    for file, trial_id in zip(source.files, ids, strict=True):
        try:
            runs = _runs(read_bytes(file), is_json=".json" in file.suffixes)
        except ReadError as error:
            found.problem(f"{error}", file, trial_id)
            continue
        names = _names(runs, trial_id)
        known = hyperparameters_in_path(file, source.root) | beside.hyperparameters(file)
        for name, run in zip(names, runs, strict=True):
            if run.curves:
                found.add(Run(name), run.curves, hyperparameters=known | run.hyperparameters)
            for note in run.notes:
                found.problem(note, file, name)
        found.files.append(file_name(file, source.root))
    beside.note_in(found)
    if not found.recorded:
        first = found.problems[0].message if found.problems else "there are no files"
        raise ReadError(f"no history can be read from {source.path}: {first}")
    found.missing.append(_MISSING)
    if not any(found.hyperparameters.values()):
        found.missing.append(_NO_HYPERPARAMETERS)
    return found.trials("Keras History")


def _runs(content: bytes, is_json: bool) -> list[HistoryRun]:
    """The histories in a file.

    Raises:
        ReadError: There is none.
    """
    is_old_pickle = content[:1] in (b"(", b"c") and _START.match(content)
    if content.startswith((b"\x80", b"\x93NUMPY")) or (is_old_pickle and b"\n" in content[:100]):
        runs = runs_in(pickles.load_pickles(content))
    else:
        runs = _runs_of_text(_text(content), is_json)
    if not runs:
        raise ReadError(
            "the file holds no list of numbers under the name of a metric; save history.history "
            "as JSON"
        )
    return runs


def _text(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def _runs_of_text(text: str, is_json: bool = False) -> list[HistoryRun]:
    if rows := _records(text):
        runs = runs_in(rows)
        if runs and len(rows) < sum(not line.isspace() for line in text.splitlines() if line):
            runs[-1].notes.append(f"line {len(rows) + 1} is not JSON: those before it are read")
        return runs
    try:
        value = parse_json(text)
    except ReadError as error:
        runs = [run_of(part.series, part.cut, part.label) for part in runs_in_text(text)]
        if runs and is_json:
            runs[-1].notes.append(f"{error}: what is certain of it is read")
        return runs
    if isinstance(value, str):  # `json.dump(str(history.history), file)`
        return _runs_of_text(value) if not value.startswith('"') else []
    return runs_in(value)


def _records(text: str) -> list[Json]:
    """The objects of JSON lines, one per epoch, up to the first line that is none."""
    rows: list[Json] = []
    if text.lstrip()[:1] == "{" and _RECORDS.match(text):
        for line in text.splitlines():
            try:
                rows += [parse_json(line)] if line.strip() else []
            except ReadError:
                break
    return rows if len(rows) > 1 else []


def _names(runs: list[HistoryRun], trial_id: str) -> list[str]:
    """An id per run: the file's, with the label or the number of each where there are several."""
    if len(runs) == 1:
        return [trial_id]
    labels = [run.label for run in runs]
    if all(labels) and len(set(labels)) == len(labels):
        return [f"{trial_id}#{clean(label)}" for label in labels]
    return [f"{trial_id}#{number}" for number in range(1, len(runs) + 1)]
