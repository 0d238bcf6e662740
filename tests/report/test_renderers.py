"""What holds for every renderer, for every kind of audit."""

import html
from collections.abc import Mapping

import pytest

from auditor.auditing import Audit
from auditor.files import from_json
from auditor.report import RENDERERS, Renderer, render
from auditor.report.sections import sections

KINDS = (
    *("real", "full", "three executions", "without curves"),
    *("one trial", "empty", "hostile"),
)
every_renderer = pytest.mark.parametrize("renderer", RENDERERS, ids=lambda r: r.format)
every_kind = pytest.mark.parametrize("kind", KINDS)
for_people = pytest.mark.parametrize("format", ["terminal", "html"])


@every_renderer
@every_kind
def test_every_audit_can_be_rendered(
    renderer: Renderer, kind: str, audits: Mapping[str, Audit]
) -> None:
    assert renderer.render(audits[kind])


@every_renderer
@every_kind
def test_output_is_the_same_each_time(
    renderer: Renderer, kind: str, audits: Mapping[str, Audit]
) -> None:
    assert renderer.render(audits[kind]) == renderer.render(audits[kind])


@every_renderer
def test_output_is_text_that_any_file_can_hold(
    renderer: Renderer, audits: Mapping[str, Audit]
) -> None:
    renderer.render(audits["hostile"]).encode("utf-8")


@for_people
@every_kind
def test_every_section_is_present(format: str, kind: str, audits: Mapping[str, Audit]) -> None:
    text = render(audits[kind], format).lower()
    for section in sections(audits[kind]):
        assert section.title.lower() in text


@for_people
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "hostile"])
def test_every_limit_is_said(format: str, kind: str, audits: Mapping[str, Audit]) -> None:
    text = " ".join(html.unescape(render(audits[kind], format)).split())
    for section in sections(audits[kind]):
        # As often as it is in a section: what the verdict says the coverage may say again.
        for note in section.notes:
            told = sum(note in other.notes for other in sections(audits[kind]))
            assert text.count(" ".join(note.split())) >= told


@for_people
def test_every_trial_finding_and_cause_is_named(format: str, full: Audit) -> None:
    text = render(full, format)
    for word in ("AUD901", "Made-up error", "Stop early.", "lr = 1.0 and activation = sigmoid"):
        assert word in text
    for check in full.checks:
        assert check.title in text


@for_people
def test_nothing_hostile_acts(format: str, audits: Mapping[str, Audit], hostile_text: str) -> None:
    text = render(audits["hostile"], format)
    for acting in ("\x1b", "\u202e", "\u2028"):
        assert acting in hostile_text
        assert acting not in text
    assert "\\x1b[31m\\u202e\\u2028[red]" in text


def test_json_is_the_record(full: Audit) -> None:
    state = from_json(render(full, "json"))
    assert [row["trial_id"] for row in state["leaderboard"]] == list(full.scores.by_trial)
    assert state["findings"][0]["code"] == "AUD901"


def test_an_unknown_format_is_refused_with_the_known_ones(full: Audit) -> None:
    with pytest.raises(ValueError, match="terminal, html, json"):
        render(full, "pdf")


def test_an_audit_shows_itself_as_the_renderers_do(full: Audit) -> None:
    assert str(full) == render(full, "terminal")
    assert full.to_html() == render(full, "html")
