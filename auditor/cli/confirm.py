"""`auditor confirm`: train again what decides whether a cause is one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from auditor.cli.ending import one_line_errors, say
from auditor.cli.options import Csv, Html, Jobs, Json, Plain, Save, WorkersPerGpu
from auditor.cli.outputs import Outputs
from auditor.cli.training import watched, watcher_for
from auditor.errors import ReadError
from auditor.files import read_json
from auditor.sweeping import Lane, Plan, Sampler, TaskOption, load


def confirm(
    path: Annotated[Path, typer.Argument(metavar="SWEEP_DIR", help="The folder of a sweep.")],
    space: Annotated[str, typer.Option(help="Its search space, as given to `auditor sweep`.")],
    data: Annotated[Path | None, typer.Option(help="Its table: .csv or .parquet.")] = None,
    target: Annotated[str | None, typer.Option(help="Column of --data to predict.")] = None,
    task: Annotated[TaskOption, typer.Option(help="What the target is.")] = TaskOption.AUTO,
    validation_fraction: Annotated[float, typer.Option(help="Share of --data held out.")] = 0.2,
    budget: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings at most; by default as many as decide all causes."),
    ] = None,
    lane: Annotated[Lane, typer.Option(help="Reruns in stacks, or one by one.")] = Lane.AUTO,
    jobs: Jobs = None,
    workers_per_gpu: WorkersPerGpu = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be trained; train nothing.")
    ] = False,
    html: Html = None,
    json: Json = None,
    csv: Csv = None,
    save: Save = None,
    plain: Plain = False,
) -> None:
    """Rerun, with new seeds, what decides the causes of a sweep. Interrupted, it goes on.

    How the sweep was trained is read from its folder. Reruns go to the folder `confirm` in it.
    """
    outputs = Outputs(html, json, csv, save, plain)
    if (data is None) != (target is None):
        raise typer.BadParameter("--data and --target go together")
    with one_line_errors():
        outputs.check()
        plan = replace(_plan(path), lane=lane, jobs=jobs, workers_per_gpu=workers_per_gpu)
        from auditor.auditing import audit
        from auditor.readers import read

        reruns = audit(read(path)).plan_reruns(budget)
        say(f"{reruns}\n")
        if dry_run:
            return
        if reruns.trainings:
            source = load(space, data, target, task, validation_fraction, plan.seed)
            watcher = watcher_for(plain)
            tuner = plan.reruns(source, watcher, reruns.wanted)
            with watched(tuner, watcher, Path(tuner.project_dir)):
                plan.run(tuner, source.data)
        outputs.deliver(audit(read(path)))


def _plan(path: Path) -> Plan:
    """How a sweep was trained."""
    from pydantic import TypeAdapter, ValidationError

    file = path / "sweep.json"
    if not file.is_file():
        raise ReadError(
            f"{path} is no directory of a sweep of ours (there is no {file.name}); only these can "
            "be trained again"
        )
    state = read_json(file)
    try:
        return TypeAdapter(_Recorded).validate_python(state).plan(path)
    except ValidationError as error:
        raise ReadError(f"{file} does not say how the sweep was trained: {error}") from error


@dataclass
class _Objective:
    name: str
    direction: Literal["min", "max"]


@dataclass
class _Recorded:
    """What `sweep.json` says of the options of a sweep."""

    objective: _Objective
    seed: int
    epochs: int
    gap_penalty: float
    sampler: Sampler
    folds: int = 0
    stratify: bool = False
    batch_size: int | None = None

    def plan(self, folder: Path) -> Plan:
        folder = folder.resolve()  # of "." there is neither a parent nor a name
        plan = Plan(
            folder=folder,
            sampler=self.sampler,
            objective=f"{self.objective.name}:{self.objective.direction}",
            gap_penalty=self.gap_penalty,
            epochs=self.epochs,
            seed=self.seed,
            folds=self.folds,
            stratify=self.stratify,
        )
        return plan if self.batch_size is None else replace(plan, batch_size=self.batch_size)
