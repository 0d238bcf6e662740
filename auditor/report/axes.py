"""Hyperparameters and scores as places on axes: what the picture of all settings shows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from auditor.attribution.association import find_association
from auditor.files import Json, to_json
from auditor.outcomes import FAILURES, Outcome
from auditor.report.curves import LOG_RATIO
from auditor.report.numbers import number, setting

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_AXES = 7
"""Hyperparameters; more lines of labels are not read."""

MOST_LEVELS = 9
"""Distinct values up to which each has a place of its own on its axis."""

MOST_LINES = 240
"""Trials that are drawn: the best, failed ones, and others evenly over the ranks."""

BEST = 10
"""Trials drawn in front of the others."""

BAND = 0.8
"""Part of the distance between two values over which the trials with a value are spread, in the
order of their rank: else all lines of a grid would lie on a few."""

TICKS = 5
"""Labels of an axis whose values have no places of their own."""

KNOWN = 0.84
"""Part of an axis for the known numbers, where some trials have none."""

ABSENT, OTHERS, NO_SCORE = "not set", "others", "none"


@dataclass(frozen=True)
class Axis:
    """One axis, from 0 to 1.

    Attributes:
        name: What is on it.
        places: Per trial.
        labels: Pairs of a place and what stands there.
    """

    name: str
    places: dict[str, float]
    labels: tuple[tuple[float, str], ...]


def axes(audit: "Audit", trials: list[str]) -> tuple[Axis, ...]:
    """One per hyperparameter that matters, and the score last; trials best first."""
    settings = audit.trials.hyperparameters
    made = [
        _axis(name, {t: settings[t][name] for t in trials if name in settings[t]}, trials)
        for name in axis_names(audit)
    ]
    return (*made, _score(audit, trials)) if made else ()


def axis_names(audit: "Audit") -> list[str]:
    """Those of causes, of what helps, and then those that the ranking goes with most."""
    causes = [c.hyperparameter for cause in audit.causes for c in cause.conditions]
    helps = [help.value.hyperparameter for help in audit.helping.helps]
    associated = find_association(audit.trials, audit.scores)
    return list(dict.fromkeys([*causes, *helps, *associated]))[:MOST_AXES]


def lines(audit: "Audit") -> list[str]:
    """The trials that are drawn, best first."""
    outcomes = audit.outcomes.by_trial
    trials = [
        t for t in audit.scores.by_trial if outcomes[t] not in (Outcome.PRUNED, Outcome.MISSING)
    ]
    if len(trials) <= MOST_LINES:
        return trials
    failed = [trial for trial in trials if outcomes[trial] in FAILURES]
    fine = [trial for trial in trials if outcomes[trial] not in FAILURES]
    some = {
        *trials[:BEST],
        *_evenly(failed, MOST_LINES // 2 - BEST),
        *_evenly(fine, MOST_LINES // 2),
    }
    return [trial for trial in trials if trial in some]


def _evenly(trials: list[str], most: int) -> list[str]:
    if len(trials) <= most:
        return trials
    return [trials[i] for i in np.linspace(0, len(trials) - 1, most).round().astype(int)]


def _axis(name: str, values: dict[str, Json], trials: list[str]) -> Axis:
    distinct = {to_json(value): value for value in values.values()}
    are_numbers = all(map(_is_number, distinct.values()))
    if are_numbers and len(distinct) > MOST_LEVELS:
        return _scaled(name, values, trials, ABSENT)
    known = list(distinct.items())
    if are_numbers:
        known.sort(key=lambda item: item[1])
    if len(known) > MOST_LEVELS:
        known = known[: MOST_LEVELS - 1]
    names = {key: setting(value) for key, value in known}
    keys = {trial: to_json(values[trial]) if trial in values else ABSENT for trial in trials}
    shown = {t: key if key in names or key == ABSENT else OTHERS for t, key in keys.items()}
    names |= {key: key for key in (OTHERS, ABSENT) if key in shown.values()}
    return _levels(name, shown, names)


def _is_number(value: Json) -> bool:
    """Whether it has a place on a scale; an integer of 400 digits has none."""
    return type(value) in (int, float) and abs(value) < 2.0**63


def _levels(name: str, shown: dict[str, str], names: dict[str, str]) -> Axis:
    """Each value in the middle of its part of the axis, its trials spread by rank around it."""
    places, width = {}, 1 / len(names)
    for i, key in enumerate(names):
        members = [trial for trial, own in shown.items() if own == key]
        for j, trial in enumerate(members):
            offset = (j + 0.5) / len(members) - 0.5
            places[trial] = (i + 0.5 + BAND * offset) * width
    labels = tuple(((i + 0.5) * width, text) for i, text in enumerate(names.values()))
    return Axis(name, places, labels)


def _scaled(
    name: str, values: Mapping[str, float], trials: list[str], without: str, is_max: bool = False
) -> Axis:
    """Numbers in proportion, or their logarithms; trials without one at the far end.

    Where `is_max`, the largest comes first.
    """
    numbers = np.array(list(values.values()), np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    is_log = not is_max and low > 0 and high / low > LOG_RATIO
    if is_log:
        numbers, low, high = np.log(numbers), math.log(low), math.log(high)
    room = 1.0 if len(values) == len(trials) else KNOWN
    at = (numbers - low) / ((high - low) or 1.0)
    steps = np.linspace(0, 1, TICKS)
    ticks = low + steps * (high - low)
    texts = [number(float(tick), 2) for tick in (np.exp(ticks) if is_log else ticks)]
    if is_max:
        at, steps = 1 - at, 1 - steps
    known = dict(zip(values, (room * at).tolist(), strict=True))
    labels = list(zip((room * steps).tolist(), texts, strict=True))
    if room < 1:
        labels.append((1.0, without))
    return Axis(name, dict.fromkeys(trials, 1.0) | known, tuple(labels))


def _score(audit: "Audit", trials: list[str]) -> Axis:
    """The score from good to bad, and a place beyond for those that have none."""
    scores = {trial: audit.scores.by_trial[trial].score for trial in trials}
    known = {trial: s for trial, s in scores.items() if s is not None and math.isfinite(s)}
    if not known:
        return Axis("score", dict.fromkeys(trials, 1.0), ((1.0, NO_SCORE),))
    return _scaled("score", known, trials, NO_SCORE, audit.trials.objective.direction == "max")
