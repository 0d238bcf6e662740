"""Searches that somebody watches, and may interrupt."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from auditor.cli.ending import INTERRUPTED, TERMINATED, say

if TYPE_CHECKING:
    from auditor.watching import Lines, View


@contextmanager
def watched(
    tuner: Any,
    watcher: "Lines | View",
    folder: Path,
    overwrite: bool = False,
    report: Path | None = None,
) -> Iterator[None]:
    """Show how a search goes while a block runs it; interrupted, say what is kept, and exit.

    Args:
        tuner: Searches.
        watcher: Shows it.
        folder: What is kept is in it.
        overwrite: Whether the command would delete that.
        report: A page to write anew meanwhile; its last version is left to the caller.
    """
    from auditor.search.signals import Terminated, sigterm_interrupts
    from auditor.search.so_far import live_report

    pages = nullcontext() if report is None else live_report(tuner, report).watch()
    try:
        with sigterm_interrupts(), watcher.watch(tuner.progress), pages:
            yield
    except KeyboardInterrupt as stop:
        kept = len(tuner.oracle.end_order)
        say(
            f"interrupted: {kept} finished trials are kept in {folder}; the same command"
            f"{', without --overwrite,' if overwrite else ''} goes on from there",
            err=True,
        )
        code = TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
        raise typer.Exit(code) from None


def watcher_for(plain: bool) -> "Lines | View":
    """What shows how a search goes: a view on a terminal, lines elsewhere."""
    from rich.console import Console

    from auditor.watching import Lines, View

    console = Console(stderr=True)
    if plain or not console.is_terminal or console.is_dumb_terminal:
        return Lines(lambda line: say(line, err=True))
    return View(console)
