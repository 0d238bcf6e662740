"""What holds for every figure, whatever the audit."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.auditing import Audit
from auditor.report import palette
from auditor.report.figures import FIGURES, Figure, Figures, drawn
from auditor.report.sections import sections

DRAWN_BY_THE_PAGE = {"learning_curves"}
"""Of the trials that a reader picks; `Figures` has a method for it."""

every_figure = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)


def pictures(audit: Audit) -> list[str]:
    return [picture.name for section in sections(audit) for picture in section.figures]


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def test_each_figure_stands_where_its_audit_draws_it(audits: Mapping[str, Audit]) -> None:
    for kind, audit in audits.items():
        named = [name for name in pictures(audit) if name not in DRAWN_BY_THE_PAGE]
        assert sorted(named) == sorted(drawn(audit)), kind


def test_every_picture_tells_those_who_cannot_see_it(audits: Mapping[str, Audit]) -> None:
    for section in sections(audits["full"]):
        for picture in section.figures:
            assert picture.caption
            assert picture.about or picture.name in DRAWN_BY_THE_PAGE


@every_figure
def test_plain_json_and_no_number_that_json_has_not(
    figure: Figure, audits: Mapping[str, Audit]
) -> None:
    for audit in audits.values():
        json.dumps(figure.draw(audit), allow_nan=False)


@every_figure
def test_plotly_takes_it_and_words_say_why_there_is_none(
    figure: Figure, audits: Mapping[str, Audit]
) -> None:
    for audit in audits.values():
        draw = getattr(audit.figures, figure.name)
        if figure.draw(audit) is None:
            with pytest.raises(ValueError, match=re.escape(figure.missing)):
                draw()
        else:
            assert draw().data


@every_figure
def test_only_colours_that_a_dark_page_can_swap(
    figure: Figure, audits: Mapping[str, Audit]
) -> None:
    known = {*palette.DARK, palette.BAND, "rgba(0,0,0,0)"}
    for audit in audits.values():
        for text in leaves(figure.draw(audit)):
            if isinstance(text, str) and re.fullmatch(r"#[0-9a-fA-F]{3,8}|rgba?\(.*\)", text):
                assert text in known


@every_figure
def test_nothing_hostile_is_markup(figure: Figure, audits: Mapping[str, Audit]) -> None:
    for text in leaves(figure.draw(audits["hostile"])):
        if isinstance(text, str):
            # `<br>` and `<extra>` are Plotly's, and ours.
            assert not re.search(r"<(?!br>|extra>|/extra>)", text)
            assert "\x1b" not in text


@every_figure
def test_letters_are_large_enough(figure: Figure, audits: Mapping[str, Audit]) -> None:
    def sizes(value: Any, key: str = "") -> Iterator[float]:
        if isinstance(value, Mapping):
            if key in ("font", "tickfont", "textfont", "titlefont") and "size" in value:
                yield value["size"]
            for name, item in value.items():
                yield from sizes(item, name)
        elif isinstance(value, list):
            for item in value:
                yield from sizes(item, key)

    assert all(size >= 11 for size in sizes(figure.draw(audits["full"])))


def test_places_lead_to_trials_of_the_leaderboard(audits: Mapping[str, Audit]) -> None:
    audit = audits["full"]
    for name in ("trials", "gap", "settings"):
        for trace in drawn(audit)[name]["data"]:
            places = [n for n in leaves(trace.get("customdata", [])) if n is not None]
            assert set(places) <= set(range(len(audit.scores.by_trial)))
            assert places or "customdata" not in trace


def test_each_figure_is_a_method_with_words(audits: Mapping[str, Audit]) -> None:
    methods = {name for name in vars(Figures) if not name.startswith("_")}
    assert methods == {figure.name for figure in FIGURES} | DRAWN_BY_THE_PAGE
    assert all(getattr(Figures, name).__doc__ for name in methods)


def test_contrast_of_words_on_what_is_behind_them() -> None:
    for swap in ({}, palette.DARK):
        ink = swap.get(palette.INK, palette.INK)
        for behind in (palette.PAPER, palette.EMPTY, palette.FAILING, palette.RIGHT):
            assert contrast(ink, swap.get(behind, behind)) >= 4.5


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_documentation_names_every_figure() -> None:
    page = (Path(__file__).parents[3] / "docs" / "exports.md").read_text(encoding="utf-8")
    for name in {figure.name for figure in FIGURES} | DRAWN_BY_THE_PAGE:
        assert f"| `{name}(" in page
