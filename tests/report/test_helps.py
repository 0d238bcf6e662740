"""What helps, from the file of a sweep to the page."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from auditor.attribution.help import NOT_COMPARED
from auditor.auditing import Audit, audit
from auditor.cli import app
from auditor.readers import read
from auditor.report import render
from auditor.report.parts import Section
from auditor.report.sections import sections
from tests.attribution.gapped import sweep
from tests.attribution.planted import grid

EPOCHS = np.arange(24)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid of 24 trials as a table: without dropout they overfit, wide models are better."""
    path = tmp_path_factory.mktemp("made") / "runs.csv"
    random = np.random.default_rng(0)
    cells = grid(lr=[0.001, 0.01, 0.1], units=[16, 32, 64, 128], dropout=[0.0, 0.5])
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["trial", "epoch", "lr", "units", "dropout", "loss", "val_loss"])
        for trial, v in enumerate(cells):
            loss = 0.2 + 0.5 * np.exp(-EPOCHS / 5) + (128 - v["units"]) / 1000
            late = np.maximum(0, EPOCHS - 12) * (0.03 if v["dropout"] == 0 else 0)
            gap = (0.25 - 0.24 * v["dropout"]) * (1 - np.exp(-EPOCHS / 5)) + random.normal(0, 0.01)
            noise = random.normal(0, 0.002, (2, len(EPOCHS)))
            for row in zip(EPOCHS, loss + noise[0], loss + gap + late + noise[1], strict=True):
                writer.writerow([trial, row[0], v["lr"], v["units"], v["dropout"], *row[1:]])
    return path


@pytest.fixture(scope="module")
def audited(table: Path) -> Audit:
    return audit(read(table))


def shown(audited: Audit) -> Section:
    return next(section for section in sections(audited) if section.key == "helps")


def test_the_command_says_what_helped_in_place_of_general_advice(
    table: Path, tmp_path: Path
) -> None:
    record = tmp_path / "audit.json"
    result = CliRunner().invoke(app, ["audit", str(table), "--no-cache", "--json", str(record)])
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "In this sweep dropout = 0.5 against 0.0 changed the gap by -0.1" in words
    assert "WHAT HELPS" in words
    assert "Try values of units above 128." in words
    told = json.loads(record.read_text())
    overfitting = [f for f in told["findings"] if f["code"] == "AUD003"]
    assert len(overfitting) == 12
    assert all("In this sweep dropout = 0.5" in f["remedy"] for f in overfitting)
    assert not any("augment" in f["remedy"] for f in overfitting)
    assert [one["value"]["hyperparameter"] for one in told["helping"]["helps"]] == [
        "dropout",
        "units",
    ]
    assert [one["hyperparameter"] for one in told["helping"]["without_effect"]] == ["lr"]


def test_the_section_holds_effects_and_what_would_have_been_seen(audited: Audit) -> None:
    section = shown(audited)
    helping, nothing = section.tables
    assert [cell.text for cell in helping.rows[0].cells][:2] == ["dropout = 0.5", "0.0"]
    assert helping.rows[0].cells[2].tone == "good"
    assert helping.rows[0].cells[4].text == "12 pairs"
    assert (
        "among the 24 trials that ended with a result and did not diverge" in section.paragraphs[0]
    )
    assert nothing.rows[0].cells[0].text == "lr"
    assert float(nothing.rows[0].cells[1].text) > 0
    assert any("says whether the model got better" in note for note in section.notes)


def test_it_is_read_back_as_it_was(audited: Audit, tmp_path: Path) -> None:
    audited.save(tmp_path)
    assert Audit.load(tmp_path).helping == audited.helping


def test_what_helps_most_trials_is_told_for_all_of_them(audited: Audit) -> None:
    first = next(f for f in audited.findings if f.code == "AUD003")
    told = ("Ranked by epoch 3. Use x. Stop.", "Ranked by epoch 4. Use x. Stop.", "Something else.")
    findings = tuple(
        replace(first, trials=(f"{i}",), remedy=remedy) for i, remedy in enumerate(told)
    )
    made = sections(replace(audited, findings=findings))
    (entry,) = next(section for section in made if section.key == "findings").entries
    assert entry.remedy == "Use x. Stop."


@pytest.mark.parametrize("format", ["terminal", "html"])
def test_where_nothing_was_compared_there_is_no_section(audited: Audit, format: str) -> None:
    assert "what helps" in render(audited, format).lower()
    none = render(replace(audited, helping=NOT_COMPARED), format)
    assert "what helps" not in none.lower()


def test_where_nothing_helps_it_is_said() -> None:
    section = shown(audit(sweep(grid(), lambda v: (0.3, 0.6))))
    assert section.paragraphs[0].startswith("No value clearly lowered the gap or improved")
    assert [table.title for table in section.tables] == [
        "No detectable effect on the gap or the best val_loss"
    ]


def test_a_cause_of_failures_is_no_bystander() -> None:
    nan = float("nan")
    trials = sweep(grid(), lambda v: (nan, nan) if v["lr"] == 1.0 else (0.3, 0.6))
    (table,) = shown(audit(trials)).tables
    assert "failures go with lr, see above." in table.note
