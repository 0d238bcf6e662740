import gzip
import math
import random
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import AuditorError, ReadError
from auditor.readers import csv_logger, read
from auditor.readers.looking import Look
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data" / "keras-3.15.1" / "csv_logger"


def log(tmp_path: Path, text: str | bytes, name: str = "log.csv") -> Trials:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(file)


def curve(trials: Trials, metric: str, trial: str = "log") -> dict[int, float]:
    epochs, values = trials.curve(Run(trial), metric)
    return dict(zip(epochs.tolist(), values.tolist(), strict=True))


def problems(trials: Trials) -> str:
    return "\n".join(problem.message for problem in trials.provenance.problems)


def test_a_folder_of_runs_named_after_their_hyperparameters() -> None:
    trials = read(DATA / "grid")
    assert trials.hyperparameters["lr=1e+12,units=4"] == {"lr": 1e12, "units": 4}
    assert next(iter(trials.hyperparameters)) == "lr=0.01,units=2"
    assert np.isnan(curve(trials, "loss", "lr=1e+38,units=4")[2])
    values = list(curve(trials, "val_loss", "lr=1e+12,units=2").values())
    assert not np.isfinite(values).any()
    assert len(values) == 3
    assert trials.objective.name == "val_loss"
    assert any("how the training ended" in sentence for sentence in trials.provenance.missing)


def test_hyperparameters_from_files_beside() -> None:
    trials = read(DATA / "beside")
    assert trials.hyperparameters["run_1"] == {
        "batch_size": 12,
        "loss": "mse",
        "optimizer/name": "sgd",
        "optimizer/learning_rate": 0.02,
        "layers": [4, 1],
    }
    assert "config.yaml" in trials.provenance.files


def test_several_runs_in_one_file() -> None:
    trials = read(DATA / "single" / "appended.csv")
    assert list(trials.hyperparameters) == ["appended#1", "appended#2", "appended#3"]
    assert curve(trials, "val_loss", "appended#3")[0] == math.inf
    assert all(len(curve(trials, "loss", trial)) == 3 for trial in trials.hyperparameters)


def test_a_training_that_goes_on_in_the_same_file_is_one_run() -> None:
    trials = read(DATA / "single" / "resumed.csv")
    assert list(curve(trials, "loss", "resumed")) == [0, 1, 2, 3, 4]
    assert trials.provenance.problems == ()


def test_na_is_not_observed() -> None:
    trials = read(DATA / "single" / "no_validation.csv")
    assert trials.metrics == ("loss", "mae")
    assert "no validation metric" in trials.objective.known_from


def test_vectors_are_left_out_and_named() -> None:
    trials = read(DATA / "single" / "vectors.csv")
    assert trials.metrics == ("loss", "mae", "val_loss", "val_mae")
    assert len(curve(trials, "val_mae", "vectors")) == 3
    assert "recall_per_class is not a number in 3 cells, such as '[0.0, 0.5]'" in problems(trials)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_separators_and_line_ends(tmp_path: Path, separator: str, end: str) -> None:
    text = "epoch,loss,val_loss\n0,0.5,nan\n1,-inf,NA\n"
    trials = log(tmp_path, text.replace(",", separator).replace("\n", end))
    assert curve(trials, "loss") == {0: 0.5, 1: -math.inf}
    assert repr(curve(trials, "val_loss")) == "{0: nan}"
    assert trials.provenance.problems == ()


@pytest.mark.parametrize("name", ["log.csv", "log.log", "log.txt", "log.tsv", "log"])
def test_names_of_files(tmp_path: Path, name: str) -> None:
    assert curve(log(tmp_path, "epoch,loss\n0,0.5\n", name), "loss") == {0: 0.5}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfepoch,loss\n0,0.5\n",
        "epoch,loss\n0,0.5\n".encode("utf-16"),
        b"\n\nepoch,loss\n\n0,0.5\n\n",
        b"sep=,\nepoch,loss\n0,0.5\n",
        b'"epoch","loss"\n"0","0.5"\n',
        b" epoch , loss \n 0 , 0.5 \n",
        b"epoch;loss\n0;0,5\n",
        b"Epoch,train_loss\n0,0.5\n",
        b"loss,epoch\n0.5,0\n",
        b"epoch,loss\n1,0.5\n",
        b"epoch,loss\n0,0.5\n\0\0\0\0",
        b",loss,val_loss\n0,0.5,0.6\n",
        b"val_loss,loss\n0.6,0.5\n",
        b"epoch,step,train_loss,val_loss\n0,9,,0.6\n0,9,0.5,\n",
        b"epoch,Loss,valLoss\n0,0.5,0.6\n",
        b"Epoch, Train Loss, Val Loss\n1, 0.5, 0.6\n",
        b"epoch,loss\n0,0.5%\n",
    ],
    ids=[
        *("BOM", "UTF-16", "blank lines", "Excel's remark", "quotes", "spaces", "decimal comma"),
        *("other names", "other order", "epochs from 1", "zeros after a crash", "pandas index"),
        *("no epochs", "train and validation in lines of their own"),
        *("capitals", "capitals and spaces", "percent"),
    ],
)
def test_as_people_have_it(tmp_path: Path, content: bytes) -> None:
    trials = log(tmp_path, content)
    assert curve(trials, "loss") == {0: 0.5}
    assert set(trials.metrics) <= {"loss", "val_loss"}
    assert trials.provenance.problems == ()


def test_packed_files(tmp_path: Path) -> None:
    trials = log(tmp_path, gzip.compress(b"epoch,loss\n0,0.5\n"), "log.csv.gz")
    assert curve(trials, "loss") == {0: 0.5}


@pytest.mark.parametrize(
    ("name", "cells", "read"),
    [
        ("seconds", (2.5, 2, 2.25), [2.5, 2, 2.25]),
        ("Epoch_Time", (2, 2.25, 2.5), [2, 2.25, 2.5]),
        ("epoch_time", (2.5, "", 2), [2.5, 2]),
        ("duration", (2.5, 4.5, 6.75), []),  # since the training began
        ("seconds", (2.5, -1, 2), []),
        ("elapsed", (2.5, 2, 2.25), []),
    ],
)
def test_a_column_of_seconds_per_epoch_is_a_series(
    name: str, cells: tuple[object, ...], read: list[float], tmp_path: Path
) -> None:
    rows = "".join(f"{epoch},0.5,{cell}\n" for epoch, cell in enumerate(cells))
    trials = log(tmp_path, f"epoch,loss,{name}\n{rows}")
    assert trials.metrics == ("loss",)
    assert trials.series(Run("log"), "seconds").values.tolist() == read


def test_a_column_of_learning_rates_is_no_metric(tmp_path: Path) -> None:
    trials = log(tmp_path, "epoch,loss,lr\n0,0.5,0.1\n1,0.4,0.05\n")
    assert trials.metrics == ("loss",)
    assert trials.series(Run("log"), "learning_rate")[1].tolist() == [0.1, 0.05]


@pytest.mark.parametrize(
    ("tail", "expected", "said"),
    [
        ("1,0.25,0.1", {0: 0.5, 1: 0.25}, "may be cut off"),
        ("1,0.2", {0: 0.5}, "the last line is cut off"),
        ("1,", {0: 0.5}, "the last line is cut off"),
    ],
)
def test_a_last_line_that_is_cut_off(tmp_path: Path, tail: str, expected: dict, said: str) -> None:
    trials = log(tmp_path, f"epoch,loss,val_loss\n0,0.5,0.6\n{tail}")
    assert curve(trials, "loss") == expected
    assert curve(trials, "val_loss") == {0: 0.6}
    assert said in problems(trials)


@pytest.mark.parametrize(
    ("rows", "runs", "said"),
    [
        ("0 1 2 0 1 2", [[0, 1, 2], [0, 1, 2]], ""),
        ("1 2 1 2 3", [[0, 1], [0, 1, 2]], ""),
        ("0 1 2 3 2 3 4", [[0, 1, 2, 3, 4]], "2 values came a second time"),
        ("0 0 0", [[0], [0], [0]], "all 3 rows are of one epoch"),
        ("0 0 1 1", [[0, 1]], "a log of batches"),
        ("5 6 7", [[5, 6, 7]], ""),
        ("0 x 2", [[0, 2]], "1 rows have no epoch"),
        ("0 1.5 2 -1", [[0, 2]], "2 rows have no epoch"),
        ("0 1e9 1", [[0, 1]], "1 rows have no epoch"),
    ],
)
def test_runs_are_told_apart_by_their_epochs(
    tmp_path: Path, rows: str, runs: list, said: str
) -> None:
    lines = [f"{epoch},{number}.5\n" for number, epoch in enumerate(rows.split())]
    trials = log(tmp_path, "epoch,loss\n" + "".join(lines))
    found = [list(curve(trials, "loss", trial)) for trial in trials.hyperparameters]
    assert found == runs
    assert said in problems(trials)
    assert bool(said) == bool(trials.provenance.problems)


def test_of_epochs_that_came_twice_the_later_rows_count(tmp_path: Path) -> None:
    trials = log(tmp_path, "epoch,loss,mae\n0,1,1\n1,2,2\n2,3,3\n1,4,\n2,5,6\n")
    assert curve(trials, "loss") == {0: 1.0, 1: 4.0, 2: 5.0}
    assert curve(trials, "mae") == {0: 1.0, 1: 2.0, 2: 6.0}


@pytest.mark.parametrize("header", ["epoch,loss,val_loss", "loss,val_loss"])
def test_a_header_in_between_starts_a_run(tmp_path: Path, header: str) -> None:
    row = "0,0.5,0.6\n" if header.startswith("epoch") else "0.5,0.6\n"
    trials = log(tmp_path, f"{header}\n{row}{header}\n{row}")
    assert [curve(trials, "loss", trial) for trial in trials.hyperparameters] == [{0: 0.5}] * 2


def test_lines_of_another_length_are_left_out_and_counted(tmp_path: Path) -> None:
    trials = log(tmp_path, "epoch,loss\n0,0.5\n1,0.4,9\n2\n3,0.3\n")
    assert curve(trials, "loss") == {0: 0.5, 3: 0.3}
    assert "2 of its lines have another number of cells" in problems(trials)


def test_what_pandas_leaves_empty_is_said(tmp_path: Path) -> None:
    trials = log(tmp_path, ",loss,val_loss\n0,0.5,0.6\n1,,0.7\n")
    assert curve(trials, "loss") == {0: 0.5}
    assert "pandas writes a NaN so" in problems(trials)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("0,1,1,1,1\n1,,,,\n", {"loss", "acc", "val_loss", "val_acc"}),
        ("0,1,1,1,1\n1,,1,,1\n", {"loss", "val_loss"}),
        ("0,1,1,1,1\n1,1,1,,\n", set()),  # validation_freq
        ("0,1,1,1,1\n1,1,1,1,1", set()),  # cut off
        ("0,1,1,1,1\n1,,1,1,1\n0,1,1,1,1\n1,1,1,1,1\n", set()),  # joined
    ],
)
def test_an_empty_cell_of_a_history_by_pandas_was_nan(
    tmp_path: Path, text: str, last: set[str]
) -> None:
    trials = log(tmp_path, f",loss,acc,val_loss,val_acc\n{text}")
    curves = trials.curves
    assert set(curves[curves["value"].isna()]["metric"]) == last
    assert ("are read as NaN" in problems(trials)) == bool(last)


@pytest.mark.parametrize(
    "header",
    [
        "trial_id,epoch,loss,val_loss",
        "round_epochs,loss,val_loss,lr",
        "lr,units,loss,val_loss",
        ",units,loss,val_loss",
        "number,value,params_lr,state",
        "checktype,current_epoch,issue_list,time_usage",
        "not_converge,unstable_loss,nan_loss",
        "execution,fold,epoch,seconds,loss",
        "hello",
        "hello, world",
    ],
)
def test_other_tables_are_left_to_others(tmp_path: Path, header: str) -> None:
    file = tmp_path / "log.csv"
    file.write_text(f"{header}\n")
    match = csv_logger.matches(Look(file))
    assert not match.yes or header.startswith(",")
    assert match.why


def test_no_epoch_at_all_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no epoch"):
        log(tmp_path, "epoch,loss\n")


@pytest.mark.parametrize("name", ["{}/log.csv", "{}.csv"])
def test_an_empty_log_among_others_is_named(tmp_path: Path, name: str) -> None:
    for number, content in enumerate(["epoch,loss\n0,0.5\n", "epoch,loss\n0,0.4\n", ""]):
        file = tmp_path / name.format(f"run_{number}")
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    (tmp_path / "empty.txt").touch()
    trials = read(tmp_path)
    assert list(trials.hyperparameters) == ["run_0", "run_1"]
    (problem,) = trials.provenance.problems
    assert problem.trial_id == "run_2"
    assert problem.file == name.format("run_2")
    assert "before its first epoch" in problem.message


def test_ten_thousand_files_take_little_more_than_their_bytes(tmp_path: Path) -> None:
    # A thousand here; parsed one by one they would take ten times as long.
    rows = "".join(f"{epoch},0.5123456,0.25\r\n" for epoch in range(100))
    contents = [f"epoch,loss,val_loss\r\n{rows}".encode()] * 1_000
    start = time.process_time()
    tables = csv_logger.tables(contents)
    assert time.process_time() - start < 1
    assert all(table.values[1].tolist() == [0.5123456] * 100 for table in tables)


def test_odd_files_among_many(tmp_path: Path) -> None:
    for number in range(40):
        rows = "0,0.5\n" if number % 3 else "0,0.5\n1,what\n"
        (tmp_path / f"{number}.csv").write_text(f"epoch,loss\n{rows}")
    trials = read(tmp_path)
    assert list(trials.hyperparameters) == [str(number) for number in range(40)]
    assert all(curve(trials, "loss", trial) == {0: 0.5} for trial in trials.hyperparameters)
    assert len(trials.provenance.problems) == 14


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.floats(), st.one_of(st.none(), st.floats())), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_what_csvlogger_writes_comes_back(tmp_path: Path, rows: list, separator: str) -> None:
    lines = [["epoch", "loss", "val_loss"]]
    lines += [[i, a, "NA" if b is None else b] for i, (a, b) in enumerate(rows)]
    trials = log(tmp_path, "".join(separator.join(map(str, line)) + "\r\n" for line in lines))
    assert repr(curve(trials, "loss")) == repr({i: a for i, (a, _) in enumerate(rows)})
    expected = {i: b for i, (_, b) in enumerate(rows) if b is not None}
    assert repr(curve(trials, "val_loss")) == repr(expected)


def test_real_logs_of_faulty_programs(real_data: Path) -> None:
    trials = read(real_data / "real_dirs" / "deepfd_subjects", "CSVLogger")
    assert len(trials.hyperparameters) == 20
    name = "Benchmark/Subjects/31556268/loss_mse__epoch_50000__lr_0.1/iter_10/log_dir"
    assert trials.hyperparameters[name] == {"loss": "mse", "epoch": 50000, "lr": 0.1}
    assert trials.metrics == ("accuracy", "loss", "val_accuracy", "val_loss")
    assert trials.provenance.problems == ()


def test_noise_is_an_error_of_ours_or_none(tmp_path: Path) -> None:
    dice = random.Random(0)
    for _ in range(100):
        noise = "".join(dice.choice('0123456789.,;"\n\r-einaNA |\té\0') for _ in range(80))
        try:
            log(tmp_path, f"epoch,loss,val_loss\n{noise}")
        except AuditorError:
            continue
