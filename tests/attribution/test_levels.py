"""Which values are the same, and which exist at all."""

import pytest

from auditor.attribution.levels import ABSENT, encode
from auditor.trials import Condition, Hyperparameter, Run
from tests.attribution.planted import sweep


def codes(values, space=()):
    configurations = encode(sweep(values, lambda v: "ok", space=space))
    columns = zip(configurations.factors, configurations.codes.T.tolist(), strict=True)
    return {factor.name: column for factor, column in columns}


@pytest.mark.parametrize(
    ("values", "distinct"),
    [([1, 1.0], 1), ([1, True], 2), ([0, False], 2), ([1, "1"], 2), ([None, "None"], 2)],
)
def test_values_are_told_apart_by_json_type(values, distinct):
    assert len(set(codes([{"x": value} for value in values])["x"])) == distinct


def test_lists_are_values():
    assert codes([{"x": [1, 2]}, {"x": [1, 2]}, {"x": [2, 1]}])["x"] == [0, 0, 1]


def test_numbers_are_in_ascending_order_and_names_as_declared():
    space = [Hyperparameter("act", "choice", ("tanh", "relu"))]
    found = codes([{"lr": 1.0, "act": "relu"}, {"lr": 0.1, "act": "tanh"}], space)
    assert found == {"act": [1, 0], "lr": [1, 0]}


def test_a_value_without_its_parent_does_not_exist():
    space = [
        Hyperparameter("opt", "choice", ("sgd", "adam")),
        Hyperparameter("momentum", "float", conditions=(Condition("opt", ("sgd",)),)),
        Hyperparameter("decay", "float", conditions=(Condition("momentum", (0.9,)),)),
    ]
    values = [{"opt": opt, "momentum": 0.9, "decay": 0.1} for opt in ("sgd", "adam")]
    found = codes(values, space)
    assert found["momentum"] == [0, ABSENT]
    assert found["decay"] == [0, ABSENT]


def test_a_name_may_be_declared_under_several_parents():
    space = [
        Hyperparameter("opt", "choice", ("sgd", "adam", "rms")),
        Hyperparameter("lr", "float", conditions=(Condition("opt", ("sgd",)),)),
        Hyperparameter("lr", "float", conditions=(Condition("opt", ("adam",)),)),
    ]
    found = codes([{"opt": opt, "lr": 0.1} for opt in ("sgd", "adam", "rms")], space)
    assert found["lr"] == [0, 0, ABSENT]


def test_a_trial_that_was_never_started_is_no_observation():
    trials = sweep([{"x": 1}, {"x": 2}], lambda v: "ok")
    planned = {"later": {"x": 3}, **trials.hyperparameters}
    assert Run("later") not in trials.recorded
    configurations = encode(type(trials)(**{**vars_of(trials), "hyperparameters": planned}))
    assert configurations.factors[0].levels == (1, 2)


def vars_of(trials):
    return {name: getattr(trials, name) for name in ("recorded", "curves", "objective")}
