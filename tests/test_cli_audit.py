"""`auditor audit`: what it is given, of what tool, and which of several sweeps."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from auditor.cli import app

DATA = Path(__file__).parent / "data"
KERAS_TUNER = DATA / "keras_tuner-1.4.8"


def run(*arguments: object, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=given)


@pytest.fixture
def sweeps(tmp_path: Path) -> Path:
    """A folder with four sweeps."""
    for name in ("bayesian", "grid", "hyperband", "random"):
        shutil.copytree(KERAS_TUNER / name, tmp_path / "sweeps" / name)
    return tmp_path / "sweeps"


def test_several_sweeps_are_listed_and_each_is_audited(sweeps: Path, tmp_path: Path) -> None:
    result = run("audit", sweeps, "--json", tmp_path / "a.json", "--csv", tmp_path / "t")
    assert result.exit_code == 0
    assert "4 sweeps below" in result.stdout
    assert "  2  kerastuner grid\n" in result.stdout
    assert result.stdout.count("VERDICT") == 4
    counts = [
        len(json.loads((tmp_path / name).read_text())["leaderboard"])
        for name in ("a.json", "a-2.json", "a-3.json", "a-4.json")
    ]
    assert counts == [6, 18, 11, 8]
    assert {path.name for path in tmp_path.glob("t*")} == {"t", "t-2", "t-3", "t-4"}


def test_folders_are_made_for_files_and_tables_alike(tmp_path: Path) -> None:
    written = {"--html": "a/b/r.html", "--json": "c/r.json", "--csv": "d/e"}
    options = [part for name, path in written.items() for part in (name, tmp_path / path)]
    assert run("audit", KERAS_TUNER / "grid", *options).exit_code == 0
    assert all((tmp_path / path).exists() for path in written.values())


@pytest.mark.parametrize(
    ("asked", "expected"), [("AUD001", 1), ("error", 1), ("AUD004", 0)], ids=str
)
def test_one_finding_in_one_of_several_sweeps_is_enough_to_fail(
    asked: str, expected: int, sweeps: Path
) -> None:
    result = run("audit", sweeps, "--fail-on", asked)
    assert result.exit_code == expected
    assert result.stdout.count("VERDICT") == 4  # None is left out for the first one.


@pytest.mark.parametrize("choice", ["2", "grid"])
def test_one_of_several_is_chosen(choice: str, sweeps: Path) -> None:
    result = run("audit", sweeps, "--sweep", choice)
    assert result.exit_code == 0
    assert "Trial 0000 is the best of 18" in result.stdout
    assert result.stdout.count("VERDICT") == 1
    assert result.stdout.count("(left out)") == 3


def test_a_sweep_that_cannot_be_read_does_not_cost_the_others(tmp_path: Path) -> None:
    shutil.copytree(KERAS_TUNER / "grid", tmp_path / "grid")
    (tmp_path / "ours" / "trial_0").mkdir(parents=True)
    (tmp_path / "ours" / "sweep.json").write_text('{"tool": "auditor", "schema": 99}')
    result = run("audit", tmp_path)
    assert result.exit_code == 0
    assert "schema 99" in result.stderr
    assert "Trial 0000 is the best of 18" in result.stdout
    shutil.rmtree(tmp_path / "grid")
    assert run("audit", tmp_path).exit_code == 3


def test_another_metric_can_rank() -> None:
    result = run("audit", KERAS_TUNER / "grid", "--objective", "val_mae")
    assert "val_mae" in result.stdout.split("LEADERBOARD")[0]
    wrong = run("audit", KERAS_TUNER / "grid", "--objective", "val_auc")
    assert wrong.exit_code == 2
    assert "recorded are loss, mae, val_loss, val_mae" in wrong.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "nothing"], "no format 'nothing'; known are auditor, kerastuner"),
        (["--format", "auditor"], "there is no sweep.json"),
        (["--sweep", "9"], "no sweep '9'"),
        (["--columns", "loss"], "write loss=train_loss"),
    ],
)
def test_what_cannot_be_chosen_says_what_can(options: list[str], message: str) -> None:
    result = run("audit", KERAS_TUNER / "grid", *options)
    assert result.exit_code == 3
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_standard_input_that_is_nothing_known_is_a_clear_error() -> None:
    result = run("audit", "-", given=b"hello")
    assert result.exit_code == 3
    assert "no reader recognises" in result.stderr


def test_a_reader_of_the_output_may_leave_early() -> None:
    command = f"{sys.executable} -c 'from auditor.cli import main; main()' audit {KERAS_TUNER}/grid"
    ended = subprocess.run(
        ["bash", "-c", f"{command} | head -1"],
        env={**os.environ, "PYTHONPATH": str(DATA.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "VERDICT\n"
    assert ended.stderr == ""


def test_what_was_read_is_kept_unless_asked_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("auditor.readers.cache.LEAST_SECONDS", 0)
    assert run("audit", KERAS_TUNER / "grid", "--no-cache").exit_code == 0
    assert list(tmp_path.iterdir()) == []
    first, second = (run("audit", KERAS_TUNER / "grid") for _ in range(2))
    assert first.stdout == second.stdout
    assert len(list(tmp_path.glob("auditor/trials/*"))) == 1
