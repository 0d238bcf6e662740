"""A page of 10,000 trials: all of them are in it, and few of them are elements."""

from pathlib import Path

import numpy as np
import pytest

from auditor.auditing import audit
from auditor.report.html import render_html
from tests.making import sweep
from tests.report.browser.opening import Open

TRIALS = 10_000
BOARD = '[data-grid="0"]'
IN_VIEW = 100
"""More rows than are ever in view."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    curves = {
        f"{i:05d}": {"loss": (line := [0.7, *rng.uniform(0.2, 0.6, 4)]), "val_loss": line[::-1]}
        for i in range(TRIALS)
    }
    path = tmp_path_factory.mktemp("large") / "page.html"
    path.write_text(render_html(audit(sweep(curves, no_skill_loss=0.69))), encoding="utf-8")
    return path


@pytest.mark.slow
def test_ten_thousand_trials_sort_filter_and_scroll(path: Path, opened: Open) -> None:
    seen = opened(path)
    page, board = seen.page, seen.page.locator(BOARD)
    assert board.locator(".tabulator-row").count() < IN_VIEW
    board.get_by_label("Filter by trial").fill("0123")
    board.locator(".shown", has_text="11 of 10,000 rows").wait_for()
    board.get_by_label("Filter by trial").fill("")
    board.locator(".tabulator-col button", has_text="trial").click()
    assert board.locator(".tabulator-row .trial").first.inner_text() == "00000"
    page.locator(f"{BOARD} .tabulator-tableholder").evaluate("rows => rows.scrollTo(0, 1e9)")
    board.locator(".tabulator-row .trial", has_text="09999").click()
    page.locator(".who", has_text="Trial 09999").wait_for()
    assert board.locator(".tabulator-row").count() < IN_VIEW
    assert seen.complaints == []
