"""Where an audit goes: the terminal and files."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import typer

from auditor.cli.ending import listed, say
from auditor.errors import DirectoryError

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.diagnosis.finding import Finding


@dataclass(frozen=True)
class Outputs:
    """Where an audit goes."""

    html: Path | None
    json: Path | None = None
    csv: Path | None = None
    save: Path | None = None
    plain: bool = False
    fail_on: tuple[str, ...] = ()
    parquet: Path | None = None
    tensorboard: Path | None = None

    def check(self) -> None:
        """Refuse, before anything is trained, files that could not be written and unknown codes.

        Folders of files are made.
        """
        for path in (self.html, self.json):
            if path is None:
                continue
            if path.is_dir():
                raise typer.BadParameter(f"{path} is a folder; name a file")
            _make_folder(path)
        for path in (self.csv, self.parquet, self.tensorboard, self.save):
            if path is not None and path.exists() and not path.is_dir():
                raise typer.BadParameter(f"cannot write {path}: it is a file; name a folder")
        check_codes(self.fail_on)

    def numbered(self, number: int) -> "Outputs":
        """The same for the sweep of a number: `report.html`, `report-2.html`, ..."""
        if number == 1:
            return self
        paths = {
            name: path.with_name(f"{path.stem}-{number}{path.suffix}")
            for name in ("html", "json", "csv", "save", "parquet", "tensorboard")
            if (path := getattr(self, name)) is not None
        }
        return replace(self, **paths)

    def deliver(self, audit: "Audit") -> set[str]:
        """Print the report and write the files; the codes of `fail_on` that were found."""
        typer.echo(_terminal_report(audit, self.plain), nl=False)
        self._write(audit)
        return asked_for(self.fail_on, audit.findings)

    def _write(self, audit: "Audit") -> None:
        from auditor.files import write_whole
        from auditor.report import render

        writers: tuple[tuple[Path | None, Callable[[Path], None]], ...] = (
            (self.html, lambda path: write_whole(path, render(audit, "html"))),
            (self.json, lambda path: write_whole(path, render(audit, "json"))),
            (self.csv, audit.to_csv),
            (self.parquet, audit.to_parquet),
            (self.tensorboard, audit.to_tensorboard),
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
            say(f"Written: {path}")


def _make_folder(path: Path) -> None:
    """Make the folder of a file before hours of training, as those of tables are made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(
            f"cannot make the folder of {path}: {error.strerror}; choose another place"
        ) from error


def check_codes(fail_on: Sequence[str]) -> None:
    """Refuse what is neither the code of a rule nor a severity."""
    if not fail_on:
        return
    from auditor.diagnosis.rules import RULES

    known = {rule.code for rule in RULES}
    severities = _severities()
    if unknown := {one.upper() for one in fail_on if one.lower() not in severities} - known:
        raise typer.BadParameter(
            f"--fail-on: no rule {listed(unknown)}; known are {listed(known)}, and for any finding "
            f"so severe or more {', '.join(severities)}"
        )


def asked_for(fail_on: Sequence[str], findings: Sequence["Finding"]) -> set[str]:
    """The codes of the findings that `--fail-on` asks for."""
    codes, severities = {one.upper() for one in fail_on}, _severities()
    levels = [severities.index(one.lower()) for one in fail_on if one.lower() in severities]
    enough = severities[: max(levels, default=-1) + 1]
    return {f.code for f in findings if f.code in codes or f.severity in enough}


def _severities() -> tuple[str, ...]:
    """The severest first."""
    from auditor.diagnosis.finding import Severity

    return get_args(Severity)


def _terminal_report(audit: "Audit", plain: bool) -> str:
    from auditor.report.terminal import render_terminal

    return render_terminal(audit, *screen(plain))


def screen(plain: bool) -> tuple[int, bool]:
    """Columns of the terminal, and whether it takes colours."""
    if plain or not sys.stdout.isatty():
        return 80, False
    return shutil.get_terminal_size().columns, "NO_COLOR" not in os.environ
