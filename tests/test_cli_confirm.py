"""`auditor confirm`: the plan first, then what the reruns came to."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from auditor.cli import app
from auditor.readers import read

SPACE = '''"""A rate of 1 fails; nothing is trained."""

import math

import keras


def build_model(hp, data=None):
    hidden = keras.layers.Dense(hp.Choice("units", [2, 3, 4]), hp.Choice("act", ["relu", "tanh"]))
    model = keras.Sequential([keras.Input((data.n_features,)), hidden, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hp.Choice("lr", [0.1, 1.0])), "mse")
    return model


def fit(hp, model, *data, **options):
    losses = [2.0, math.nan] if hp.get("lr") == 1.0 else [2.0, 1.0, 0.5, 0.4]
    made = keras.callbacks.History()
    made.history = {"loss": losses, "val_loss": losses}
    return made
'''
DATA = ("--data", "table.csv", "--target", "goal")
CONFIRM = ("confirm", "sweeps/rates", "--space", "rates.py", *DATA)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space, a table and a sweep of it."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "rates.py").write_text(SPACE)
    x = np.random.default_rng(0).normal(size=(40, 2))
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "goal": x.sum(1)})
    table.to_csv(folder / "table.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = run("sweep", "rates.py", *DATA, "--epochs", 4, "--batch-size", 8, "--lane", "fit")
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to be in."""
    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_plan_comes_first_and_then_the_cause_is_confirmed(folder: Path) -> None:
    before = contents(folder / "sweeps")
    result = run(*CONFIRM, "--json", "a.json")
    assert result.exit_code == 0, result.output
    assert "12 trainings" in result.stdout.splitlines()[0]
    assert "confirmed by reruns: 6 of 6" in " ".join(result.stdout.split())
    (cause,) = json.loads(Path("a.json").read_text())["causes"]
    assert cause["evidence"] == "confirmed"
    after = contents(folder / "sweeps")
    assert {file: after[file] for file in before} == before
    assert "confirmed by reruns" in " ".join(run("audit", "sweeps/rates").stdout.split())


def test_the_same_command_again_trains_nothing(folder: Path) -> None:
    run(*CONFIRM)
    before = contents(folder)
    result = run(*CONFIRM)
    assert result.stdout.startswith("All planned reruns have been made.")
    assert contents(folder) == before


def test_a_dry_run_trains_and_writes_nothing_and_loads_no_framework(folder: Path) -> None:
    before = contents(folder)
    code = (
        "import sys\nfrom auditor.cli import app\n"
        f"app({[*CONFIRM, '--dry-run']!r}, standalone_mode=False)\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "lr = 1.0 (diverged)" in done.stdout
    assert contents(folder) == before


def test_a_budget_that_is_too_small_is_told(folder: Path) -> None:
    result = run(*CONFIRM, "--budget", 11)
    assert "the budget of 11 trainings is too small" in result.stdout
    assert read("sweeps/rates").reruns is None


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ((*CONFIRM, "--validation-fraction", "0.5"), 2, "a sweep with other data"),
        (CONFIRM[:-2], 2, "--data and --target go together"),
        (("confirm", ".", *CONFIRM[2:]), 3, "no directory of a sweep of ours"),
        (("confirm", "sweeps/rates", "--space", "nothing.py", *DATA), 2, "nothing"),
    ],
)
def test_misuse_is_told(command: tuple[str, ...], code: int, words: str, folder: Path) -> None:
    result = run(*command)
    assert (result.exit_code, words in result.output) == (code, True), result.output
    assert not (folder / "sweeps/rates/confirm").exists()


@pytest.mark.parametrize("content", ['{"tool": "auditor"}', "[]", "{"])
def test_a_sweep_that_does_not_say_how_it_was_trained_is_told(content: str, folder: Path) -> None:
    Path("sweeps/rates/sweep.json").write_text(content)
    result = run(*CONFIRM)
    assert result.exit_code == 3, result.output
    assert "sweep.json" in result.output
