"""`Trials`: nothing is lost on disk, nothing contradictory gets in."""

import math
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ReadError, TrialsError
from auditor.trials import (
    CURVE_COLUMNS,
    Condition,
    Confusion,
    Context,
    Design,
    Deviations,
    Hyperparameter,
    Mistake,
    ModelFacts,
    Objective,
    Predictions,
    Problem,
    Provenance,
    Recorded,
    Run,
    RunOnTest,
    Trials,
    WinnerOnTest,
    empty_curves,
    role,
    twin,
)
from tests.making import sweep, table

NAN, INF = math.nan, math.inf
text = st.text(max_size=6)
scalars = (
    st.sampled_from([1, 1.0, True, "1", None, "NaN", "\\NaN", NAN, INF, "\ud800", 10**30, -0.0])
    | st.floats()
    | text
)
hyperparameters = st.dictionaries(
    text, scalars | st.lists(st.lists(scalars, max_size=2), max_size=2)
)
count = st.integers(0, 3)
number = st.none() | st.floats() | st.integers(-5, 5)
metrics = st.dictionaries(text, st.floats() | st.integers(-5, 5), max_size=2)
recorded = st.builds(
    Recorded,
    status=st.sampled_from(["completed", "failed", "pruned", "unfinished", "unknown"]),
    message=st.none() | text,
    metrics=metrics,
    authoritative=st.booleans(),
    score=number,
    seconds=number,
)
models = st.builds(
    ModelFacts,
    layers=st.dictionaries(text, count),
    activations=st.lists(st.none() | text, max_size=2).map(tuple),
    units=st.lists(st.none() | count, max_size=2).map(tuple),
    learning_rate=number,
    from_logits=st.none() | st.booleans(),
    regularisers=st.lists(text, max_size=2).map(tuple),
)
axes = st.builds(
    Hyperparameter,
    name=text,
    kind=st.sampled_from(["choice", "int", "float", "boolean", "fixed"]),
    values=st.lists(scalars, max_size=3).map(tuple),
    low=number,
    conditions=st.just((Condition("parent", (1, 1.0, True, "1")),)),
)


predictions = st.builds(
    Predictions,
    trial_id=text,
    rows=count,
    of_rows=count,
    classes=st.none()
    | st.just(Confusion(("a",), ((3,),), (Mistake("a", "b", 1, 2),), 0.5, 0.5, 2)),
    numbers=st.none()
    | st.builds(
        Deviations,
        pairs=st.lists(st.tuples(st.floats(), st.floats()), max_size=2).map(tuple),
        r2=number,
        rmse=st.floats(),
        mae=st.floats(),
        rmse_of_mean=st.floats(),
    ),
)


rows = st.lists(st.floats(width=32), max_size=3).map(lambda some: np.array(some, np.float32))
on_test = st.builds(
    WinnerOnTest,
    trial_id=text,
    rows=count,
    metrics=metrics,
    errors=metrics,
    runs=st.lists(st.builds(RunOnTest, count, count, metrics), max_size=2).map(tuple),
    winners=count,
)


@st.composite
def observations(draw: st.DrawFn) -> Trials:
    """Any sweep, the empty one included, with holes in every place."""
    trials = draw(st.dictionaries(text, hyperparameters, max_size=3))
    some = st.builds(Run, st.sampled_from(sorted(trials) or [""]), count, count)
    runs = sorted(draw(st.sets(some, max_size=4 if trials else 0)))
    curve = st.dictionaries(st.integers(0, 9), st.floats(), max_size=4)
    curves = st.dictionaries(st.sampled_from(["loss", "val_loss", "ü"]), curve, max_size=3)
    return Trials(
        hyperparameters=trials,
        recorded={run: draw(recorded) for run in runs},
        curves=table({run: draw(curves) for run in runs}),
        objective=Objective("both", "min", "x", (Objective("a"), Objective("b", "max"))),
        space=tuple(draw(st.lists(axes, max_size=2))),
        design=draw(st.builds(Design, seed=st.none() | st.integers())),
        context=Context(
            train_rows=draw(st.none() | st.integers(0)),
            no_skill_loss=draw(number),
            series=table({run: draw(curves) for run in runs}),
            lane=dict.fromkeys(runs, "fit"),
            why_alone=draw(st.dictionaries(text, text, max_size=2)),
            losses={run: draw(rows) for run in runs[:2]},
            on_test=draw(st.none() | on_test),
            models=draw(st.dictionaries(text, models, max_size=2)),
            predictions=draw(st.none() | predictions),
        ),
        provenance=Provenance(files=("a", "b"), problems=(Problem("cut off", "a", "1"),)),
    )


@given(observations())
def test_nothing_is_lost_on_disk(trials: Trials) -> None:
    with TemporaryDirectory() as folder:
        trials.save(folder)
        again = Trials.load(folder)
    assert again == trials
    assert list(again.hyperparameters) == list(trials.hyperparameters)
    assert again.runs == trials.runs
    pd.testing.assert_frame_equal(again.curves, trials.curves, check_exact=True)


def test_an_observed_nan_is_a_value_to_every_reader_of_the_file(tmp_path: Path) -> None:
    sweep({"a": {"loss": [1.0, NAN]}}).save(tmp_path)
    column = pq.read_table(tmp_path / "curves.parquet")["value"]
    assert (column.null_count, math.isnan(column[1].as_py())) == (0, True)


def test_a_record_with_plain_names_still_loads(tmp_path: Path) -> None:
    trials = sweep({"b": {"loss": [1.0, NAN]}, "a": {"val_loss": [2.0], "loss": [1.0]}})
    trials.save(tmp_path)
    file = tmp_path / "curves.parquet"
    plain = pq.read_table(file).to_pandas().astype({"trial_id": "str", "metric": "str"})
    pq.write_table(pa.Table.from_pandas(plain, preserve_index=False), file)
    assert Trials.load(tmp_path) == trials


def test_a_table_of_too_many_rows_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep({"a": {"loss": [1.0, 2.0]}}).save(tmp_path)
    monkeypatch.setattr("auditor.trials.folder.MOST_ROWS", 1)
    with pytest.raises(ReadError, match=r"curves\.parquet.* 2 rows; 1 are accepted"):
        Trials.load(tmp_path)


@pytest.mark.parametrize("kind", [object, "str", "category", "backwards", "other names too"])
def test_names_are_categories_in_one_order_whatever_they_come_as(kind: Any) -> None:
    trials = sweep({"b": {"loss": [1.0, 2.0]}, "a": {"val_loss": [2.0], "loss": [1.0]}})
    curves = trials.curves.copy()
    for name in ("trial_id", "metric"):
        if kind in ("backwards", "other names too"):
            names = sorted(set(curves[name]), reverse=True)
            more = ["z"] if kind == "other names too" else []
            curves[name] = pd.Categorical(curves[name].astype(object), more + names, ordered=True)
        else:
            curves[name] = curves[name].astype(object).astype(kind)
    again = Trials(trials.hyperparameters, trials.recorded, curves[::-1], trials.objective)
    pd.testing.assert_frame_equal(again.curves, trials.curves, check_exact=True)
    assert again == trials
    assert again.metrics == ("loss", "val_loss")
    assert again.curves["trial_id"].cat.categories.tolist() == ["b", "a"]


def test_a_column_holds_the_curves_of_all_runs() -> None:
    trials = sweep({"b": {"loss": {1: 1.0, 3: NAN}}, "a": {"acc": [1.0]}, "c": {"loss": [2.0]}})
    column = trials.column("loss")
    assert column.run.tolist() == [0, 0, 2]
    assert column.epochs.tolist() == [1, 3, 0]
    assert column.curve(1).epochs.tolist() == []
    assert column.curve(2).values.tolist() == [2.0]
    assert trials.column("nothing").bounds.tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="read-only"):
        column.values[0] = 2.0


@pytest.mark.parametrize("other", [1.0, True, "1", None])
def test_values_of_different_types_are_different(other: Any) -> None:
    one, two = (
        Trials({"a": {"x": value}}, {}, empty_curves(), Objective("val_loss"))
        for value in (1, other)
    )
    assert one != two


def test_unobserved_and_observed_nan_are_told_apart() -> None:
    trials = sweep({"a": {"val_loss": {0: 1.0, 2: NAN}}, "b": {"val_loss": {1: INF}}})
    matrix = trials.matrix("val_loss")
    assert matrix.observed.tolist() == [[True, False, True], [False, True, False]]
    np.testing.assert_array_equal(matrix.values, [[1.0, NAN, NAN], [NAN, INF, NAN]])
    epochs, values = trials.curve(Run("a"), "val_loss")
    assert epochs.tolist() == [0, 2]
    np.testing.assert_array_equal(values, [1.0, NAN])
    assert len(trials.curve(Run("b"), "loss").epochs) == 0
    assert not trials.matrix("nothing").observed.any()


@given(observations())
def test_curves_and_matrix_agree_with_the_table(trials: Trials) -> None:
    seen = 0
    for metric in trials.metrics:
        matrix = trials.matrix(metric)
        for row, run in enumerate(trials.runs):
            epochs, values = trials.curve(run, metric)
            assert np.flatnonzero(matrix.observed[row]).tolist() == epochs.tolist()
            np.testing.assert_array_equal(matrix.values[row, epochs], values)
            seen += len(epochs)
    assert seen == len(trials.curves)


def test_epochs_in_the_millions_cost_nothing() -> None:
    trials = sweep({f"{i}": {"loss": {10**12 + i: 1.0}} for i in range(50)})
    assert trials.curve(Run("7"), "loss").epochs.tolist() == [10**12 + 7]


def test_curves_cannot_be_changed() -> None:
    trials = sweep({"a": {"loss": [1.0]}})
    with pytest.raises(ValueError, match="read-only"):
        trials.curve(Run("a"), "loss").values[0] = 2.0


A = Run("a")


def made(run: Run = A, said: Recorded | None = None, values: Any = None, **cells: Any) -> Trials:
    row = {**A._asdict(), "epoch": 0, "metric": "loss", "value": 1.0} | cells
    frame = pd.DataFrame({k: v if isinstance(v, list) else [v] for k, v in row.items()})
    return Trials({"a": values or {}}, {run: said or Recorded()}, frame, Objective("loss"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epoch": -1}, "count from 0"),
        ({"epoch": 1.5}, "whole number"),
        ({"epoch": NAN}, "without a value in epoch"),
        ({"metric": None}, "without a value in metric"),
        ({"value": None}, "without a value in value"),
        ({"value": "high"}, "types"),
        ({"execution": 7}, "not in `recorded`"),
        ({"run": Run("b")}, "without hyperparameters: b"),
        ({"trial_id": ["a", "a"], "execution": [0] * 2, "fold": [0] * 2, "epoch": [0] * 2,
          "metric": ["loss"] * 2, "value": [1.0, 2.0]}, "repeated"),
        ({"values": {"x": {1, 2}}}, "trial a: cannot write set"),
        ({"values": {"x": 10**5000}}, "trial a"),
        ({"said": Recorded("done")}, "wrong type"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(wrong: dict[str, Any], message: str) -> None:
    if "run" in wrong:
        wrong = {**wrong, "trial_id": "b"}
    with pytest.raises(TrialsError, match=message):
        made(**wrong)


def test_missing_columns_and_names_that_are_no_text_are_refused() -> None:
    curves = empty_curves().drop(columns="fold")
    with pytest.raises(TrialsError, match="lack the columns fold"):
        Trials({}, {}, curves, Objective("loss"))
    with pytest.raises(TrialsError, match="Unicode"):
        Trials({"a\udcff": {}}, {}, empty_curves(), Objective("loss"))


def test_numpy_numbers_in_a_run_are_plain_afterwards() -> None:
    run = Run("a", np.int64(0), np.int64(0))  # type: ignore[arg-type]
    assert type(made(run).runs[0].execution) is int


@pytest.mark.parametrize("name", ["trials.json", "curves.parquet", "series.parquet", "losses.npy"])
@pytest.mark.parametrize("kept", [0, 0.5, None])
def test_a_cut_off_file_is_named_with_what_to_do(
    tmp_path: Path, name: str, kept: float | None
) -> None:
    sweep({"a": {"loss": [1.0, NAN]}}, losses={A: np.ones(3, np.float32)}).save(tmp_path)
    path = tmp_path / name
    if kept is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(ReadError, match=rf"{name}.*(again|anew).*copy"):
        Trials.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("name", ["trials.json", "series.parquet", "losses.npy", "chunks.json"])
def test_a_pipe_does_not_stop_it(tmp_path: Path, name: str) -> None:
    sweep({"a": {"loss": [1.0, NAN]}}, losses={A: np.ones(3, np.float32)}).save(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(ReadError, match=rf"{name} is no regular file.*copy"):
        Trials.load(tmp_path)


def test_files_of_two_folders_do_not_pass_as_one(tmp_path: Path) -> None:
    sweep({"a": {"loss": [1.0]}}).save(tmp_path / "a")
    sweep({"b": {"loss": [1.0]}}).save(tmp_path / "b")
    (tmp_path / "a" / "curves.parquet").replace(tmp_path / "b" / "curves.parquet")
    with pytest.raises(ReadError, match="do not belong together"):
        Trials.load(tmp_path / "b")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    sweep({}).save(tmp_path)
    path = tmp_path / "trials.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    with pytest.raises(ReadError, match=r"schema 99.*update"):
        Trials.load(tmp_path)


@pytest.mark.parametrize(
    ("curves", "told", "covered"),
    [
        ({"loss": [1.0]}, Recorded(), "curves"),
        ({}, Recorded(metrics={"a": 1.0, "b": 2.0}), "best epoch"),
        ({}, Recorded(metrics={"a": 1.0}), "objective"),
        ({}, Recorded(score=NAN), "objective"),
        ({}, Recorded("failed"), "nothing"),
    ],
)
def test_coverage(curves: Any, told: Recorded, covered: str) -> None:
    assert sweep({"a": curves}, recorded={"a": told}).coverage(Run("a")) == covered


def test_the_table_of_hyperparameters_keeps_types_and_gaps() -> None:
    values = {"a": {"x": 1, "y": True}, "b": {"x": 1.0}}
    frame = Trials(values, {}, empty_curves(), Objective("loss")).table
    assert [type(v) for v in frame["x"]] == [int, float]
    assert frame["y"].tolist()[0] is True
    assert frame["y"].isna().tolist() == [False, True]
    assert sweep({}).table.empty


@pytest.mark.parametrize(
    ("metric", "part", "other"),
    [
        ("loss", "train", "val_loss"),
        ("val_loss", "validation", "loss"),
        ("test_loss", "test", "val_test_loss"),
    ],
)
def test_metric_names(metric: str, part: str, other: str) -> None:
    assert (role(metric), twin(metric)) == (part, other)


def test_columns_have_one_order() -> None:
    shuffled = empty_curves()[list(reversed(CURVE_COLUMNS))]
    trials = Trials({}, {}, shuffled, Objective("loss"))
    assert tuple(trials.curves.columns) == CURVE_COLUMNS


def test_reruns_are_saved_with_the_trials_and_are_no_part_of_them(tmp_path: Path) -> None:
    alone = sweep({"a": {"loss": [1.0]}})
    both = replace(alone, reruns=sweep({"r0": {"loss": [NAN]}}))
    both.save(tmp_path)
    assert Trials.load(tmp_path) == both != alone
    assert both.runs == alone.runs
    alone.save(tmp_path)
    assert Trials.load(tmp_path) == alone
