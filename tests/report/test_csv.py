"""CSV files hold the data as they are."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from auditor.auditing import Audit, audit
from auditor.files import from_json
from auditor.report.csv import write_csv
from auditor.trials import Objective, Recorded, Run, Trials, empty_curves

NAMES = ("leaderboard", "curves", "findings", "causes", "values")


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_audit_leaves_five_files(audits: Mapping[str, Audit], tmp_path: Path) -> None:
    for kind, audited in audits.items():
        write_csv(audited, tmp_path / kind)
        assert sorted(p.name for p in (tmp_path / kind).iterdir()) == sorted(
            f"{name}.csv" for name in NAMES
        )


def test_curves_come_back_as_they_were(full: Audit, tmp_path: Path) -> None:
    write_csv(full, tmp_path)
    rows, curves = read(tmp_path, "curves"), full.trials.curves
    assert len(rows) == len(curves)
    assert sum(row["value"] == "nan" for row in rows) == int(curves["value"].isna().sum()) > 0
    for row, value in zip(rows, curves["value"], strict=True):
        assert float(row["value"]) == value or math.isnan(value)
    assert {row["epoch"] for row in rows} == {str(epoch) for epoch in range(20)}


def test_infinite_scores_are_inf_and_unknown_ones_empty(full: Audit, tmp_path: Path) -> None:
    write_csv(full, tmp_path)
    scores = {row["trial_id"]: row for row in read(tmp_path, "leaderboard")}
    assert scores["0008"]["score"] == "inf"
    assert scores["0004"]["score"] == ""
    assert scores["0000"]["lr"] == "0.01"


def test_a_hyperparameter_does_not_hide_a_column(tmp_path: Path) -> None:
    values = {"a": {"score": 5, "lr": 0.1}}
    trials = Trials(values, {Run("a"): Recorded()}, empty_curves(), Objective("val_loss"))
    write_csv(audit(trials), tmp_path)
    (row,) = read(tmp_path, "leaderboard")
    assert (row["score"], row["hyperparameter.score"], row["lr"]) == ("", "5", "0.1")


def test_lists_are_json(full: Audit, tmp_path: Path) -> None:
    write_csv(full, tmp_path)
    assert from_json(read(tmp_path, "findings")[0]["trials"]) == ["0010"]
    assert from_json(read(tmp_path, "causes")[0]["rescues"])[0]["rescued"] == 2
    pair = read(tmp_path, "values")[-1]
    assert (pair["hyperparameter_2"], pair["value_2"], pair["added"]) == (
        *("activation", "sigmoid", "0.75"),
    )


def test_names_are_not_rewritten(
    audits: Mapping[str, Audit], tmp_path: Path, hostile_text: str
) -> None:
    write_csv(audits["hostile"], tmp_path)
    assert read(tmp_path, "leaderboard")[0]["trial_id"] == hostile_text


def test_text_that_is_no_unicode_is_written_as_escapes(tmp_path: Path) -> None:
    values = {"a": {"path": "bad\udcff"}}
    trials = Trials(values, {Run("a"): Recorded()}, empty_curves(), Objective("val_loss"))
    write_csv(audit(trials), tmp_path)
    assert read(tmp_path, "leaderboard")[0]["path"] == "bad\\udcff"


def test_a_folder_that_cannot_be_made_is_an_error(full: Audit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_csv(full, tmp_path / "file")
