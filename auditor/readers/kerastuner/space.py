"""A search space as KerasTuner writes it, and which values are active in it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from auditor.files import Json
from auditor.trials import Condition, Hyperparameter

MOST_VALUES = 1000
"""A stepped range with more values than this is kept as a range only."""

TUNER_PREFIX = "tuner/"
"""Names that Hyperband adds to the values for its own bookkeeping; not hyperparameters."""


def parse_space(entries: Iterable[Json]) -> tuple[tuple[Hyperparameter, ...], list[str]]:
    """The hyperparameters, and a sentence for each entry that is none.

    Example:
        >>> parse_space([{"class_name": "Boolean", "config": {"name": "bias"}}])[0][0].values
        (True, False)
    """
    space, complaints = [], []
    for entry in entries:
        try:
            hyperparameter = _parse(entry["class_name"], entry["config"])
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            complaints.append(f"not a KerasTuner hyperparameter: {entry!r:.120} ({error!r:.120})")
            continue
        if not hyperparameter.name.startswith(TUNER_PREFIX):
            space.append(hyperparameter)
    return tuple(space), complaints


def active_values(values: Mapping[str, Json], space: Sequence[Hyperparameter]) -> dict[str, Json]:
    """The values without those whose conditions do not hold."""
    entries: dict[str, list[Hyperparameter]] = {}
    for hyperparameter in space:
        entries.setdefault(hyperparameter.name, []).append(hyperparameter)
    return {
        name: value
        for name, value in values.items()
        if name not in entries or any(_is_active(entry, values) for entry in entries[name])
    }


def _is_active(entry: Hyperparameter, values: Mapping[str, Json]) -> bool:
    return all(c.name in values and values[c.name] in c.values for c in entry.conditions)


def _parse(kind: str, config: Mapping[str, Any]) -> Hyperparameter:
    name = config["name"]
    if not isinstance(name, str):
        raise TypeError(f"its name is {name!r}")
    conditions = tuple(
        Condition(str(c["config"]["name"]), tuple(c["config"]["values"]))
        for c in config.get("conditions") or ()
    )
    match kind:
        case "Choice":
            values = tuple(config["values"])
            ordered = bool(config.get("ordered"))
            return Hyperparameter(name, "choice", values, ordered=ordered, conditions=conditions)
        case "Boolean":
            return Hyperparameter(name, "boolean", (True, False), conditions=conditions)
        case "Fixed":
            return Hyperparameter(name, "fixed", (config["value"],), conditions=conditions)
        case "Int" | "Float":
            return _number(name, kind == "Int", config, conditions)
    raise ValueError(f"its class is {kind!r}")


def _number(
    name: str, whole: bool, config: Mapping[str, Any], conditions: tuple[Condition, ...]
) -> Hyperparameter:
    low, high = float(config["min_value"]), float(config["max_value"])
    sampling = config.get("sampling") or "linear"
    step = config.get("step")
    # Only an Int on a linear scale has a step of its own accord.
    step = float(step) if step is not None else (1.0 if whole and sampling == "linear" else None)
    values = _steps(low, high, step, sampling)
    return Hyperparameter(
        name,
        "int" if whole else "float",
        tuple(int(value) for value in values) if whole else values,
        low,
        high,
        step,
        sampling,
        ordered=True,
        conditions=conditions,
    )


def _steps(low: float, high: float, step: float | None, sampling: str) -> tuple[float, ...]:
    """All values of a stepped range, as KerasTuner counts them; empty where it is continuous."""
    if step is None or step <= 0 or high < low or not math.isfinite(high - low):
        return ()
    if sampling == "linear":
        count = int((high - low) / step + 1e-8) + 1
        return tuple(low + i * step for i in range(count)) if count <= MOST_VALUES else ()
    if step <= 1 or low <= 0:
        return ()
    count = int(math.log(high / low, step) + 1e-8) + 1
    values = tuple(low * step**i for i in range(count)) if count <= MOST_VALUES else ()
    if sampling == "reverse_log":
        return tuple(high + low - value for value in values)
    return values
