"""docs/rules.md is what the rules say of themselves, and they say all of it."""

import re
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

import auditor.diagnosis
from auditor.diagnosis.document import (
    SHARED,
    constants,
    documentation,
    explained,
    thresholds_of,
)
from auditor.diagnosis.rules import RULES

DOCS = Path(__file__).parents[2] / "docs"
NO_FAMILIES = {"document", "finding", "rules", "wording"}
FAMILIES = [
    f"{auditor.diagnosis.__name__}.{module.name}"
    for module in iter_modules(auditor.diagnosis.__path__)
    if module.name not in NO_FAMILIES
]
# What a number counts or where it comes from; a docstring without either explains nothing.
UNIT = (
    r"\b(epochs?|rows?|runs?|trials?|times|shares?|fraction|standard|errors?|deviations?|nats|"
    r"percent|points|steps?|combinations|classes|parts?|labels?|seconds|columns?|inputs|values?|"
    r"ratio|rate|degrees|seeds?|probability|level|losse?s?|accuracy|correlation|features?|bytes|digits)\b|\d"
)
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def test_the_page_is_up_to_date() -> None:
    written = (DOCS / "rules.md").read_text(encoding="utf-8")
    assert written == documentation(), "run: auditor rules --markdown > docs/rules.md"


@every_rule
def test_a_rule_says_all_of_itself(rule: Any) -> None:
    assert re.fullmatch(r"AUD\d{3}", rule.code)
    told = dict(explained(rule))
    assert list(told) == [
        "How it is detected",
        "Why it matters",
        "What to do",
        "How sure it is",
    ]
    for text in told.values():
        assert re.fullmatch(r"[A-Z].*\.", text)
        assert not re.search(r"\d%|\{|\}", text), text


@every_rule
def test_each_threshold_of_a_rule_is_a_number_with_a_unit_or_a_source(rule: Any) -> None:
    assert len(set(rule.thresholds)) == len(rule.thresholds)
    for threshold in thresholds_of(rule):
        assert re.search(UNIT, threshold.about, re.IGNORECASE), threshold
        assert threshold.about.endswith("."), threshold


@pytest.mark.parametrize("module", [*FAMILIES, SHARED])
def test_each_number_that_decides_is_named_by_a_rule(module: str) -> None:
    named = {name for rule in RULES for name in rule.thresholds}
    assert set(constants(module)) - named == set()


def test_a_threshold_that_is_nowhere_is_an_error() -> None:
    rule = RULES[0]
    broken = type(rule)(**{**vars(rule), "thresholds": ("NO_SUCH_NUMBER",)})
    with pytest.raises(LookupError, match="no constant NO_SUCH_NUMBER in"):
        thresholds_of(broken)


def slug(heading: str) -> str:
    """The anchor that Markdown viewers give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_each_link_leads_somewhere() -> None:
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            if "://" in path:
                continue
            file = page.parent / path if path else page
            assert file.exists(), f"{page.name}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.M)
                assert anchor in map(slug, headings), f"{page.name}: {target}"


@every_rule
def test_the_anchor_of_a_rule_is_that_of_its_heading(rule: Any) -> None:
    assert rule.anchor == slug(f"{rule.code} {rule.title}")
    assert f"\n## {rule.code} {rule.title}\n" in documentation()
