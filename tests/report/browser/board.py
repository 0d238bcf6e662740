"""The leaderboard of an open page, as people use it: by what is written on it."""

from playwright.sync_api import Locator, Page, expect


class Board:
    """The table of all trials.

    Attributes:
        page: Of Playwright.
        whole: Its section.
        shown: How many of its rows fit the filters, in words.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.whole = page.locator("#leaderboard")
        self.shown = self.whole.get_by_role("status").first
        self.rows = self.whole.locator(".tabulator-row")
        expect(self.rows.first).to_be_visible()

    def column(self, name: str) -> list[str]:
        """The texts of a column, as far as its rows are in view."""
        heads = self.whole.get_by_role("columnheader").all()
        place = [head.inner_text().split("\n")[0] for head in heads].index(name)
        return [row.locator(".tabulator-cell").nth(place).inner_text() for row in self.rows.all()]

    def sort(self, name: str) -> None:
        self.whole.get_by_role("button", name=name, exact=True).click()

    def filter(self, name: str) -> Locator:
        """The field or list that narrows the table by a column."""
        return self.whole.get_by_label(f"Filter by {name}", exact=True)

    def row(self, trial: str) -> Locator:
        return self.rows.filter(has=self.page.get_by_text(trial, exact=True))

    @property
    def chosen(self) -> list[str]:
        """The trial of each row that is marked as chosen."""
        return self.whole.locator("[aria-selected=true] .trial").all_inner_texts()
