"""The search: KerasTuner's grid and random search, with curves, gaps and divergence."""

from auditor.search.plan_summary import PlanSummary
from auditor.search.progress import Progress, Worker
from auditor.search.tuners import GridSearch, RandomSearch

__all__ = ["GridSearch", "PlanSummary", "Progress", "RandomSearch", "Worker"]
