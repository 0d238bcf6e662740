"""What is said besides reports, and how a command ends.

Exit codes: 0 fine, 1 a finding named by `--fail-on`, 2 misuse, 3 unreadable input, 130 interrupted,
143 terminated.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer

from auditor.errors import AuditorError, ReadError

FINDING, MISUSE, UNREADABLE, INTERRUPTED, TERMINATED = 1, 2, 3, 130, 143
"""Exit codes other than 0."""


def say(text: str, err: bool = False) -> None:
    """Print; nothing in the text, such as the name of a stranger's folder, acts on the terminal."""
    typer.echo(_harmless(text), err=err)


def _harmless(text: str) -> str:
    from auditor.report.safe import printable

    return "\n".join(printable(line) for line in text.split("\n"))


def listed(names: Iterable[str]) -> str:
    """Names in one line, in the order of the alphabet."""
    return ", ".join(sorted(names))


def fail_on_found(found: set[str]) -> None:
    """Exit with 1 if a finding asked for is there."""
    if found:
        say(f"failed: found {listed(found)}, as --fail-on asks", err=True)
        raise typer.Exit(FINDING)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Errors raised on purpose, and files that cannot be written, without a traceback."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever reads what is printed has seen enough: no error to tell of
    except (AuditorError, OSError) as error:
        notes = getattr(error, "__notes__", [])
        say("; ".join([f"error: {error}", *notes]), err=True)
        code = UNREADABLE if isinstance(error, ReadError) else MISUSE
        raise typer.Exit(code) from None
    except KeyboardInterrupt:
        say("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None
