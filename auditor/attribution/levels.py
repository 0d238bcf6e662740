"""Configurations as small integers: one code per value, -1 where a hyperparameter does not exist.

The words are those of experimental design: a factor is a hyperparameter, its levels are the values
that were tried.
"""

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.files import Json, to_json
from auditor.trials import Condition, Hyperparameter, Trials

ABSENT = -1
"""Code of a hyperparameter that is inactive, or that the build never read."""


class Factor(NamedTuple):
    """One hyperparameter as it was tried.

    Attributes:
        name: Its name.
        levels: Its distinct values: numbers in ascending order, others as declared or first seen.
        ordered: Whether they are finite numbers whose order means something.
        listed: Whether the space lists its values, rather than giving a range.
    """

    name: str
    levels: tuple[Json, ...]
    ordered: bool
    listed: bool


@dataclass(frozen=True, eq=False)
class Configurations:
    """The configurations of all trials that were started.

    Attributes:
        trials: Their ids.
        factors: The hyperparameters that at least one of them has, in the order of the space.
        codes: Position of each value among its factor's levels, or `ABSENT`; (trial, factor).
    """

    trials: tuple[str, ...]
    factors: tuple[Factor, ...]
    codes: NDArray[np.intp]

    @property
    def varied(self) -> NDArray[np.bool_]:
        """Whether each factor differs between any two trials; shape (factor,)."""
        if not len(self.codes):
            return np.zeros(len(self.factors), bool)
        return np.asarray((self.codes != self.codes[0]).any(axis=0))


def encode(trials: Trials) -> Configurations:
    """The configurations of all trials that were started.

    A value whose declared parent rules it out does not exist, even where the tool recorded one.
    """
    started = tuple(trial for trial, runs in trials.runs_of.items() if runs)
    declared: dict[str, list[Hyperparameter]] = {}
    for hyperparameter in trials.space:
        declared.setdefault(hyperparameter.name, []).append(hyperparameter)
    rows = [_active(trials.hyperparameters[trial], declared) for trial in started]
    seen = {name for row in rows for name in row}
    names = [name for name in dict.fromkeys([*declared, *_names(rows)]) if name in seen]
    columns = [_column(name, rows, declared.get(name, [])) for name in names]
    codes = np.array([codes for _, codes in columns], np.intp).reshape(len(names), len(rows)).T
    return Configurations(started, tuple(factor for factor, _ in columns), codes)


def configurations_of(trials: Trials) -> dict[str, dict[str, Json]]:
    """The values that exist, of all trials that were started; as `encode` has them."""
    found = encode(trials)
    return {
        trial: {
            factor.name: factor.levels[code]
            for factor, code in zip(found.factors, codes, strict=True)
            if code != ABSENT
        }
        for trial, codes in zip(found.trials, found.codes.tolist(), strict=True)
    }


def identity(value: Json) -> Hashable:
    """What makes two values the same: 1 is 1.0, but neither is True or "1".

    Example:
        >>> identity(1) == identity(1.0), identity(1) == identity(True)
        (True, False)
    """
    match value:
        case str():
            return value
        case bool():
            return ("boolean", value)
        case int() | float():
            return ("number", "NaN" if math.isnan(value) else value)
    return ("other", to_json(value))


def _names(rows: Iterable[Mapping[str, Json]]) -> list[str]:
    return [name for row in rows for name in row]


def _active(
    values: Mapping[str, Json], declared: Mapping[str, list[Hyperparameter]]
) -> Mapping[str, Json]:
    """The values that exist. A name may be declared several times, under different parents."""
    inactive: set[str] = set()
    for name, places in declared.items():
        if not any(all(_met(c, values, inactive) for c in h.conditions) for h in places):
            inactive.add(name)
    return {n: v for n, v in values.items() if n not in inactive} if inactive else values


def _met(condition: Condition, values: Mapping[str, Json], inactive: set[str]) -> bool:
    if condition.name in inactive:
        return False
    # A parent that was never recorded cannot rule its child out.
    return condition.name not in values or identity(values[condition.name]) in {
        identity(value) for value in condition.values
    }


def _column(
    name: str, rows: list[Mapping[str, Json]], declared: list[Hyperparameter]
) -> tuple[Factor, list[int]]:
    """A factor, and the code of each trial."""
    keys = [identity(row[name]) if name in row else None for row in rows]
    values = {key: row[name] for key, row in zip(keys, rows, strict=True) if key is not None}
    ordered = all(map(_is_finite_number, values.values())) and not any(
        h.kind == "choice" and not h.ordered for h in declared
    )
    if ordered:
        levels = sorted(values, key=values.__getitem__)
    else:
        listed = [identity(value) for h in declared for value in h.values]
        levels = [key for key in dict.fromkeys([*listed, *values]) if key in values]
    code = {key: position for position, key in enumerate(levels)}
    factor = Factor(
        name, tuple(values[key] for key in levels), ordered, any(h.values for h in declared)
    )
    return factor, [ABSENT if key is None else code[key] for key in keys]


def _is_finite_number(value: Json) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
