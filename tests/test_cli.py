"""The command line: what it prints, what it writes, and how it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from auditor.cli import app
from auditor.readers import read

DATA = Path(__file__).parent / "data"
GRID = DATA / "keras_tuner-1.4.8" / "grid"
COMMAND = [sys.executable, "-c", "from auditor.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}

SPACE = '''"""A tiny space."""

import keras


def build_model(hp, data=None):
    hidden = keras.layers.Dense(hp.Choice("units", [2, 3]))
    model = keras.Sequential([keras.Input((data.n_features,)), hidden, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hp.Choice("lr", [0.01, 1e30])), "mse")
    return model
'''


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a search space and a table for it, to be in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.py").write_text(SPACE)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "goal": x.sum(1)})
    table.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path


SWEEP = ("sweep", "tiny.py", "--data", "table.csv", "--target", "goal", "--epochs", 2)


def test_an_audit_prints_the_verdict_and_ends_well() -> None:
    result = run("audit", GRID)
    assert result.exit_code == 0
    assert "Trial 0000 is the best of 18" in result.stdout
    assert "\x1b" not in result.stdout


OUTPUTS = ("html", "json", "csv", "parquet", "tensorboard", "save")


def test_an_audit_writes_what_is_asked_for_and_says_where(tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.out" for name in OUTPUTS}
    options = [part for name, path in paths.items() for part in (f"--{name}", path)]
    result = run("audit", GRID, *options)
    assert result.exit_code == 0
    for path in paths.values():
        assert f"Written: {path}" in result.stdout
    assert "<html" in paths["html"].read_text()
    assert len(json.loads(paths["json"].read_text())["leaderboard"]) == 18
    assert (paths["csv"] / "leaderboard.csv").is_file()
    assert (paths["parquet"] / "leaderboard.parquet").is_file()
    assert (paths["tensorboard"] / "0000").is_dir()
    assert (paths["save"] / "audit.json").is_file()


def test_the_gap_penalty_reaches_the_record(tmp_path: Path) -> None:
    run("audit", GRID, "--gap-penalty", 0.5, "--json", tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["gap_penalty"] == 0.5


@pytest.mark.parametrize(
    ("code", "expected"), [("AUD001", 1), ("aud001", 1), ("AUD004", 0), ("error", 1)]
)
def test_fail_on_turns_a_finding_into_exit_code_1(code: str, expected: int) -> None:
    result = run("audit", GRID, "--fail-on", code)
    assert result.exit_code == expected
    assert ("failed: found AUD001" in result.stderr) == bool(expected)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("audit", "nowhere"), 3, "error: cannot look at nowhere"),
        (("audit", "."), 3, "error: no reader recognises ."),
        (("audit", GRID, "--fail-on", "AUD999"), 2, "no rule AUD999; known are AUD001"),
        (("audit", GRID, "--gap-penalty", "-1"), 2, "gap-penalty"),
        (("audit", GRID, "--gap-penalty", "inf"), 2, "inf is not a finite number"),
        (("audit", GRID, "--gap-penalty", "nan"), 2, "gap-penalty"),
        (("audit", GRID, "--html", "."), 2, "is a folder; name a file"),
        (("audit", GRID, "--html", "table.csv/a.html"), 2, "cannot make the folder of table.csv/a"),
        (("audit", GRID, "--save", "table.csv"), 2, "cannot write table.csv"),
        (("sweep", "nosuch"), 2, "error: no search space 'nosuch'"),
        (("sweep", "table.csv"), 2, "error: no search space 'table.csv'"),
        (("sweep", "empty.py"), 2, "error: empty.py has no function build_model(hp)"),
        (("sweep", "broken.py"), 2, "error: broken.py fails while loading: ZeroDivisionError"),
        (("sweep", "tiny.py"), 2, "has no load_data(); give --data"),
        (("sweep", "demo", "--target", "goal"), 2, "go together"),
        (("sweep", "demo", "--search", "random"), 2, "needs --max-trials"),
        (("sweep", "demo", "--objective", "val_magic"), 2, "Say --objective val_magic:min"),
        (("sweep", "demo", "--folds", 1), 2, "give at least 2, or 0"),
        (("sweep", "demo", "--stratify"), 2, "--stratify needs --folds"),
        ((*SWEEP, "--folds", 41), 2, "error: cross-validation cannot split the data: 41 folds of"),
        ((*SWEEP, "--folds", 2, "--stratify"), 2, "leave stratify out"),
        (("sweep", "demo", "--data", "table.csv", "--target", "gaol"), 2, "did you mean 'goal'"),
        (("sweep", "demo", "--data", "none.csv", "--target", "goal"), 3, "cannot read none.csv"),
        (("sweep", "tiny.py", "--out", "table.csv", *SWEEP[2:]), 2, "--out FOLDER"),
        (("unknown",), 2, "unknown"),
    ],
)
def test_misuse_and_unreadable_input_are_one_clear_message(
    space: Path, arguments: tuple[object, ...], code: int, message: str
) -> None:
    (space / "empty.py").write_text("")
    (space / "broken.py").write_text("1 / 0")
    result = run(*arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fail-on", "AUD999"), "no rule AUD999; known are AUD001"),
        (("--objective", "val_accuracy:foo"), "METRIC:min or METRIC:max"),
        (("--objective", "val_accuracy:"), "METRIC:min or METRIC:max"),
        (("--objective", ":min"), "METRIC:min or METRIC:max"),
        (("--gap-penalty", "inf"), "inf is not a finite number"),
        (("--gap-penalty", "nan"), "gap-penalty"),
        (("--csv", "table.csv"), "cannot write table.csv: it is a file"),
    ],
)
def test_misuse_is_refused_before_anything_is_trained(
    space: Path, options: tuple[str, ...], message: str
) -> None:
    result = run(*SWEEP, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert not (space / "sweeps").exists()


ESCAPES = "\x1b[31mred\x1b]0;title\x07\u202e"


def test_names_in_a_directory_do_not_act_on_the_terminal(tmp_path: Path) -> None:
    shutil.copytree(GRID, tmp_path / ESCAPES)
    (tmp_path / "none" / ESCAPES).mkdir(parents=True)
    result = run("audit", tmp_path / "none" / ESCAPES)
    assert result.exit_code == 3
    assert "red" in result.stderr
    named = run("audit", tmp_path / ESCAPES / "none")
    assert "cannot look at" in named.stderr
    written = run("audit", GRID, "--json", tmp_path / ESCAPES / "a.json")
    assert "Written: " in written.stdout
    for text in (result.output, named.output, written.output):
        assert not set(text) & set(ESCAPES) - set("[31mred]0;title")


def test_an_audit_never_writes_below_its_path(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GRID, tmp_path / "grid"))
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    assert run("audit", folder).exit_code == 0
    assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before


def test_a_sweep_says_what_it_does_and_leaves_a_directory_that_can_be_audited(space: Path) -> None:
    result = run(*SWEEP, "--html", "report.html")
    assert result.exit_code == 0
    for said in ("40 rows", "32 rows train, 8 validate", "task: regression", "4 trials in sweeps"):
        assert said in result.stdout
    assert "3/4 trial 0002: score " in result.stderr
    assert "4/4 trial 0003: diverged; " in result.stderr
    assert "best " in result.stderr
    assert (space / "report.html").is_file()
    trials = read(space / "sweeps" / "tiny")
    assert [values["lr"] for values in trials.hyperparameters.values()] == [0.01, 1e30] * 2
    assert (trials.design.sampler, trials.design.seed, trials.design.epochs) == ("grid", 0, 2)


def test_folds_are_of_all_rows_and_clean_metrics_are_recorded(space: Path) -> None:
    result = run(*SWEEP, "--folds", 4, "--clean-train-metrics", "--max-trials", 1)
    assert result.exit_code == 0, result.output
    assert "  cross-validation: 4 folds of all 40 rows (at random, seed 0)\n" in result.stdout
    trials = read(space / "sweeps" / "tiny")
    assert [run.fold for run in trials.runs] == [0, 1, 2, 3]
    assert (trials.context.train_rows, trials.context.validation_rows) == (30, 10)
    assert all(len(trials.series(run, "clean_loss").values) == 2 for run in trials.runs)


def test_test_rows_are_for_the_winner_and_losses_of_rows_are_kept(space: Path) -> None:
    pd.read_csv("table.csv")[:10].to_csv("test.csv", index=False)
    result = run(*SWEEP, "--test", "test.csv", "--per-example-losses", "--max-trials", 1)
    assert result.exit_code == 0, result.output
    assert "  test.csv: 10 test rows, for the winner alone\n" in result.stdout
    assert "on the test data" in result.stdout
    context = read(space / "sweeps" / "tiny").context
    assert context.on_test is not None
    assert context.on_test.rows == 10
    assert [len(losses) for losses in context.losses.values()] == [8]


def test_the_same_command_again_trains_nothing(space: Path) -> None:
    run(*SWEEP)
    files = {path: path.stat().st_mtime_ns for path in space.rglob("history.csv")}
    result = run(*SWEEP)
    assert "4 trials (4 of them earlier)" in result.stdout
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_another_sweep_in_the_same_place_is_refused_unless_overwritten(space: Path) -> None:
    run(*SWEEP)
    other = (*SWEEP, "--search", "random", "--max-trials", 2)
    refused = run(*other)
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert "2 trials in sweeps" in run(*other, "--overwrite").stdout


def files_in(folder: Path) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_mtime_ns) for path in [folder, *folder.rglob("*")])


def test_a_dry_run_says_what_would_be_stacked_and_writes_nothing(space: Path) -> None:
    before = files_in(space)
    result = run(*SWEEP, "--lane", "stacked", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "40 rows" in result.stdout
    assert "4 trials (4 runs) in " in result.stdout
    assert "learning rate" in result.stdout
    assert files_in(space) == before


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ((), 0, "3 trials ended before"),
        (("--overwrite",), 0, "4 trials (4 runs) in "),
        (("--lane", "fit"), 0, 'lane="fit"'),
        (("--search", "random", "--max-trials", 2), 2, "sweeps/tiny holds a sweep with another"),
    ],
)
def test_a_dry_run_leaves_an_earlier_sweep_as_it_is(
    more: tuple[str | int, ...], code: int, said: str, space: Path
) -> None:
    run(*SWEEP, "--lane", "fit", "--max-trials", 3)
    before = files_in(space)
    lane = () if "--lane" in more else ("--lane", "stacked")
    result = run(*SWEEP, *lane, *more, "--dry-run")
    assert (result.exit_code, said in result.output) == (code, True), result.output
    assert "tmp" not in result.output
    assert files_in(space) == before


@pytest.mark.parametrize("lane", ["fit", "stacked"])
def test_the_lane_reaches_the_record(lane: str, space: Path) -> None:
    run(*SWEEP, "--lane", lane, "--max-trials", 2)
    assert set(read(space / "sweeps" / "tiny").context.lane.values()) == {lane}


def test_help_waits_for_no_library() -> None:
    heavy = ("numpy", "pandas", "scipy", "plotly", "keras", "keras_tuner", "tensorflow")
    told = f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    asked = f"import sys, atexit; atexit.register(lambda: {told}); "
    asked += "from auditor.cli import main; sys.argv = ['auditor', '--help']; main()"
    done = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, text=True, env=ENVIRONMENT
    )
    assert "Usage" in done.stdout
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("stop", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
    ids=["ctrl_c", "sigterm"],
)
def test_an_interrupted_sweep_ends_soon_and_goes_on_later(
    stop: signal.Signals, code: int, space: Path
) -> None:
    slow = "import time\n\n\ndef fit(hp, model, *data, **options):\n    time.sleep(1)\n"
    (space / "tiny.py").write_text(f"{SPACE}\n\n{slow}    return model.fit(*data, **options)\n")
    command = [*COMMAND, *map(str, SWEEP)]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL
    )
    assert process.stderr is not None
    assert "1/4 trial 0000: score" in process.stderr.readline()
    process.send_signal(stop)
    began = time.monotonic()
    _, message = process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert process.returncode == code
    assert "interrupted: 1 finished trials are kept in sweeps/tiny; the same command" in message
    done = (space / "sweeps/tiny/trial_0000/history.csv").stat().st_mtime_ns
    again = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert again.returncode == 0
    assert "4 trials (1 of them earlier)" in again.stdout
    assert (space / "sweeps/tiny/trial_0000/history.csv").stat().st_mtime_ns == done
    assert again.stderr.count("trial 0") == 3


def test_the_terminal_hears_nothing_of_tensorflow(space: Path) -> None:
    command = [*COMMAND, *map(str, SWEEP)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    lines = done.stderr.splitlines()
    assert len(lines) == 4, done.stderr
    assert all("trial" in line for line in lines)
