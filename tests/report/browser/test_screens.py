"""Pictures of the page, in build/screenshots, for people to look at; here they only must exist."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.report.browser.opening import DARK, PHONE, SCREENS, Open

pytestmark = pytest.mark.slow

WIDE = {"viewport": {"width": 1200, "height": 900}}
LOOKS = {
    "light": WIDE,
    "dark": WIDE | DARK,
    "phone": PHONE,
    "phone-dark": PHONE | DARK,
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("kind", ["real", "hostile", "one trial"])
def test_every_look_is_pictured(kind: str, look: str, opened: Open) -> None:
    options: Mapping[str, Any] = LOOKS[look]
    seen = opened(kind, **options)
    seen.look_at_all_charts()
    seen.page.evaluate("scrollTo(0, 0)")
    picture = SCREENS / f"{kind.replace(' ', '-')}-{look}.png"
    seen.page.screenshot(path=picture, full_page=True, animations="disabled")
    assert picture.stat().st_size > 0
