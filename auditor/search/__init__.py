"""The search: KerasTuner's grid and random search, with curves, gaps and divergence."""

from auditor.search.progress import Progress
from auditor.search.tuners import GridSearch, RandomSearch

__all__ = ["GridSearch", "Progress", "RandomSearch"]
