"""Light and dark: as the system has it, or as the reader says; both can be read."""

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from auditor.auditing import Audit
from auditor.report.html import render_html
from tests.report.browser.board import Board
from tests.report.browser.opening import DARK, Open

pytestmark = pytest.mark.slow


def brightness(page: Page) -> float:
    """Mean of red, green and blue of the page's paper, from 0 to 255."""
    paper: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    parts = [float(part) for part in paper.partition("(")[2].rstrip(")").split(",")[:3]]
    return sum(parts) / 3


def test_the_reader_may_say_otherwise_than_the_system(opened: Open) -> None:
    page = opened("full", **DARK).page
    assert brightness(page) < 64
    page.get_by_label("Theme").select_option("light")
    assert brightness(page) > 192
    page.reload()
    expect(page.get_by_label("Theme")).to_have_value("light")
    assert brightness(page) > 192


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_trial_and_a_theme_keep_nobody_out(theme: str, opened: Open) -> None:
    seen = opened("real")
    seen.page.get_by_label("Theme").select_option(theme)
    Board(seen.page).row("0007").click()
    seen.look_at_all_charts()
    assert seen.barriers() == []
    assert seen.complaints == []


def test_charts_change_their_colours_with_the_page(opened: Open) -> None:
    seen = opened("full")
    seen.look_at_all_charts()
    axis = seen.page.locator("#curves-view .xtick text").first
    colour = "(text) => getComputedStyle(text).fill"
    light = axis.evaluate(colour)
    seen.page.get_by_label("Theme").select_option("dark")
    assert axis.evaluate(colour) != light


def test_no_name_is_taken_for_a_colour(opened: Open, full: Audit, tmp_path: Path) -> None:
    values = {
        trial: {**row, "activation": {"relu": "constructor"}.get(row["activation"], "toString")}
        for trial, row in full.trials.hyperparameters.items()
    }
    page = tmp_path / "names.html"
    trials = replace(full.trials, hyperparameters=values)
    page.write_text(render_html(replace(full, trials=trials)), encoding="utf-8")
    seen = opened(page, **DARK)
    seen.look_at_all_charts()
    expect(seen.page.locator(".chart text", has_text="constructor").first).to_be_visible()
    expect(seen.page.locator(".chart text", has_text="native code")).to_have_count(0)
    assert seen.complaints == []
