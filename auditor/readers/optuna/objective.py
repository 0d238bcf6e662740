"""What a study of Optuna optimised: it stores a direction at most, and rarely a name."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from auditor.files import Json
from auditor.readers.metrics import direction_of, keras_name
from auditor.readers.table.layout import is_metric
from auditor.trials import Direction, Objective, role

if TYPE_CHECKING:
    from auditor.readers.optuna.study import StudyTrial

OBJECTIVE = "objective"
"""Name of what was optimised where nothing tells."""

SERIES = "reported"
"""Name of the values reported by step where they are not what was optimised."""

METRIC_NAMES = "study:metric_names"
"""The system attribute of `Study.set_metric_names`."""

FEWEST_FOR_TREND, TREND_P = 20, 0.01
"""Completed trials, and the p-value of a rank correlation with their order, from which a trend of
the values tells the direction of a search that learns."""

_ATTRIBUTES = (
    "metric",
    "metric_name",
    "objective",
    "objective_name",
    "monitor",
    "objective_metric",
)
_SUFFIX = re.compile(r"_?(history|histories|curve|per_epoch|by_epoch|list|values)$|(?<=loss)es$")


def named(name: str) -> str | None:
    """The metric that a list is called after: "val_loss" for "val_losses" or "val_loss_history".

    Example:
        >>> named("train_loss_history"), named("val_losses"), named("layers")
        ('loss', 'val_loss', None)
    """
    bare = _SUFFIX.sub("", name)
    return keras_name(bare) if bare and is_metric(bare) else None


def objective_of(
    directions: Sequence[Direction | None],
    user_attrs: Mapping[str, Json],
    system_attrs: Mapping[str, Json],
    trials: "Sequence[StudyTrial]",
) -> Objective:
    """The objective of a study; of several, the multi-objective of them."""
    count = max(len(directions), 1, *(max(t.values, default=-1) + 1 for t in trials), 0)
    given = system_attrs.get(METRIC_NAMES)
    names = [keras_name(n) for n in given if isinstance(n, str)] if isinstance(given, list) else []
    if count > 1:
        if len(set(names)) != count:
            names = [f"{OBJECTIVE}_{place}" for place in range(count)]
        parts = [
            _with_direction(name, directions[i] if i < len(directions) else None, "", trials, i)
            for i, name in enumerate(names)
        ]
        return Objective("multi_objective", "min", "the study has several", tuple(parts))
    stored = directions[0] if directions else None
    name, known = (names[0], "the study names it") if names else _name(user_attrs, trials)
    return _with_direction(name, stored, known, trials, 0)


def _with_direction(
    name: str, stored: Direction | None, known: str, trials: "Sequence[StudyTrial]", place: int
) -> Objective:
    if stored is not None:
        return Objective(name, stored, f"{known}; the study stores its direction".lstrip("; "))
    direction, why = _direction(name, trials, place)
    return Objective(name, direction, "; ".join(filter(None, [known, why])))


def _name(user_attrs: Mapping[str, Json], trials: "Sequence[StudyTrial]") -> tuple[str, str]:
    """The name as the study's own attributes, or equal values, tell it."""
    for key in _ATTRIBUTES:
        value = user_attrs.get(key)
        if isinstance(value, str) and is_metric(value):
            return keras_name(value), f"the study's attribute {key} names it"
    done = [t for t in trials if t.state in ("COMPLETE", "") and 0 in t.values]
    if len(done) > 1:
        shared = set.intersection(*({n for n in t.user_attrs if is_metric(n)} for t in done))
        same = [n for n in shared if all(_equal(t.user_attrs[n], t.values[0]) for t in done)]
        if same:
            name = min(same, key=lambda n: (role(keras_name(n)) != "validation", n))
            return keras_name(name), f"{name} equals the value in all {len(done)} trials"
    return OBJECTIVE, "Optuna does not store its name"


def _direction(name: str, trials: "Sequence[StudyTrial]", place: int) -> tuple[Direction, str]:
    """The direction where none is stored, and why."""
    ask = f"say --objective {name}:min or {name}:max"
    if is_metric(name):
        return direction_of(name), f"its direction is assumed by its name; {ask}"
    values = [t.values[place] for t in trials if t.state == "COMPLETE" and place in t.values]
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) >= FEWEST_FOR_TREND and len(set(finite)) > 1:
        # Loads slowly, and few stores need it.
        from scipy.stats import spearmanr

        trend, p = spearmanr(np.arange(len(finite)), finite)
        if p < TREND_P:
            words = ("larger", "maximises") if trend > 0 else ("smaller", "minimises")
            why = f"later trials have {words[0]} values, as in a search that {words[1]}; {ask}"
            return ("max" if trend > 0 else "min"), f"its direction is inferred: {why}"
    return "min", f"its direction is assumed: Optuna minimises unless told otherwise; {ask}"


def series_name(objective: Objective, trials: "Sequence[StudyTrial]") -> str:
    """What the values reported by step are called: the objective, if results came from them."""
    if objective.components:
        return SERIES
    done = [t for t in trials if t.state == "COMPLETE" and t.intermediate and 0 in t.values]
    if not done:
        return objective.name
    taken = sum(any(_equal(v, t.values[0]) for v in t.intermediate.values()) for t in done)
    return objective.name if 2 * taken >= len(done) else SERIES


def _equal(value: Json, other: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return value == other or math.isclose(value, other, rel_tol=1e-6) or value != value != other
    except OverflowError:
        return False
