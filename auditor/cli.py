"""The command line: parses, calls, prints. The only file of the package that prints.

Exit codes: 0 fine, 1 a finding named by `--fail-on`, 2 misuse, 3 unreadable input, 130 interrupted,
143 terminated.
Libraries are imported inside the commands, so that `--help` costs nothing.
"""

import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.errors import AuditorError, DirectoryError, ReadError
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
    from auditor.auditing import Audit
    from auditor.sweeping import Source
    from auditor.watching import Lines, View

FINDING, MISUSE, UNREADABLE, INTERRUPTED, TERMINATED = 1, 2, 3, 130, 143
"""Exit codes other than 0."""

app = typer.Typer(
    name="auditor",
    help="Find the model that generalises, and what broke the others.",
    no_args_is_help=True,
    add_completion=False,
    # Help and tracebacks by rich load rich, which takes longer than all else in --help.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


_Penalty = Annotated[
    float | None,
    typer.Option(
        min=0,
        callback=_finite,
        help="Weight of the generalization gap in the score; 0: objective alone.",
    ),
]
_Html = Annotated[Path | None, typer.Option(help="Write the report as one offline HTML file.")]
_SweepHtml = Annotated[
    Path | None,
    typer.Option(help="The report, one offline HTML file; by default in the sweep's folder."),
]
_Json = Annotated[Path | None, typer.Option(help="Write the whole record as JSON.")]
_Csv = Annotated[Path | None, typer.Option(help="Write tables to this folder.")]
_Save = Annotated[Path | None, typer.Option(help="Save audit and trials to this folder.")]
_Plain = Annotated[bool, typer.Option("--plain", help="No colours, no progress bar.")]
_FailOn = Annotated[
    list[str] | None,
    typer.Option(metavar="CODE", help="Exit with 1 if this finding is there. May be repeated."),
]
_Out = Annotated[Path, typer.Option(help="The sweep goes to a folder in this one.")]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Delete an earlier sweep there.")]
_Folds = Annotated[
    int,
    typer.Option(
        min=0,
        help="Cross-validate: train each trial once per fold. The folds are of all rows, those to "
        "train and those to validate together; 0: no folds.",
    ),
]
_Stratify = Annotated[
    bool, typer.Option("--stratify", help="Give each fold its share of every class.")
]
_Clean = Annotated[
    bool,
    typer.Option(
        "--clean-train-metrics",
        help="Measure training metrics again after each epoch, as validation metrics are.",
    ),
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would train together; train and write nothing.")
]
_Jobs = Annotated[
    int | None,
    typer.Option(
        help="Processes to train in; -1: one per GPU, or per core where there is none. "
        "By default trials train in this one."
    ),
]
_WorkersPerGpu = Annotated[int, typer.Option(min=1, help="Processes that share a GPU.")]
_Epochs = Annotated[int, typer.Option(min=1, help="Epochs per trial.")]


@dataclass(frozen=True)
class _Outputs:
    """Where an audit goes."""

    html: Path | None
    json: Path | None = None
    csv: Path | None = None
    save: Path | None = None
    plain: bool = False
    fail_on: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse, before anything is trained, files that could not be written and unknown codes."""
        for path in (self.html, self.json):
            if path is not None and not path.absolute().parent.is_dir():
                raise typer.BadParameter(f"the folder of {path} does not exist; make it first")
            if path is not None and path.is_dir():
                raise typer.BadParameter(f"{path} is a folder; name a file")
        for path in (self.csv, self.save):
            if path is not None and path.exists() and not path.is_dir():
                raise typer.BadParameter(f"cannot write {path}: it is a file; name a folder")
        if self.fail_on:
            from auditor.diagnosis.rules import RULES

            known = {rule.code for rule in RULES}
            if unknown := self._wanted - known:
                raise typer.BadParameter(
                    f"--fail-on: no rule {_listed(unknown)}; known are {_listed(known)}"
                )

    @property
    def _wanted(self) -> set[str]:
        return {code.upper() for code in self.fail_on}

    def numbered(self, number: int) -> "_Outputs":
        """The same for the sweep of a number: `report.html`, `report-2.html`, ..."""
        if number == 1:
            return self
        paths = {
            name: path.with_name(f"{path.stem}-{number}{path.suffix}")
            for name in ("html", "json", "csv", "save")
            if (path := getattr(self, name)) is not None
        }
        return replace(self, **paths)

    def deliver(self, audit: "Audit") -> set[str]:
        """Print the report and write the files; the codes of `fail_on` that were found."""
        typer.echo(_terminal_report(audit, self.plain), nl=False)
        self._write(audit)
        return self._wanted & {finding.code for finding in audit.findings}

    def _write(self, audit: "Audit") -> None:
        from auditor.files import write_whole
        from auditor.report import render
        from auditor.report.csv import write_csv

        writers: tuple[tuple[Path | None, Callable[[Path], None]], ...] = (
            (self.html, lambda path: write_whole(path, render(audit, "html"))),
            (self.json, lambda path: write_whole(path, render(audit, "json"))),
            (self.csv, lambda path: write_csv(audit, path)),
            (self.save, audit.save),
        )
        for path, write in writers:
            if path is None:
                continue
            try:
                write(path)
            except OSError as error:
                raise DirectoryError(
                    f"cannot write {path}: {error.strerror}; choose another place"
                ) from error
            _say(f"Written: {path}")


@app.command()
def audit(
    path: Annotated[
        Path,
        typer.Argument(help="Directory or file: a sweep, logs, tables; - reads standard input."),
    ],
    format: Annotated[
        str | None, typer.Option(help="Read only what this tool wrote, such as kerastuner.")
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(help="Where there are several below PATH: its number, or part of its name."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS,...",
            help="What a plain table calls its columns: trial=run,epoch=step,loss=train_loss.",
        ),
    ] = None,
    objective: Annotated[
        str | None, typer.Option(help="Rank by METRIC, METRIC:min or METRIC:max.")
    ] = None,
    cache: Annotated[
        bool, typer.Option(help="Keep what was read in your cache folder, for the next audit.")
    ] = True,
    gap_penalty: _Penalty = None,
    html: _Html = None,
    json: _Json = None,
    csv: _Csv = None,
    save: _Save = None,
    fail_on: _FailOn = None,
    plain: _Plain = False,
) -> None:
    """Audit what exists, whatever tool wrote it. Trains nothing, changes nothing below PATH."""
    outputs = _Outputs(html, json, csv, save, plain, tuple(fail_on or ()))
    with _one_line_errors(), _stored(path) as place:
        outputs.check()
        from auditor.auditing import audit as make_audit
        from auditor.readers import choosing, find
        from auditor.readers.cache import cached

        found = find(place, format, choosing.parse_columns(columns or ()))
        sources = choosing.choose(found, place, sweep)
        if len(found) > 1:
            _say(f"{len(found)} sweeps below {path}:")
            listed = zip(found, choosing.names(found, place), strict=True)
            for number, (source, name) in enumerate(listed, 1):
                _say(f"  {number}  {name}{'' if source in sources else ' (left out)'}")
        unread, failed = 0, set()
        named = zip(sources, choosing.names(sources, place), strict=True)
        for number, (source, name) in enumerate(named, 1):
            if len(sources) > 1:
                _say(f"\n{name}\n")
            try:
                trials = cached(source, path) if cache and place == path else source.read()
                if place != path:
                    trials = choosing.from_standard_input(trials)
                if objective is not None:
                    trials = choosing.with_objective(trials, objective)
            except AuditorError as error:
                # One sweep that cannot be read does not cost the others.
                unread += 1
                if unread == len(sources):
                    raise
                _say(f"error: {error}", err=True)
                continue
            failed |= outputs.numbered(number).deliver(make_audit(trials, gap_penalty))
        _fail_on(failed)


@app.command()
def sweep(
    space: Annotated[str, typer.Argument(help="A name from `auditor spaces`, a module or a file.")],
    data: Annotated[Path | None, typer.Option(help="Table: .csv or .parquet.")] = None,
    target: Annotated[str | None, typer.Option(help="Column of --data to predict.")] = None,
    task: Annotated[TaskOption, typer.Option(help="What the target is.")] = TaskOption.AUTO,
    validation_fraction: Annotated[float, typer.Option(help="Share of --data held out.")] = 0.2,
    search: Annotated[Sampler, typer.Option(help="All combinations, or a sample.")] = Sampler.GRID,
    epochs: _Epochs = 20,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per step, unless tuned.")] = 32,
    max_trials: Annotated[int | None, typer.Option(min=1, help="Trials at most.")] = None,
    objective: Annotated[str, typer.Option(help="Metric, or METRIC:min, METRIC:max.")] = "val_loss",
    gap_penalty: _Penalty = None,
    executions: Annotated[int, typer.Option(min=1, help="Trainings of each trial.")] = 1,
    folds: _Folds = 0,
    stratify: _Stratify = False,
    clean_train_metrics: _Clean = False,
    lane: Annotated[Lane, typer.Option(help="Trials in stacks, or one by one.")] = Lane.AUTO,
    jobs: _Jobs = None,
    workers_per_gpu: _WorkersPerGpu = 1,
    seed: Annotated[int, typer.Option(help="For split, weights, shuffling and sampling.")] = 0,
    out: _Out = Path("sweeps"),
    overwrite: _Overwrite = False,
    dry_run: _DryRun = False,
    html: _SweepHtml = None,
    json: _Json = None,
    csv: _Csv = None,
    save: _Save = None,
    fail_on: _FailOn = None,
    plain: _Plain = False,
) -> None:
    """Train a search space and audit it. Interrupted, the same command goes on."""
    codes = tuple(fail_on or ())
    outputs = _Outputs(html, json, csv, save, plain, codes)
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
    with _one_line_errors():
        outputs.check()
        check_objective(objective)
        source = load(space, data, target, task, validation_fraction, seed)
        plan = Plan(
            folder=out / source.space.name, sampler=search, objective=objective,
            gap_penalty=gap_penalty, epochs=epochs, batch_size=batch_size, max_trials=max_trials,
            executions=executions, seed=seed, overwrite=overwrite, folds=folds, stratify=stratify,
            clean_train_metrics=clean_train_metrics, lane=lane, jobs=jobs,
            workers_per_gpu=workers_per_gpu,
        )  # fmt: skip
        if dry_run:
            _introduce(source, plan)
            _say(f"\n{plan.summary(source)}")
            return
        page = html or plan.folder / "report.html"
        _sweep(source, plan, _Outputs(page, json, csv, save, plain, codes))


@app.command()
def spaces() -> None:
    """List the search spaces that come with auditor."""
    with _one_line_errors():
        from search_spaces import load_space, space_names

        import_framework()
        for name in space_names():
            space = load_space(name)
            _say(f"{name:16} {space.grid_size():5} trials  {space.title}")


@app.command()
def demo(
    out: _Out = Path("sweeps"),
    epochs: _Epochs = 20,
    overwrite: _Overwrite = False,
    plain: _Plain = False,
) -> None:
    """Sweep a real data set in which trials fail, audit it, and say where the report is."""
    with _one_line_errors():
        source = load("demo")
        folder = out / source.space.name
        plan = Plan(folder, epochs=epochs, overwrite=overwrite)
        _sweep(source, plan, _Outputs(folder / "report.html", plain=plain))


def main() -> None:
    """Entry point of the command `auditor`."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a question mark; the audit goes on.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app()


def _introduce(source: "Source", plan: Plan) -> None:
    _say(f"{source.space.name}: {source.space.title}")
    for sentence in (*source.data.sentences, *plan.sentences(source.data)):
        _say(f"  {sentence}")


def _sweep(source: "Source", plan: Plan, outputs: _Outputs) -> None:
    """Train, then audit."""
    _introduce(source, plan)
    watcher = _watcher(outputs.plain)
    tuner = plan.tuner(source, watcher)
    from auditor.search.signals import Terminated, sigterm_interrupts

    try:
        with sigterm_interrupts(), watcher.watch(tuner.progress):
            plan.run(tuner, source.data)
    except KeyboardInterrupt as stop:
        kept = len(tuner.oracle.end_order)
        _say(
            f"interrupted: {kept} finished trials are kept in {plan.folder}; the same command"
            f"{', without --overwrite,' if plan.overwrite else ''} goes on from there",
            err=True,
        )
        code = TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
        raise typer.Exit(code) from None
    earlier = tuner.progress().earlier
    again = f" ({earlier} of them earlier)" if earlier else ""
    _say(f"  sweep: {len(tuner.oracle.end_order)} trials{again} in {plan.folder}\n")
    _fail_on(outputs.deliver(tuner.audit()))


def _fail_on(found: set[str]) -> None:
    """Exit with 1 if a finding asked for is there."""
    if found:
        _say(f"failed: found {_listed(found)}, as --fail-on asks", err=True)
        raise typer.Exit(FINDING)


@contextmanager
def _stored(path: Path) -> Iterator[Path]:
    """The path, or standard input as a file."""
    if str(path) != "-":
        yield path
        return
    from auditor.readers.choosing import stored

    with stored(sys.stdin.buffer) as place:
        yield place


def _watcher(plain: bool) -> "Lines | View":
    """What shows how a sweep goes: a view on a terminal, lines elsewhere."""
    from rich.console import Console

    from auditor.watching import Lines, View

    console = Console(stderr=True)
    if plain or not console.is_terminal or console.is_dumb_terminal:
        return Lines(lambda line: _say(line, err=True))
    return View(console)


def _terminal_report(audit: "Audit", plain: bool) -> str:
    from auditor.report.terminal import render_terminal

    if plain or not sys.stdout.isatty():
        return render_terminal(audit)
    return render_terminal(audit, shutil.get_terminal_size().columns, "NO_COLOR" not in os.environ)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Errors raised on purpose, and files that cannot be written, without a traceback."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever reads what is printed has seen enough: no error to tell of
    except (AuditorError, OSError) as error:
        notes = getattr(error, "__notes__", [])
        _say("; ".join([f"error: {error}", *notes]), err=True)
        code = UNREADABLE if isinstance(error, ReadError) else MISUSE
        raise typer.Exit(code) from None
    except KeyboardInterrupt:
        _say("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _say(text: str, err: bool = False) -> None:
    """Print; nothing in the text, such as the name of a stranger's folder, acts on the terminal."""
    typer.echo(_harmless(text), err=err)


def _harmless(text: str) -> str:
    from auditor.report.safe import printable

    return "\n".join(printable(line) for line in text.split("\n"))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
