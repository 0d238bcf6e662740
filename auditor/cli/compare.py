"""`auditor compare`: two audits, before and after."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.ending import FINDING, one_line_errors, say
from auditor.cli.options import Json, Penalty, Plain
from auditor.cli.outputs import Outputs, screen
from auditor.errors import DirectoryError, ReadError

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.comparing import Comparison
    from auditor.trials import Trials

WHAT = "A sweep, logs, a table, or what --save wrote"


def compare(
    before: Annotated[Path, typer.Argument(help=f"{WHAT}: the earlier one.")],
    after: Annotated[Path, typer.Argument(help=f"{WHAT}: the later one.")],
    sweep_before: Annotated[
        str | None,
        typer.Option(help="Where there are several below BEFORE: its number, or part of its name."),
    ] = None,
    sweep_after: Annotated[str | None, typer.Option(help="The same below AFTER.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS,...", help="What plain tables call their columns."),
    ] = None,
    objective: Annotated[
        str | None, typer.Option(help="Rank both by METRIC, METRIC:min or METRIC:max.")
    ] = None,
    gap_penalty: Penalty = None,
    html: Annotated[Path | None, typer.Option(help="Write it as one offline HTML file.")] = None,
    json: Json = None,
    fail_on_worse: Annotated[
        bool, typer.Option("--fail-on-worse", help="Exit with 1 if AFTER is worse beyond luck.")
    ] = False,
    plain: Plain = False,
) -> None:
    """Hold two audits against each other: what got better, which findings went away."""
    with one_line_errors():
        Outputs(html, json).check()
        from auditor.comparing import compare as compared

        sides = [
            _audited(path, sweep, option, columns or [], objective, gap_penalty)
            for path, sweep, option in (
                (before, sweep_before, "--sweep-before"),
                (after, sweep_after, "--sweep-after"),
            )
        ]
        found = compared(*sides)
        _deliver(found, html, json, plain)
        if fail_on_worse and "worse" in found.claims.values():
            say("failed: AFTER is worse, as --fail-on-worse asks", err=True)
            raise typer.Exit(FINDING)


def _audited(
    path: Path,
    sweep: str | None,
    option: str,
    columns: list[str],
    objective: str | None,
    gap_penalty: float | None,
) -> "Audit":
    """The audit of one side; a saved one as it was, unless another ranking is asked for."""
    from auditor.auditing import Audit
    from auditor.auditing import audit as make_audit
    from auditor.readers import choosing

    saved = Audit.load(path) if _is_saved(path) else None
    if saved is not None and objective is None and gap_penalty is None:
        return saved
    trials = _read(path, sweep, option, columns) if saved is None else saved.trials
    if objective is not None:
        trials = choosing.with_objective(trials, objective)
    return make_audit(trials, gap_penalty)


def _is_saved(path: Path) -> bool:
    """Whether `--save` or `Audit.save` wrote this folder."""
    return (path / "audit.json").is_file() and (path / "trials" / "trials.json").is_file()


def _read(path: Path, sweep: str | None, option: str, columns: list[str]) -> "Trials":
    from auditor.readers import choosing, find
    from auditor.readers.cache import cached

    found = find(path, columns=choosing.parse_columns(columns))
    sources = choosing.choose(found, path, sweep)
    if len(sources) > 1:
        names = choosing.names(sources, path)[: choosing.MOST_LISTED]
        listed = "; ".join(f"{number}: {name}" for number, name in enumerate(names, 1))
        raise ReadError(f"{path} holds {len(sources)} sweeps, choose one by {option}: {listed}")
    return cached(sources[0], path)


def _deliver(found: "Comparison", html: Path | None, json: Path | None, plain: bool) -> None:
    from auditor.files import to_json, write_whole
    from auditor.report.comparison import render_comparison

    typer.echo(render_comparison(found, *screen(plain)), nl=False)
    for path, make in ((html, found.to_html), (json, lambda: to_json(found.record, indent=1))):
        if path is None:
            continue
        try:
            write_whole(path, make())
        except OSError as error:
            raise DirectoryError(
                f"cannot write {path}: {error.strerror}; choose another place"
            ) from error
        say(f"Written: {path}")
