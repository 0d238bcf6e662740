import json
import math
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import AuditorError, ReadError
from auditor.outcomes import judge
from auditor.readers import optuna
from auditor.readers.looking import Look
from auditor.readers.optuna.objective import named
from auditor.readers.optuna.space import decoded, space_of
from auditor.readers.reader import Reader, Source
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data"
READER = Reader("Optuna", optuna.matches, optuna.read)
STORES = [
    "optuna-1.5.0/studies.db",
    "optuna-2.10.1/studies.db",
    "optuna-5.0.0/studies.db",
    "optuna-5.0.0/journal.log",
]


def read_study(path: Path, part: str | None = None) -> Trials:
    return READER.read(Source(READER, path, path.parent, part=part))


@pytest.mark.parametrize("store", STORES)
def test_studies_of_a_store_are_sweeps(store: str) -> None:
    match = optuna.matches(Look(DATA / store))
    assert match.yes
    expected = {"losses", "accuracy", "pair"}
    if store.endswith(".log"):
        expected -= {"accuracy"}  # deleted
    if "1.5.0" in store:
        expected -= {"pair"}  # not yet possible
    assert set(match.parts) == expected


@pytest.mark.parametrize("store", STORES)
def test_hyperparameters_are_decoded(store: str) -> None:
    trials = read_study(DATA / store, "losses")
    first = trials.hyperparameters["0"]
    assert first["optimizer"] in ("sgd", "adam")
    assert first["bias"] in (None, True, False)
    assert (first["layers"], first["units_0"], first["learning_rate"]) == (1, 8, 0.05)
    assert isinstance(first["units_0"], int)
    assert "units_1" not in first
    assert trials.provenance.problems == ()
    space = {axis.name: axis for axis in trials.space}
    assert space["optimizer"].values == ("sgd", "adam")
    assert space["units_0"].values == (4, 8, 12, 16)
    assert (space["learning_rate"].low, space["learning_rate"].high) == (0.01, 2)
    assert space["learning_rate"].sampling == "log"
    assert len(space["momentum"].values) == 10


@pytest.mark.parametrize("store", STORES)
def test_states_and_values(store: str) -> None:
    trials = read_study(DATA / store, "losses")
    statuses = [told.status for told in trials.recorded.values()]
    assert {"completed", "failed", "pruned"} <= set(statuses)
    assert trials.recorded[Run("2")].status == "failed"
    assert trials.recorded[Run("0")].score == pytest.approx(0.69342, abs=1e-5)
    assert trials.recorded[Run("0")].seconds is not None
    waiting = [t for t, runs in trials.runs_of.items() if not runs]
    assert len(waiting) == 1
    assert trials.hyperparameters[waiting[0]] == {"layers": 2}
    assert trials.objective.name == "objective"
    assert trials.objective.direction == "min"
    epochs, values = trials.curve(Run("0"), "objective")
    assert epochs.tolist() == [0, 1, 2, 3]
    assert values[-1] == trials.recorded[Run("0")].score
    assert trials.recorded[Run("0")].metrics["loss"] < 0.67


@pytest.mark.parametrize("store", ["optuna-5.0.0/studies.db", "optuna-5.0.0/journal.log"])
def test_nan_and_infinity_are_kept(store: str) -> None:
    trials = read_study(DATA / store, "losses")
    assert trials.recorded[Run("1")].score == math.inf
    _, values = trials.curve(Run("2"), "objective")
    assert [str(value) for value in values] == ["inf", "inf", "nan", "nan"]
    # Told as NaN, hence FAIL; a crash leaves no such values.
    assert judge(trials).by_trial["2"] == "diverged"
    assert judge(trials).by_trial["3"] == "crashed"


def test_stores_of_one_search_agree() -> None:
    store = read_study(DATA / STORES[2], "losses")
    journal = read_study(DATA / STORES[3], "losses")
    table = read_study(DATA / "optuna-5.0.0/trials.csv")
    assert dict(store.hyperparameters) == dict(journal.hyperparameters)
    assert store.curves.equals(journal.curves)
    pruned = [t for run, t in table.recorded.items() if t.status == "pruned"]
    assert len(pruned) == sum(t.status == "pruned" for t in store.recorded.values())
    finite = store.curves[store.curves["value"].notna()].reset_index(drop=True)
    assert table.curves["value"].tolist() == finite["value"].tolist()
    for trial, values in table.hyperparameters.items():
        # A table leaves None empty.
        given = {n: v for n, v in store.hyperparameters[trial].items() if v is not None}
        assert dict(values) == given


def test_directions_and_names() -> None:
    named = read_study(DATA / "optuna-5.0.0/studies.db", "accuracy").objective
    assert (named.name, named.direction) == ("val_accuracy", "max")
    unnamed = read_study(DATA / "optuna-2.10.1/studies.db", "accuracy").objective
    assert (unnamed.name, unnamed.direction) == ("objective", "max")
    pair = read_study(DATA / "optuna-2.10.1/studies.db", "pair")
    assert [part.direction for part in pair.objective.components] == ["min", "max"]
    assert pair.recorded[Run("2")].metrics["objective_0"] == math.inf
    assert any("several objectives" in sentence for sentence in pair.provenance.missing)


def write_table(folder: Path, values: list[float], header: str = "", cells: str = "") -> Path:
    lines = [f"number,value,params_x{header},state"]
    lines += [f"{i},{value},{i / 10}{cells},COMPLETE" for i, value in enumerate(values)]
    (folder / "trials.csv").write_text("\n".join(lines) + "\n")
    return folder / "trials.csv"


def test_a_table_does_not_say_the_direction(tmp_path: Path) -> None:
    flat = read_study(write_table(tmp_path, [0.5, 0.4, 0.6])).objective
    assert flat.direction == "min"
    assert "assumed" in flat.known_from
    assert "--objective" in flat.known_from
    rising = read_study(write_table(tmp_path, [i / 30 for i in range(30)])).objective
    assert rising.direction == "max"
    assert "later trials have larger values" in rising.known_from


def test_an_attribute_with_the_values_names_the_objective(tmp_path: Path) -> None:
    header, cells = ",user_attrs_val_acc,user_attrs_train_acc", ",0.5,0.9"
    trials = read_study(write_table(tmp_path, [0.5, 0.5], header, cells))
    assert (trials.objective.name, trials.objective.direction) == ("val_acc", "max")
    assert trials.recorded[Run("0")].metrics == {"val_acc": 0.5, "acc": 0.9}
    assert trials.coverage(Run("0")) == "best epoch"


def test_curves_in_attributes_are_read(tmp_path: Path) -> None:
    cells = ',"[0.9, 0.8]","[1, 2, 3]"'
    header = ",user_attrs_train_losses,user_attrs_layers"
    trials = read_study(write_table(tmp_path, [0.5, 0.4], header, cells))
    assert trials.curve(Run("1"), "loss").values.tolist() == [0.9, 0.8]
    assert trials.metrics == ("loss",)


def test_tables_joined_from_several_studies_are_parted(tmp_path: Path) -> None:
    text = "model,number,value,params_x,state\n"
    text += "".join(f"{m},{n},0.5,{n},COMPLETE\n" for m in ("svc", "mlp") for n in (0, 1))
    (tmp_path / "all.csv").write_text(text)
    assert optuna.matches(Look(tmp_path / "all.csv")).parts == ("svc", "mlp")
    trials = read_study(tmp_path / "all.csv", "mlp")
    assert list(trials.hyperparameters) == ["0", "1"]
    with pytest.raises(ReadError, match="no study 'other'; it has svc, mlp"):
        read_study(tmp_path / "all.csv", "other")


@pytest.mark.parametrize(
    ("name", "value", "attributes", "expected"),
    [
        ("CategoricalDistribution", 2.0, {"choices": ["a", None, 0.5]}, 0.5),
        ("IntUniformDistribution", 3.0, {"low": 1, "high": 4}, 3),
        ("IntLogUniformDistribution", 3.0, {"low": 1, "high": 4, "step": 1}, 3),
        ("UniformDistribution", 3, {"low": 1, "high": 4}, 3.0),
        ("DiscreteUniformDistribution", 0.5, {"low": 0, "high": 1, "q": 0.5}, 0.5),
    ],
)
def test_distributions_of_every_age(
    name: str, value: Any, attributes: dict[str, Any], expected: Any
) -> None:
    found = decoded(value, {"name": name, "attributes": attributes})
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "distribution",
    [None, {}, {"name": "CategoricalDistribution", "attributes": {}}, {"name": 1}, [1], "x"],
)
def test_what_is_no_distribution_is_said(distribution: Any) -> None:
    with pytest.raises(ReadError):
        decoded(1.0, distribution)
    assert len(space_of({"x": [distribution]})[1]) <= 1


def test_names_of_lists() -> None:
    assert named("val_loss_history") == "val_loss"
    assert named("hidden_sizes") is None


def damaged(tmp_path: Path, statement: str, *values: Any) -> Path:
    path = Path(shutil.copy(DATA / "optuna-5.0.0/studies.db", tmp_path))
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()
    return path


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("param_value", 17.0),
        ("param_value", b"\xff"),
        ("distribution_json", "{" * 100_000),
        ("distribution_json", '{"name": "Odd"}'),
    ],
)
def test_a_damaged_hyperparameter_is_named_and_the_rest_is_kept(
    tmp_path: Path, column: str, value: Any
) -> None:
    where = "WHERE trial_id = 1 AND param_name = 'optimizer'"
    path = damaged(tmp_path, f"UPDATE trial_params SET {column} = ? {where}", value)
    trials = read_study(path, "losses")
    (problem,) = trials.provenance.problems
    assert problem.trial_id == "0"
    assert problem.file == "studies.db"
    assert "optimizer" in problem.message
    assert "optimizer" not in trials.hyperparameters["0"]
    assert len(trials.hyperparameters) == 16


def test_a_table_that_is_missing_is_no_error(tmp_path: Path) -> None:
    path = damaged(tmp_path, "DROP TABLE trial_intermediate_values")
    assert read_study(path, "losses").curves.empty


def test_a_journal_is_read_up_to_a_damaged_line(tmp_path: Path) -> None:
    lines = (DATA / "optuna-5.0.0/journal.log").read_text().splitlines()
    whole = read_study(DATA / "optuna-5.0.0/journal.log", "losses")
    path = tmp_path / "journal.log"
    path.write_text("\n".join([*lines[:60], "[" * 100_000, *lines[60:]]))
    trials = read_study(path, "losses")
    (problem,) = trials.provenance.problems
    assert "line 61" in problem.message
    assert set(trials.hyperparameters) <= set(whole.hyperparameters)
    path.write_text("\n".join(lines)[:-20])
    assert len(read_study(path, "losses").provenance.problems) == 1


def test_operations_on_what_is_not_there_have_no_effect(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    create = {"op_code": 0, "worker_id": "w", "study_name": "s", "directions": [1]}
    trial = {"op_code": 4, "worker_id": "w", "study_id": 0, "datetime_start": None}
    told = {"op_code": 6, "trial_id": 0, "state": 1, "values": [0.5]}
    again = {**told, "values": [9.0]}
    stray = {"op_code": 8, "trial_id": 7, "user_attr": {"a": 1}}
    operations = [create, create, trial, stray, told, again, {"op_code": 10}]
    path.write_text("\n".join(map(json.dumps, operations)) + "\n")
    trials = read_study(path)
    assert trials.recorded[Run("0")].score == 0.5
    assert trials.provenance.problems == ()


@pytest.mark.parametrize(
    "operation",
    [
        {"op_code": 6, "trial_id": 0, "state": 9},
        {"op_code": 6, "trial_id": 0, "state": 1, "values": {"a": 1}},
        {
            "op_code": 5,
            "trial_id": 0,
            "param_name": 1,
            "distribution": "{",
            "param_value_internal": 0,
        },
        {"op_code": 8, "trial_id": 0, "user_attr": [1]},
        {"op_code": "6"},
        [],
    ],
)
def test_an_odd_operation_ends_the_journal(tmp_path: Path, operation: Any) -> None:
    create = {"op_code": 0, "study_name": "s", "directions": [1]}
    trial = {"op_code": 4, "study_id": 0, "datetime_start": 5}
    path = tmp_path / "journal.log"
    path.write_text("\n".join(map(json.dumps, [create, trial, operation, trial])) + "\n")
    trials = read_study(path)
    assert list(trials.hyperparameters) == ["0"]
    assert "line 3 is no operation" in trials.provenance.problems[0].message


def test_a_database_of_another_tool_is_declined(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE runs (a)")
    connection.close()
    match = optuna.matches(Look(tmp_path / "other.db"))
    assert not match.yes
    assert "without Optuna's tables" in match.why


@settings(max_examples=40, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    operations=st.lists(
        st.dictionaries(
            st.sampled_from(
                ["op_code", "study_id", "trial_id", "state", "values", "directions", "study_name",
                 "user_attr", "step", "intermediate_value", "datetime_start", "params"]
            ),
            st.none() | st.integers(-1, 9) | st.floats() | st.text(max_size=2)
            | st.lists(st.integers(-1, 3), max_size=2) | st.just({"a": math.nan}),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_odd_operations_never_end_in_another_error(
    tmp_path: Path, operations: list[dict[str, Any]]
) -> None:
    create = {"op_code": 0, "study_name": "s", "directions": [1]}
    trial = {"op_code": 4, "study_id": 0, "datetime_start": None}
    path = tmp_path / "journal.log"
    path.write_text("\n".join(map(json.dumps, [create, trial, *operations])) + "\n")
    try:
        optuna.matches(Look(path))
        read_study(path)
    except AuditorError:
        return


@pytest.mark.skipif("AUDITOR_TEST_DATA" not in os.environ, reason="AUDITOR_TEST_DATA is not set")
def test_real_tables() -> None:
    folder = Path(os.environ["AUDITOR_TEST_DATA"]) / "real_dirs/optuna_eeg_gat/results"
    trials = read_study(folder / "optuna_graph_win4_fold1.csv")
    assert len(trials.hyperparameters) == 20
    assert trials.hyperparameters["0"]["hid"] == 16
    assert trials.objective.direction == "min"
    joined = optuna.matches(Look(folder / "optuna_all_trials.csv"))
    assert len(joined.parts) == 10
    assert not optuna.matches(Look(folder / "optuna_best_trials.csv")).yes
