"""A page that a browser has opened, and what it did besides showing itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

SCREENS = Path(__file__).parents[3] / "build" / "screenshots"
"""Where pictures for people to look at are left; git ignores it."""

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}

GRAVE = ("serious", "critical")
"""Impacts, as axe-core names them, that no page may have."""


@dataclass(frozen=True)
class Opened:
    """An open page.

    Attributes:
        page: Playwright's page.
        complaints: Its errors, warnings, dialogs and violations of the content security policy.
        requests: What it loaded or tried to load, beside itself.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def barriers(self) -> list[str]:
        """What keeps people from using the page as it stands, one line per element."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{kind['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
            for kind in found
            if kind["impact"] in GRAVE
            for node in kind["nodes"]
        ]

    def look_at_all_charts(self) -> None:
        """Charts are drawn when they come into view: brings each there, and waits for it."""
        for chart in self.page.locator(".chart:visible").all():
            chart.scroll_into_view_if_needed()
            expect(chart.locator("svg.main-svg").first).to_be_visible()

    def sideways(self) -> float:
        """By how many pixels the page is wider than its window."""
        root = "document.documentElement"
        wider: float = self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
        return wider


Open = Callable[..., Opened]
"""Opens the page of a kind of audit, or of a file; more arguments are Playwright's for a page."""
