"""A page of a sweep that goes on loads itself again, and stands where it stood."""

import time
from pathlib import Path

import pytest

from auditor.auditing import Audit
from auditor.report.html import render_html
from auditor.report.live import Live
from tests.report.browser.opening import Open

BOARD = '[data-grid="0"]'


@pytest.mark.slow
def test_it_loads_itself_again_and_keeps_what_was_set(
    full: Audit, opened: Open, tmp_path: Path
) -> None:
    path = tmp_path / "live.html"
    path.write_text(render_html(full, Live(5, 12, seconds=6)), encoding="utf-8")
    seen = opened(path)
    page = seen.page
    page.locator(BOARD).get_by_label("Filter by outcome").select_option(label="overfit")
    page.locator(f"{BOARD} .tabulator-col button", has_text="trial").click()
    page.locator(f"{BOARD} .trial", has_text="0011").click()
    page.get_by_label("Scale").select_option("log")
    page.locator("#findings summary").first.click()
    page.evaluate("scrollTo(0, 700); window.first = true")
    path.write_text(render_html(full, Live(9, 12, seconds=600)), encoding="utf-8")
    page.locator(".live", has_text="9 of 12").wait_for(timeout=30_000)
    page.locator(f"{BOARD} .shown", has_text="2 of 12 rows").wait_for()
    page.locator(".who", has_text="Trial 0011").wait_for()
    assert page.locator(BOARD).get_by_label("Filter by outcome").input_value() == "= overfit"
    assert page.locator(f"{BOARD} [aria-sort=ascending]").inner_text().startswith("trial")
    assert page.get_by_label("Scale").input_value() == "log"
    assert page.locator("#findings details").first.get_attribute("open") is not None
    until = time.monotonic() + 5
    while page.evaluate("scrollY") != 700 and time.monotonic() < until:
        time.sleep(0.05)
    assert page.evaluate("scrollY") == 700
    assert seen.complaints == []


def test_the_page_of_a_sweep_that_ended_never_loads_itself(full: Audit) -> None:
    page = render_html(full)
    assert "location.reload" not in page
    assert 'http-equiv="refresh"' not in page


def test_an_interrupted_sweep_says_so_and_waits_for_nobody(full: Audit) -> None:
    page = render_html(full, Live(5, 12, None))
    assert "Interrupted: 5 of 12 trials" in page
    assert 'http-equiv="refresh"' not in page
    assert '"seconds":null' in page.replace(" ", "")
