"""Configurations that would decide a cause: some that meet it, and their but-for neighbours."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from auditor.attribution.cause import Cause, Condition
from auditor.attribution.cells import Key, Values, fails, holds, is_clean, key_of, meets
from auditor.attribution.levels import configurations_of, identity
from auditor.files import Json
from auditor.outcomes import Outcome, Outcomes
from auditor.trials import Trials

MOST_LOOKED_AT = 200
"""Trials of a cause among which its configurations are chosen."""


class Site(NamedTuple):
    """A configuration, and what is known of it.

    Attributes:
        values: Its hyperparameters.
        trial_id: The trial that had them; None where none did.
        failed: Whether that trial failed in the way of the cause.
        seconds: Of one training of it, or of a typical trial; None where unknown.
    """

    values: Values
    trial_id: str | None
    failed: bool
    seconds: float | None


class Neighbourhood(NamedTuple):
    """A configuration that meets a cause, and for each of its conditions one that is changed.

    Attributes:
        inside: Meets the cause.
        flipped: One per condition of the cause.
        rest: What all of them share.
    """

    inside: Site
    flipped: tuple[Site, ...]
    rest: Key

    @property
    def sites(self) -> tuple[Site, ...]:
        """All of them."""
        return self.inside, *self.flipped

    @property
    def unlike(self) -> int:
        """How many of these are not as the cause has it, or were never observed."""
        unseen = sum(site.trial_id is None for site in self.sites)
        return unseen + (not self.inside.failed) + sum(site.failed for site in self.flipped)


class Sites:
    """Finds configurations around the causes of a sweep."""

    def __init__(self, trials: Trials, outcomes: Outcomes, causes: Sequence[Cause]) -> None:
        """Look around all causes of a sweep, as they stand without reruns."""
        self._causes = causes
        self._values: Mapping[str, Values] = configurations_of(trials)
        self._ended: Mapping[str, Outcome] = outcomes.by_trial
        self._seconds = {trial: _seconds(trials, trial) for trial in self._values}
        known = [seconds for seconds in self._seconds.values() if seconds is not None]
        self._usual = float(np.median(known)) if known else None
        self._keys = {trial: key_of(values) for trial, values in self._values.items()}
        self._near: dict[str, dict[Key, list[str]]] = {}
        self._others: dict[tuple[int, str, frozenset[str]], list[Json]] = {}

    def around(self, cause: Cause) -> list[Neighbourhood]:
        """Sets of configurations that would decide a cause, those that failed first."""
        inside = islice(self._inside(cause), MOST_LOOKED_AT)
        sets = [found for site in inside if (found := self._set(cause, site)) is not None]
        # Those that differ in the values of the cause alone have the same neighbours.
        return list({one.rest: one for one in reversed(sets)}.values())[::-1]

    def _inside(self, cause: Cause) -> Iterator[Site]:
        """Configurations that meet a cause and no other: those that failed before others."""
        met = [trial for trial, values in self._values.items() if meets(cause, values)]
        failing = [trial for trial in met if fails(cause, self._ended[trial])]
        rest = [trial for trial in met if fails(cause, self._ended[trial]) is False]
        for trial in (*self._distinct(failing), *self._distinct(rest)):
            if is_clean(self._values[trial], cause, self._causes):
                yield self._site(cause, trial)
        for trial in self._distinct(failing):
            values = self._cleaned(cause, self._values[trial])
            if values is not None:
                yield Site(values, None, True, self._usual)

    def _distinct(self, trials: Iterable[str]) -> Iterator[str]:
        return iter({self._keys[trial]: trial for trial in trials}.values())

    def _site(self, cause: Cause, trial: str) -> Site:
        failed = fails(cause, self._ended[trial]) is True
        return Site(self._values[trial], trial, failed, self._seconds[trial] or self._usual)

    def _set(self, cause: Cause, inside: Site) -> Neighbourhood | None:
        flipped = [self._flip(cause, condition, inside.values) for condition in cause.conditions]
        known = [site for site in flipped if site is not None]
        if len(known) < len(flipped):
            return None
        own = {condition.hyperparameter for condition in cause.conditions}
        rest = {name: value for name, value in inside.values.items() if name not in own}
        return Neighbourhood(inside, tuple(known), key_of(rest))

    def _flip(self, cause: Cause, condition: Condition, values: Values) -> Site | None:
        """The same with one value changed: as observed if it was, one that did not fail first."""
        near = [
            self._site(cause, trial)
            for trial in self._neighbours(condition.hyperparameter, values)
            if not holds(condition, self._values[trial])
            and is_clean(self._values[trial], cause, self._causes)
        ]
        if near:
            return min(near, key=lambda site: (site.failed, site.seconds or 0.0))
        changed = self._changed(cause, condition, values)
        if changed is None or not is_clean(changed, cause, self._causes):
            return None
        return Site(changed, None, False, self._usual)

    def _neighbours(self, name: str, values: Values) -> Sequence[str]:
        if name not in self._near:
            self._near[name] = defaultdict(list)
            for trial, own in self._values.items():
                if name in own:
                    rest = self._keys[trial] - {(name, identity(own[name]))}
                    self._near[name][rest].append(trial)
        return self._near[name].get(key_of(values, without=name), ())

    def _cleaned(self, cause: Cause, values: Values) -> Values | None:
        """The values, with one changed for each other cause that they meet."""
        own = {condition.hyperparameter for condition in cause.conditions}
        for other in self._causes:
            if other is cause or not meets(other, values):
                continue
            free = (c for c in other.conditions if c.hyperparameter not in own)
            condition = next(free, None)
            changed = condition and self._changed(other, condition, values)
            if not changed:
                return None
            values = changed
        return values if is_clean(values, cause, self._causes) else None

    def _changed(self, cause: Cause, condition: Condition, values: Values) -> Values | None:
        """The values, with one that a condition is on as in typical trials that do not fail."""
        name = condition.hyperparameter
        alike = (id(cause), name, frozenset(values))
        if alike not in self._others:
            others = [
                own[name]
                for trial, own in self._values.items()
                # Where other hyperparameters exist, more than this one would change.
                if own.keys() == values.keys()
                and not holds(condition, own)
                and fails(cause, self._ended[trial]) is False
            ]
            self._others[alike] = [_typical(others)] if others else []
        return next(({**values, name: other} for other in self._others[alike]), None)


def _typical(values: list[Json]) -> Json:
    """The middle one of numbers, the most frequent one of others."""
    if all(type(value) in (int, float) for value in values):
        return sorted(values)[len(values) // 2]
    texts = [repr(value) for value in values]
    return values[texts.index(Counter(texts).most_common(1)[0][0])]


def _seconds(trials: Trials, trial: str) -> float | None:
    """Of one training of a trial with all its folds."""
    runs = trials.runs_of[trial]
    known = [s for run in runs if (s := trials.recorded[run].seconds) is not None]
    return sum(known) / len({run.execution for run in runs}) if known else None
