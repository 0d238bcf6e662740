"""A report that is written while a search goes on."""

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.auditing import Audit
from auditor.diagnosis.finding import Check
from auditor.report import live as module
from auditor.report.live import Live, LiveReport
from auditor.report.words.live import standing


class Search:
    """A search that says where it stands, and counts how often it was audited."""

    def __init__(self, audited: Audit) -> None:
        self.audited, self.audits, self.fails = audited, 0, False
        self.now = SimpleNamespace(done=0, total=12, running=1, epochs=0)

    def audit(self) -> Audit:
        self.audits += 1
        if self.fails:
            raise ValueError("no such thing")
        return self.audited

    def report(self, path: Path) -> LiveReport:
        return LiveReport(path, self.audit, lambda: self.now, interval=0.01)


def wait_for(happened: Callable[[], bool]) -> None:
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in 30 s")


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COSTS", 0)


def says(path: Path, text: str) -> bool:
    return path.exists() and text in path.read_text()


def test_pages_follow_a_search_and_the_last_one_is_not_live(full: Audit, tmp_path: Path) -> None:
    search, page = Search(full), tmp_path / "live.html"
    report = search.report(page)
    with report.watch():
        time.sleep(0.1)
        assert not page.exists()  # There is nothing to see.
        search.now.epochs = 3
        wait_for(lambda: says(page, "Still running: 0 of 12 trials have ended, 1 training"))
        search.now.done = 5
        wait_for(lambda: says(page, "Still running: 5 of 12 trials"))
    report.finish()
    assert page.read_text() == full.to_html()


def test_nothing_is_written_anew_while_nothing_happens(full: Audit, tmp_path: Path) -> None:
    search, page = Search(full), tmp_path / "live.html"
    search.now.done = 1
    with search.report(page).watch():
        wait_for(page.exists)
        time.sleep(0.3)
    assert search.audits == 1


def test_writing_takes_a_small_share_of_the_time(
    full: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COSTS", 10_000)
    search, page = Search(full), tmp_path / "live.html"
    search.now.done = 1
    with search.report(page).watch():
        wait_for(page.exists)
        search.now.done = 2
        time.sleep(0.3)
    assert search.audits == 1


def test_an_interrupted_search_leaves_a_page_that_says_so(full: Audit, tmp_path: Path) -> None:
    search, page = Search(full), tmp_path / "live.html"
    search.now.done = 7
    with pytest.raises(KeyboardInterrupt), search.report(page).watch():
        raise KeyboardInterrupt
    assert says(page, "Interrupted: 7 of 12 trials have ended")
    assert not says(page, "Still running")


def test_a_search_that_an_error_ends_leaves_a_page_that_says_which(
    full: Audit, tmp_path: Path
) -> None:
    search, page = Search(full), tmp_path / "live.html"
    search.now.done = 7
    with pytest.raises(MemoryError), search.report(page).watch():
        raise MemoryError("no room for <b>weights</b>\nTraceback of a worker")
    told = "Stopped by an error: 7 of 12 trials have ended. MemoryError: no room for &lt;b&gt;"
    assert says(page, told)
    assert not says(page, "Traceback of a worker")
    assert not says(page, "Interrupted:")


def test_a_page_that_cannot_be_written_ends_nothing_and_is_tried_again(
    full: Audit, tmp_path: Path
) -> None:
    search, page = Search(full), tmp_path / "gone" / "live.html"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with search.report(page).watch():
            search.now.done = 1
            wait_for(lambda: bool(told))
            search.now.done = 2
            wait_for(lambda: search.audits == 2)
            page.parent.mkdir()
            search.now.done = 3
            wait_for(lambda: search.audits == 3 and page.exists())
            search.fails, search.now.done = True, 4
            wait_for(lambda: search.audits >= 4)
    assert len(told) == 1
    assert "could not be written" in str(told[0].message)
    assert "the search goes on" in str(told[0].message)


def test_a_grid_under_way_is_not_told_to_be_incomplete(full: Audit, tmp_path: Path) -> None:
    incomplete = replace(full.findings[0], code="AUD012", title="Grid not complete")
    check = Check("AUD012", "Grid not complete", "found", "", 1)
    audited = replace(full, findings=(*full.findings, incomplete), checks=(*full.checks, check))
    left = module._without(module.NOT_YET, audited)
    assert left.findings == full.findings
    assert left.checks[-1] == replace(
        check, status="not applicable", reason="the search goes on", findings=0
    )


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (
            Live(31, 72, 30.0, 4),
            "Still running: 31 of 72 trials have ended, 4 training (“missing” until they end). ",
        ),
        (Live(1, None, 30.0), "Still running: 1 trial has ended. Written at "),
        (Live(2, None, None), "Interrupted: 2 trials have ended. Written at "),
        (
            Live(2, None, None, error="OSError: disk full"),
            "Stopped by an error: 2 trials have ended. OSError: disk full. Written at ",
        ),
    ],
)
def test_where_it_stands_is_said_in_words(live: Any, expected: str) -> None:
    assert standing(live).startswith(expected)
