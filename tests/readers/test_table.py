import gzip
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import audit, read
from auditor.errors import AuditorError, ReadError
from auditor.readers import table
from auditor.readers.looking import Look
from auditor.readers.reader import Reader, Source
from auditor.report.csv import write_csv
from auditor.trials import Run, Trials
from tests.readers.sweeps import write_sweep

DATA = Path(__file__).parents[1] / "data" / "table"
READER = Reader("table", table.matches, table.read)
LONG = "trial_id,epoch,loss,val_loss\n"


def read_table(path: Path, **columns: str) -> Trials:
    return READER.read(Source(READER, path, path.parent, columns=columns))


def read_text(folder: Path, text: str, **columns: str) -> Trials:
    path = folder / "results.csv"
    path.write_text(text)
    return read_table(path, **columns)


def curve(trials: Trials, trial: str, metric: str) -> dict[int, float]:
    epochs, values = trials.curve(Run(trial), metric)
    return dict(zip(epochs.tolist(), values.tolist(), strict=True))


def test_names_of_columns_are_understood() -> None:
    trials = read_table(DATA / "curves.csv")
    assert trials.metrics == ("loss", "val_acc", "val_loss")
    assert curve(trials, "a", "val_loss") == pytest.approx(
        {0: 0.6867, 1: 0.54, 2: 0.46, 3: 0.4133, 4: 0.3857}
    )
    assert trials.series(Run("a"), "learning_rate").values[1] == 0.05
    assert dict(trials.hyperparameters["a"]) == {
        "lr0": 0.1,
        "units": 4,
        "optimizer": "sgd",
        "layers": [8, 4],
    }
    assert "layers" not in trials.hyperparameters["c"]
    assert trials.objective.name == "val_loss"


def test_nan_was_observed_and_an_empty_cell_was_not() -> None:
    trials = read_table(DATA / "curves.csv")
    found = curve(trials, "c", "val_loss")
    assert list(found) == [0, 1, 2]
    assert found[1] == np.inf
    assert np.isnan(found[2])
    assert len(curve(trials, "c", "loss")) == 5


@pytest.mark.parametrize(
    ("header", "yes"),
    [
        ("trial_id,epoch,loss", True),
        ("model,epoch,Train Loss,Val Loss", True),
        ("trial_id;epoch;metric;value", True),
        ("lr,batch_size,val_loss,val_accuracy", True),
        ("trial_id,val_loss", True),
        ("trial_id,learning_rate,l2", False),
        ("lr,val_loss,loss", False),
        ("epoch,loss,val_loss", False),
        ("learning_rate,test_size,score", False),
        ("name,age,city", False),
        ("lr,Batch Size,Accuracy (%)", True),
        ("lr,batch_size,epoch,train_loss,val_loss", True),
        ("batch_size,price", False),
        ("fold,epoch,loss,val_loss", True),
        ("Model,Train Accuracy,Validation Accuracy", True),
        ("id,loss,val_loss", False),
        ("epoch,loss,lr", False),
        ("", False),
    ],
)
def test_only_certain_columns_match(tmp_path: Path, header: str, yes: bool) -> None:
    (tmp_path / "a.csv").write_text(header + "\n")
    match = table.matches(Look(tmp_path / "a.csv"))
    assert match.yes is yes
    assert match.why


def test_a_mapping_says_what_columns_are(tmp_path: Path) -> None:
    text = "who,when,a,b,width,c\nx,0,1,2,8,7\nx,1,0.5,1,8,7\ny,0,1,3,4,7\n"
    mapping = {"trial": "who", "epoch": "when", "loss": "a", "val_loss": "b", "hp:units": "width"}
    trials = read_text(tmp_path, text, **mapping)
    assert trials.metrics == ("loss", "val_loss")
    assert {t: dict(v) for t, v in trials.hyperparameters.items()} == {
        "x": {"units": 8},
        "y": {"units": 4},
    }
    with pytest.raises(ReadError, match="no column 'z'; the table has who, when"):
        read_text(tmp_path, text, loss="z")
    with pytest.raises(ReadError, match="say which are with --columns"):
        read_text(tmp_path, text, trial="who")


def test_a_mapping_makes_any_table_certain(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("who,when,a\nx,0,1\nx,1,0.5\n")
    mapping = {"trial": "who", "epoch": "when", "loss": "a"}
    assert curve(read(tmp_path / "odd.csv", columns=mapping), "x", "loss") == {0: 1, 1: 0.5}
    with pytest.raises(ReadError, match="it has no column nowhere"):
        read(tmp_path / "odd.csv", columns={"loss": "nowhere"})


def test_trials_beside_are_found_by_the_mapped_column(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text("who,units\nx,8\n")
    trials = read_text(tmp_path, "who,when,a\nx,0,1\n", trial="who", epoch="when", loss="a")
    assert dict(trials.hyperparameters["x"]) == {"units": 8}


def test_a_row_per_trial(tmp_path: Path) -> None:
    text = "lr,optimizer,epochs,loss,val_loss,status,time\n"
    text += "0.1,sgd,5,0.5,0.6,COMPLETED,1.5\n0.2,adam,5,nan,inf,failed,\n"
    trials = read_text(tmp_path, text)
    assert dict(trials.hyperparameters["0"]) == {"lr": 0.1, "optimizer": "sgd", "epochs": 5}
    first, second = trials.recorded.values()
    assert (first.metrics, first.status, first.seconds) == (
        {"loss": 0.5, "val_loss": 0.6},
        "completed",
        1.5,
    )
    assert second.status == "failed"
    assert second.metrics["val_loss"] == np.inf
    assert any("one row per trial" in sentence for sentence in trials.provenance.missing)


def test_runs_are_told_by_what_was_tried(tmp_path: Path) -> None:
    text = "lr,units,epoch,loss,val_loss\n"
    for lr, units in ((0.1, 4), (0.1, 8), (0.2, 8), (0.1, 4)):
        text += "".join(f"{lr},{units},{e},0.{e},0.{units}\n" for e in (1, 2, 3))
    trials = read_text(tmp_path, text)
    assert [dict(values) for values in trials.hyperparameters.values()] == [
        {"lr": 0.1, "units": 4},
        {"lr": 0.1, "units": 8},
        {"lr": 0.2, "units": 8},
    ]
    assert set(trials.recorded) == {Run("0"), Run("0", 1), Run("1"), Run("2")}
    assert trials.epochs == 3


def test_units_after_a_name_are_dropped(tmp_path: Path) -> None:
    trials = read_text(tmp_path, "batch_size,Test Accuracy (%)\n8,97.5\n16,95\n")
    assert trials.recorded[Run("0")].metrics == {"test_accuracy": 97.5}


def test_a_column_that_is_called_loss_and_holds_words_is_a_hyperparameter(tmp_path: Path) -> None:
    trials = read_text(tmp_path, "trial_id,loss,val_loss\n0,mse,0.1\n1,mae,0.2\n")
    assert dict(trials.hyperparameters["1"]) == {"loss": "mae"}
    assert trials.recorded[Run("1")].metrics == {"val_loss": 0.2}


def test_seeds_and_folds_are_runs_of_one_trial(tmp_path: Path) -> None:
    text = "config,seed,fold,epoch,val_loss\n"
    text += "".join(
        f"{c},{s},{f},{e},0.{e}{s}\n"
        for c in "ab" for s in (7, 9) for f in (0, 1) for e in (0, 1)
    )  # fmt: skip
    trials = read_text(tmp_path, text)
    assert set(trials.recorded) == {Run(c, s, f) for c in "ab" for s in (0, 1) for f in (0, 1)}
    assert trials.recorded[Run("b", 1, 0)].seed == 9
    assert trials.hyperparameters["a"] == {}


def test_folds_without_trials_are_runs_of_one(tmp_path: Path) -> None:
    rows = "".join(f"{fold},{epoch},1,2\n" for epoch in (0, 1) for fold in (1, 2))
    trials = read_text(tmp_path, f"fold,epoch,loss,val_loss\n{rows}")
    assert trials.runs == (Run("results", 0, 1), Run("results", 0, 2))
    assert trials.curve(Run("results", 0, 2), "val_loss").epochs.tolist() == [0, 1]


def test_rows_of_training_and_validation_data(tmp_path: Path) -> None:
    text = "run,epoch,phase,loss\na,1,train,0.5\na,1,val,0.6\na,2,train,0.4\na,2,val,0.7\n"
    trials = read_text(tmp_path, text)
    assert curve(trials, "a", "loss") == {0: 0.5, 1: 0.4}
    assert curve(trials, "a", "val_loss") == {0: 0.6, 1: 0.7}


def test_epochs_that_begin_again_are_another_execution(tmp_path: Path) -> None:
    trials = read_text(tmp_path, LONG + "a,0,3,3\na,1,2,2\na,0,5,5\na,1,4,4\nb,0,1,1\n")
    assert list(trials.recorded) == [Run("a"), Run("a", 1), Run("b")]
    assert trials.curve(Run("a", 1), "loss").values.tolist() == [5, 4]


def test_a_repeated_epoch_is_said(tmp_path: Path) -> None:
    trials = read_text(tmp_path, LONG + "a,0,3,3\na,1,2,2\na,1,9,\n")
    assert curve(trials, "a", "loss") == {0: 3, 1: 9}
    assert curve(trials, "a", "val_loss") == {0: 3, 1: 2}
    (problem,) = trials.provenance.problems
    assert "1 values repeat" in problem.message


def test_steps_are_counted(tmp_path: Path) -> None:
    text = "run,global_step,loss\n" + "".join(f"a,{391 * e},0.5\n" for e in (1, 2, 3))
    trials = read_text(tmp_path, text)
    assert list(curve(trials, "a", "loss")) == [0, 1, 2]
    assert any("391 to 1173" in sentence for sentence in trials.provenance.missing)


def test_a_cut_end_is_no_observation(tmp_path: Path) -> None:
    trials = read_text(tmp_path, LONG + "a,0,0.5,0.6\na,1,0.4,0.12")
    assert curve(trials, "a", "val_loss") == {0: 0.6}
    assert curve(trials, "a", "loss") == {0: 0.5, 1: 0.4}
    assert "may be cut off" in trials.provenance.problems[0].message


@pytest.mark.parametrize(
    "text",
    [
        "run;epoch;loss\na;0;0,5\na;1;0,25\n",
        "run\tepoch\tloss\r\na\t0\t0.5\r\na\t1\t0.25\r\n",
        '\ufeff"run","epoch","loss"\n"a","0","0.5"\n"a","1"," 0.25"\n',
        "run,epoch,loss\na,0,0.5\nbroken\na,1,0.25\na,2,?\n",
    ],
)
def test_files_of_other_programs(tmp_path: Path, text: str) -> None:
    assert curve(read_text(tmp_path, text), "a", "loss") == {0: 0.5, 1: 0.25}


@pytest.mark.parametrize(("most", "why"), [("MOST_CELLS", "cells"), ("MOST_BYTES", "text")])
def test_parquet_files_that_unpack_to_gigabytes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: str, why: str
) -> None:
    rows = 50_000  # equal ones: some hundred bytes in the file
    frame = pd.DataFrame({"trial_id": ["x" * 100] * rows, "epoch": 0, "loss": 0.5})
    frame.to_parquet(tmp_path / "curves.parquet")
    monkeypatch.setattr(f"auditor.readers.table.files.{most}", 2 * rows)
    with pytest.raises(ReadError, match=why):
        read_table(tmp_path / "curves.parquet")


def test_a_first_line_of_megabytes_is_no_header(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("trial_id,epoch,loss" + "," * 2**20 + "\n1,2,3\n")
    with pytest.raises(ReadError, match="first line"):
        read_table(tmp_path / "runs.csv")


def test_parquet_holds_the_same(tmp_path: Path) -> None:
    pd.read_csv(DATA / "curves.csv", keep_default_na=False, na_values=[""]).to_parquet(
        tmp_path / "curves.parquet"
    )
    assert table.matches(Look(tmp_path / "curves.parquet")).yes
    trials = read_table(tmp_path / "curves.parquet")
    expected = read_table(DATA / "curves.csv")
    finite = expected.curves[np.isfinite(expected.curves["value"])].reset_index(drop=True)
    same = trials.curves[np.isfinite(trials.curves["value"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, finite)


def test_our_own_csv_is_read_again(tmp_path: Path) -> None:
    before = read(write_sweep(tmp_path / "sweep"))
    write_csv(audit(before), tmp_path / "csv")
    assert not table.matches(Look(tmp_path / "csv" / "leaderboard.csv")).yes
    assert table.matches(Look(tmp_path / "csv" / "curves.csv")).yes
    after = read_table(tmp_path / "csv" / "curves.csv")
    pd.testing.assert_frame_equal(
        after.curves.sort_values(list(after.curves.columns)).astype(str).reset_index(drop=True),
        before.curves.sort_values(list(before.curves.columns)).astype(str).reset_index(drop=True),
    )
    assert set(after.hyperparameters) == set(before.hyperparameters) - {"0001"}
    assert dict(after.hyperparameters["0000"]) == dict(before.hyperparameters["0000"])


def test_our_own_csv_of_trials_without_curves(tmp_path: Path) -> None:
    before = read(DATA.parent / "keras_tuner-1.4.8" / "random")
    audited = audit(before)
    write_csv(audited, tmp_path)
    after = read_table(tmp_path / "curves.csv")
    assert after.objective.direction == before.objective.direction
    ranked = [row["trial_id"] for row in audited.record["leaderboard"] if row["objective"]]
    assert set(ranked) <= set(after.hyperparameters)
    assert dict(after.hyperparameters[ranked[0]]) == dict(before.hyperparameters[ranked[0]])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"trial_id,epoch,loss\n",
        b"trial_id,epoch,loss\na,x,0.5\n",
        b"trial_id,epoch,loss\n" + b"\xff\0" * 50,
        b"PAR1" + b"\0" * 100,
        b"trial_id,epoch,loss\n" + b"x\n" * 20_000,
    ],
)
def test_what_is_no_table_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ReadError):
        read_table(tmp_path / "a.csv")


@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(data=st.data())
def test_odd_cells_never_end_in_another_error(tmp_path: Path, data: st.DataObject) -> None:
    cell = st.sampled_from(["0", "1", "-1", "1e308", "nan", "", "x", '"', "[1", "9" * 30, "1.5"])
    names = st.permutations(["run", "epoch", "loss", "val_loss", "seed", "fold", "status", "lr"])
    header = data.draw(names)[: data.draw(st.integers(2, 8))]
    lines = data.draw(st.lists(st.lists(cell, min_size=1, max_size=8), max_size=6))
    text = "\n".join(",".join(cells) for cells in [header, *lines])
    try:
        read_text(tmp_path, text)
    except AuditorError:
        return


@pytest.mark.skipif("AUDITOR_TEST_DATA" not in os.environ, reason="AUDITOR_TEST_DATA is not set")
def test_real_random_searches() -> None:
    folder = Path(os.environ["AUDITOR_TEST_DATA"]) / "taskset"
    name = "imdb_patch128_LSTM128_avg_bs64"
    trials = read_table(folder / f"curves_{name}.csv.gz")
    assert len(trials.hyperparameters) == 1000
    assert trials.epochs == 51
    assert trials.hyperparameters["1"]["learning_rate"] == 5.6649755830282306e-05
    with gzip.open(folder / f"curves_{name}.csv.gz", "rt") as file:
        rows: Mapping[str, float] = pd.read_csv(file)["loss"].isna().to_dict()
    observed = trials.curves[trials.curves["metric"] == "loss"]
    assert observed["value"].isna().sum() <= sum(rows.values())


@pytest.mark.skipif("AUDITOR_TEST_DATA" not in os.environ, reason="AUDITOR_TEST_DATA is not set")
def test_real_runs_count_epochs_from_one() -> None:
    trials = read_table(Path(os.environ["AUDITOR_TEST_DATA"]) / "nats_bench" / "curves.csv.gz")
    assert (len(trials.recorded), trials.epochs) == (111, 200)
    run = Run("sss-0-01-cifar10-valid-777")
    assert trials.curve(run, "val_loss").epochs[0] == 0
    assert trials.recorded[run].seed == 777
