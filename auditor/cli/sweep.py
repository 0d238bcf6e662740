"""`auditor sweep`, `spaces` and `demo`: train, then audit."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.ending import fail_on_found, one_line_errors, say
from auditor.cli.options import (
    Clean,
    Csv,
    DryRun,
    Epochs,
    FailOn,
    Folds,
    Jobs,
    Json,
    Out,
    Overwrite,
    Parquet,
    Penalty,
    PerExampleLosses,
    Plain,
    Save,
    Stratify,
    SweepReport,
    Tensorboard,
    Test,
    WorkersPerGpu,
)
from auditor.cli.outputs import Outputs
from auditor.cli.training import watched, watcher_for
from auditor.sweeping import (
    Lane,
    Plan,
    Sampler,
    TaskOption,
    check_objective,
    import_framework,
    load,
)

if TYPE_CHECKING:
    from auditor.sweeping import Source


def sweep(
    space: Annotated[str, typer.Argument(help="A name from `auditor spaces`, a module or a file.")],
    data: Annotated[Path | None, typer.Option(help="Table: .csv or .parquet.")] = None,
    target: Annotated[str | None, typer.Option(help="Column of --data to predict.")] = None,
    task: Annotated[TaskOption, typer.Option(help="What the target is.")] = TaskOption.AUTO,
    validation_fraction: Annotated[float, typer.Option(help="Share of --data held out.")] = 0.2,
    test: Test = None,
    search: Annotated[Sampler, typer.Option(help="All combinations, or a sample.")] = Sampler.GRID,
    epochs: Epochs = 20,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per step, unless tuned.")] = 32,
    max_trials: Annotated[int | None, typer.Option(min=1, help="Trials at most.")] = None,
    objective: Annotated[str, typer.Option(help="Metric, or METRIC:min, METRIC:max.")] = "val_loss",
    gap_penalty: Penalty = None,
    executions: Annotated[int, typer.Option(min=1, help="Trainings of each trial.")] = 1,
    folds: Folds = 0,
    stratify: Stratify = False,
    clean_train_metrics: Clean = False,
    per_example_losses: PerExampleLosses = False,
    check_data: Annotated[
        bool, typer.Option(help="Compare training and validation data before training.")
    ] = True,
    lane: Annotated[Lane, typer.Option(help="Trials in stacks, or one by one.")] = Lane.AUTO,
    jobs: Jobs = None,
    workers_per_gpu: WorkersPerGpu = 1,
    seed: Annotated[int, typer.Option(help="For split, weights, shuffling and sampling.")] = 0,
    out: Out = Path("sweeps"),
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    report: SweepReport = None,
    json: Json = None,
    csv: Csv = None,
    parquet: Parquet = None,
    tensorboard: Tensorboard = None,
    save: Save = None,
    fail_on: FailOn = None,
    plain: Plain = False,
) -> None:
    """Train a search space and audit it. Interrupted, the same command goes on."""
    outputs = Outputs(report, json, csv, save, plain, tuple(fail_on or ()), parquet, tensorboard)
    if search is Sampler.RANDOM and max_trials is None:
        raise typer.BadParameter("--search random needs --max-trials")
    if (data is None) != (target is None):
        raise typer.BadParameter("--data and --target go together")
    if folds == 1:
        raise typer.BadParameter("--folds 1 leaves nothing to train on; give at least 2, or 0")
    if jobs == 0:
        raise typer.BadParameter("--jobs 0 trains nothing; give a number from 1, or -1 for all")
    if stratify and not folds:
        raise typer.BadParameter("--stratify needs --folds")
    with one_line_errors():
        outputs.check()
        check_objective(objective)
        source = load(space, data, target, task, validation_fraction, seed, test)
        plan = Plan(
            folder=out / source.space.name, sampler=search, objective=objective,
            gap_penalty=gap_penalty, epochs=epochs, batch_size=batch_size, max_trials=max_trials,
            executions=executions, seed=seed, overwrite=overwrite, folds=folds, stratify=stratify,
            clean_train_metrics=clean_train_metrics, per_example_losses=per_example_losses,
            check_data=check_data, lane=lane, jobs=jobs, workers_per_gpu=workers_per_gpu,
        )  # fmt: skip
        if dry_run:
            _introduce(source, plan)
            say(f"\n{plan.summary(source)}")
            return
        _sweep(source, plan, replace(outputs, html=report or plan.folder / "report.html"))


def spaces() -> None:
    """List the search spaces that come with auditor."""
    with one_line_errors():
        from search_spaces import load_space, space_names

        import_framework()
        for name in space_names():
            space = load_space(name)
            say(f"{name:16} {space.grid_size():5} trials  {space.title}")


def demo(
    out: Out = Path("sweeps"),
    epochs: Epochs = 20,
    overwrite: Overwrite = False,
    plain: Plain = False,
) -> None:
    """Sweep a real data set in which trials fail, audit it, and say where the report is."""
    with one_line_errors():
        source = load("demo")
        folder = out / source.space.name
        plan = Plan(folder, epochs=epochs, overwrite=overwrite)
        _sweep(source, plan, Outputs(folder / "report.html", plain=plain))


def _introduce(source: "Source", plan: Plan) -> None:
    say(f"{source.space.name}: {source.space.title}")
    for sentence in (*source.data.sentences, *plan.sentences(source.data)):
        say(f"  {sentence}")


def _sweep(source: "Source", plan: Plan, outputs: Outputs) -> None:
    """Train, then audit."""
    _introduce(source, plan)
    say(f"  report, written anew while it trains: {outputs.html}")
    watcher = watcher_for(outputs.plain)
    tuner = plan.tuner(source, watcher)
    with watched(tuner, watcher, plan.folder, plan.overwrite, outputs.html):
        plan.run(tuner, source.data)
    earlier = tuner.progress().earlier
    before = f" ({earlier} of them earlier)" if earlier else ""
    say(f"  sweep: {len(tuner.oracle.end_order)} trials{before} in {plan.folder}\n")
    fail_on_found(outputs.deliver(tuner.audit()))
