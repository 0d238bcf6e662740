"""The leaderboard sorts, filters and chooses; what is chosen is followed by the curves."""

import pytest
from playwright.sync_api import Page

from auditor.auditing import Audit
from tests.report.browser.opening import Open

BOARD = '[data-grid="0"]'


def ids(page: Page) -> list[str]:
    return page.locator(f"{BOARD} .tabulator-row .trial").all_inner_texts()


def sort_by(page: Page, name: str) -> None:
    page.locator(f"{BOARD} .tabulator-col button", has_text=name).first.click()


def chosen(page: Page) -> str:
    page.locator(".who", has_text="Trial ").wait_for()
    return page.locator(".who").inner_text().removeprefix("Trial ")


def test_it_starts_in_order_of_rank_and_sorts_either_way(opened: Open, full: Audit) -> None:
    page, ranked = opened("full").page, list(full.scores.by_trial)
    assert ids(page) == ranked
    sort_by(page, "trial")
    assert ids(page) == sorted(ranked)
    sort_by(page, "trial")
    assert ids(page) == sorted(ranked, reverse=True)


@pytest.mark.slow
def test_unknown_values_come_last_in_either_direction(opened: Open) -> None:
    page = opened("full").page
    for _ in range(2):
        sort_by(page, "gap")
        assert "crashed" in page.locator(f"{BOARD} .tabulator-row").last.inner_text()


def test_it_filters_by_text_by_list_and_by_number(opened: Open) -> None:
    board = opened("full").page.locator(BOARD)
    for control, value, rows in (
        ("Search", "relu 64", 3),
        ("Search", "no such text", 0),
        ("Search", "", 12),
        ("Filter by #", "<= 4", 4),
        ("Filter by #", "3 .. 5", 3),
        ("Filter by #", "", 12),
        ("Filter by epoch", ">= 20", 3),
        ("Filter by epoch", "", 12),
        ("Filter by outcome", "diverged", 2),
        ("Filter by lr", "0.01", 0),
    ):
        field = board.get_by_label(control, exact=True)
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
        board.locator(".shown", has_text=f"{rows} of 12 rows").wait_for()
        assert board.locator(".tabulator-row").count() == rows


def test_a_click_on_a_row_shows_its_curves(opened: Open, full: Audit) -> None:
    page, ranked = opened("full").page, list(full.scores.by_trial)
    assert chosen(page) == "0009", "the worst failure comes first"
    page.locator(f"{BOARD} .tabulator-row .trial").nth(3).click()
    assert chosen(page) == ranked[3]
    assert page.locator(f"{BOARD} [aria-selected=true]").count() == 1


@pytest.mark.slow
def test_arrow_keys_go_through_the_rows_as_they_are_sorted(opened: Open, full: Audit) -> None:
    page, ranked = opened("full").page, list(full.scores.by_trial)
    page.locator(f"{BOARD} .tabulator-row .trial").nth(0).click()
    page.locator(f"{BOARD} .tabulator-tableholder").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert chosen(page) == ranked[2]
    page.keyboard.press("ArrowUp")
    assert chosen(page) == ranked[1]


@pytest.mark.slow
def test_curves_are_drawn_with_band_and_best_epochs(opened: Open) -> None:
    page = opened("three executions").page
    panel = page.locator(".panel[data-role=best] .chart")
    panel.scroll_into_view_if_needed()
    panel.locator(".scatterlayer .trace").first.wait_for()
    names = panel.evaluate("chart => chart.data.map((trace) => trace.name)")
    assert "val_loss, mean of 3" in names
    assert "val_loss, execution 2" in names
    assert "best epochs" in names


@pytest.mark.slow
def test_findings_can_be_those_of_the_chosen_trial_only(opened: Open) -> None:
    page = opened("full").page
    page.locator(f"{BOARD} .tabulator-row .trial", has_text="0011").click()
    page.get_by_label("only of the chosen trial").check()
    shown = page.locator("#findings .entry:visible h3").all_inner_texts()
    assert [title.split()[0] for title in shown] == ["AUD901"]


@pytest.mark.slow
def test_without_scripts_the_top_rows_are_there(opened: Open) -> None:
    page = opened("full", java_script_enabled=False).page
    assert page.locator("#leaderboard .plain tbody tr:visible").count() == 12
    assert page.locator(".grid:visible").count() == 0


@pytest.mark.slow
def test_paper_has_plain_tables_and_all_charts(opened: Open) -> None:
    page = opened("full").page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#leaderboard .plain tbody tr:visible").count() == 12
    assert page.locator(".grid:visible").count() == 0
    empty = ".chart:visible:not(:has(.main-svg))"
    assert page.locator(empty).count() == 0
