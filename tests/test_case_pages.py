"""The worked cases of docs/cases: what their pages show is what the tool says and accepts."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from auditor.cli import app
from search_spaces import space_names

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts" / "cases"
NAMES = sorted(path.stem for path in SCRIPTS.glob("[!_]*.py"))
SHOWN = re.compile(r"^    (.*)$", re.MULTILINE)
every_case = pytest.mark.parametrize("name", NAMES)


def page(name: str) -> str:
    return (ROOT / "docs" / "cases" / f"{name}.md").read_text(encoding="utf-8")


def commands(name: str) -> list[list[str]]:
    shown = [line for line in SHOWN.findall(page(name)) if line.startswith("$ auditor ")]
    return [shlex.split(line)[2:] for line in shown]


@every_case
def test_a_case_has_a_page_with_output_and_a_search_space(name: str) -> None:
    text = page(name)
    assert name in space_names()
    assert f"search_spaces/{name}.py" in text
    assert "## What to answer" in text
    blocks = text.split("<!-- made: ")[1:]
    assert {"posted", "verdict"} <= {block.partition(" ")[0] for block in blocks}
    assert all(block.partition("<!-- end -->")[0].count("\n") > 3 for block in blocks)


@every_case
def test_its_pictures_are_there_and_small(name: str) -> None:
    pictures = re.findall(r"\]\((\.\./pictures/.+?)\)", page(name))
    assert pictures
    for picture in pictures:
        assert 0 < (ROOT / "docs" / "cases" / picture).stat().st_size < 150_000


@every_case
def test_its_commands_are_accepted(name: str) -> None:
    known = typer.main.get_command(app)
    assert commands(name)
    for command, *words in commands(name):
        known.commands[command].make_context(command, words)  # type: ignore[attr-defined]


@every_case
def test_what_is_shown_of_the_posted_file_is_what_the_audit_says(name: str) -> None:
    block = page(name).partition("<!-- made: posted -->")[2].partition("<!-- end -->")[0]
    command, *shown = SHOWN.findall(block)
    words = shlex.split(command)[2:]
    words[1] = str(ROOT / words[1])
    said = CliRunner().invoke(app, [*words, "--no-cache"]).output.splitlines()
    missing = [line for line in shown if line != "..." and line not in said]
    assert not missing, f"renew it: python scripts/cases/{name}.py --posted --write"


@pytest.mark.slow
@every_case
def test_its_script_runs_and_its_statements_hold(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script = runpy.run_path(str(SCRIPTS / f"{name}.py"))
    before = page(name)
    script["main"](["--out", str(tmp_path)])  # exits where a statement does not hold
    assert page(name) == before
    sys.modules.pop("_page", None)
