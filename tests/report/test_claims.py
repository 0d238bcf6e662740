"""What the design does not show is not claimed, in whatever form the audit is read."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from auditor.auditing import Audit, audit
from auditor.files import Json
from auditor.report import render
from tests.attribution.planted import Values, grid, random_configurations, sweep

RANDOM = random_configurations(60, 6, bystanders=2)


def ends(v: Values) -> str:
    if v["lr"] >= 0.1:
        return "diverged"
    return "overfit" if v["activation"] == "relu" else "ok"


def or_pruned(v: Values) -> str:
    return "pruned" if v["lr"] < 2e-4 else ends(v)


def learns_nothing(v: Values) -> str:
    return "never learned" if v["lr"] >= 0.1 else "ok"


DESIGNS = {
    "adaptive": (RANDOM, ends, "adaptive"),
    "adaptive grid": (grid(), ends, "adaptive"),
    "unknown": (RANDOM, ends, "unknown"),
    "learning nothing": (random_configurations(60, 6, bystanders=12), learns_nothing, "adaptive"),
    "drifting": (sorted(RANDOM, key=lambda v: v["lr"]), ends, "random"),
    "pruned": (RANDOM, or_pruned, "random"),
}
"""Designs that show association only."""


def made(values: list[Values], outcome: object, sampler: str) -> Audit:
    return audit(sweep(values, outcome, sampler))  # type: ignore[arg-type]


def texts(audited: Audit) -> Iterator[str]:
    """All that a person reads: on the terminal, on the page, in sentences of the record."""
    yield render(audited, "terminal")
    page = Page()
    page.feed(render(audited, "html"))
    yield " ".join(page.seen)
    yield from page.told
    yield from strings(json.loads(page.data))
    yield from strings(audited.record)


class Page(HTMLParser):
    """What a page shows, and what it tells those who cannot see it or point at something.

    Attributes:
        seen: Its text.
        told: The attributes that are read aloud or shown.
        data: What its scripts draw.
    """

    TOLD = ("alt", "aria-description", "aria-label", "placeholder", "title")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.told: list[str] = []
        self.data = ""
        self.element, self.is_data = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.told += [value for name, value in attrs if value and name in self.TOLD]
        self.element, self.is_data = tag, ("type", "application/json") in attrs

    def handle_endtag(self, tag: str) -> None:
        self.element, self.is_data = "", False

    def handle_data(self, data: str) -> None:
        if self.is_data:
            self.data += data
        elif self.element not in ("script", "style"):
            self.seen.append(data)


def strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_design_that_shows_association_speaks_of_no_cause(design: str) -> None:
    audited = made(*DESIGNS[design])
    assert audited.causes
    assert {cause.evidence for cause in audited.causes} == {"associated"}
    for text in texts(audited):
        assert not re.search(
            r"(?i)\bcaus|\braises the risk|\brescues \d|\bwhy:?\s+lr (≥|>=) ", text
        )
    terminal, page, *_ = texts(audited)
    for text in (terminal, page):
        assert "what failures go with" in text.lower()
        assert re.search(r"(?i)\bfailures go with:?\s+lr ≥ ", text)


@pytest.mark.parametrize(
    ("values", "sampler", "words"),
    [
        (RANDOM, "random", "raises the risk by"),
        (grid(), "grid", "in this grid changing lr alone rescues"),
    ],
)
def test_a_design_that_shows_more_says_so(values: list[Values], sampler: str, words: str) -> None:
    fails = lambda v: "diverged" if v["lr"] >= 0.1 else "ok"  # noqa: E731
    terminal, page, *_ = texts(made(values, fails, sampler))
    for text in (terminal, page):
        assert re.search(r"(?i)\bwhy:?\s+lr ≥ ", text)
        assert words in " ".join(text.split())
        assert re.search(r"(?m)^\s*causes\s*$", text.lower())


@pytest.mark.parametrize("sampler", ["grid", "random", "adaptive", "unknown"])
def test_the_level_of_evidence_is_told_with_every_claim(sampler: str) -> None:
    values = grid() if sampler == "grid" else RANDOM
    audited = made(values, ends, sampler)
    for claim in (*audited.causes, *audited.helping.helps):
        assert claim.sentence.endswith(f"; evidence: {claim.evidence}")
