"""The search: KerasTuner's grid and random search, with curves, gaps and divergence.

Names load on first use: what starts executors is in here too, and must load no framework.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.search.plan_summary import PlanSummary
    from auditor.search.progress import Progress, Worker
    from auditor.search.tuners import GridSearch, RandomSearch

_MODULES = {
    "GridSearch": "tuners",
    "PlanSummary": "plan_summary",
    "Progress": "progress",
    "RandomSearch": "tuners",
    "Worker": "progress",
}

__all__ = ["GridSearch", "PlanSummary", "Progress", "RandomSearch", "Worker"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module 'auditor.search' has no attribute {name!r}")
    return getattr(import_module(f"auditor.search.{_MODULES[name]}"), name)
