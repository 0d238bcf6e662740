"""Files made to take long: whatever is in them, reading ends soon."""

import time
from contextlib import suppress
from pathlib import Path

import pytest

from auditor.errors import AuditorError
from auditor.readers import find
from auditor.readers.beside import Beside
from auditor.readers.names import hyperparameters_in_path
from auditor.readers.tensorboard.runs import metric_name

MOST_SECONDS = 3.0
"""Of processor time; each takes some tenths of it, and took minutes."""

LONG = 60_000
DIGITS = "1" * 4 * LONG

FILES = {
    "blanks.json": " " * LONG + '"epoch" loss',
    "blanks.jsonl": " " * LONG + '{"epoch" loss' + '"' * 5_000,
    "lines.txt": "\n" * LONG,
    "returns.log": "\r" * LONG,
    "digits.txt": "{'loss': [0.5, " + DIGITS + "x",
    "printed.txt": "   loss  val_loss\n0  0.5  0.4\n1  0.4  " + DIGITS + "x\n2  0.3  0.2\n",
    "repeated.csv": "trial_id,fold,lr,val_loss\n" + "t,0,0.1,0.4\n" * 10_000,
    "metrics.csv": "trial_id,epoch,metric,value\n"
    + "".join(f"t,0,m{n}_loss,1\n" for n in range(20_000)),
    "runs.csv": "epoch,loss\n" + "0,0.5\n" * 300_000,
    "one_name.csv": "trial_id,epoch,loss" + ",a" * 4_990 + "\n" + "1," * 4_992 + "1\n",
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_made_to_take_long_does_not(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name].encode())
    begun = time.process_time()
    with suppress(AuditorError):
        for source in find(tmp_path):
            source.read()
    assert time.process_time() - begun < MOST_SECONDS


def test_settings_with_numbers_of_any_length_take_no_time(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,loss\n0,0.5\n1,0.4\n")
    (tmp_path / "params.yaml").write_text("lr: 1" + ":1" * 200_000)  # to the base 60
    begun = time.process_time()
    (problem,) = find(tmp_path)[0].read().provenance.problems
    assert "digits" in problem.message
    assert time.process_time() - begun < MOST_SECONDS


def test_tags_of_any_length_take_no_time() -> None:
    begun = time.process_time()
    assert metric_name("/lr" * 20_000 + "\n", "") == "learning_rate"
    assert time.process_time() - begun < MOST_SECONDS


def test_folders_may_be_deeper_than_python_recurses(tmp_path: Path) -> None:
    file = tmp_path.joinpath(*"a" * 1_500, "lr_0.1", "log.csv")
    assert hyperparameters_in_path(file, tmp_path) == {"lr": 0.1}
    (tmp_path / "params.json").write_text('{"units": 8}')
    assert Beside(tmp_path).hyperparameters(file) == {"units": 8}
