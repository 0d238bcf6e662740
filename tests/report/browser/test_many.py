"""10,000 trials of 100 epochs: the page opens soon, scrolls and sorts."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from auditor.auditing import Audit
from auditor.report.html import render_html
from tests.report.browser.board import Board
from tests.report.browser.many import TRIALS, many
from tests.report.browser.opening import SCREENS, Open

pytestmark = pytest.mark.slow

MOST_BYTES = 20e6
SOON = 3.0
"""Seconds of computing until the page can be used. Not of the clock: other tests may be busy."""


@pytest.fixture(scope="module")
def sweep() -> Audit:
    return many()


@pytest.fixture(scope="module")
def page_file(sweep: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "many.html"
    path.write_text(render_html(sweep), encoding="utf-8")
    return path


def test_it_is_small_enough_and_opens_soon(page_file: Path, opened: Open) -> None:
    assert page_file.stat().st_size < MOST_BYTES
    page = opened(page_file).page
    inside = page.context.new_cdp_session(page)
    inside.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.reload()
    Board(page)
    measured = {
        one["name"]: one["value"] for one in inside.send("Performance.getMetrics")["metrics"]
    }
    assert 0 < measured["TaskDuration"] < SOON


def test_it_sorts_and_filters(page_file: Path, sweep: Audit, opened: Open) -> None:
    seen = opened(page_file)
    board = Board(seen.page)
    expect(board.shown).to_have_text(f"{TRIALS:,} of {TRIALS:,} rows")
    assert board.rows.count() < 100, "rows out of view are no elements"
    board.sort("#")
    board.sort("#")
    expect(board.rows.first).to_contain_text(list(sweep.scores.by_trial)[-1])
    board.filter("trial").fill("0999")
    expect(board.shown).to_have_text(f"11 of {TRIALS:,} rows")
    assert (seen.complaints, seen.requests) == ([], [])
    seen.page.screenshot(path=SCREENS / "many.png")


def test_it_scrolls_to_the_last_trial(page_file: Path, sweep: Audit, opened: Open) -> None:
    page = opened(page_file).page
    board = Board(page)
    body = board.whole.locator(".tabulator-tableholder")
    body.evaluate("(body) => { body.scrollTop = body.scrollHeight; }")
    last = list(sweep.scores.by_trial)[-1]
    expect(board.row(last)).to_be_visible()
    board.row(last).click()
    assert board.chosen == [last]


def test_no_number_is_cut_after_a_filter_left_shorter_ones(page_file: Path, opened: Open) -> None:
    board = Board(opened(page_file).page)
    board.filter("gap").fill("> 0")
    expect(board.shown).not_to_have_text(f"{TRIALS:,} of {TRIALS:,} rows")
    board.filter("gap").fill("")
    expect(board.shown).to_have_text(f"{TRIALS:,} of {TRIALS:,} rows")
    board.sort("gap")
    expect(board.rows.first).to_contain_text("-0.")
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
    texts = board.whole.locator(".tabulator-cell").evaluate_all(cut)
    assert [text for text in texts if text.strip("-–")[:1].isdigit()] == []
