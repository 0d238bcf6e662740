"""From what goes with each failure to the causes that are reported."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from auditor.attribution.atoms import Atoms
from auditor.attribution.cause import Cause, Condition, EvidenceLevel, Rescue
from auditor.attribution.chance import Mask
from auditor.attribution.design import Layout
from auditor.attribution.effects import Estimator
from auditor.attribution.failures import Failure, Failures
from auditor.attribution.intervals import Z
from auditor.attribution.rescue import Neighbours
from auditor.attribution.search import Finding, find_conditions, shape
from auditor.attribution.sentences import sentence
from auditor.attribution.thresholds import ALPHA, SPLIT


class Sweep(NamedTuple):
    """What causes are made from."""

    layout: Layout
    atoms: Atoms
    failures: Failures
    neighbours: Neighbours
    estimator: Estimator

    @property
    def searched(self) -> Mask:
        """Trials in which causes are looked for; the others, if any, estimate them; (trial,)."""
        trials = len(self.atoms.met)
        if self.estimator.unit != "trials" or trials < SPLIT:
            return np.ones(trials, bool)
        return np.random.default_rng(0).permutation(trials) < trials // 2


Named = tuple[Failure, Finding]


def find_causes(sweep: Sweep) -> tuple[Cause, ...]:
    """The causes of all failures, strongest first."""
    if not sweep.failures.found:
        return ()
    *single, anyhow = sweep.failures.found
    # Shared out over the outcomes; what several have in common is looked for once more.
    level = ALPHA / (len(single) + 1) if len(single) > 1 else ALPHA
    searched = sweep.searched
    findings = [
        (failure, finding)
        for failure in single
        for finding in find_conditions(
            sweep.atoms, failure.rates, failure.comparable & searched, level
        )
    ]
    named = [*_told_once(sweep.atoms, findings, anyhow), *_mixed(sweep, findings, level)]
    named.sort(key=lambda pair: -pair[1].strength)
    return tuple(_cause(sweep, failure, finding) for failure, finding in named)


def _told_once(atoms: Atoms, findings: list[Named], anyhow: Failure) -> Iterator[Named]:
    """What goes with one outcome as it is; what goes with several once, as any failure."""
    shapes = [shape(atoms, finding) for _, finding in findings]
    for place, (failure, finding) in enumerate(findings):
        if shapes.count(shapes[place]) == 1:
            yield failure, finding
        elif shapes[place] not in shapes[:place]:
            yield anyhow, finding


def _mixed(sweep: Sweep, findings: list[Named], level: float) -> Iterator[Named]:
    """What goes with failing in several ways, among trials that no single outcome explains."""
    *single, anyhow = sweep.failures.found
    if len(single) < 2:
        return
    remaining = anyhow.comparable & sweep.searched
    for _, finding in findings:
        remaining &= ~sweep.atoms.meeting(finding.atoms)
    for finding in find_conditions(sweep.atoms, anyhow.rates, remaining, level):
        met = sweep.atoms.meeting(finding.atoms) & remaining
        if sum(bool((failure.rates[met] > 0).any()) for failure in single) > 1:
            yield anyhow, finding


def _cause(sweep: Sweep, failure: Failure, finding: Finding) -> Cause:
    atoms = sweep.atoms
    met = atoms.meeting(finding.atoms)
    counts = sweep.estimator.tally(failure, finding.atoms)
    rescues = sweep.neighbours.rescues(failure, met)
    factors = frozenset(atoms.factor[list(finding.atoms)].tolist())
    sets = sweep.neighbours.sets(failure, met, factors) if sweep.layout.cells else ()
    effect, interval = _effect(sweep, failure, finding)
    return Cause(
        outcome=failure.outcome,
        conditions=counts.conditions,
        counts=counts,
        effect=effect,
        interval=interval,
        adjusted_p=finding.p,
        evidence=_evidence(sweep, failure, counts.conditions, rescues),
        rescues=rescues,
        sentence=sentence(
            counts,
            _kinds(sweep.failures, failure, met),
            rescues,
            sets,
            *_indistinguishable(atoms, finding, failure),
            sweep.failures.repeated,
        ),
        rescuing_sets=sets,
    )


def _effect(
    sweep: Sweep, failure: Failure, finding: Finding
) -> tuple[float | None, tuple[float, float] | None]:
    searched = sweep.searched
    if not searched.all():
        return sweep.estimator.effect(failure, finding.atoms, ~searched)
    # Picked for its strength among many: as wide as covers all that it was picked from.
    return sweep.estimator.effect(failure, finding.atoms, searched, max(Z, finding.critical))


def _evidence(
    sweep: Sweep, failure: Failure, conditions: tuple[Condition, ...], rescues: tuple[Rescue, ...]
) -> EvidenceLevel:
    changed = {condition.hyperparameter for condition in conditions}
    if sweep.layout.cells and any(r.rescued and r.hyperparameter in changed for r in rescues):
        return "but-for"
    # Trials left out for how they went would undo the randomisation.
    left_out = sweep.failures.pruned or (failure.known & ~failure.comparable).any()
    if sweep.layout.name == "random" and not left_out:
        return "randomised"
    return "associated"


def _kinds(failures: Failures, failure: Failure, met: Mask) -> dict[str, int]:
    """How often each outcome occurs among the runs that meet the conditions and fail."""
    inside = met[failures.trial_of_run]
    *single, anyhow = failures.found
    if failure is not anyhow:
        return {}
    return {f.outcome: n for f in single if (n := int((f.runs & inside).sum()))}


def _indistinguishable(
    atoms: Atoms, finding: Finding, failure: Failure
) -> tuple[tuple[Condition, ...], tuple[Condition, ...]]:
    """Conditions that explain as much: of the same trials, and of nearly the same."""
    twins = _twins(atoms, finding, failure)
    known = {int(atoms.factor[twin]) for twin in twins}
    rivals = [rival for rival in finding.rivals if int(atoms.factor[rival]) not in known]
    return (
        tuple(atoms.conditions[twin] for twin in twins),
        tuple(atoms.conditions[rival] for rival in rivals),
    )


def _twins(atoms: Atoms, finding: Finding, failure: Failure) -> tuple[int, ...]:
    """Conditions on other hyperparameters that the same trials meet: they explain as much."""
    met = atoms.met[failure.comparable]
    return tuple(
        other
        for this in finding.atoms
        for other in np.flatnonzero((met == met[:, [this]]).all(axis=0)).tolist()
        if atoms.factor[other] not in atoms.factor[list(finding.atoms)]
    )
