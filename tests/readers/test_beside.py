import json
from pathlib import Path

import pytest

from auditor.readers.beside import MOST_VALUES, Beside


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_closer_files_count_and_those_above_the_root_do_not(runs: Path) -> None:
    (runs.parent / "config.json").write_text('{"far": 1}')
    (runs / "config.yaml").write_text("lr: 0.1\nbatch_size: 8\n")
    (runs / "one" / "params.json").write_text('{"lr": 0.2}')
    beside = Beside(runs)
    try:
        assert beside.hyperparameters(runs / "one" / "log.csv") == {"lr": 0.2, "batch_size": 8}
        assert beside.hyperparameters(runs / "two" / "log.csv") == {"lr": 0.1, "batch_size": 8}
    finally:
        (runs.parent / "config.json").unlink()
    assert beside.files == [runs / "config.yaml", runs / "one" / "params.json"]


def test_a_file_named_after_a_run_is_of_that_run(runs: Path) -> None:
    for number in (1, 2):
        (runs / f"run_{number}_params.json").write_text(json.dumps({"lr": number}))
    (runs / "params.json").write_text('{"lr": 9, "units": 4}')
    beside = Beside(runs)
    assert beside.hyperparameters(runs / "run_2.csv.gz") == {"lr": 2, "units": 4}
    assert beside.hyperparameters(runs / "run_3.csv") == {"lr": 9, "units": 4}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"a": {"b": {"c": 1}, "d": [1, 2]}}, {"a/b/c": 1, "a/d": [1, 2]}),
        ({"lr": {"desc": None, "value": 0.1}, "_wandb": {"value": {"x": 1}}}, {"lr": 0.1}),
        ({"class_name": "Dense", "config": {"units": 4}}, {}),
        ({"model": {"class_name": "Dense", "config": {"units": 4}}, "lr": None}, {"lr": None}),
        ({"rows": [{"a": 1}]}, {}),
    ],
    ids=[
        "nested",
        "Weights & Biases",
        "a Keras model",
        "a Keras model within",
        "objects in a list",
    ],
)
def test_nested_settings_become_one_level(runs: Path, content: dict, expected: dict) -> None:
    (runs / "config.json").write_text(json.dumps(content))
    beside = Beside(runs)
    assert beside.hyperparameters(runs / "log.csv") == expected
    assert beside.problems == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("params.json", "[1]"),
        ("params.json", "{"),
        ("params.json", "[" * 100_000),
        ("params.json", json.dumps({"data": list(range(MOST_VALUES + 1))})),
        ("config.yaml", "a: &x [1]\nb: *x"),
        ("config.yaml", "{" * 100_000),
    ],
)
def test_a_bad_file_is_a_problem(runs: Path, name: str, content: str) -> None:
    (runs / name).write_text(content)
    beside = Beside(runs)
    assert beside.hyperparameters(runs / "log.csv") == {}
    ((path, message),) = beside.problems
    assert path == runs / name
    assert "no hyperparameters are taken" in message


def test_an_empty_yaml_file_says_nothing(runs: Path) -> None:
    (runs / "hparams.yaml").write_text("")
    beside = Beside(runs)
    assert beside.hyperparameters(runs / "metrics.csv") == {}
    assert beside.problems == []
