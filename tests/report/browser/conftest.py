"""The page in a real browser: the system's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from auditor.auditing import Audit
from auditor.report.html import render_html
from tests.report.browser.opening import Open, Opened

MOST_WAIT = 10_000
"""Milliseconds until what should show is missed; a busy machine needs some."""

# Not of the session: while Playwright is on, asyncio cannot run in this thread.
of_the_folder = pytest.fixture(scope="package")


@of_the_folder
def browser() -> Iterator[Browser]:
    path = _chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


def _chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    missing = "no chromium on the PATH; install it: apt-get install chromium"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@of_the_folder
def written(
    audits: Mapping[str, Audit], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The file of each kind of audit, written when first asked for."""
    folder = tmp_path_factory.mktemp("pages")

    @cache
    def write(kind: str) -> Path:
        path = folder / f"{kind.replace(' ', '-')}.html"
        path.write_text(render_html(audits[kind]), encoding="utf-8")
        return path

    return write


@pytest.fixture
def opened(browser: Browser, written: Callable[[str], Path]) -> Iterator[Open]:
    contexts = []

    def open_page(page_of: str | Path, **options: Any) -> Opened:
        path = written(page_of) if isinstance(page_of, str) else page_of
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(MOST_WAIT)
        seen = Opened(contexts[-1].new_page())
        seen.page.on("console", lambda said: seen.complaints.append(f"{said.type}: {said.text}"))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(path.as_uri())
        seen.requests.remove(path.as_uri())
        return seen

    yield open_page
    for context in contexts:
        context.close()
