"""Figures in the page: both themes reach every colour, and a click chooses a trial."""

import json

import pytest
from playwright.sync_api import Page, expect

from auditor.auditing import Audit
from auditor.report import palette
from tests.report.browser.board import Board
from tests.report.browser.opening import DARK, Open

pytestmark = pytest.mark.slow


def drawn(page: Page) -> dict[str, str]:
    """What Plotly was given for each figure, as text."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.chart[data-figure]')].map((chart) =>"
        " [chart.dataset.figure, JSON.stringify([chart.data, chart.layout])]))"
    )
    return found


def test_no_light_colour_is_left_on_a_dark_page(opened: Open) -> None:
    seen = opened("full", **DARK)
    seen.look_at_all_charts()
    figures = drawn(seen.page)
    assert {"trials", "gap", "settings", "causes", "effects", "compute"} <= set(figures)
    for name, text in figures.items():
        assert [colour for colour in palette.DARK if f'"{colour}"' in text] == [], name


def test_a_click_on_a_point_chooses_its_trial_in_all_figures(opened: Open, full: Audit) -> None:
    seen = opened("full")
    seen.look_at_all_charts()
    before = drawn(seen.page)
    seen.page.locator("[data-figure=gap]").evaluate(
        "(chart) => chart.emit('plotly_click', {points: [{customdata: 2, data: {}}]})"
    )
    trial = list(full.scores.by_trial)[2]
    expect(Board(seen.page).row(trial)).to_have_attribute("aria-selected", "true")
    after = drawn(seen.page)
    for name in ("trials", "gap", "settings"):
        assert after[name] != before[name]
    line = json.loads(after["settings"])[0][-1]
    assert line["mode"] == "lines"
    assert len(line["x"]) == len(line["y"]) > 2
    looks = {"trials": "circle-cross-open", "gap": "circle-cross-open", "settings": None}
    for name, symbol in looks.items():
        chosen = json.loads(after[name])[0][-1]
        assert (chosen["name"], chosen["showlegend"]) == ("chosen trial", True)
        assert chosen.get("marker", {}).get("symbol") == symbol
    assert seen.complaints == []
