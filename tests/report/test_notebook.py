"""What a notebook shows of an audit and its parts."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import check_data
from auditor.auditing import Audit, audit
from auditor.report.notebook import MOST_ROWS
from auditor.trials import Hyperparameter
from tests.making import sweep

ROOT = Path(__file__).parents[2]


def text(shown: Any) -> str:
    """The words of a representation, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", shown._repr_html_()))


def test_at_a_prompt_an_audit_is_one_line() -> None:
    fine = {"loss": [0.7, 0.5], "val_loss": [0.7, 0.5]}
    audited = audit(sweep({"a": fine, "b": fine}))
    trials = f"Trials(trials=2, runs=2, path={audited.trials.provenance.path!r})"
    assert repr(audited) == f"Audit({trials}, findings={len(audited.findings)}, causes=0)"


def test_an_audit_shows_its_verdict_its_best_trials_and_where_the_rest_is(full: Audit) -> None:
    words = text(full)
    for expected in (
        "is the best of 12",
        "AUD901 Made-up warning (warning): ",
        "lr = 1.0",
        "audit.to_html()",
        "audit.figures.causes()",
    ):
        assert expected in words
    assert full._repr_html_().count("<tr>") == 1 + MOST_ROWS
    assert "… 2 more." in words


def test_trials_show_counts_and_hyperparameters_and_judge_nothing(full: Audit) -> None:
    words = text(full.trials)
    assert "12 trials, 12 runs, up to 20 epochs" in words
    assert "val_loss, smaller is better" in words
    assert "11 completed, 1 failed" in words
    assert "0000 0.01 relu 16 32 curves" in words
    assert "overfit" not in words


def test_a_finding_shows_its_evidence_and_its_remedy(full: Audit) -> None:
    words = text(full.findings[0])
    assert "AUD901 Made-up warning (warning): trial 0010: got worse from epoch 2 on." in words
    assert "→ Stop early." in words
    assert "onset 2 rise 0.5 0.05" in words
    assert "Confidence: high." in words


def test_data_and_plans_show_what_their_text_says(full: Audit) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 2))
    labels = np.arange(40) % 2
    found = check_data(rows, labels, rows[:10], labels[:10])
    assert "40 to train, 10 to validate" in text(found)
    assert "AUD031" in text(found)
    assert full.plan_reruns()._repr_html_().startswith("<pre>")


def test_what_strangers_wrote_is_shown_and_never_obeyed(audits: Mapping[str, Audit]) -> None:
    audited = audits["hostile"]
    parts: list[Any] = [audited, audited.trials, *audited.findings, audited.plan_reruns()]
    for part in parts:
        shown = part._repr_html_()
        assert "<script" not in shown
        assert "onclick='x'>" not in shown
        assert not re.search(r"<b\b", shown)
    for part in parts[:-1]:
        assert not {"\x1b", "\u202e", "\u2028"} & set(part._repr_html_())


def test_every_audit_can_be_shown(audits: Mapping[str, Audit]) -> None:
    for audited in audits.values():
        assert audited._repr_html_()
        assert audited.trials._repr_html_()


def test_nothing_but_text_and_tables_is_used(full: Audit) -> None:
    tags = set(re.findall(r"<(\w+)", full._repr_html_() + full.findings[0]._repr_html_()))
    assert tags <= {"div", "p", "strong", "em", "small", "ul", "li", "br"} | {
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert "color" not in full._repr_html_()


def test_many_hyperparameters_leave_room() -> None:
    names = [f"h{number}" for number in range(30)]
    made = sweep({"a": {"val_loss": [0.5]}, "b": {"val_loss": [0.4]}})
    values = {t: dict.fromkeys(names, place) for place, t in enumerate(("a", "b"))}
    trials = replace(made, hyperparameters=values, space=(Hyperparameter("h0", "int"),))
    assert "Left out: 22 more hyperparameters." in text(audit(trials))
    assert "Left out: 20 more hyperparameters." in text(trials)


NOTEBOOK = """
import sys, nbformat
from nbclient import NotebookClient
cells = [
    "from auditor import audit, read\\naudited = audit(read(sys_path))\\naudited",
    "audited.trials",
    "audited.findings[0]",
    "audited.figures.learning_curves(['0000'])",
]
cells[0] = cells[0].replace("sys_path", repr(sys.argv[1]))
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
NotebookClient(book, timeout=120, kernel_name="python3").execute()
for cell in book.cells:
    (output,) = cell.outputs
    print(sorted(output.data), "the best of 18" in output.data.get("text/html", ""))
"""


@pytest.mark.slow
def test_a_real_notebook_shows_them() -> None:
    grid = ROOT / "tests" / "data" / "keras_tuner-1.4.8" / "grid"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", NOTEBOOK, str(grid)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, trials, finding, figure = done.stdout.splitlines()
    assert first == "['text/html', 'text/plain'] True"
    assert trials.startswith("['text/html'")
    assert finding.startswith("['text/html'")
    assert "application/vnd.plotly.v1+json" in figure
