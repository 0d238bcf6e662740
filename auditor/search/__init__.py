"""The search: KerasTuner's grid and random search, with curves, gaps and divergence."""

from auditor.search.tuners import GridSearch, Progress, RandomSearch

__all__ = ["GridSearch", "Progress", "RandomSearch"]
