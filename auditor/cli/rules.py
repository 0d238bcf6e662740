"""`auditor rules`: what is asked about every trial, and one rule explained."""

import shutil
import sys
from collections.abc import Iterator
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.ending import listed, say

if TYPE_CHECKING:
    from auditor.diagnosis.finding import Rule

MOST_COLUMNS = 88
"""Of a line of prose, however wide the terminal is."""


def rules(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="The rule to explain, such as AUD003.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="All of it, as docs/rules.md.")] = (
        False
    ),
) -> None:
    """List the rules of an audit, or explain one."""
    from auditor.diagnosis.document import documentation
    from auditor.diagnosis.rules import RULES

    if markdown:
        typer.echo(documentation(), nl=False)
        return
    if code is None:
        for rule in RULES:
            say(f"{rule.code}  {rule.severity:7}  {rule.title}")
        say(f"\nauditor rules {RULES[0].code} explains one.")
        return
    known = {rule.code: rule for rule in RULES}
    if code.upper() not in known:
        raise typer.BadParameter(f"no rule {code}; known are {listed(known)}")
    for line in _explanation(known[code.upper()]):
        say(line)


def _explanation(rule: "Rule") -> Iterator[str]:
    from auditor.diagnosis.document import explained, thresholds_of

    width = MOST_COLUMNS
    if sys.stdout.isatty():
        width = min(shutil.get_terminal_size().columns, MOST_COLUMNS)
    yield f"{rule.code} {rule.title} ({rule.severity})"
    for heading, text in explained(rule):
        yield f"\n{heading}"
        yield _filled(text, width, "  ")
    if rule.thresholds:
        yield "\nThresholds"
    for threshold in thresholds_of(rule):
        text = f"{threshold.name} = {threshold.value}: {threshold.about}"
        yield _filled(text, width, "    ")


def _filled(text: str, width: int, indent: str) -> str:
    return fill(text, width, initial_indent="  ", subsequent_indent=indent, break_on_hyphens=False)
