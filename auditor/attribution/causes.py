"""From what goes with each failure to the causes that are reported."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from auditor.attribution.atoms import Atoms
from auditor.attribution.cause import Cause, Condition, EvidenceLevel, Rescue, Tally
from auditor.attribution.chance import Mask
from auditor.attribution.design import Layout
from auditor.attribution.effects import Estimator
from auditor.attribution.failures import Failure, Failures
from auditor.attribution.intervals import Z
from auditor.attribution.rescue import Neighbours
from auditor.attribution.search import Finding, Look, find_conditions, look, shape
from auditor.attribution.sentences import sentence
from auditor.attribution.thresholds import ALPHA, MIN_FAILING, PURE, SPLIT


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
    # One outcome alone is any failure.
    looked = [*single, anyhow] if len(single) > 1 else single
    looks = [look(sweep.atoms, one.rates, one.comparable & sweep.searched) for one in looked]
    outcomes = _sharing(looks)
    found = [find_conditions(one, ALPHA / outcomes) for one in looks]
    findings = [
        (one, finding) for one, some in zip(single, found, strict=False) for finding in some
    ]
    together = found[-1] if len(single) > 1 else []
    named = [*_told_once(sweep, findings, together), *_mixed(sweep, findings, together)]
    named.sort(key=lambda pair: -pair[1].strength)
    mixed = [finding for failure, finding in named if failure is anyhow]
    named = [one for one in named if one[0] is anyhow or not _is_part(sweep, one, mixed)]
    return tuple(_cause(sweep, failure, finding, outcomes) for failure, finding in named)


def _sharing(looks: Sequence[Look]) -> int:
    """How many outcomes share the error: those that could show a cause at all (Tarone 1990).

    What could never be significant cannot be named falsely either.
    """
    least = [one.least_p for one in looks]
    share = 1
    while sum(p <= ALPHA / share for p in least) > share:
        share += 1
    return share


def _told_once(sweep: Sweep, findings: list[Named], together: list[Finding]) -> Iterator[Named]:
    """What goes with one outcome as it is; what goes with several once, as any failure."""
    shapes = [shape(sweep.atoms, finding) for _, finding in findings]
    anyhow = {shape(sweep.atoms, finding): finding for finding in together}
    for place, (failure, finding) in enumerate(findings):
        this = shapes[place]
        if this in shapes[:place]:
            continue
        whole = anyhow.get(this, finding)
        others = [
            other
            for other, of in zip(findings, shapes, strict=True)
            if of != this and other[1].strength > whole.strength
        ]
        if shapes.count(this) > 1:
            yield sweep.failures.found[-1], finding
        elif this in anyhow and _in_words(sweep, whole, others) is not failure:
            yield sweep.failures.found[-1], whole
        else:
            yield failure, finding


def _is_part(sweep: Sweep, one: Named, mixed: list[Finding]) -> bool:
    """Whether nearly all failures of one outcome are within stronger causes of any failure."""
    failure, finding = one
    rates = failure.rates * sweep.atoms.meeting(finding.atoms) * sweep.searched
    within = np.zeros(len(rates), bool)
    for other in mixed:
        if other.strength > finding.strength:
            within |= sweep.atoms.meeting(other.atoms)
    return bool(rates[within].sum() >= PURE * rates.sum())


def _mixed(sweep: Sweep, findings: list[Named], together: list[Finding]) -> Iterator[Named]:
    """What goes with failing in whatever way, where no cause of a single outcome explains it."""
    anyhow, shapes = sweep.failures.found[-1], [shape(sweep.atoms, f) for _, f in findings]
    for finding in together:
        # What is weaker may itself be a part of this.
        stronger = [other for other in findings if other[1].strength > finding.strength]
        unexplained = _beside(sweep, finding, stronger)
        if (
            shape(sweep.atoms, finding) not in shapes
            and anyhow.rates[unexplained].sum() >= MIN_FAILING
        ):
            yield _in_words(sweep, finding, stronger), finding


def _beside(sweep: Sweep, finding: Finding, others: list[Named]) -> Mask:
    """Trials that meet a finding and none of some others; (trial,)."""
    met = sweep.atoms.meeting(finding.atoms) & sweep.searched
    for _, other in others:
        met &= ~sweep.atoms.meeting(other.atoms)
    return met


def _in_words(sweep: Sweep, finding: Finding, others: list[Named]) -> Failure:
    """The outcome that makes nearly all failures of a finding, leaving out others; else any."""
    *single, anyhow = sweep.failures.found
    met = _beside(sweep, finding, others)
    most = max(single, key=lambda one: float(one.rates[met].sum()))
    return most if most.rates[met].sum() >= PURE * anyhow.rates[met].sum() else anyhow


def _cause(sweep: Sweep, failure: Failure, finding: Finding, outcomes: int) -> Cause:
    """The cause in full; so many outcomes share the error."""
    atoms = sweep.atoms
    met = atoms.meeting(finding.atoms)
    counts = sweep.estimator.tally(failure, finding.atoms)
    rescues = sweep.neighbours.rescues(failure, met)
    factors = frozenset(atoms.factor[list(finding.atoms)].tolist())
    sets = sweep.neighbours.sets(failure, met, factors) if sweep.layout.cells else ()
    effect, interval = _effect(sweep, failure, finding)
    alike = _indistinguishable(atoms, finding, failure)
    made = Cause(
        outcome=failure.outcome,
        conditions=counts.conditions,
        counts=counts,
        effect=effect,
        interval=interval,
        adjusted_p=finding.p * outcomes,
        evidence=_evidence(sweep, failure, counts, rescues, any(alike)),
        rescues=rescues,
        sentence="",
        rescuing_sets=sets,
        part_p=finding.part_p or None,
    )
    kinds = _kinds(sweep.failures, failure, met)
    return replace(made, sentence=sentence(made, kinds, *alike, sweep.failures.repeated))


def _effect(
    sweep: Sweep, failure: Failure, finding: Finding
) -> tuple[float | None, tuple[float, float] | None]:
    searched = sweep.searched
    if not searched.all():
        return sweep.estimator.effect(failure, finding.atoms, ~searched)
    # Picked for its strength among many: as wide as covers all that it was picked from.
    return sweep.estimator.effect(failure, finding.atoms, searched, max(Z, finding.critical))


def _evidence(
    sweep: Sweep, failure: Failure, counts: Tally, rescues: tuple[Rescue, ...], has_twins: bool
) -> EvidenceLevel:
    changed = {condition.hyperparameter for condition in counts.conditions}
    if sweep.layout.cells and any(r.rescued and r.hyperparameter in changed for r in rescues):
        return "but-for"
    # Trials left out for how they went would undo the randomisation, and what goes along with
    # another hyperparameter was not drawn by itself.
    left_out = sweep.failures.pruned or (failure.known & ~failure.comparable).any()
    if sweep.layout.name == "random" and not left_out and not has_twins:
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
