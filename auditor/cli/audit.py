"""`auditor audit`: what exists, whatever tool wrote it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.ending import fail_on_found, one_line_errors, say
from auditor.cli.options import (
    Csv,
    FailOn,
    Html,
    Json,
    Parquet,
    Penalty,
    Plain,
    Save,
    Tensorboard,
)
from auditor.cli.outputs import Outputs
from auditor.errors import AuditorError


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
    gap_penalty: Penalty = None,
    html: Html = None,
    json: Json = None,
    csv: Csv = None,
    parquet: Parquet = None,
    tensorboard: Tensorboard = None,
    save: Save = None,
    fail_on: FailOn = None,
    plain: Plain = False,
) -> None:
    """Audit what exists, whatever tool wrote it. Trains nothing, changes nothing below PATH."""
    outputs = Outputs(html, json, csv, save, plain, tuple(fail_on or ()), parquet, tensorboard)
    with one_line_errors(), _stored(path) as place:
        outputs.check()
        from auditor.auditing import audit as make_audit
        from auditor.readers import choosing, find
        from auditor.readers.cache import cached

        found = find(place, format, choosing.parse_columns(columns or ()))
        sources = choosing.choose(found, place, sweep)
        if len(found) > 1:
            say(f"{len(found)} sweeps below {path}:")
            listed = zip(found, choosing.names(found, place), strict=True)
            for number, (source, name) in enumerate(listed, 1):
                say(f"  {number}  {name}{'' if source in sources else ' (left out)'}")
        unread, failed = 0, set()
        named = zip(sources, choosing.names(sources, place), strict=True)
        for number, (source, name) in enumerate(named, 1):
            if len(sources) > 1:
                say(f"\n{name}\n")
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
                say(f"error: {error}", err=True)
                continue
            failed |= outputs.numbered(number).deliver(make_audit(trials, gap_penalty))
        fail_on_found(failed)


@contextmanager
def _stored(path: Path) -> Iterator[Path]:
    """The path, or standard input as a file."""
    if str(path) != "-":
        yield path
        return
    from auditor.readers.choosing import stored

    with stored(sys.stdin.buffer) as place:
        yield place
