"""The data model: what was observed, apart from what is judged."""

from auditor.trials.model import Matrix, Trials
from auditor.trials.records import (
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
    role,
    twin,
)
from auditor.trials.tables import Curve

__all__ = [
    "CURVE_COLUMNS",
    "Condition",
    "Context",
    "Coverage",
    "Curve",
    "Design",
    "Direction",
    "Hyperparameter",
    "Matrix",
    "Objective",
    "Problem",
    "Provenance",
    "Recorded",
    "Role",
    "Run",
    "Status",
    "Trials",
    "empty_curves",
    "role",
    "twin",
]
