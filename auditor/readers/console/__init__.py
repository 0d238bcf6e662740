"""What Keras prints while it trains, saved or pasted: bars of Keras 1, 2 and 3, or lines without.

A log holds any number of runs, each from whichever epoch on. Of a bar that moves only its last
state counts: before that, its values are averages over part of an epoch. Where KerasTuner printed
the log, its messages name trials, hyperparameters and scores.
"""

import codecs
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.console.events import Bar, Epoch, Mark, events, shows_bar
from auditor.readers.console.runs import ConsoleRun, Log, sort
from auditor.readers.console.search import SearchTrial
from auditor.readers.contents import clean
from auditor.readers.gathered import MOST_EPOCHS, SECONDS, Gathered, file_name, trial_ids
from auditor.readers.looking import HEAD_BYTES, Look
from auditor.readers.metrics import direction_of, keras_name
from auditor.readers.reader import NO_FILE, Match, Source
from auditor.trials import Design, Objective, Recorded, Run, Status, Trials

NOT_LOGS = {
    *(".c", ".cc", ".cfg", ".cpp", ".css", ".csv", ".h", ".htm", ".html", ".ini", ".ipynb"),
    *(".java", ".js", ".json", ".jsonl", ".md", ".parquet", ".py", ".r", ".rst", ".sh", ".sql"),
    *(".tex", ".toml", ".ts", ".tsv", ".xml", ".yaml", ".yml"),
}
"""Ends of names of files that may quote a log, as documentation and notebooks do."""

PIECE = 16 * 2**20
"""Bytes read at a time."""

MOST_BYTES = 16 * 2**30
"""Of one log."""

MOST_PACKED_BYTES = 2**30
"""Of one that is packed, unpacked: a megabyte may hold it."""

MOST_SENTENCES = 5
"""Runs whose missing epochs are named one by one."""

_WORDS = (b"Epoch ", b"/step", b" - loss: ", b"Running Trial #")


def matches(look: Look) -> Match:
    """Whether a file is a log of Keras: its head, or its end, shows bars."""
    if not look.is_file:
        return NO_FILE
    if look.suffix in NOT_LOGS:
        return Match(False, f"{look.suffix} files may quote a log, but are none")
    if _shows_training(look.text.encode("utf-8", "replace")):
        return Match(True, "it shows epochs as Keras prints them")
    if look.text and look.size > HEAD_BYTES and _shows_training(_tail(look.path)):
        return Match(True, "it ends in epochs as Keras prints them")
    return Match(False, "it shows no epochs as Keras prints them")


def read(source: Source) -> Trials:
    """Read logs.

    Raises:
        ReadError: None of them can be read.
    """
    gathered = Gathered(source)
    planned: set[int | None] = set()
    objectives: set[str] = set()
    gaps: list[str] = []
    for path, name in zip(source.files, trial_ids(source.files, source.root), strict=True):
        complaints: list[str] = []
        log = sort(events(_pieces(path, complaints)))
        if log.is_cut:
            complaints.append("the log has more epochs and messages than are read; split it")
        for complaint in complaints:
            gathered.problem(complaint, path, None if log.runs else name)
        if not log.runs and not log.search.trials:
            if not complaints:
                gathered.problem("no run of Keras is in it; leave it out", path, name)
            continue
        gathered.files.append(file_name(path, source.root))
        planned |= {run.planned for run in log.runs}
        objectives |= {log.search.objective} if log.search.objective else set()
        gaps += [*_add(gathered, log, name, path), *_oddities(log, name)]
    if not gathered.recorded:
        reasons = "; ".join(dict.fromkeys(problem.message for problem in gathered.problems))
        raise ReadError(f"no log can be read: {reasons}")
    gathered.missing += _missing(gathered, gaps)
    (epochs,) = planned if len(planned) == 1 else (None,)
    return gathered.trials("keras", _objective(gathered, objectives), design=Design(epochs=epochs))


def _add(gathered: Gathered, log: Log, name: str, path: Path) -> list[str]:
    """Add the runs of one log, executions under their trial's id; sentences on what they lack."""
    searched = log.search.trials
    numbers = [trial.number for trial in searched]
    if len(set(numbers)) < len(numbers):
        numbers = list(range(1, len(numbers) + 1))
    gaps: list[str] = []
    runs_of: list[list[ConsoleRun]] = [[] for _ in searched]
    others: list[ConsoleRun] = []
    for run in log.runs:
        (others if run.trial is None else runs_of[run.trial]).append(run)
    for number, trial, runs in zip(numbers, searched, runs_of, strict=True):
        for execution, one in enumerate(runs or [None]):
            recorded = _of_search(trial, one, len(runs), log.search.objective)
            at = Run(f"{name}#{number}", execution)
            _add_run(gathered, at, one, recorded, path, trial.hyperparameters)
            gaps += _gaps(one, at.trial_id) if one else []
    for place, run in enumerate(others, start=1):
        among = f"{name}#fit{place}" if searched else f"{name}#{place}"
        trial_id = among if len(log.runs) > 1 else name
        _add_run(gathered, Run(trial_id), run, _of_run(run), path)
        gaps += _gaps(run, trial_id)
    return gaps


def _add_run(
    gathered: Gathered,
    at: Run,
    run: ConsoleRun | None,
    recorded: Recorded,
    path: Path,
    hyperparameters: Mapping[str, Json] | None = None,
) -> None:
    """Add one run with its curves, by the names that Keras would give its metrics."""
    curves: dict[str, tuple[list[int], list[float]]] = {}
    called: dict[str, str] = {}
    for epoch, state in sorted(run.epochs.items()) if run else ():
        if epoch >= MOST_EPOCHS:
            gathered.problem(
                f"epoch {epoch + 1:,} is beyond the {MOST_EPOCHS:,} that are accepted, and left "
                "out; check the log",
                path,
                at.trial_id,
            )
            break
        for printed in state.texts:
            metric = called.setdefault(printed, keras_name(str(clean(printed))))
            epochs, values = curves.setdefault(metric, ([], []))
            if not epochs or epochs[-1] != epoch:  # two names may be one: "lr", "learning_rate"
                epochs.append(epoch)
                values.append(state.value(printed))
    if run and _seconds(run):
        timed = {epoch: s.seconds for epoch, s in run.epochs.items() if s.seconds is not None}
        curves.setdefault(SECONDS, (sorted(timed), [timed[epoch] for epoch in sorted(timed)]))
    if run and run.model:
        gathered.models[at.trial_id] = run.model
    gathered.add(at, curves, recorded, hyperparameters)


def _of_run(run: ConsoleRun) -> Recorded:
    """What a log says of one run."""
    message = run.raised or run.stopped
    if run.status == "unfinished":
        of = f" of {run.planned}" if run.planned else ""
        message = f"it ends within epoch {run.number}{of}, which is left out"
    return Recorded(run.status, message, seconds=_seconds(run))


def _seconds(run: ConsoleRun) -> float | None:
    """Of all epochs that are there; None where none took long enough to be printed."""
    return sum(state.seconds or 0.0 for state in run.epochs.values()) or None


def _of_search(
    trial: SearchTrial, run: ConsoleRun | None, executions: int, objective: str | None
) -> Recorded:
    """What KerasTuner says of a trial, about one execution of it."""
    status: Status = run.status if run else "unfinished"
    if trial.raised and (run is None or run.is_under_way or not trial.is_complete):
        status = "failed"
    elif trial.is_complete and not (run and run.is_under_way):
        status = "completed"
    metrics = {}
    if run is None and objective and trial.score is not None:
        metrics = {keras_name(objective): trial.score}
    return Recorded(
        status,
        trial.raised or (_of_run(run).message if run else None),
        metrics=metrics,
        score=trial.score,
        seconds=_seconds(run) if run and executions > 1 else trial.seconds,
    )


def _objective(gathered: Gathered, names: set[str]) -> Objective | None:
    """What KerasTuner says it ranks by; None where it does not say so, or several things."""
    if len(names) != 1 or (name := keras_name(*names)) not in gathered.metrics:
        return None
    return Objective(name, direction_of(name), f'the log says "Best {name} So Far"')


def _gaps(run: ConsoleRun, trial: str) -> list[str]:
    """Sentences on the epochs of a run that are not in a log."""
    sentences = []
    for before, after in pairwise([0, *sorted(epoch + 1 for epoch in run.epochs)]):
        if after > before + 1:
            which = f"epochs {before + 1} to {after - 1}"
            if after == before + 2:
                which = f"epoch {after - 1}"
            sentences.append(f"{trial}: {which}: not in the log, or not whole.")
    return sentences


def _oddities(log: Log, name: str) -> list[str]:
    """Sentences on what a log has otherwise than logs have."""
    sentences = []
    if log.is_counted:
        sentences.append(f"{name}: the numbers of epochs: they are counted from the first bar.")
    if log.repeated:
        sentences.append(f"{name}: {log.repeated} runs that stand there twice are read once.")
    if len(log.runs) > 2 and all(run.planned == 1 for run in log.runs):
        sentences.append(
            f"{name}: each of its {len(log.runs)} runs is of one epoch; if one model was trained "
            "in a loop, these are its epochs."
        )
    return sentences


def _missing(gathered: Gathered, gaps: Sequence[str]) -> list[str]:
    """What logs of Keras do not record, and what these lack."""
    tuned = any(gathered.hyperparameters.values())
    sentences = [
        "Digits beyond those printed, mostly four: smaller differences cannot be seen.",
        "Seeds, data and versions: Keras does not print them.",
        "Hyperparameters beyond five digits, and words cut off: KerasTuner prints no more."
        if tuned
        else "Hyperparameters: Keras does not print them.",
        *gaps[:MOST_SENTENCES],
    ]
    if len(gaps) > MOST_SENTENCES:
        sentences.append(f"The like in {len(gaps) - MOST_SENTENCES} more places.")
    return sentences


def _shows_training(text: bytes) -> bool:
    """Whether a part of a log has an epoch and a bar, a validated bar, or a trial of KerasTuner."""
    if not any(words in text for words in _WORDS):
        return False
    found = list(events([text]))
    if any(isinstance(event, Mark) and event.kind == "trial" for event in found):
        return True
    bars = [event for event in found if isinstance(event, Bar)]
    if any(bar.state.is_validated for bar in bars):
        return True
    return any(isinstance(event, Epoch) for event in found) and (bool(bars) or shows_bar(text))


def _tail(path: Path) -> bytes:
    """The last bytes of a file."""
    try:
        with path.open("rb") as file:
            file.seek(-HEAD_BYTES, 2)
            return file.read()
    except OSError:
        return b""


def _pieces(path: Path, complaints: list[str]) -> Iterator[bytes]:
    """The text of a log in UTF-8, piece by piece; what ends it early is complained of."""
    try:
        if not path.is_file():  # a pipe would block
            complaints.append("the file is missing, or not a regular file")
            return
        packed = path.name.lower().endswith(".gz")
        most = MOST_PACKED_BYTES if packed else MOST_BYTES
        with gzip.open(path) if packed else path.open("rb") as file:
            decoder = None
            for number in range(most // PIECE):
                piece = file.read(PIECE)
                if not number and piece[:2] in (b"\xff\xfe", b"\xfe\xff"):
                    decoder = codecs.getincrementaldecoder("utf-16")("replace")
                if not piece:
                    return
                yield decoder.decode(piece).encode("utf-8", "replace") if decoder else piece
            complaints.append(f"the file has more than {most:,} bytes; the rest is left out")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        complaints.append(f"the file cannot be read to its end: {error}")
