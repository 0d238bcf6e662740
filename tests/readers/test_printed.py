import csv
import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.readers import printed, read
from auditor.readers.looking import Look
from auditor.readers.printed.table import tables
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data"
CURVES = pd.DataFrame(
    {
        "loss": [0.5, 0.4, 0.3, 0.2],
        "val_loss": [0.6, 0.5, 0.55, 0.7],
        "accuracy": [0.5, 0.6, 0.7, 0.8],
        "lr": [0.1, 0.1, 0.01, 1e-5],
    }
)


def show(tmp_path: Path, text: str) -> Trials:
    (tmp_path / "run.txt").write_text(text)
    return read(tmp_path / "run.txt")


def curve(trials: Trials, metric: str, trial: str = "run") -> dict[int, float]:
    epochs, values = trials.curve(Run(trial), metric)
    return dict(zip(epochs.tolist(), values.tolist(), strict=True))


def sentences(trials: Trials) -> str:
    return "\n".join(trials.provenance.missing)


@pytest.mark.parametrize("case", ["grid_winner_20_epochs", "grid_winner_150_epochs"])
def test_published_cases(case: str) -> None:
    trials = read(DATA / "cases" / f"{case}.txt")
    with (DATA / "cases" / f"{case}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for metric in ("loss", "acc", "val_loss", "val_acc"):
        expected = {int(row["epoch"]): float(row[metric]) for row in rows}
        assert curve(trials, metric, case) == expected
    assert trials.provenance.problems == ()


PRINTED = {
    "as it is": lambda table: table.to_string(),
    "from 1": lambda table: table.set_axis(range(1, 5)).to_string(),
    "with a named index": lambda table: table.rename_axis("epoch").to_string(),
    "without index": lambda table: table.to_string(index=False),
    "with a column of epochs": lambda table: table.assign(epoch=[1, 2, 3, 4]).to_string(),
    "in blocks of columns": lambda table: table.to_string(line_width=30),
    "sorted": lambda table: table.sort_values("val_loss").to_string(),
    "between bars": lambda table: (
        "| epoch | loss | val_loss | accuracy | lr |\n|---|---|:-:|---|---|\n"
        + "\n".join(
            f"| {n} | {' | '.join(map(str, row))} |" for n, row in enumerate(table.to_numpy())
        )
    ),
    "with an empty first heading": lambda table: (
        "+----+--------+\n|    |   loss |  val_loss | accuracy | lr |\n|---:|-----:|--:|--:|--:|\n"
        + "\n".join(
            f"| {n} | {' | '.join(map(str, row))} |" for n, row in enumerate(table.to_numpy())
        )
    ),
    "amid other text": lambda table: f">>> print(history)\n{table.to_string()}\n\nloss is low\n",
    "on windows": lambda table: table.to_string().replace("\n", "\r\n"),
}


@pytest.mark.parametrize("form", PRINTED.values(), ids=PRINTED)
def test_however_it_was_printed(tmp_path: Path, form) -> None:  # type: ignore[no-untyped-def]
    trials = show(tmp_path, form(CURVES))
    assert curve(trials, "val_loss") == {0: 0.6, 1: 0.5, 2: 0.55, 3: 0.7}
    assert curve(trials, "accuracy")[3] == 0.8
    assert trials.metrics == ("accuracy", "loss", "val_loss")
    assert trials.series(Run("run"), "learning_rate").values[3] == 1e-5


def test_rows_that_pandas_leaves_out_are_not_observed(tmp_path: Path) -> None:
    many = pd.DataFrame({"loss": np.linspace(1, 0.5, 150), "val_loss": np.linspace(1, 0.7, 150)})
    text = many.to_string(max_rows=6, show_dimensions=True)
    assert "..." in text or ".." in text
    trials = show(tmp_path, text)
    assert list(curve(trials, "loss")) == [0, 1, 2, 147, 148, 149]
    assert "epochs 4 to 147: not in the table" in sentences(trials)


@pytest.mark.parametrize(("first", "epoch"), [(0, 147), (1, 147)])
def test_the_end_of_a_table_is_numbered_as_its_size_says(
    tmp_path: Path, first: int, epoch: int
) -> None:
    tail = CURVES.iloc[:3].set_axis(range(147 + first, 150 + first))
    trials = show(tmp_path, f"{tail.to_string()}\n\n[150 rows x 4 columns]")
    assert min(curve(trials, "loss")) == epoch
    assert "taken to be" not in sentences(trials)


def test_a_guess_about_the_first_number_is_said(tmp_path: Path) -> None:
    trials = show(tmp_path, CURVES.set_axis([7, 8, 9, 10]).to_string())
    assert list(curve(trials, "loss")) == [7, 8, 9, 10]
    assert "taken to be from 0" in sentences(trials)


@pytest.mark.parametrize(
    ("lost", "accuracy", "is_observed"),
    [(math.nan, 0.5, True), (math.nan, math.nan, False), (0.3, 0.5, False)],
    ids=["diverged", "padding", "validated now and then"],
)
def test_a_nan_is_observed_where_training_diverged(
    tmp_path: Path, lost: float, accuracy: float, is_observed: bool
) -> None:
    table = CURVES.drop(columns="lr")
    table.loc[2:] = [lost, math.nan, accuracy]
    found = curve(show(tmp_path, table.to_string()), "val_loss")
    assert (2 in found) is is_observed
    assert not is_observed or math.isnan(found[3])


def test_infinity_is_observed(tmp_path: Path) -> None:
    table = CURVES.assign(val_loss=[0.6, math.inf, -math.inf, 0.5])
    assert curve(show(tmp_path, table.to_string()), "val_loss")[1] == math.inf


def test_several_tables_and_runs(tmp_path: Path) -> None:
    text = pd.concat([CURVES, CURVES]).to_string() + "\n\nanother\n" + CURVES.to_string()
    trials = show(tmp_path, text)
    assert list(trials.hyperparameters) == ["run#1", "run#2", "run#3"]
    assert curve(trials, "loss", "run#3") == {0: 0.5, 1: 0.4, 2: 0.3, 3: 0.2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the loss fell\nand rose\n",
        "loss val_loss\n",
        CURVES.assign(units=[8, 8, 16, 16]).to_string(),  # rows are trials
        "    loss  optimizer\n0  0.5  adam\n1  0.4  sgd\n",
        "epoch,loss\n0,0.5\n1,0.4\n",
    ],
)
def test_other_texts_are_declined(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.txt").write_text(text)
    assert not printed.matches(Look(tmp_path / "other.txt")).yes


@settings(max_examples=100, deadline=None)
@given(text=st.text("loss val_0123.456|-+naN[] \\\n\t"))
def test_any_text_is_read_or_declined(text: str) -> None:
    list(tables("  loss val_loss\n0 0.5 0.4\n" + text))


@pytest.mark.parametrize("what", ["loss ", "| ", "0.5 ", "loss\n0 1\n", "|-", "9"])
def test_hostile_text_takes_time_in_proportion(what: str) -> None:
    began = time.process_time()
    list(tables("loss\n" + what * (400_000 // len(what))))
    assert time.process_time() - began < 3
