"""The page: parsed without a browser. `browser/` opens it in one."""

import re
from collections import Counter
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from auditor.auditing import Audit
from auditor.files import from_json
from auditor.report import html, packing
from auditor.report.html import render_html
from auditor.report.sections import sections

VOID = {"meta", "br", "path", "input", "link"}
LOADS = {"src", "href", "srcset", "action", "data", "poster", "background", "xlink:href"}


class Page(HTMLParser):
    """Elements, texts and scripts of a page; fails on elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.text = self.json = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self.is_data = dict(attrs).get("type") == "application/json"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
            self.json += data * self.is_data
        elif self.open and self.open[-1] != "style":
            self.text += data

    def data(self) -> dict[str, Any]:
        return from_json(self.json)  # type: ignore[no-any-return]

    def ids(self) -> set[str | None]:
        return {attributes.get("id") for _, attributes in self.elements}


@pytest.fixture(scope="module")
def pages(audits: Mapping[str, Audit]) -> Mapping[str, Page]:
    return {kind: Page(render_html(audit)) for kind, audit in audits.items()}


def test_every_section_has_an_anchor_that_the_navigation_names(
    pages: Mapping[str, Page], audits: Mapping[str, Audit]
) -> None:
    for kind, page in pages.items():
        links = {a.get("href") for tag, a in page.elements if tag == "a"}
        keys = {section.key for section in sections(audits[kind])}
        assert {f"#{key}" for key in keys} <= links
        assert {str(link)[1:] for link in links} <= page.ids()


def test_nothing_is_loaded_from_anywhere(pages: Mapping[str, Page]) -> None:
    for page in pages.values():
        assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "base", "object"}
        for _, attributes in page.elements:
            for name in LOADS & attributes.keys():
                assert (attributes[name] or "").startswith("#")


def test_the_policy_forbids_the_network(pages: Mapping[str, Page]) -> None:
    for page in pages.values():
        (policy,) = (
            a["content"]
            for tag, a in page.elements
            if a.get("http-equiv") == "Content-Security-Policy"
        )
        assert policy is not None
        assert policy.startswith("default-src 'none';")
        assert not re.search(r"https?:|\*|connect-src|unsafe-eval", policy)


def test_plotly_is_there_once_where_there_is_something_to_draw(audits: Mapping[str, Audit]) -> None:
    banner = "* plotly.js v"
    assert render_html(audits["full"]).count(banner) == 1
    assert render_html(audits["empty"]).count(banner) == 0


def test_hostile_names_make_no_element_and_no_attribute(pages: Mapping[str, Page]) -> None:
    page = pages["hostile"]
    count = Counter(tag for tag, _ in page.elements)
    assert count["script"] == 5
    assert count["b"] == 0
    names = {name for _, attributes in page.elements for name in attributes}
    assert not {name for name in names if name.startswith("on")}
    assert "window.hacked=1</script>" in page.text


def column(page: Page, name: str) -> dict[str, Any]:
    """A column of the leaderboard in the data of a page."""
    (found,) = (c for c in page.data()["tables"][0]["columns"] if c["name"] == name)
    return dict(found)


def test_embedded_data_survive_hostile_names(pages: Mapping[str, Page]) -> None:
    first = column(pages["hostile"], "trial")["texts"][0]
    assert first.startswith("</script><script>window.hacked=1")


def test_the_charts_start_with_the_winner_and_the_worst_failure(
    pages: Mapping[str, Page], full: Audit
) -> None:
    curves = pages["full"].data()["curves"]
    assert curves["winner"] == 0
    assert list(full.scores.by_trial)[curves["failed"]] == "0009"


def test_every_trial_and_every_curve_is_in_the_data(pages: Mapping[str, Page], full: Audit) -> None:
    assert column(pages["full"], "trial")["texts"] == list(full.scores.by_trial)
    assert len(pages["full"].data()["curves"]["trials"]) == 11


def test_the_top_rows_stand_in_the_page_for_paper(
    full: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "PRINTED_ROWS", 5)
    page = Page(render_html(full))
    assert "… 7 more" in page.text
    assert sum(tag == "svg" for tag, _ in page.elements) == 1 + 5  # the best one stands on top too


def test_curves_that_do_not_fit_are_left_out_from_the_lowest_rank_on(
    full: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MOST_POINTS", 300)
    page = Page(render_html(full))
    trials = page.data()["curves"]["trials"]
    assert trials == list(range(6))
    assert "The curves of the last 5 trials are left out" in page.text


def test_unknown_values_have_no_key_to_sort_by(pages: Mapping[str, Page]) -> None:
    gaps = column(pages["full"], "gap")
    unknown = [key for key, text in zip(gaps["keys"], gaps["texts"], strict=True) if text == "–"]
    assert unknown == [None]
