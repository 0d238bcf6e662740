"""Parquet files hold the same tables as CSV files, with types."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor.auditing import Audit, audit
from auditor.files import from_json
from auditor.report.tables import tables
from auditor.trials import Objective, Recorded, Run, Trials, empty_curves


def read(folder: Path, name: str) -> pa.Table:
    return pq.ParquetFile(folder / f"{name}.parquet").read()


def test_every_audit_leaves_the_tables_of_csv(audits: Mapping[str, Audit], tmp_path: Path) -> None:
    for kind, audited in audits.items():
        audited.to_parquet(tmp_path / kind)
        for name, (columns, rows) in tables(audited).items():
            found = read(tmp_path / kind, name)
            assert found.column_names == list(columns)
            assert found.num_rows == sum(1 for _ in rows)


def test_curves_keep_every_nan(full: Audit, tmp_path: Path) -> None:
    full.to_parquet(tmp_path)
    values = read(tmp_path, "curves")["value"]
    assert values.null_count == 0
    assert sum(map(math.isnan, values.to_pylist())) == full.trials.curves["value"].isna().sum() > 0


def test_what_is_not_known_is_null_and_what_is_infinite_is_so(full: Audit, tmp_path: Path) -> None:
    full.to_parquet(tmp_path)
    rows = {row["trial_id"]: row for row in read(tmp_path, "leaderboard").to_pylist()}
    assert rows["0008"]["score"] == math.inf
    assert rows["0004"]["score"] is None
    assert (rows["0000"]["lr"], rows["0000"]["units"], rows["0000"]["activation"]) == (
        *(0.01, 16, "relu"),
    )


@pytest.mark.parametrize(
    ("values", "kind", "kept"),
    [
        ([1, 2], pa.int64(), [1, 2]),
        ([True, None], pa.bool_(), [True, None]),
        ([1, 0.5], pa.float64(), [1.0, 0.5]),
        (["a", None], pa.string(), ["a", None]),
        ([1, "a"], pa.string(), ["1", '"a"']),
        ([[1, 2], None], pa.string(), ["[1, 2]", None]),
        ([10**30, 1], pa.string(), ["1" + "0" * 30, "1"]),
        ([None, None], pa.null(), [None, None]),
        (["bad\udcff", "a"], pa.string(), ["bad\\udcff", "a"]),
    ],
)
def test_a_hyperparameter_has_the_type_of_its_values(
    values: list[Any], kind: Any, kept: list[Any], tmp_path: Path
) -> None:
    ids = [str(number) for number in range(len(values))]
    trials = Trials(
        {t: {"h": value} for t, value in zip(ids, values, strict=True)},
        {Run(t): Recorded() for t in ids},
        empty_curves(),
        Objective("val_loss"),
    )
    audit(trials).to_parquet(tmp_path)
    column = read(tmp_path, "leaderboard")["h"]
    assert column.type == kind
    assert column.to_pylist() == kept


def test_lists_are_json(full: Audit, tmp_path: Path) -> None:
    full.to_parquet(tmp_path)
    assert from_json(read(tmp_path, "findings")["trials"][0].as_py()) == ["0010"]
