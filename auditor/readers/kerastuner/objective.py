"""Which metric a KerasTuner search ranked by: its files do not say, but the scores do."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from auditor.readers.kerastuner.trial_json import TrialFile
from auditor.trials import Direction, Objective, role

MOST_PARTS = 3
"""A multi-objective of more parts than this is not looked for: chance matches would win."""


def infer_objective(trials: Sequence[TrialFile]) -> Objective:
    """The metric whose value equals the score in every trial that has one.

    Where several match (a training metric equal to its validation twin, or a single trial), a
    validation metric is preferred. `known_from` says what was found.
    """
    scored = [t for t in trials if t.score is not None and not math.isnan(t.score) and t.metrics]
    if not scored:
        return _assumed(trials, "no trial has a score and metrics")
    shared = [n for n in scored[0].metrics if all(n in trial.metrics for trial in scored)]
    matching = [n for n in shared if all(_same(t.metrics[n], t.score) for t in scored)]
    if not matching:
        return _multi_objective(scored, shared) or _assumed(trials, "the score equals no metric")
    name = sorted(matching, key=lambda n: (role(n) != "validation", n))[0]
    others = [other for other in matching if other != name]
    also = f"; so does {', '.join(others)}" if others else ""
    return Objective(
        name, direction(trials, name), f"{name} equals the score in {_all(scored)}{also}"
    )


def direction(trials: Sequence[TrialFile], name: str) -> Direction:
    """The direction that most trials give for a metric; KerasTuner's default is "min"."""
    counts = Counter(trial.directions[name] for trial in trials if name in trial.directions)
    return counts.most_common(1)[0][0] if counts else "min"


def _multi_objective(scored: Sequence[TrialFile], shared: list[str]) -> Objective | None:
    """The few metrics whose sum, those to maximise subtracted, is the score of every trial."""
    # With a single trial, or a dozen metrics, some sum fits by chance.
    if len(scored) < 2 or len(shared) > 12:
        return None
    for size in range(2, MOST_PARTS + 1):
        for names in combinations(sorted(shared, key=lambda n: role(n) != "validation"), size):
            parts = tuple(Objective(n, direction(scored, n), "the score") for n in names)
            if all(_same(_total(trial, parts), trial.score) for trial in scored):
                known = f"the sum of {', '.join(names)} equals the score in {_all(scored)}"
                return Objective("multi_objective", "min", known, parts)
    return None


def _total(trial: TrialFile, parts: tuple[Objective, ...]) -> float:
    return sum((1 if p.direction == "min" else -1) * trial.metrics[p.name] for p in parts)


def _assumed(trials: Sequence[TrialFile], why: str) -> Objective:
    names = sorted({name for trial in trials for name in trial.metrics})
    name = next((n for n in ("val_loss", *names) if n in names), "val_loss")
    return Objective(name, direction(trials, name), f"assumed: {why}")


def _same(value: float, score: float | None) -> bool:
    # Scores that came over KerasTuner's network are single precision.
    return score is not None and (value == score or math.isclose(value, score, rel_tol=1e-6))


def _all(scored: Sequence[TrialFile]) -> str:
    return "the one trial that has one" if len(scored) == 1 else f"all {len(scored)} trials"
