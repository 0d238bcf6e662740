"""Conditions are chosen from the values alone."""

import numpy as np
import pytest

from auditor.attribution.atoms import find_atoms
from auditor.attribution.levels import encode
from auditor.trials import Hyperparameter
from tests.attribution.planted import log_uniform, sweep


def atoms(values, space=()):
    return find_atoms(encode(sweep(values, lambda v: "ok", space=space)))


def texts(found, listed=True):
    return [
        f"{c.operator} {c.value}"
        for c, is_listed in zip(found.conditions, found.listed, strict=True)
        if is_listed == listed
    ]


@pytest.mark.parametrize(
    ("values", "listed", "thresholds"),
    [
        (["b", "a", "b"], ["== b", "== a"], []),
        ([True, False, True], ["== True", "== False"], []),
        ([2, 1, 2, 1], ["== 1", "== 2"], []),
        ([1, 2, 3] * 2, ["== 1", "== 2", "== 3"], [">= 2", "<= 2"]),
        ([1, "none"] * 2, ["== 1", "== none"], []),
        ([7, 7, 7], [], []),
    ],
)
def test_few_values_are_compared_one_by_one(values, listed, thresholds):
    found = atoms([{"x": value} for value in values])
    assert texts(found) == listed
    assert texts(found, listed=False) == thresholds


def test_a_choice_without_order_has_no_thresholds():
    space = [Hyperparameter("x", "choice", (1, 2, 3), ordered=False)]
    assert texts(atoms([{"x": i} for i in (1, 2, 3)] * 2, space), listed=False) == []


def test_many_numbers_are_cut_into_bins_of_equal_size():
    random = np.random.default_rng(0)
    found = atoms([{"lr": log_uniform(random, 1e-4, 1.0)} for _ in range(200)])
    searched = found.met[:, found.searched]
    assert searched.sum(axis=0).tolist() == [50, 150, 100, 100, 150, 50]
    cuts = [c.value for c in found.conditions if c.operator == ">="][:3]
    assert np.log10(cuts) == pytest.approx([-3, -2, -1], abs=0.3)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (0.1234567, ["<= 10.0", ">= 10.0", "<= 20.0", ">= 20.0", "<= 30.0", ">= 30.0"]),
        (1, ["<= 10", ">= 11", "<= 20", ">= 21", "<= 30", ">= 31"]),
    ],
)
def test_cuts_are_numbers_no_longer_than_needed(first, expected):
    assert texts(atoms([{"x": first + i} for i in range(40)])) == expected


def test_cuts_between_powers_of_ten_are_halfway_on_the_logarithmic_scale():
    found = texts(atoms([{"lr": 10.0**-i} for i in range(12)]))
    assert found[2:4] == ["<= 3e-06", ">= 3e-06"]


def test_conditions_hold_for_the_very_values_they_are_about():
    random = np.random.default_rng(1)
    values = [log_uniform(random, 1e-6, 1e3) for _ in range(100)]
    found = atoms([{"x": value} for value in values])
    for condition, met in zip(found.conditions, found.met.T, strict=True):
        side = np.greater_equal if condition.operator == ">=" else np.less_equal
        np.testing.assert_array_equal(met, side(values, condition.value))


def test_absent_values_meet_no_condition():
    found = atoms([{"x": 1}, {}, {"x": 2}, {"x": 3}, {"x": 1}, {"x": 2}, {"x": 3}])
    assert not found.met[1].any()
    assert not found.active[1].any()
    assert found.active[[0, *range(2, 7)]].all()


def test_a_label_is_not_compared():
    found = atoms([{"path": f"runs/{i}", "x": i % 2} for i in range(60)])
    assert {c.hyperparameter for c in found.conditions} == {"x"}
