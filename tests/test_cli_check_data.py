"""`auditor check-data`, as people call it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from auditor.cli import app

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))
Y = RNG.integers(0, 2, 300)
DAYS = RNG.integers(0, 99, 300)


def frame(rows: slice = slice(None)) -> pd.DataFrame:
    table = pd.DataFrame(X, columns=list("abcd")).assign(
        town=np.where(X[:, 0] > 0, "x", "y"),
        day=pd.Timestamp("2024-01-01") + pd.to_timedelta(DAYS, unit="D"),
        target=np.where(Y, "yes", "no"),
    )
    return table[rows]


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["check-data", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_split_at_random_is_silent(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"table.{kind}"
    table = frame()
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    text = run(path, "--target", "target", "--seed", 3)
    assert "240 rows train, 60 validate" in text
    assert "a constant reaches" in text
    assert "Nothing was found" in text


def test_two_tables_that_share_rows(tmp_path: Path) -> None:
    train, validation, record = (tmp_path / name for name in ("a.csv", "b.csv", "r.json"))
    frame(slice(200)).to_csv(train, index=False)
    frame(slice(170, 300)).to_csv(validation, index=False)
    given = ("--train", train, "--validation", validation, "--target", "target")
    text = run(*given, "--json", record, "--fail-on", "aud031", code=1)
    assert "30 of 130 validation rows (23 %)" in text
    assert "failed: found AUD031" in text
    state = json.loads(record.read_text())
    assert state["data"]["repeats"]["shared"] == 30
    assert state["findings"][0]["code"] == "AUD031"
    assert {check["code"] for check in state["checks"]} >= {"AUD031", "AUD037"}


def test_a_sorted_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    frame().sort_values("target").to_csv(path, index=False)
    text = " ".join(run(path, "--target", "target").split())
    assert "AUD038 Rows are sorted (warning)" in text
    assert "class no has a share of" in text
    assert "labels alike (Cramér's V = 0" in text


def test_missing_values_are_findings_and_no_errors(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    table = frame()
    table.loc[:4, "b"] = np.nan
    table.to_csv(path, index=False)
    text = " ".join(run(path, "--target", "target").split())
    assert "AUD037 Inputs not finite (error)" in text
    assert "in b (5 rows)" in text


@pytest.mark.parametrize("end", ["val", "validation", "test"])
def test_arrays_in_one_file(tmp_path: Path, end: str) -> None:
    path = tmp_path / "a.npz"
    other = {f"x_{end}": X[200:], f"y_{end}": Y[200:]}
    np.savez(path, x_train=X[:200], y_train=Y[:200], **other)
    assert "Nothing was found" in run(path)


def test_arrays_in_two_files(tmp_path: Path) -> None:
    one, two = tmp_path / "a.npz", tmp_path / "b.npz"
    np.savez(one, x=X[:200], y=Y[:200])
    np.savez(two, x=X[150:], y=Y[150:])
    assert "50 of 150 validation rows" in run("--train", one, "--validation", two)


class Trap:
    def __reduce__(self) -> Any:
        return pytest.fail, ("unpickled",)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x_train=np.array([Trap()], dtype=object))
    assert "cannot read" in run(path, code=3)


def test_a_damaged_file_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK\x03\x04 cut off")
    assert "cannot read" in run(path, code=3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give either TABLE"),
        (("a.csv", "--train", "b.csv", "--validation", "c.csv"), "give either TABLE"),
        (("--train", "b.csv"), "give either TABLE"),
        (("{table}",), "column to predict with --target; t.csv has a, b, c, d, town, day, target"),
        (
            ("--train", "{table}", "--validation", "{other}"),
            "column to predict with --target; t.csv has a",
        ),
        (("a.npz", "--target", "y"), "--target"),
        (("--train", "a.csv", "--validation", "b.npz"), "both be"),
        (("{table}", "--target", "targe"), "did you mean 'target'"),
        (("{table}", "--target", "target", "--fail-on", "AUD999"), "no rule AUD999"),
        (("{arrays}",), "no array x_train; it has z"),
        (("--train", "{table}", "--validation", "{other}", "--target", "target"), "differ in"),
    ],
)
def test_misuse_says_what_to_do(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    frame().to_csv(tmp_path / "t.csv", index=False)
    frame().drop(columns="a").to_csv(tmp_path / "o.csv", index=False)
    np.savez(tmp_path / "a.npz", z=X)
    places = {
        "table": tmp_path / "t.csv",
        "other": tmp_path / "o.csv",
        "arrays": tmp_path / "a.npz",
    }
    text = run(*(argument.format(**places) for argument in arguments), code=2)
    assert words in " ".join(text.split())
