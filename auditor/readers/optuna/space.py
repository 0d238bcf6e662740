"""Distributions of Optuna, old and new: what a stored number stands for, and the search space."""

import math
from collections.abc import Mapping, Sequence

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.kerastuner.space import parse_space
from auditor.trials import Hyperparameter

_INTEGERS = {"IntDistribution", "IntUniformDistribution", "IntLogUniformDistribution"}
_LOG = {"LogUniformDistribution", "IntLogUniformDistribution"}
_CATEGORICAL = "CategoricalDistribution"
_SHORT = {"int": "IntDistribution", "float": "FloatDistribution", "categorical": _CATEGORICAL}


def kind_of(distribution: Json) -> tuple[str, Mapping[str, Json]]:
    """Class and attributes of a distribution.

    Raises:
        ReadError: It is none.
    """
    if isinstance(distribution, dict):
        name, attributes = distribution.get("name"), distribution.get("attributes")
        if isinstance(name, str) and isinstance(attributes, dict):
            return name, attributes
        short = distribution.get("type")
        if isinstance(short, str) and short in _SHORT:
            return _SHORT[short], distribution
    raise ReadError(f"{distribution!r:.100} is no distribution")


def decoded(value: Json, distribution: Json) -> Json:
    """The value that a stored number stands for: of categories it is the place of one.

    Raises:
        ReadError: It stands for none.

    Example:
        >>> decoded(1.0, {"name": "CategoricalDistribution",
        ...               "attributes": {"choices": ["sgd", "adam"]}})
        'adam'
    """
    kind, attributes = kind_of(distribution)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise ReadError(f"{value!r:.100} is not a number")
    if kind == _CATEGORICAL:
        choices = attributes.get("choices")
        if not isinstance(choices, list) or not 0 <= value < len(choices):
            raise ReadError(f"{value!r:.100} is the place of none of its choices")
        return choices[int(value)]
    return int(value) if kind in _INTEGERS else float(value)


def space_of(
    distributions: Mapping[str, Sequence[Json]],
) -> tuple[tuple[Hyperparameter, ...], list[str]]:
    """The search space: per hyperparameter all that its distributions allowed."""
    entries, complaints = [], []
    for name, alternatives in distributions.items():
        try:
            entries.append(_entry(name, alternatives))
        except (ReadError, KeyError, TypeError, ValueError, OverflowError) as error:
            complaints.append(f"the space of {name}: {error!r:.200}; it is left out")
    space, more = parse_space(entries)
    return space, complaints + more


def _entry(name: str, alternatives: Sequence[Json]) -> Json:
    """All alternatives as KerasTuner would write them."""
    kinds = [kind_of(distribution) for distribution in alternatives]
    if any(kind == _CATEGORICAL for kind, _ in kinds):
        choices: list[Json] = []
        for _, attributes in kinds:
            listed = attributes.get("choices")
            choices += [c for c in (listed if isinstance(listed, list) else []) if c not in choices]
        if len(choices) == 2 and all(isinstance(choice, bool) for choice in choices):
            return {"class_name": "Boolean", "config": {"name": name}}
        return {"class_name": "Choice", "config": {"name": name, "values": choices}}
    is_log = any(kind in _LOG or attributes.get("log") is True for kind, attributes in kinds)
    steps = [attributes.get("step", attributes.get("q")) for _, attributes in kinds]
    return {
        "class_name": "Int" if all(kind in _INTEGERS for kind, _ in kinds) else "Float",
        "config": {
            "name": name,
            "min_value": min(float(attributes["low"]) for _, attributes in kinds),
            "max_value": max(float(attributes["high"]) for _, attributes in kinds),
            "step": None if is_log or len(set(map(str, steps))) > 1 else steps[0],
            "sampling": "log" if is_log else "linear",
        },
    }
