"""Findings in a browser: narrowed to a severity, or to the trial that is chosen."""

import pytest
from playwright.sync_api import expect

from tests.report.browser.board import Board
from tests.report.browser.opening import Open

pytestmark = pytest.mark.slow


def test_they_are_narrowed_to_a_severity(opened: Open) -> None:
    page = opened("full").page
    entries = page.locator("#findings .entry:visible")
    expect(entries).to_have_count(2)
    page.get_by_label("Severity").select_option("error")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("AUD904")
    expect(page.locator("#findings-shown")).to_have_text("1 of 2 kinds")


def test_those_of_the_chosen_trial_follow_the_choice(opened: Open) -> None:
    page = opened("full").page
    page.get_by_label("only of the chosen trial").check()
    for trial, shown in (("0000", 0), ("0011", 1), ("0010", 2)):
        Board(page).row(trial).click()
        expect(page.locator("#findings-shown")).to_have_text(f"{shown} of 2 kinds")
