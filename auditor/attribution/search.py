"""The search for minimal causes: greedy, and rather none than a wrong one.

Configurations are the unit here, not runs: two trainings of one configuration are no independent
evidence on its values. Each step names the strongest condition or pair among what no earlier one
covers, provided that chance hardly reaches it and that each of its parts matters by itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from auditor.attribution.atoms import Atoms
from auditor.attribution.chance import Chance, Floats, Mask, deal, strength
from auditor.attribution.support import look_inside
from auditor.attribution.thresholds import (
    MATTERS,
    MAX_TRIES,
    MIN_FAILING,
    MIN_SEEN,
    NARROWED,
    PURE,
)


class Finding(NamedTuple):
    """Up to three atoms that go with a failure.

    Attributes:
        atoms: Their places among the atoms.
        strength: How surely more fail with them than without; see `chance.strength`.
        p: Probability of anything as strong by chance, of all that is looked at in this outcome.
        critical: Strength that chance reaches with the probability allowed.
        rivals: Atoms on other hyperparameters that explain as much: each makes the other
            superfluous.
        part_p: Of its parts inside one another, and beside other causes, the largest p; 0 where
            there was nothing to compare with.
    """

    atoms: tuple[int, ...]
    strength: float
    p: float
    critical: float
    rivals: tuple[int, ...] = ()
    part_p: float = 0.0


class Observed(NamedTuple):
    """What a step looks at.

    Attributes:
        atoms: All conditions.
        rates: Share of the runs that fail; (trial,).
        trials: Those that no earlier cause covers; (trial,).
        named: Factors of the earlier causes.
    """

    atoms: Atoms
    rates: Floats
    trials: Mask
    named: frozenset[int]


class Look(NamedTuple):
    """An outcome before causes are looked for.

    Attributes:
        atoms: All conditions.
        rates: Share of the runs that fail; (trial,).
        trials: One per configuration; (trial,).
        chance: What all conditions and pairs show; None where too few fail for any cause.
    """

    atoms: Atoms
    rates: Floats
    trials: Mask
    chance: Chance | None

    @property
    def least_p(self) -> float:
        """The smallest p that any cause could have, however the failures had fallen."""
        return 1.0 if self.chance is None else self.chance.p(float(self.chance.largest[-1]))


def look(atoms: Atoms, rates: Floats, comparable: Mask) -> Look:
    """What an outcome shows.

    Args:
        atoms: All conditions.
        rates: Share of the runs of each trial that fail; (trial,).
        comparable: Which trials show whether they fail; (trial,).
    """
    rates, trials = _merged(atoms, rates, comparable)
    return Look(atoms, rates, trials, _chance(atoms, rates, trials, is_first=True))


def find_conditions(first: Look, level: float) -> list[Finding]:
    """Conditions and pairs that go with a failure, in the order in which they are found.

    Args:
        first: From `look`.
        level: Largest probability of naming anything where nothing matters.
    """
    atoms, rates, remaining, chance = first
    found, named = list[Finding](), frozenset[int]()
    while chance is not None:
        seen = Observed(atoms, rates, remaining, named)
        if (best := _strongest(seen, chance, level)) is None:
            break
        # Good trials go too: to keep only those would make a later half of the data look good.
        remaining = remaining & ~atoms.meeting(best.atoms)
        named |= set(atoms.factor[list(best.atoms)].tolist())
        if not _restates(atoms, best, found):
            found.append(best)
        chance = _chance(atoms, rates, remaining, is_first=False)
    return found


def _merged(atoms: Atoms, rates: Floats, trials: Mask) -> tuple[Floats, Mask]:
    """The first trial of each configuration, with the mean rate of all of them."""
    places = np.flatnonzero(trials)
    _, first, group = np.unique(atoms.codes[places], axis=0, return_index=True, return_inverse=True)
    merged, kept = rates.copy(), np.zeros(len(rates), bool)
    group = group.ravel()
    kept[places[first]] = True
    merged[places[first]] = np.bincount(group, rates[places]) / np.bincount(group)
    return merged, kept


def _chance(atoms: Atoms, rates: Floats, trials: Mask, is_first: bool) -> Chance | None:
    enough = rates[trials].sum() >= MIN_FAILING and len(atoms.factor)
    return deal(atoms, rates, trials, is_first) if enough else None


def _strongest(seen: Observed, chance: Chance, level: float) -> Finding | None:
    critical = chance.critical(level)
    candidates = list(_candidates(seen.atoms, chance, critical))
    singles = [c for c in candidates if len(c.atoms) == 1]
    for candidate in candidates[:MAX_TRIES]:
        minimal = _minimal(seen, candidate, singles)
        explained = None if minimal is None else _not_explained_away(seen, minimal, singles)
        if explained is not None:
            return _narrowed(seen, _placed(seen, explained))
    return None


def _candidates(atoms: Atoms, chance: Chance, critical: float) -> Iterator[Finding]:
    """What chance hardly reaches, strongest first; of equals one before two, values first."""
    first, second = chance.first, chance.second
    thresholds = (~atoms.listed[first]).astype(int) + ~atoms.listed[second]
    order = np.lexsort((thresholds, first != second, -chance.observed.round(6)))
    standing = chance.standing
    for place in order[standing[order] >= critical].tolist():
        i, j = int(first[place]), int(second[place])
        chosen, needed = (i,) if i == j else (i, j), critical + chance.handicap * (i != j)
        p = chance.p(float(standing[place]))
        yield Finding(chosen, float(chance.observed[place]), p, needed)


def _minimal(seen: Observed, pair: Finding, singles: list[Finding]) -> Finding | None:
    """The pair where each half matters inside the other, else the best of the half that does."""
    if len(pair.atoms) == 1:
        return pair
    ps = [_p_of_part(seen, this, pair.atoms) for this in pair.atoms]
    if max(ps) <= MATTERS:
        return pair._replace(part_p=max(ps))
    factor = seen.atoms.factor[pair.atoms[int(np.argmin(ps))]]
    alone = (single for single in singles if seen.atoms.factor[single.atoms[0]] == factor)
    return next(alone, None) if min(ps) <= MATTERS else None


def _p_of_part(seen: Observed, this: int, atoms: tuple[int, ...]) -> float:
    """The p of one part of a cause among the trials that meet the others."""
    others = [atom for atom in atoms if atom != this]
    return _p_given(seen, this, atoms, tuple(seen.atoms.factor[others].tolist()))


def _p_given(seen: Observed, this: int, atoms: tuple[int, ...], held: tuple[int, ...]) -> float:
    """The same at equal values of some factors."""
    others = tuple(atom for atom in atoms if atom != this)
    trials = seen.trials & seen.atoms.meeting(others) & seen.atoms.active[:, this]
    return look_inside(seen.atoms, seen.rates, trials, held, (this,)).p_of(this)


def _not_explained_away(seen: Observed, finding: Finding, singles: list[Finding]) -> Finding | None:
    """The finding, unless it does nothing at equal values of an earlier cause or of a rival."""
    own = set(seen.atoms.factor[list(finding.atoms)].tolist())
    p = max([finding.part_p, *(_p_beside(seen, finding, other) for other in seen.named - own)])
    if p > MATTERS:
        return None
    rivals = list[int]()
    for rival in _strongest_of_each(seen.atoms, singles, own | seen.named):
        factor = int(seen.atoms.factor[rival.atoms[0]])
        if _p_beside(seen, finding, factor) <= MATTERS:
            continue
        if max(_p_beside(seen, rival, other) for other in own) <= MATTERS:
            return None
        rivals.append(rival.atoms[0])
    return finding._replace(part_p=p, rivals=tuple(rivals))


def _p_beside(seen: Observed, finding: Finding, factor: int) -> float:
    """The p of the least certain part of a cause at equal values of another factor."""
    return max(_p_given(seen, this, finding.atoms, (factor,)) for this in finding.atoms)


def _strongest_of_each(
    atoms: Atoms, singles: list[Finding], without: set[int] | frozenset[int]
) -> Iterator[Finding]:
    """The strongest single condition on each factor but some."""
    seen = set(without)
    for single in singles:
        factor = int(atoms.factor[single.atoms[0]])
        if factor not in seen:
            seen.add(factor)
            yield single


def _narrowed(seen: Observed, finding: Finding) -> Finding:
    """The finding, with one more condition where it often does not fail and that one tells when."""
    trials = seen.trials & seen.atoms.meeting(finding.atoms)
    if len(finding.atoms) > 2 or seen.rates[trials].mean() >= PURE:
        return finding
    held = tuple(seen.atoms.factor[list(finding.atoms)].tolist())
    found = look_inside(seen.atoms, seen.rates, trials, held)
    if not len(found.atoms):
        return finding
    best = int(np.argmax(found.z))
    more, p = (*finding.atoms, int(found.atoms[best])), float(found.p[best])
    # Above a cut between quarters half may fail, and above the right threshold all.
    more = (*finding.atoms, _place(seen, more, len(finding.atoms)))
    inside = trials & seen.atoms.met[:, more[-1]]
    failing = seen.rates[inside].sum()
    if failing < MIN_FAILING or failing < PURE * inside.sum():
        return finding
    p = max(p, *(_p_of_part(seen, this, more) for this in finding.atoms))
    if p > (NARROWED if len(more) == 2 else MATTERS):
        return finding
    return _narrowed(seen, finding._replace(atoms=more, part_p=max(finding.part_p, p)))


def _placed(seen: Observed, finding: Finding) -> Finding:
    """The finding with each threshold where failing and not failing part best."""
    atoms = finding.atoms
    for place in range(len(atoms)):
        atoms = (*atoms[:place], _place(seen, atoms, place), *atoms[place + 1 :])
    return finding._replace(atoms=atoms)


def _place(seen: Observed, chosen: tuple[int, ...], place: int) -> int:
    """The atom that takes the place of one with a threshold, among the trials with the others."""
    atoms, atom = seen.atoms, chosen[place]
    operator = atoms.conditions[atom].operator
    if operator == "==":
        return atom
    others = chosen[:place] + chosen[place + 1 :]
    inside = seen.trials & atoms.meeting(others) & atoms.active[:, atom]
    moved = np.flatnonzero(atoms.factor == atoms.factor[atom])
    moved = moved[[atoms.conditions[other].operator == operator for other in moved]]
    met = atoms.met[np.ix_(inside, moved)]
    rates = seen.rates[inside]
    size = met.sum(axis=0).astype(np.float64)
    found = strength(rates @ met, size, float(rates.sum()), len(rates))
    found[(size < MIN_SEEN) | (rates @ met < MIN_FAILING)] = 0
    # As it is unless another is better: of equals the one that was searched stays.
    return int(moved[np.argmax(found)]) if found.max() > found[moved == atom][0] + 1e-9 else atom


def _restates(atoms: Atoms, new: Finding, found: list[Finding]) -> bool:
    """Whether it only moves the threshold of an earlier one: lr >= 0.01 after lr >= 0.1."""
    return shape(atoms, new) in [shape(atoms, finding) for finding in found]


def shape(atoms: Atoms, finding: Finding) -> tuple[tuple[int, str, int], ...]:
    """The conditions of a finding without the places of its thresholds."""
    operators = [(atom, atoms.conditions[atom].operator) for atom in finding.atoms]
    return tuple(
        (int(atoms.factor[atom]), operator, atom if operator == "==" else -1)
        for atom, operator in operators
    )
