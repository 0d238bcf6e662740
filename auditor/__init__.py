"""Grid search and overfitting audits for Keras.

    from auditor import GridSearch          # in place of keras_tuner.GridSearch
    from auditor import audit, read         # audit(read("sweeps/first"))

Names load on first use, so that importing this package costs nothing, and auditing a directory
never loads a deep learning framework.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.auditing import Audit, audit
    from auditor.checking import DataAudit, check_data
    from auditor.comparing import Comparison, compare
    from auditor.errors import AuditorError
    from auditor.readers import read
    from auditor.search import GridSearch, PlanSummary, RandomSearch
    from auditor.trials import Objective, Run, Trials

__version__ = "0.1.0"

_ROOMS = {
    "Audit": "auditor.auditing",
    "AuditorError": "auditor.errors",
    "Comparison": "auditor.comparing",
    "DataAudit": "auditor.checking",
    "GridSearch": "auditor.search",
    "Objective": "auditor.trials",
    "PlanSummary": "auditor.search",
    "RandomSearch": "auditor.search",
    "Run": "auditor.trials",
    "Trials": "auditor.trials",
    "audit": "auditor.auditing",
    "check_data": "auditor.checking",
    "compare": "auditor.comparing",
    "read": "auditor.readers",
}

__all__ = [
    "Audit",
    "AuditorError",
    "Comparison",
    "DataAudit",
    "GridSearch",
    "Objective",
    "PlanSummary",
    "RandomSearch",
    "Run",
    "Trials",
    "audit",
    "check_data",
    "compare",
    "read",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'auditor' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
