"""From what goes with each failure to the causes that are reported."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from auditor.attribution.atoms import Atoms
from auditor.attribution.cause import Cause, Condition, EvidenceLevel, Rescue, Tally
from auditor.attribution.design import Layout
from auditor.attribution.effects import tally
from auditor.attribution.failures import Failure, Failures
from auditor.attribution.rescue import Neighbours
from auditor.attribution.search import Finding, Mask, find_conditions
from auditor.attribution.sentences import sentence


class Sweep(NamedTuple):
    """What causes are made from."""

    layout: Layout
    atoms: Atoms
    failures: Failures
    neighbours: Neighbours


Named = tuple[Failure, Finding]


def find_causes(sweep: Sweep) -> tuple[Cause, ...]:
    """The causes of all failures, strongest first."""
    if not sweep.failures.found:
        return ()
    *single, anyhow = sweep.failures.found
    findings = [
        (failure, finding)
        for failure in single
        for finding in find_conditions(sweep.atoms, failure.trials, failure.comparable)
    ]
    named = [*_told_once(findings, anyhow), *_mixed(sweep, findings)]
    named.sort(key=lambda pair: -pair[1].z)
    return tuple(_cause(sweep, failure, finding) for failure, finding in named)


def _told_once(findings: list[Named], anyhow: Failure) -> Iterator[Named]:
    """What goes with one outcome as it is; what goes with several once, as any failure."""
    times = Counter(finding.atoms for _, finding in findings)
    told = set[tuple[int, ...]]()
    for failure, finding in findings:
        if times[finding.atoms] == 1:
            yield failure, finding
        elif finding.atoms not in told:
            told.add(finding.atoms)
            yield anyhow, finding


def _mixed(sweep: Sweep, findings: list[Named]) -> Iterator[Named]:
    """What goes with failing in several ways, among trials that no single outcome explains."""
    *single, anyhow = sweep.failures.found
    if len(single) < 2:
        return
    remaining = anyhow.comparable.copy()
    for _, finding in findings:
        remaining &= ~sweep.atoms.meeting(finding.atoms)
    for finding in find_conditions(sweep.atoms, anyhow.trials, remaining):
        met = sweep.atoms.meeting(finding.atoms) & remaining
        if sum(bool((failure.trials & met).any()) for failure in single) > 1:
            yield anyhow, finding


def _cause(sweep: Sweep, failure: Failure, finding: Finding) -> Cause:
    atoms = sweep.atoms
    met = atoms.meeting(finding.atoms)
    counts = tally(atoms, sweep.failures, failure, finding.atoms)
    rescues = sweep.neighbours.rescues(failure, met)
    return Cause(
        outcome=failure.outcome,
        conditions=counts.conditions,
        counts=counts,
        effect=_risk_difference(counts),
        interval=None,
        adjusted_p=None,
        evidence=_evidence(sweep, failure, counts.conditions, rescues),
        rescues=rescues,
        sentence=sentence(
            counts,
            _kinds(sweep.failures, failure, met),
            rescues,
            _twins(atoms, finding, failure),
            sweep.failures.repeated,
        ),
    )


def _risk_difference(counts: Tally) -> float | None:
    if not counts.total or not counts.total_elsewhere:
        return None
    return counts.failing / counts.total - counts.failing_elsewhere / counts.total_elsewhere


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


def _twins(atoms: Atoms, finding: Finding, failure: Failure) -> tuple[Condition, ...]:
    """Conditions on other hyperparameters that the same trials meet: they explain as much."""
    met = atoms.met[failure.comparable]
    return tuple(
        atoms.conditions[other]
        for this in finding.atoms
        for other in np.flatnonzero((met == met[:, [this]]).all(axis=0))
        if atoms.factor[other] not in atoms.factor[list(finding.atoms)]
    )
