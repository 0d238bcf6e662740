"""MLflow: each experiment is a sweep, each run a trial; from a file store, or from SQLite.

Deleted runs are left out, and so are runs that only hold others together.
"""

from collections.abc import Iterable
from pathlib import Path

from auditor.errors import ReadError
from auditor.readers.gathered import Gathered, file_name
from auditor.readers.looking import Look
from auditor.readers.mlflow import database
from auditor.readers.mlflow.files import META, METRICS, PARAMS, TAGS, RunFolder, read_meta, read_run
from auditor.readers.mlflow.run import MlflowRun, Observed, hyperparameters, observed, recorded
from auditor.readers.reader import Match, Source
from auditor.readers.sqlite import MAGIC
from auditor.trials import Run, Trials

FOLDERS_LOOKED_AT = 20
"""Of a folder: if it is an experiment, one of them is a run's."""

RUN_FOLDERS = {METRICS, PARAMS, TAGS}


def matches(look: Look) -> Match:
    """Whether it is an experiment of a file store, a run of one, or a database."""
    if not look.is_dir:
        return _matches_database(look)
    if _is_run(look):
        return Match(True, f"there are a {META} and what MLflow records of a run")
    if META in look.files and read_meta(look.path).get("lifecycle_stage") == "deleted":
        return Match(False, "it is an experiment of MLflow that was deleted")
    if any(_is_run(Look(look.path / name)) for name in look.folders[:FOLDERS_LOOKED_AT]):
        return Match(True, f"there are folders with a {META} and what MLflow records of a run")
    return Match(False, f"there is no folder of an MLflow run, with {META}, {PARAMS} and {METRICS}")


def _is_run(look: Look) -> bool:
    if set(look.folders) >= RUN_FOLDERS:
        return True
    meta = read_meta(look.path) if META in look.files else {}
    # The version of a registered model names a run too.
    return "lifecycle_stage" in meta and bool({"run_id", "run_uuid"} & meta.keys())


def _matches_database(look: Look) -> Match:
    if not look.head.startswith(MAGIC):
        return Match(False, "it is no SQLite database")
    try:
        found = database.experiments(look.path)
    except ReadError as error:
        return Match(False, str(error))
    if not found:
        return Match(False, "the database has no experiments of MLflow, or none with runs")
    return Match(True, "the database has MLflow's tables", tuple(found) if len(found) > 1 else ())


def read(source: Source) -> Trials:
    """Read one experiment, or one run's folder.

    Raises:
        ReadError: There is no run.
    """
    gathered = Gathered(source)
    if source.path.is_dir():
        folders = _run_folders(source.path)
        runs = [_named(gathered, folder, read_run(folder)) for folder in folders]
    else:
        runs = database.read_runs(source.path, _experiment(source))
        gathered.files.append(file_name(source.path, source.root))
    kept = [run for run in runs if not run.is_deleted]
    _add(gathered, sorted(kept, key=lambda run: (run.start is None, run.start or 0, run.run_id)))
    if len(kept) < len(runs):
        gathered.missing.append(f"Runs that were deleted are left out: {len(runs) - len(kept)}.")
    if not gathered.hyperparameters:
        raise ReadError(
            f"no run is readable in {source.path}: give an experiment of MLflow whose runs are "
            "not all deleted"
        )
    return gathered.trials("mlflow")


def _run_folders(path: Path) -> list[Path]:
    look = Look(path)
    if _is_run(look):
        return [path]
    inside = [Look(path / name) for name in look.folders]
    return [look.path for look in inside if {METRICS, PARAMS} & set(look.folders) or _is_run(look)]


def _named(gathered: Gathered, folder: Path, found: RunFolder) -> MlflowRun:
    """The run, with its files and problems noted."""
    if META not in found.complaints:
        gathered.files.append(file_name(folder / META, gathered.source.root))
    for name, complaint in found.complaints.items():
        gathered.problem(complaint, folder / name, found.run.run_id)
    return found.run


def _experiment(source: Source) -> int | str:
    found = database.experiments(source.path)
    if source.part in found:
        return found[source.part]
    if source.part is None and len(found) == 1:
        return next(iter(found.values()))
    raise ReadError(f"no experiment {source.part!r} in {source.path}; there are {', '.join(found)}")


def _add(gathered: Gathered, runs: Iterable[MlflowRun]) -> None:
    """Add the trials among the runs: not those that others are part of, unless they trained."""
    runs = list(runs)
    parents = {run.parent for run in runs}
    notes: dict[str, None] = {}
    holding, failed = 0, False
    for run in runs:
        found = observed(run)
        if run.run_id in parents and not found.curves:
            holding += 1
            continue
        gathered.add(Run(run.run_id), found.curves, recorded(run, found), hyperparameters(run))
        _complain(gathered, run, found)
        notes |= dict.fromkeys(found.notes)
        failed = failed or run.status.upper() == "FAILED"
    if holding:
        gathered.missing.append(f"Runs that only hold others together are no trials: {holding}.")
    gathered.missing += notes
    if failed:
        gathered.missing.append("MLflow does not record why a run failed.")


def _complain(gathered: Gathered, run: MlflowRun, found: Observed) -> None:
    if found.repeated:
        gathered.problem(
            f"values that were logged again for the same step are replaced: {found.repeated}",
            trial_id=run.run_id,
        )
