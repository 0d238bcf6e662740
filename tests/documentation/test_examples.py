"""The examples of README and docs/ are run as they stand; commands are at least understood."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from auditor.cli import app
from tests.documentation.pages import Block, blocks, pages
from tests.documentation.world import make_world

# Typer wrote the page of the command line; what it says of usage is no command.
PAGES = [page for page in pages() if blocks(page) and page != "docs/command_line.md"]
PLACEHOLDERS = {"PATH": "sweeps/first", "A": "sweeps/first", "B": "sweeps/second"}
"""What words in capitals stand for where a command is run."""

COMMAND = re.compile(r"^\s*(?:\$ |.*\| )?auditor ((?:.*\\\n)*.*)", re.MULTILINE)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("world")
    return folder, make_world(folder)


@pytest.fixture
def names(
    world: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The names that a page starts with; the working directory is a copy of that world."""
    shutil.copytree(world[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return dict(world[1])


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_understood(page: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for block in blocks(page):
        for name, *arguments in commands_of(block):
            assert name in commands, f"{page}:{block.line}: there is no `auditor {name}`"
            if "--help" not in arguments:
                commands[name].make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES)
def test_python_compiles(page: str) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text, f"{page}:{block.line}")


def runs_at(slow: bool) -> list[str]:
    """Pages of which something is run in this tier."""
    return [page for page in PAGES if any(b.runs and b.is_slow == slow for b in blocks(page))]


@pytest.mark.parametrize("page", runs_at(slow=False))
def test_examples_run(page: str, names: dict[str, Any]) -> None:
    for block in blocks(page):
        if not block.is_slow:
            run(block, names)


@pytest.mark.slow
@pytest.mark.parametrize("page", runs_at(slow=True))
def test_long_examples_run(page: str, names: dict[str, Any]) -> None:
    for block in blocks(page):
        run(block, names)


def run(block: Block, names: dict[str, Any]) -> None:
    """Run a block in the working directory, with these names and those of earlier blocks."""
    place = f"{block.page}:{block.line}"
    if block.marker == "file":
        Path(block.detail).write_text(block.text, encoding="utf-8")
    elif block.marker == "output":
        assert block.text in names["printed"], f"{place}: not printed: {names['printed'][:2000]}"
    elif block.runs and block.language == "python":
        # Line numbers of a traceback are those of the page.
        exec(compile("\n" * block.line + block.text, block.page, "exec"), names)
    elif block.runs:
        if re.search(r"^(?!auditor |$)", block.text, re.MULTILINE):
            names["printed"] = in_a_shell(block.text, place)
        else:
            names["printed"] = "".join(in_process(words, place) for words in commands_of(block))


def in_process(arguments: list[str], place: str) -> str:
    """Run a command of `auditor`, and return what it prints."""
    if not Path("sweeps").exists():  # the page has trained none of its own
        shutil.copytree("made", "sweeps")
    here = [PLACEHOLDERS.get(argument, argument) for argument in arguments]
    result = CliRunner().invoke(app, here)
    assert result.exit_code == 0, f"{place}: auditor {here}: {result.output[-2000:]}"
    return result.output


def in_a_shell(commands: str, place: str) -> str:
    """Run commands in a shell that knows `auditor` and `python`; return what they print."""
    for name, code in (("auditor", " -c 'from auditor.cli import main; main()'"), ("python", "")):
        command = Path("bin", name)
        command.parent.mkdir(exist_ok=True)
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}"{code} "$@"\n')
        command.chmod(0o755)
    places = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    path = f"{Path('bin').resolve()}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path, "PYTHONPATH": os.pathsep.join(filter(None, places))},
    )
    assert ended.returncode == 0, f"{place}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}"
    return ended.stdout


def commands_of(block: Block) -> Iterator[list[str]]:
    """The arguments of each `auditor` in a block; what is optional there, in [], is given."""
    if block.language == "python":
        return
    for found in COMMAND.finditer(block.text):
        words = shlex.split(found[1].replace("\\\n", " "), comments=True)
        stop = next((i for i, word in enumerate(words) if word in ("|", ">", "&&", ";")), None)
        if words:
            yield [word.strip("[]") for word in words[:stop]]
