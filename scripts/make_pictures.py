"""The pictures in the README and in docs/, from the report of a real sweep.

    .venv/bin/python scripts/make_pictures.py [SWEEP]

Without SWEEP the demo is trained first, in a minute or so. Needs Chromium, as the tests of the page
do. Each picture stays below 200 kB; look at them before you commit them.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

from auditor import audit, read
from auditor.auditing import Audit
from auditor.outcomes import Outcome

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
MOST_BYTES = 200_000
WINDOW = {"width": 1100, "height": 900}
ROWS = 8
"""Of the leaderboard that are pictured."""

MARGIN = 4
"""Pixels around what is pictured."""


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("error: no chromium on the PATH; install it: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        found = audit(read(sys.argv[1] if len(sys.argv) > 1 else trained(Path(folder))))
        path = Path(folder) / "report.html"
        path.write_text(found.to_html(), encoding="utf-8")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium)
            page = browser.new_page(viewport=WINDOW, color_scheme="light", reduced_motion="reduce")
            page.goto(path.as_uri())
            take(page, found)
            browser.close()


def trained(folder: Path) -> Path:
    """The sweep of the demo."""
    from auditor.cli import app

    app(["demo", "--out", str(folder)], standalone_mode=False)
    return folder


def take(page: Page, found: Audit) -> None:
    """All pictures."""
    choose(page, overfitting(found))
    drawn(page)
    section = page.locator
    picture(
        page, "verdict", section("#verdict"), section("#leaderboard .tabulator-row").nth(ROWS - 1)
    )
    picture(page, "curves", section("#curves-view .panels"))
    picture(page, "causes", section("#causes .single").first)
    picture(page, "trials", section("#trials .chart").first)
    picture(page, "gap", section("#trials .chart").nth(1))
    picture(page, "finding", section("#findings .entry").first)


def overfitting(found: Audit) -> str:
    """The trial that overfits most, by its gap; the last one where none does."""
    gaps = {
        trial: score.gap or 0.0
        for trial, score in found.scores.by_trial.items()
        if found.outcomes.by_trial[trial] == Outcome.OVERFIT
    }
    return max(gaps, key=lambda trial: gaps[trial]) if gaps else list(found.scores.by_trial)[-1]


def choose(page: Page, trial: str) -> None:
    board = page.locator("#leaderboard .grid")
    field = board.get_by_label("Filter by trial", exact=True)
    field.fill(trial)
    board.locator(".tabulator-row .trial").first.click()
    field.fill("")
    field.blur()


def drawn(page: Page) -> None:
    """Brings every chart into view, where it is drawn."""
    for chart in page.locator(".chart:visible").all():
        chart.scroll_into_view_if_needed()
        chart.locator("svg.main-svg").first.wait_for()


def picture(page: Page, name: str, first: Locator, last: Locator | None = None) -> None:
    """One picture, from the top of one part of the page to the bottom of another."""
    page.evaluate("scrollTo(0, 0)")
    top, bottom = first.bounding_box(), (last or first).bounding_box()
    assert top is not None
    assert bottom is not None
    left = min(top["x"], bottom["x"])
    clip = {
        "x": max(left - MARGIN, 0),
        "y": max(top["y"] - MARGIN, 0),
        "width": max(top["width"], bottom["width"]) + 2 * MARGIN,
        "height": bottom["y"] + bottom["height"] - top["y"] + 2 * MARGIN,
    }
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, clip=clip, full_page=True, animations="disabled")
    size = path.stat().st_size
    print(f"{path}: {size // 1000} kB")
    if size > MOST_BYTES:
        sys.exit(
            f"error: {path} has {size} bytes, more than {MOST_BYTES}; picture less of the page"
        )


if __name__ == "__main__":
    main()
