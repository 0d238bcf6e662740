"""The page in a real browser: it runs, sorts, draws and stays silent on the network."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from auditor.auditing import Audit
from auditor.report.html import render_html

pytestmark = pytest.mark.slow

QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

WATCH = """<script>
window.seen = {errors: [], violations: []};
addEventListener("error", (e) => seen.errors.push(e.message));
addEventListener("securitypolicyviolation", (e) => seen.violations.push(e.blockedURI));
</script>"""

ACT = """<script>
const ids = () => [...document.querySelectorAll("#leaderboard tbody tr")]
  .map((row) => row.cells[2].textContent);
const click = (selector) => document.querySelector(selector)?.click();
const header = (name) => [...document.querySelectorAll("#leaderboard th button")]
  .find((button) => button.textContent === name)?.click();
seen.before = ids();
header("trial"); seen.ascending = ids();
header("trial"); seen.descending = ids();
header("gap"); seen.gaps = [...document.querySelectorAll("#leaderboard tbody tr")]
  .map((row) => row.querySelectorAll("td")[8].textContent);
click('button.pick[data-place="3"]');
seen.chosen = [...document.querySelectorAll("select.trial")].map((s) => s.value);
seen.lines = document.querySelectorAll(".chart .scatterlayer .trace").length;
seen.cells = document.querySelectorAll(".chart .hm").length;
seen.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
seen.hacked = window.hacked ?? null;
seen.sideways = document.documentElement.scrollWidth - document.documentElement.clientWidth;
const out = document.createElement("pre");
out.id = "seen"; out.textContent = JSON.stringify(seen);
document.body.append(out);
</script>"""


def look(audit: Audit, folder: Path, *flags: str) -> dict[str, Any]:
    """Opens the page, clicks around in it, and returns what was seen."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        assert not os.environ.get("CI"), "this needs chromium: apt-get install chromium"
        pytest.skip("chromium is not installed")
    page = render_html(audit).replace("<style>", f"{WATCH}<style>", 1)
    head, tail = page.rsplit("</body>", 1)
    (folder / "page.html").write_text(f"{head}{ACT}</body>{tail}", encoding="utf-8")
    command = [browser, *QUIET, f"--user-data-dir={folder / 'profile'}", *flags]
    command += ["--virtual-time-budget=4000", "--dump-dom", f"file://{folder / 'page.html'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr
    seen: dict[str, Any] = json.loads(unescape(found[1]))
    return seen


@pytest.mark.parametrize("kind", ["full", "three executions", "one trial", "empty", "hostile"])
def test_the_page_runs_without_error_request_or_violation(
    kind: str, audits: Mapping[str, Audit], tmp_path: Path
) -> None:
    seen = look(audits[kind], tmp_path)
    assert (seen["errors"], seen["violations"], seen["requests"]) == ([], [], [])
    assert seen["hacked"] is None


def test_the_leaderboard_sorts_and_chooses(full: Audit, tmp_path: Path) -> None:
    seen = look(full, tmp_path)
    ranked = list(full.scores.by_trial)
    assert seen["before"] == ranked
    assert seen["ascending"] == sorted(ranked)
    assert seen["descending"] == sorted(ranked, reverse=True)
    assert seen["gaps"][-1] == "–", "unknown values come last"
    assert seen["chosen"] == ["0", "3"]
    assert seen["lines"] == 6, "two charts of train, validation and best epoch"
    assert seen["cells"] == 1


@pytest.mark.parametrize("kind", ["full", "hostile"])
def test_a_narrow_page_does_not_scroll_sideways(
    kind: str, audits: Mapping[str, Audit], tmp_path: Path
) -> None:
    assert look(audits[kind], tmp_path, "--window-size=500,900")["sideways"] <= 0
