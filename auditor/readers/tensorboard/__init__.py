"""TensorBoard event files, as Keras, PyTorch and Lightning write them.

Keras's callback: `<run>/{train,validation}/events...v2` with `epoch_loss`; before 2.3 `loss` and
`val_loss` in one folder. PyTorch: whatever the user calls it, such as `Loss/train`, by steps of
whatever kind. A run is a folder, or each training that began anew in it.
"""

import re
from pathlib import Path

from auditor.errors import ReadError
from auditor.readers.beside import Beside
from auditor.readers.contents import clean
from auditor.readers.gathered import Gathered, file_name
from auditor.readers.looking import Look
from auditor.readers.names import hyperparameters_in_path
from auditor.readers.reader import NO_FILE, Match, Source
from auditor.readers.tensorboard.events import read_events
from auditor.readers.tensorboard.hparams import (
    declared_space,
    hyperparameters,
    recorded,
    run_named,
    with_integers,
)
from auditor.readers.tensorboard.runs import Logged, is_event_file, merge_hparams, place
from auditor.trials import Run, Trials

_EXECUTION = re.compile(r"execution(\d{1,6})")

_MISSING = (
    "Event files hold what the program logged, and nothing else: not the objective, the data, or "
    "whether a run without an HParams status ended by itself."
)
_NO_HYPERPARAMETERS = (
    "Hyperparameters: the HParams plugin was not used, and none were found in the names of "
    "folders (such as lr=0.1,units=32) or in a params.yaml or config.json beside the runs."
)
_SEVERAL = (
    "Which training is which: several began anew in the same folder, so that their event files "
    "lie together. They are numbered in the order of their start (#1, #2, ...)."
)


def matches(look: Look) -> Match:
    """Whether the path is an event file."""
    if not look.is_file:
        return NO_FILE
    if not is_event_file(look.path.name):
        return Match(False, "its name is not that of an event file (events.out.tfevents.<time>...)")
    return Match(True, "its name is that of an event file of TensorBoard")


def read(source: Source) -> Trials:
    """Read all files as one sweep.

    Raises:
        ReadError: No file holds a record.
    """
    found = Gathered(source)
    logged: dict[Path, Logged] = {}
    folders = {file.parent for file in source.files}
    for file in source.files:
        _read_file(file, folders, found, logged)
    if not logged:
        first = found.problems[0].message if found.problems else "there are no files"
        raise ReadError(f"no event can be read from {source.path}: {first}")
    sessions = [run.session for run in logged.values()]
    merge_hparams(logged)
    found.missing.append(_MISSING)
    beside = Beside(source.root)
    around = {above for folder in logged for above in folder.parents}
    for folder, run in logged.items():
        # A folder around runs may have a file with no more than the declared space.
        if run.tags or run.session.keys() - {"experiment"} or folder not in around:
            _add(folder, run, found, beside)
    for path, message in beside.problems:
        found.problem(message, path)
    found.files += [file_name(path, source.root) for path in beside.files]
    if not any(found.hyperparameters.values()):
        found.missing.append(_NO_HYPERPARAMETERS)
    space = with_integers(found.hyperparameters, declared_space(sessions))
    return found.trials("tensorboard", space=space)


def _read_file(file: Path, folders: set[Path], found: Gathered, logged: dict[Path, Logged]) -> None:
    """Add one file to those of its run."""
    root = found.source.root
    trial = run_of(place(file, (), root, folders).folder, root).trial_id
    try:
        events = read_events(file)
    except ReadError as error:
        found.problem(f"{error}: restore it, or train the run again", file, trial)
        return
    if events.problem or not events.records:
        what = events.problem or "is empty"
        found.problem(f"the file {what}: train the run again if more is needed", file, trial)
    if events.records:
        found.files.append(file_name(file, root))
        at = place(file, events.scalars, root, folders)
        logged.setdefault(at.folder, Logged()).add(events, at)


def _add(folder: Path, logged: Logged, found: Gathered, beside: Beside) -> None:
    """Add the trainings of one folder."""
    root = found.source.root
    named = run_named(logged.session)
    run = run_of(folder, root) if named is None or named in found.recorded else named
    trainings, notes = logged.trainings()
    for note in notes:
        found.problem(note, folder, run.trial_id)
    # The name of an event file says nothing, so any name in the folder will do.
    inside = folder / "events"
    values = {
        **hyperparameters_in_path(inside, root),
        **beside.hyperparameters(inside),
        **hyperparameters(logged.session),
    }
    for number, training in enumerate(trainings, start=1):
        trial = run.trial_id if len(trainings) == 1 else f"{run.trial_id}#{number}"
        said = recorded(logged.session, training.results)
        found.add(Run(trial, run.execution), training.curves, said, values)
        if training.assumed and f"{training.assumed}." not in found.missing:
            found.missing.append(f"{training.assumed}.")
    if len(trainings) > 1 and _SEVERAL not in found.missing:
        found.missing.append(_SEVERAL)


def run_of(folder: Path, root: Path) -> Run:
    """The run of a folder: KerasTuner puts each execution of a trial into a folder below it."""
    execution = _EXECUTION.fullmatch(folder.name)
    if execution and folder != root:
        return Run(run_of(folder.parent, root).trial_id, int(execution[1]))
    if folder == root or not folder.is_relative_to(root):
        return Run(str(clean(root.resolve().name)) or "run")
    return Run(file_name(folder, root))
