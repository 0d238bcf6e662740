"""Ray Tune: a folder per trial, and what the search itself noted, of Ray 1 and 2.

Read are `params.json`, `result.json` (else `progress.csv`), `error.txt` and
`experiment_state-*.json`; pickles (`params.pkl`, `error.pkl`, `tuner.pkl`) are never opened. A
trial's report is taken for an epoch.
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.errors import ReadError
from auditor.readers.contents import clean
from auditor.readers.gathered import Gathered, file_name
from auditor.readers.looking import Look, natural
from auditor.readers.metrics import direction_of, keras_name
from auditor.readers.ray_tune.results import ITERATION
from auditor.readers.ray_tune.state import State, TrialState, id_in, read_state, state_files
from auditor.readers.ray_tune.trial import PARAMS, PROGRESS, RESULTS, Length, RayTrial
from auditor.readers.reader import NO_FOLDER, Match, Source
from auditor.trials import Objective, Trials

PICKLES = {"params.pkl", "error.pkl"}

FOLDERS_LOOKED_AT = 20
"""Of a folder without a state: if it is an experiment, one of them is a trial's."""


def matches(look: Look) -> Match:
    """Whether a folder is an experiment, or a trial of one."""
    if not look.is_dir:
        return NO_FOLDER
    if state_files(look):
        return Match(True, "there is an experiment_state-*.json")
    if _is_trial(look):
        return Match(True, f"there is a {RESULTS} or {PROGRESS} of Ray")
    if any(_is_trial(Look(look.path / name)) for name in look.folders[:FOLDERS_LOOKED_AT]):
        return Match(True, f"there are folders with a {RESULTS} or {PROGRESS} of Ray")
    return Match(False, f"there is no experiment_state-*.json, nor a {RESULTS} of Ray")


def _is_trial(look: Look) -> bool:
    names = set(look.files)
    if not names & {PARAMS, *PICKLES}:
        return False
    heads = [Look(look.path / name).head for name in (RESULTS, PROGRESS) if name in names]
    # A trial that failed at once has an empty file.
    return any(ITERATION.encode() in h for h in heads) or bool(heads and names & PICKLES)


def read(source: Source) -> Trials:
    """Read an experiment, or one trial's folder.

    Raises:
        ReadError: There is no trial.
    """
    gathered = Gathered(source)
    look = Look(source.path)
    states = state_files(look)
    paths = [source.path / name for name in look.folders]
    if not states and {RESULTS, PROGRESS} & set(look.files):
        paths = [source.path]
    members = {
        str(clean(path.name)): folder for path in paths if _may_be_trial(folder := Look(path))
    }
    known, metric = _known(gathered, look, members)
    lengths = [trial.add_to(gathered) for trial in _trials(known, members)]
    if not lengths:
        problems = "; ".join(problem.message for problem in gathered.problems[:3])
        raise ReadError(
            f"no trial is readable in {source.path}: "
            + (problems or f"it needs a folder with a {RESULTS} for each trial")
        )
    gathered.missing += _missing(lengths)
    return gathered.trials("ray-tune", _objective(metric, gathered.metrics))


def _may_be_trial(look: Look) -> bool:
    return bool({PARAMS, RESULTS, PROGRESS} & set(look.files))


def _known(
    gathered: Gathered, look: Look, members: Mapping[str, Look]
) -> tuple[dict[str, TrialState], str | None]:
    """What states say of the trials, and what was optimised.

    The newest session says it; earlier ones only of folders that it does not know, as where one
    name was used for several searches.
    """
    known: dict[str, TrialState] = {}
    metric = None
    newest: State | None = None
    for file in state_files(look):
        if newest and not members.keys() - {trial.folder for trial in known.values()}:
            break
        try:
            state = read_state(file)
        except ReadError as error:
            gathered.problem(f"{error}; what else says something of its trials is read", file)
            continue
        gathered.files.append(file_name(file, gathered.source.root))
        if state.unreadable:
            gathered.problem(f"{state.unreadable} trials in it are not readable", file)
        newest = newest or state
        metric = metric or state.metric
        for trial in state.trials:
            if state is newest or trial.folder in members:
                known.setdefault(trial.trial_id, trial)
    return known, metric


def _trials(known: Mapping[str, TrialState], members: Mapping[str, Look]) -> Iterator[RayTrial]:
    """All trials in the order of their start; those without a state follow by their names."""
    left = dict(members)
    by_id = {id_in(name): name for name in members}
    for state in sorted(known.values(), key=_by_start):
        name = state.folder if state.folder in left else by_id.get(state.trial_id)
        yield RayTrial(state.trial_id, state, left.pop(name, None) if name else None)
    taken = set(known)
    for name, folder in left.items():
        trial_id = id_in(name) if id_in(name) not in taken else name
        taken.add(trial_id)
        yield RayTrial(trial_id, None, folder)


def _by_start(state: TrialState) -> tuple[bool, float, list[tuple[int, int | str]]]:
    start = state.start_time
    return start is None, start or 0.0, natural(state.trial_id)


def _missing(lengths: Sequence[Length]) -> list[str]:
    longest = max(length.reports for length in lengths)
    short = sum(length.was_stopped and length.reports < longest for length in lengths)
    sentences = ["Ray Tune counts reports: each report of a trial is taken for one epoch."]
    lost = sum(length.is_lost for length in lengths)
    if lost:
        sentences.append(
            f"The reports of {lost} of {len(lengths)} trials are not there; of these only the last "
            "is known, from experiment_state."
        )
    if short:
        sentences.append(
            f"Ray Tune does not record why a trial was stopped: {short} of {len(lengths)} were "
            f"told to stop after fewer reports than the longest ({longest}), by a scheduler such "
            "as ASHA or by a rule; they count as completed."
        )
    return sentences


def _objective(metric: str | None, metrics: set[str]) -> Objective | None:
    """What the search optimised; its direction is only in a pickle."""
    name = keras_name(metric) if metric else None
    if name not in metrics or name is None:
        return None
    return Objective(name, direction_of(name), "experiment_state (its direction by its name)")
