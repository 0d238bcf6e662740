"""`audit.json`: the audit as plain values, and back.

The layout is documented in docs/audit_json.md. Others parse it: names are added, never changed, and
`SCHEMA` is raised when an older reader would misread it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from auditor.attribution.cause import Attribution
from auditor.attribution.help import NOT_COMPARED, Helping
from auditor.diagnosis.finding import Check, Finding
from auditor.errors import ReadError
from auditor.files import Json
from auditor.outcomes import Baseline, Outcome, Outcomes, RunOutcome
from auditor.scoring import RunScore, Scores, TrialScore
from auditor.selection import Selection
from auditor.trials import Run, Trials

SCHEMA = 1
"""Version of `audit.json`."""

REMEDY = "audit the original directory again"
"""What to do about a record that cannot be read."""


class Judgements(NamedTuple):
    """Everything in an audit but the trials, in the order of `Audit`'s fields."""

    outcomes: Outcomes
    scores: Scores
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    attribution: Attribution
    selection: Selection | None
    helping: Helping


@dataclass(frozen=True)
class _RunRow:
    trial_id: str
    execution: int
    fold: int
    verdict: RunOutcome
    score: RunScore
    lane: str | None = None
    """Absent in older records."""


@dataclass(frozen=True)
class _Record:
    """What is read back; the other entries of `audit.json` are there for other programs."""

    schema: int
    gap_penalty: float
    penalty_cap: str
    notes: tuple[str, ...]
    baseline: Baseline
    leaderboard: list[dict[str, Any]]
    runs: list[_RunRow]
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    attribution: Attribution
    selection: Selection | None
    helping: Helping = NOT_COMPARED
    """Absent in older records."""


def to_record(
    trials: Trials,
    outcomes: Outcomes,
    scores: Scores,
    findings: tuple[Finding, ...],
    checks: tuple[Check, ...],
    attribution: Attribution,
    selection: Selection | None,
    helping: Helping,
) -> dict[str, Json]:
    """The audit as plain values."""
    kept = _Record(
        schema=SCHEMA,
        gap_penalty=scores.gap_penalty,
        penalty_cap=scores.cap,
        notes=scores.notes,
        baseline=outcomes.baseline,
        leaderboard=[_leaderboard_row(trials, outcomes, scores, t) for t in scores.by_trial],
        runs=[
            _RunRow(*run, outcomes.by_run[run], scores.by_run[run], trials.context.lane.get(run))
            for run in trials.runs
        ],
        findings=findings,
        checks=checks,
        attribution=attribution,
        selection=selection,
        helping=helping,
    )
    plain: dict[str, Json] = _adapter(_Record).dump_python(kept)
    return {
        **plain,
        "objective": _dump(trials.objective),
        "causes": plain["attribution"]["causes"],
        "coverage": _coverage(trials),
        "design": {
            **_dump(trials.design),
            "found": attribution.design,
            "cells": attribution.cells,
            "trials": len(trials.hyperparameters),
            "runs": len(trials.runs),
        },
        "provenance": _dump(trials.provenance),
    }


def from_record(state: Json, trials: Trials) -> Judgements:
    """The judgements in a record.

    Args:
        state: What `to_record` made, read back from JSON.
        trials: The trials that were judged.

    Raises:
        ReadError: The schema is newer, or the record is not of these trials.
    """
    schema = state.get("schema") if isinstance(state, dict) else None
    if schema != SCHEMA:
        raise ReadError(
            f"audit.json has schema {schema!r}, this version reads {SCHEMA}; update sweep-auditor, "
            f"or {REMEDY}"
        )
    try:
        return _judgements(_adapter(_Record).validate_python(state), trials)
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError(f"audit.json is not the record of an audit: {error!r}; {REMEDY}") from error


def _judgements(kept: _Record, trials: Trials) -> Judgements:
    runs = {Run(row.trial_id, row.execution, row.fold): row for row in kept.runs}
    listed = {row["trial_id"] for row in kept.leaderboard}
    if runs.keys() != trials.recorded.keys() or listed != trials.hyperparameters.keys():
        raise ReadError(f"audit.json is not the record of the trials beside it; {REMEDY}")
    outcomes = Outcomes(
        {run: row.verdict for run, row in runs.items()},
        {row["trial_id"]: Outcome(row["outcome"]) for row in kept.leaderboard},
        kept.baseline,
    )
    scores = Scores(
        kept.gap_penalty,
        kept.penalty_cap,
        kept.notes,
        {run: row.score for run, row in runs.items()},
        {row["trial_id"]: _adapter(TrialScore).validate_python(row) for row in kept.leaderboard},
    )
    return Judgements(
        outcomes,
        scores,
        kept.findings,
        kept.checks,
        kept.attribution,
        kept.selection,
        kept.helping,
    )


def _leaderboard_row(
    trials: Trials, outcomes: Outcomes, scores: Scores, trial: str
) -> dict[str, Json]:
    return {
        "trial_id": trial,
        **_dump(scores.by_trial[trial]),
        "outcome": outcomes.by_trial[trial].value,
        "coverage": trials.coverage_of(trial),
        "hyperparameters": dict(trials.hyperparameters[trial]),
    }


def _coverage(trials: Trials) -> dict[str, Json]:
    covered = [trials.coverage(run) for run in trials.runs]
    return {
        "curves": covered.count("curves"),
        "best_epoch_only": covered.count("best epoch"),
        "objective_only": covered.count("objective"),
        "nothing": covered.count("nothing"),
        "missing": list(trials.provenance.missing),
        "losses_by_row": len(trials.context.losses),
        "on_test": _on_test(trials),
    }


def _on_test(trials: Trials) -> dict[str, Json] | None:
    found = trials.context.on_test
    if found is None:
        return None
    apart = found.minus_validation(trials.recorded)
    return {**_dump(found), "minus_validation": apart}


def _dump(value: Any) -> dict[str, Json]:
    kind: Any = type(value)
    plain: dict[str, Json] = _adapter(kind).dump_python(value)
    return plain


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
