"""The command line: parses, calls, prints. The only package that prints.

Libraries are imported inside the commands, so that `--help` costs nothing.
"""

import sys

import typer

from auditor.cli import audit, check_data, compare, confirm, rules, sweep

app = typer.Typer(
    name="auditor",
    help="Find the model that generalises, and what broke the others.",
    no_args_is_help=True,
    add_completion=False,
    # Help and tracebacks by rich load rich, which takes longer than all else in --help.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for _command in (
    audit.audit,
    compare.compare,
    sweep.sweep,
    confirm.confirm,
    sweep.spaces,
    sweep.demo,
    rules.rules,
    check_data.check_data,
):
    app.command()(_command)


def main() -> None:
    """Entry point of the command `auditor`."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a question mark; the audit goes on.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app()
