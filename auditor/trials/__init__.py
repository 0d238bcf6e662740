"""The data model: what was observed, apart from what is judged."""

from auditor.trials.chunks import CHUNKS, Chunks
from auditor.trials.data_checks import NEAR, DataChecks
from auditor.trials.model import Matrix, Trials
from auditor.trials.model_facts import ModelFacts
from auditor.trials.on_test import RunOnTest, WinnerOnTest
from auditor.trials.predictions import Confusion, Deviations, Mistake, Predictions
from auditor.trials.records import (
    CLEAN_PREFIX,
    CURVE_COLUMNS,
    Condition,
    Context,
    Coverage,
    Design,
    Direction,
    Hyperparameter,
    Objective,
    Problem,
    Provenance,
    Recorded,
    Role,
    Run,
    Status,
    empty_curves,
    is_series,
    role,
    twin,
)
from auditor.trials.tables import Column, Curve

__all__ = [
    "CHUNKS",
    "CLEAN_PREFIX",
    "CURVE_COLUMNS",
    "NEAR",
    "Chunks",
    "Column",
    "Condition",
    "Confusion",
    "Context",
    "Coverage",
    "Curve",
    "DataChecks",
    "Design",
    "Deviations",
    "Direction",
    "Hyperparameter",
    "Matrix",
    "Mistake",
    "ModelFacts",
    "Objective",
    "Predictions",
    "Problem",
    "Provenance",
    "Recorded",
    "Role",
    "Run",
    "RunOnTest",
    "Status",
    "Trials",
    "WinnerOnTest",
    "empty_curves",
    "is_series",
    "role",
    "twin",
]
