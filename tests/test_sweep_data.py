"""A table becomes training and validation data: nothing silent, nothing fitted on held-out rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor.errors import DataError, ReadError
from auditor.sweep_data import MOST_CATEGORIES, Data, load_table, with_test

ROWS = 60


def table(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    usual = {
        "age": rng.normal(40, 10, ROWS),
        "rooms": rng.integers(1, 6, ROWS),
        "town": np.resize(["A", "B", "C"], ROWS),
        "churned": np.resize(["no", "yes", "no"], ROWS),
    }
    return pd.DataFrame(usual | columns)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def with_value(column: str, row: int, value: object) -> pd.DataFrame:
    frame = table().astype({column: object})
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_csv_and_parquet_give_the_same_data(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    frame = table()
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    data = load_table(path, "churned")
    assert (data.x.shape, data.x_validation.shape) == ((48, 5), (12, 5))
    assert (data.n_features, data.task, data.classes) == (5, "binary", ("no", "yes"))


def test_scaling_and_categories_come_from_the_training_rows_only(path: Path) -> None:
    table().to_csv(path, index=False)
    data = load_table(path, "churned")
    np.testing.assert_allclose(data.x[:, :2].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(data.x[:, :2].std(0), 1, atol=1e-5)
    assert abs(data.x_validation[:, :2].mean(0)).max() > 1e-3


def test_the_split_is_stratified_and_decided_by_the_seed(path: Path) -> None:
    table().to_csv(path, index=False)
    first, again, other = (load_table(path, "churned", seed=seed) for seed in (1, 1, 2))
    assert first.y.mean() == pytest.approx(1 / 3)
    assert first.y_validation.mean() == pytest.approx(1 / 3)
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        (np.resize([0, 1], ROWS), "binary", 2),
        (np.resize([10, 2, 7], ROWS), "multiclass", 3),
        (np.resize(["x", "y", "z"], ROWS), "multiclass", 3),
        (np.arange(ROWS), "regression", 0),
        (np.linspace(0, 1, ROWS), "regression", 0),
        (np.resize([0.5, 1.5, 2.5], ROWS), "regression", 0),
    ],
)
def test_the_task_is_guessed_from_the_target_and_said(
    path: Path, target: object, task: str, classes: int
) -> None:
    table(goal=target).to_csv(path, index=False)
    data = load_table(path, "goal")
    assert (data.task, data.n_classes) == (task, classes)
    assert any(f"task: {task} (guessed" in sentence for sentence in data.sentences)


def test_classes_of_numbers_are_in_numeric_order(path: Path) -> None:
    table(goal=np.resize([10, 2, 7], ROWS)).to_csv(path, index=False)
    assert load_table(path, "goal").classes == ("2", "7", "10")


def test_a_regression_target_is_standardised_by_its_training_rows(path: Path) -> None:
    table(goal=np.linspace(1000, 2000, ROWS)).to_csv(path, index=False)
    data = load_table(path, "goal")
    assert data.y.mean() == pytest.approx(0, abs=1e-5)
    assert data.y.std() == pytest.approx(1, abs=1e-5)
    assert any("standardised (mean 1" in sentence for sentence in data.sentences)


def test_every_step_is_stated(path: Path) -> None:
    table().to_csv(path, index=False)
    text = "; ".join(load_table(path, "churned").sentences)
    for said in (
        "table.csv: 60 rows",
        "rows per class: no (40), yes (20)",
        "48 rows train, 12 validate (stratified by class, at random, seed 0)",
        "2 numeric columns to mean 0 and deviation 1, by the training rows only",
        "town one-hot encoded into 3 columns",
    ):
        assert said in text


def test_many_categories_share_one_column_and_it_is_said(path: Path) -> None:
    names = [f"t{number % 30}" for number in range(ROWS)]
    table(town=names).to_csv(path, index=False)
    data = load_table(path, "churned")
    assert data.n_features == 2 + MOST_CATEGORIES
    assert any("the rarer values of town share one column" in s for s in data.sentences)


def test_validation_rows_seen_in_training_are_counted(path: Path) -> None:
    frame = table(age=1.0, rooms=np.arange(ROWS) % 2, town="A")
    frame.to_csv(path, index=False)
    sentences = load_table(path, "churned").sentences
    assert any("12 of 12 validation rows" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (table(), {"target": "churn"}, "no column 'churn'; did you mean 'churned'"),
        (with_value("age", 4, None), {}, r"'age': 1 of 60 \(rows 5\)"),
        (with_value("age", 4, "inf"), {}, r"'age': 1 of 60 \(rows 5\)"),
        (with_value("churned", 0, None), {}, r"'churned': 1 of 60 \(rows 1\)"),
        (table(churned="no"), {}, "'no' in every row"),
        (with_value("churned", 3, "maybe"), {}, "class 'maybe' .* has a single row"),
        (with_value("churned", 3, "maybe"), {"task": "binary"}, "3 values, a binary task needs 2"),
        (table(), {"task": "regression"}, "is no number: regression is impossible"),
        (table(), {"task": "magic"}, "the task is auto, binary"),
        (table(), {"validation_fraction": 0.02}, "leaves 59 for training and 1 for validation"),
        (table(), {"validation_fraction": 0.99}, "leaves 1 for training"),
        (table(), {"validation_fraction": 1.5}, "between 0 and 1"),
        (table()[["churned"]], {}, "nothing to learn from"),
        (table()[:0], {}, "has no rows"),
    ],
)
def test_data_that_cannot_be_used_are_one_clear_error(
    path: Path, frame: pd.DataFrame, options: dict[str, object], message: str
) -> None:
    frame.to_csv(path, index=False)
    with pytest.raises(DataError, match=message):
        load_table(path, **({"target": "churned"} | options))


def test_dates_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    table(born=pd.date_range("2000-01-01", periods=ROWS)).to_parquet(path)
    with pytest.raises(DataError, match="columns born are dates"):
        load_table(path, "churned")


@pytest.mark.parametrize("target", ["churned", "tags"])
@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, [], [{"a": [1]}]])
def test_lists_and_records_are_refused(tmp_path: Path, value: object, target: str) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({**table(), "tags": [value] * ROWS}), path)
    with pytest.raises(DataError, match="lists or records as values in 'tags'"):
        load_table(path, target)


def test_an_index_that_was_saved_along_is_no_feature(path: Path) -> None:
    table().to_csv(path)
    data = load_table(path, "churned")
    assert data.n_features == 5
    assert any("left out: Unnamed: 0, a column without a name" in s for s in data.sentences)
    pd.read_csv(path).to_csv(path)
    data = load_table(path, "churned")
    assert data.n_features == 5
    assert any("columns without names" in sentence for sentence in data.sentences)


def test_a_table_of_an_index_and_a_target_has_nothing_to_learn_from(path: Path) -> None:
    table()[["churned"]].to_csv(path)
    with pytest.raises(DataError, match="nothing to learn from"):
        load_table(path, "churned")


def test_an_index_of_arrow_is_no_feature(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({**table(), "__index_level_0__": np.arange(ROWS)}), path)
    assert load_table(path, "churned").n_features == 5


@pytest.mark.parametrize("content", [b"", bytes(range(256)), b'a,b\n1,2\n"3'])
@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_a_damaged_file_is_unreadable(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises((ReadError, DataError), match=name):
        load_table(path, "a")


def test_a_missing_file_and_another_format_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cannot read"):
        load_table(tmp_path / "missing.csv", "a")
    with pytest.raises(DataError, match=r"\.csv or \.parquet"):
        load_table(tmp_path / "table.xlsx", "a")


def test_test_rows_are_encoded_as_the_others_and_change_nothing(path: Path) -> None:
    table().to_csv(path, index=False)
    rows = table(rooms=np.linspace(1, 9, ROWS), town=["Z", *"ABC" * 20][:ROWS])
    rows = rows[["churned", "town", "rooms", "age"]][:10]
    rows.to_csv(path.with_name("test.csv"), index=False)
    alone = load_table(path, "churned")
    data = load_table(path, "churned", test=path.with_name("test.csv"))
    for name in ("x", "y", "x_validation", "y_validation"):
        np.testing.assert_array_equal(getattr(data, name), getattr(alone, name))
    assert alone.test is None
    assert data.test is not None
    x, y = data.test
    assert (x.shape, x.dtype, y.dtype) == ((10, 5), np.float32, np.float32)
    np.testing.assert_array_equal(y, rows["churned"] == "yes")
    whole = table()["age"].to_numpy()
    slope = np.ptp(np.concatenate([alone.x, alone.x_validation])[:, 0]) / np.ptp(whole)
    assert np.ptp(x[:, 0]) == pytest.approx(slope * np.ptp(rows["age"]), rel=1e-4)
    assert x[0, 2:].tolist() == [0, 0, 0]  # a town that no other row has
    assert data.sentences[-1] == "test.csv: 10 test rows, for the winner alone"


def test_a_numeric_target_of_test_rows_is_standardised_as_the_others(path: Path) -> None:
    frame = table(goal=np.arange(ROWS) / 7)
    frame.to_csv(path, index=False)
    data = load_table(path, "goal", test=path)
    assert data.test is not None
    again = f"{ROWS} of {ROWS} test rows have the features of a training or validation row"
    assert data.sentences[-1] == again
    order = np.argsort(np.concatenate([data.y, data.y_validation]))
    both = np.concatenate([data.y, data.y_validation])[order]
    np.testing.assert_allclose(data.test[1], both, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"churned": "perhaps"}, "'perhaps' in some, and in no other row"),
        ({"age": "old"}, "'age' holds numbers in one of"),
        ({"more": 1}, "differ in their columns more"),
        ({"age": None}, "missing or infinite"),
    ],
)
def test_test_rows_of_another_form_are_refused(
    path: Path, change: dict[str, object], message: str
) -> None:
    table().to_csv(path, index=False)
    other = path.with_name("test.csv")
    table().assign(**change).to_csv(other, index=False)
    with pytest.raises(DataError, match=message):
        load_table(path, "churned", test=other)


def test_arrays_of_test_rows_go_with_the_data_of_a_search_space(tmp_path: Path) -> None:
    data = Data(*(np.zeros(shape) for shape in ((4, 3), (4,), (2, 3), (2,))))
    file = tmp_path / "test.npz"
    np.savez(file, x=np.ones((5, 3)), y=np.ones(5))
    found = with_test(data, file)
    assert found.test is not None
    assert found.test[0].shape == (5, 3)
    assert "5 test rows" in found.sentences[-1]
    np.savez(file, x=np.ones((5, 2)), y=np.ones(5))
    with pytest.raises(DataError, match=r"\(5, 2\)"):
        with_test(data, file)
    np.savez(file, x=np.ones((5, 3)))
    with pytest.raises(DataError, match="no array y"):
        with_test(data, file)
    with pytest.raises(DataError, match="a table goes with --data"):
        with_test(data, tmp_path / "test.csv")
