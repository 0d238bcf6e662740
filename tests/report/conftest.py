"""Audits that every renderer must show: a real-looking sweep, and the awkward ones."""

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditor.attribution.cause import Attribution, Cause, Condition, Rescue, Tally
from auditor.auditing import Audit, audit
from auditor.diagnosis.finding import Check, Evidence, Finding
from auditor.trials import (
    CURVE_COLUMNS,
    Design,
    Objective,
    Problem,
    Provenance,
    Recorded,
    Run,
    Trials,
    empty_curves,
)
from auditor.trials.records import Context

HOSTILE = "</script><script>window.hacked=1</script><b onclick='x'>\"&\x1b[31m\u202e\u2028[red]"
"""Ends scripts and attributes, colours terminals, turns text around, and is rich markup."""

EPOCHS = 20


def sweep(executions: int = 1) -> Trials:
    """12 trials: sigmoid at lr = 1 overfits, relu at lr = 1 diverges, one crashes."""
    values, recorded, rows = {}, {}, []
    grid = product((0.01, 0.1, 1.0), ("relu", "sigmoid"), (16, 64))
    for i, (lr, activation, units) in enumerate(grid):
        trial = f"{i:04d}"
        values[trial] = {"lr": lr, "activation": activation, "units": units, "batch_size": 32}
        for execution in range(executions):
            run = Run(trial, execution)
            if i == 4:
                recorded[run] = Recorded("failed", "Traceback\nValueError: <b>no</b>", seconds=0.4)
                continue
            recorded[run] = Recorded("completed", seconds=3.0)
            curves = _curves(lr, activation, units, np.random.default_rng([i, execution]))
            rows += [
                (*run, epoch, metric, value)
                for metric, line in curves.items()
                for epoch, value in enumerate(line)
            ]
    curves_table = pd.DataFrame(rows, columns=list(CURVE_COLUMNS))
    context = Context(no_skill_loss=math.log(2), no_skill_from="entropy of the labels")
    origin = Provenance("auditor", "0.1.0", "sweeps/first", ("sweep.json",), {"keras": "3.15.0"})
    design = Design("grid", 7, executions, EPOCHS)
    objective = Objective("val_loss", "min", "sweep.json")
    return Trials(values, recorded, curves_table, objective, (), design, context, origin)


def _curves(lr: float, activation: str, units: int, rng: np.random.Generator) -> dict[str, Any]:
    epochs = np.arange(EPOCHS)
    noise = rng.normal(0, 0.002, EPOCHS)
    train = 0.2 + 0.4 * np.exp(-epochs / 4) + noise + lr / 50 + units / 4000
    validation = train + 0.03
    if lr == 1.0 and activation == "sigmoid":
        validation = 0.6 + 0.1 * epochs + noise
    if lr == 1.0 and activation == "relu":
        train = np.where(epochs < 3, 0.7 * 2.0**epochs, np.nan)
        validation = train * 1.1
    return {"loss": train, "val_loss": validation}


def tally(outcome: str, failing: int, total: int, *tests: Condition, added: Any = None) -> Tally:
    return Tally(outcome, tests, failing, total, 1, 12 - total, added)


def judged(audited: Audit) -> Audit:
    """The audit with findings and causes made by hand, so that its words are known."""
    lr, sigmoid = Condition("lr", "==", 1.0), Condition("activation", "==", "sigmoid")
    finding = Finding(
        "AUD901",
        "Made-up warning",
        "warning",
        ("0010",),
        (Run("0010"),),
        "trial 0010: got worse from epoch 2 on",
        (Evidence("onset, from 0", 1, "epoch"), Evidence("rise", 0.5, "", 0.05)),
        "Stop early.",
        "high",
    )
    cause = Cause(
        *("overfit", (lr, sigmoid), tally("overfit", 2, 2, lr, sigmoid)),
        *(0.9, (0.4, 1.0), 0.01, "but-for", (Rescue("lr", 2, 2, 2),)),
        "lr = 1.0 with activation = sigmoid: 2 of 2 overfit",
    )
    attribution = Attribution(
        *("full grid", 12),
        (tally("overfit", 2, 4, lr), tally("diverged", 2, 4, lr), tally("overfit", 2, 6, sigmoid)),
        (tally("overfit", 2, 2, lr, sigmoid, added=0.75),),
        (cause,),
        ("Only counts are claimed.",),
    )
    checks = (
        Check("AUD901", "Made-up warning", "found", "", 1),
        Check("AUD902", "Made-up pass", "passed"),
        Check("AUD903", "Made-up blank", "not applicable", "nothing was recorded"),
    )
    others = replace(finding, code="AUD904", title="Made-up error", severity="error")
    return replace(
        audited,
        findings=(finding, replace(finding, trials=("0011",), runs=(Run("0011"),)), others),
        checks=checks,
        attribution=attribution,
    )


def without_curves() -> Trials:
    recorded = {
        Run(f"t{i}"): Recorded(
            "completed",
            best_epoch=i,
            metrics={"loss": 0.4 + i / 10, "val_loss": 0.5 + i / 10},
            score=0.5 + i / 10,
        )
        for i in range(3)
    }
    values = {run.trial_id: {"lr": 10.0**-i} for i, run in enumerate(recorded)}
    return Trials(values, recorded, empty_curves(), Objective("val_loss"))


def one_trial() -> Trials:
    rows = [("only", 0, 0, 0, "loss", 0.5), ("only", 0, 0, 0, "val_loss", 0.6)]
    curves = pd.DataFrame(rows, columns=list(CURVE_COLUMNS))
    recorded = {Run("only"): Recorded("completed")}
    return Trials({"only": {"lr": 0.1}}, recorded, curves, Objective("val_loss"))


def hostile() -> Audit:
    """A hostile name, message or value in every place that a stranger's directory can fill."""
    good, bad = Run(HOSTILE), Run(f"{HOSTILE}2")
    rows = [
        (*good, epoch, metric, 0.7 - epoch / 50 + (metric == HOSTILE) / 10)
        for epoch in range(6)
        for metric in ("loss", "val_loss", HOSTILE, f"val_{HOSTILE}")
    ]
    values = {good.trial_id: {HOSTILE: HOSTILE, "b": 1}, bad.trial_id: {HOSTILE: "x", "b": 2}}
    recorded = {good: Recorded("completed"), bad: Recorded("failed", HOSTILE)}
    problem = Problem(HOSTILE, HOSTILE, HOSTILE)
    origin = Provenance(
        *(HOSTILE, HOSTILE, HOSTILE, (HOSTILE,)),
        *({HOSTILE: HOSTILE}, (HOSTILE,), (problem,)),
    )
    curves = pd.DataFrame(rows, columns=list(CURVE_COLUMNS))
    objective = Objective(f"val_{HOSTILE}", "min", HOSTILE)
    context = Context(lane={good: HOSTILE, bad: "fit"}, why_alone={bad.trial_id: HOSTILE})
    audited = audit(Trials(values, recorded, curves, objective, context=context, provenance=origin))
    first, second = Condition(HOSTILE, "==", HOSTILE), Condition("b", "==", 1)
    made = judged(audited)
    finding = replace(
        made.findings[0],
        title=HOSTILE,
        trials=(good.trial_id,),
        runs=(good,),
        sentence=HOSTILE,
        evidence=(Evidence(HOSTILE, math.nan, HOSTILE, math.inf),),
        remedy=HOSTILE,
    )
    counts = tally("crashed", 1, 2, first, second, added=0.5)
    cause = replace(made.causes[0], outcome="crashed", conditions=(first, second), counts=counts)
    return replace(
        audited,
        findings=(finding, replace(finding, severity="tip"), replace(finding, code="AUD905")),
        checks=(Check("AUD901", HOSTILE, "not applicable", HOSTILE),),
        attribution=Attribution(
            *("full grid", 2, (tally("crashed", 1, 2, first),), (counts,)),
            *((replace(cause, sentence=HOSTILE),), (HOSTILE,)),
        ),
    )


def all_audits() -> Mapping[str, Audit]:
    return {
        "real": audit(sweep()),
        "full": judged(audit(sweep())),
        "three executions": judged(audit(sweep(executions=3))),
        "without curves": audit(without_curves()),
        "one trial": audit(one_trial()),
        "empty": audit(Trials({}, {}, empty_curves(), Objective("val_loss"))),
        "hostile": hostile(),
    }


@pytest.fixture(scope="session")
def audits() -> Mapping[str, Audit]:
    return all_audits()


@pytest.fixture(scope="session")
def full(audits: Mapping[str, Audit]) -> Audit:
    return audits["full"]


@pytest.fixture(scope="session")
def hostile_text() -> str:
    return HOSTILE
