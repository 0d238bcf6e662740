"""What goes with failures only because it goes with a cause is explained away."""

import numpy as np
import pytest

from auditor.attribution.atoms import find_atoms
from auditor.attribution.levels import encode
from auditor.attribution.support import look_inside
from tests.attribution.planted import diverging, log_uniform, named, sweep


def following(count, seed=0, noise=0.1):
    """A bystander that rises with the learning rate."""
    random = np.random.default_rng(seed)
    rates = [log_uniform(random, 1e-4, 1.0) for _ in range(count)]
    return [
        {"lr": lr, "shadow": float(np.log10(lr) + noise * random.normal()), "x": i % 3}
        for i, lr in enumerate(rates)
    ]


def p_of_shadow(held):
    values = following(200, noise=1.0)
    atoms = find_atoms(encode(sweep(values, lambda v: "ok")))
    rates = np.array([v["lr"] >= 0.1 for v in values], float)
    names = ["lr", "shadow", "x"]
    high = max(
        (i for i, c in enumerate(atoms.conditions) if c.operator == ">=" and atoms.searched[i]),
        key=lambda i: (names[atoms.factor[i]] == "shadow", atoms.conditions[i].value),
    )
    found = look_inside(atoms, rates, np.ones(200, bool), tuple(map(names.index, held)))
    return found.p_of(high)


def test_a_shadow_goes_with_failures_until_its_cause_is_held_equal():
    assert p_of_shadow(held=[]) <= 0.01
    assert p_of_shadow(held=["lr"]) > 0.1


def test_a_condition_that_cannot_be_compared_has_p_1():
    assert p_of_shadow(held=["shadow"]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_shadow_is_not_named_beside_its_cause(seed):
    random = np.random.default_rng(seed)
    values = following(200, seed, noise=0.7)
    found = named(diverging(lambda v: v["lr"] >= 0.1 and random.random() < 0.9, values, "adaptive"))
    assert [name.split()[0] for name in found] == ["lr"]


def test_what_cannot_be_told_apart_is_named_together():
    values = [{"lr": 10.0 ** (i % 3), "shadow": i % 3, "x": i} for i in range(60)]
    values[0]["shadow"] = 2  # all that tells the two apart is one trial
    ends = iter([True, True, False] * 7)
    (cause,) = diverging(lambda v: v["lr"] == 100 and next(ends), values, "adaptive").causes
    assert cause.conditions[0].hyperparameter == "lr"
    assert "; shadow = 2 explains as much, and cannot be told apart from it; " in cause.sentence
