"""The page runs, stays silent on the network, obeys no name, and everybody can use it."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.report.browser.opening import DARK, PHONE, Open

SLOW = [
    pytest.param(kind, marks=pytest.mark.slow)
    for kind in ("three executions", "without curves", "one trial", "empty")
]


@pytest.mark.parametrize("kind", ["full", *SLOW])
def test_it_opens_without_error_request_or_violation(kind: str, opened: Open) -> None:
    seen = opened(kind)
    seen.look_at_all_charts()
    assert (seen.complaints, seen.requests) == ([], [])


def test_names_are_shown_and_never_obeyed(opened: Open, hostile_text: str) -> None:
    seen = opened("hostile", **PHONE)
    seen.look_at_all_charts()
    assert (seen.complaints, seen.requests) == ([], [])
    assert seen.page.evaluate("window.hacked") is None
    assert seen.page.locator("[onclick]").count() == 0
    shown = seen.page.locator("body").inner_text()
    start, _, _ = hostile_text.partition("\x1b")
    assert start in shown
    assert not set("\x1b\u202e\u2028") & set(shown)
    assert seen.sideways() <= 0


@pytest.mark.parametrize("look", [{}, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("kind", ["full", *SLOW])
def test_nothing_keeps_people_from_using_it(
    kind: str, look: Mapping[str, Any], opened: Open
) -> None:
    seen = opened(kind, **look)
    seen.page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    assert seen.barriers() == []


@pytest.mark.parametrize("kind", ["full", *SLOW])
def test_a_phone_does_not_scroll_sideways(kind: str, opened: Open) -> None:
    assert opened(kind, **PHONE).sideways() <= 0
