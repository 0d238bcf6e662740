"""Small `Trials` made by hand, for any test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from auditor.trials import CURVE_COLUMNS, Context, Objective, Recorded, Run, Trials, empty_curves

CASES = Path(__file__).parent / "data" / "cases"
Curves = Mapping[str, Sequence[float] | Mapping[int, float]]


def table(curves: Mapping[Run, Curves]) -> pd.DataFrame:
    """Curves by run and metric: a list from epoch 0 on, or a mapping from epoch to value."""
    rows = [
        (*run, epoch, metric, float(value))
        for run, metrics in curves.items()
        for metric, values in metrics.items()
        for epoch, value in (values.items() if isinstance(values, Mapping) else enumerate(values))
    ]
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS)) if rows else empty_curves()


def sweep(
    curves: Mapping[str | Run, Curves],
    objective: str | Objective = "val_loss",
    recorded: Mapping[str | Run, Recorded] | None = None,
    series: Mapping[str | Run, Curves] | None = None,
    provenance: Any = None,
    **context: Any,
) -> Trials:
    """Trials with these curves; what the tool said defaults to "completed"."""
    keyed = {_run(key): value for key, value in curves.items()}
    told = {_run(key): value for key, value in (recorded or {}).items()}
    runs = dict.fromkeys([*keyed, *told])
    more = {_run(key): value for key, value in (series or {}).items()}
    return Trials(
        hyperparameters={run.trial_id: {} for run in runs},
        recorded={run: told.get(run, Recorded("completed")) for run in runs},
        curves=table(keyed),
        objective=objective if isinstance(objective, Objective) else Objective(objective),
        context=Context(series=table(more), **context),
        **({} if provenance is None else {"provenance": provenance}),
    )


def case(name: str) -> Curves:
    """The learning curves of a published question, epochs as they were logged but from 0."""
    logged = pd.read_csv(CASES / f"{name}.csv").set_index("epoch")
    return {str(metric): logged[metric].to_dict() for metric in logged}


def _run(key: str | Run) -> Run:
    return key if isinstance(key, Run) else Run(key)
