"""Links lead somewhere, on a code host as on the site; generated pages are up to date."""

import re
import shlex
import subprocess
import sys
from urllib.parse import unquote

import pytest

import auditor
from tests.documentation.pages import ROOT, blocks, pages, tokens

MORE = ["CHANGELOG.md"]


def targets(page: str) -> list[str]:
    """Where links and pictures of a page lead, other pages of the web aside."""
    inline = [child for token in tokens(page) for child in token.children or ()]
    found = [str(child.attrs.get("href") or child.attrs.get("src") or "") for child in inline]
    return [target for target in found if target and not re.match(r"[a-z]+:", target)]


def anchors(page: str) -> set[str]:
    """The anchors of a page's titles, as a code host makes them."""
    titles = [
        "".join(child.content for child in following.children or ())
        for token, following in zip(tokens(page), tokens(page)[1:], strict=False)
        if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*pages(), *MORE])
def test_links_lead_somewhere(page: str) -> None:
    for target in targets(page):
        path, _, anchor = unquote(target).partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), f"{page} links to {target}: there is no such file"
        if anchor:
            known = anchors(there.resolve().relative_to(ROOT).as_posix())
            assert anchor in known, f"{page} links to {target}: that page has {sorted(known)}"


@pytest.mark.parametrize("page", pages())
def test_python_is_in_blocks_that_say_so(page: str) -> None:
    for block in blocks(page):
        if not block.language:
            python = re.search(r"^(import|from|def|with|tuner\b|print\()", block.text, re.MULTILINE)
            assert not python, f"{page}:{block.line} is not run: write ```python before it"


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    command = ["auditor.cli", "utils", "docs", "--name", "auditor", "--title", "Command line"]
    made = subprocess.run(
        [sys.executable, "-m", "typer", *command], capture_output=True, text=True, cwd=ROOT
    )
    written = (ROOT / "docs/command_line.md").read_text(encoding="utf-8")
    assert written == made.stdout, (
        f"run: python -m typer {shlex.join(command)} > docs/command_line.md"
    )


def test_the_reference_has_every_public_name() -> None:
    reference = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    told = set(re.findall(r"auto(?:class|function):: auditor\.(\w+)\n", reference))
    assert told | {"AuditorError"} == set(auditor.__all__)


def test_every_page_of_docs_is_in_the_navigation() -> None:
    from docs.conf import NAVIGATION

    listed = [entry for entries in NAVIGATION.values() for entry in entries]
    found = {path for entry in listed for path in (ROOT / "docs").glob(f"{entry}.md")}
    assert {ROOT / page for page in pages() if page.startswith("docs/")} == found | {
        ROOT / "docs/index.md"
    }
