"""What docstrings show is true: every `>>>` is run, and its value compared.

Those that train or need a browser are skipped there; README has the same, and is run.
"""

import doctest
import importlib
import itertools
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import auditor
from auditor.attribution import attribute
from auditor.attribution.cause import Confirmation, Flip
from auditor.attribution.design import find_layout
from auditor.attribution.levels import encode
from auditor.auditing import audit
from auditor.outcomes import Measured, judge
from auditor.readers import read
from auditor.scoring import score
from auditor.trials import Design, Run, Trials
from auditor.trials.on_test import WinnerOnTest
from tests.making import CASES, sweep

PACKAGE = Path(auditor.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
CONFIRMED = Confirmation("confirmed", 6, 6, (Flip("lr", 0, 6, 0.005),), 0.005)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def grid(units: int = 9, better: float = 0.0) -> Trials:
    """A full grid: a learning rate of 1 diverges, and dropout makes the gap smaller.

    Args:
        units: How many values of the units; there are eight trials for each.
        better: By how much every validation loss is smaller.
    """
    random = np.random.default_rng(0)
    curves, chosen = {}, {}
    values = itertools.product(range(1, units + 1), (0.0, 0.5), (0.001, 0.01, 0.1, 1.0))
    for number, (size, dropout, rate) in enumerate(values):
        trial = f"{number:04d}"
        chosen[trial] = {"units": 16 * size, "dropout": dropout, "lr": rate}
        loss = 0.69 * np.exp(-(rate**0.2) * np.arange(1, 11) / 9)
        gap = (0.2 - 0.24 * dropout + random.normal(0, 0.01)) * np.arange(10) / 10
        curves[trial] = {"loss": list(loss), "val_loss": list(loss + gap - better)}
        if rate == 1.0:
            curves[trial] = {"loss": [math.nan], "val_loss": [math.nan]}
    on_test = WinnerOnTest("0054", 500, {"loss": 0.412}, {"loss": 0.018})
    made = sweep(curves, on_test=on_test)
    return replace(made, hyperparameters=chosen, design=Design("grid"))


@cache
def names() -> dict[str, Any]:
    """What an example may use besides what its module has."""
    trials, draw = grid(), np.random.default_rng(0)
    outcomes = judge(trials)
    scores = score(trials, outcomes)
    configurations = encode(trials)
    attribution = attribute(trials, outcomes, scores)
    several = {Run("0003", execution): {"loss": [0.5]} for execution in range(3)}
    return {
        "read": read,
        "judge": judge,
        "score": score,
        "np": np,
        "Run": Run,
        "Measured": Measured,
        "trials": trials,
        "outcomes": outcomes,
        "scores": scores,
        "configurations": configurations,
        "layout": find_layout(trials, configurations),
        "attribution": attribution,
        "few": attribute(grid(units=1), judge(grid(units=1))),
        "cause": replace(attribution.causes[0], confirmation=CONFIRMED),
        "audit": audit(trials),
        "before": audit(trials),
        "after": audit(grid(better=0.02)),
        "seen": SimpleNamespace(trials=sweep(several)),
        "verdict": None,
        "x": draw.normal(size=(200, 3)),
        "y": np.arange(200) % 2,
        "x_validation": draw.normal(size=(100, 3)),
        "y_validation": np.arange(100) % 2,
    }


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_true(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    loaded = importlib.import_module(module)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    finder = doctest.DocTestFinder(exclude_empty=True)
    told: list[str] = []
    for example in finder.find(loaded, globs=names() | vars(loaded)):
        runner.run(example, out=told.append)
    assert not runner.failures, "".join(told)
