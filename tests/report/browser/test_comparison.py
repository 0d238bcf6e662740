"""The page of a comparison: as silent, harmless and usable as that of an audit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.auditing import Audit
from auditor.comparing import compare
from tests.report.browser.opening import DARK, PHONE, Open

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("look", [{}, DARK, PHONE], ids=["light", "dark", "phone"])
@pytest.mark.parametrize("sides", [("full", "three executions"), ("hostile", "hostile")])
def test_it_runs_and_keeps_nobody_out(
    sides: tuple[str, str],
    look: Mapping[str, Any],
    audits: Mapping[str, Audit],
    opened: Open,
    tmp_path: Path,
) -> None:
    found = compare(*(audits[side] for side in sides))
    (tmp_path / "page.html").write_text(found.to_html(), encoding="utf-8")
    seen = opened(tmp_path / "page.html", **look)
    seen.look_at_all_charts()
    assert (seen.complaints, seen.requests, seen.barriers()) == ([], [], [])
    assert seen.page.evaluate("window.hacked") is None
    assert seen.sideways() <= 0
