"""`auditor compare --json`: the comparison as plain values; documented in docs/compare.md.

Others parse it: names are added, never changed, and `SCHEMA` is raised when an older reader would
misread the file.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from auditor.comparing.records import Axis, Paired
from auditor.files import Json

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.comparing import Comparison

SCHEMA = 1
"""Version of the record."""

MOST_VALUES = 50
"""Values of a hyperparameter that are listed; of more, the first and the last."""


def to_record(found: "Comparison") -> Mapping[str, Json]:
    """All of it as plain values."""
    return {
        "schema": SCHEMA,
        "verdict": found.verdict,
        "claims": dict(found.claims),
        "before": _side(found.before, found.winners[0]),
        "after": _side(found.after, found.winners[1]),
        "spent": {"before": asdict(found.spent[0]), "after": asdict(found.spent[1])},
        "unlike": [fact._asdict() for fact in found.unlike],
        "same_data_known": found.same_data_known,
        "setup": [fact._asdict() for fact in found.setup],
        "matching": {
            "names": list(found.matching.names),
            "fixed": [fact._asdict() for fact in found.matching.fixed],
            "pairs": [_pair(found, *pair) for pair in found.matching.pairs],
            "alone_before": found.matching.alone_before,
            "alone_after": found.matching.alone_after,
        },
        "best": asdict(found.best) if found.best else None,
        "objective": _paired(found.objective),
        "gap": _paired(found.gap),
        "beyond_seeds": asdict(found.beyond_seeds) if found.beyond_seeds else None,
        "turned": asdict(found.turned),
        "findings": [asdict(change) for change in found.findings],
        "causes": [asdict(change) for change in found.causes],
        "axes": [_axis(axis) for axis in found.axes],
    }


def _side(audit: "Audit", winner: str | None) -> dict[str, Json]:
    outcomes = list(audit.outcomes.by_trial.values())
    return {
        "path": audit.trials.provenance.path,
        "tool": audit.trials.provenance.tool,
        "objective": audit.trials.objective.name,
        "direction": audit.trials.objective.direction,
        "winner": winner,
        "outcomes": {outcome.value: outcomes.count(outcome) for outcome in dict.fromkeys(outcomes)},
    }


def _pair(found: "Comparison", before: str, after: str) -> dict[str, Json]:
    was, now = found.before.scores.by_trial[before], found.after.scores.by_trial[after]
    return {
        "before": before,
        "after": after,
        "outcome_before": found.before.outcomes.by_trial[before].value,
        "outcome_after": found.after.outcomes.by_trial[after].value,
        "objective_before": was.objective,
        "objective_after": now.objective,
    }


def _paired(paired: Paired | None) -> dict[str, Json] | None:
    """Without the single differences: those of the objective stand with the pairs."""
    if paired is None:
        return None
    kept = {name: value for name, value in asdict(paired).items() if name != "differences"}
    return {"n": len(paired.differences), **kept}


def _axis(axis: Axis) -> dict[str, Json]:
    def listed(values: tuple[Json, ...]) -> list[Json]:
        return [*values] if len(values) <= MOST_VALUES else [values[0], values[-1]]

    return {
        "name": axis.name,
        "before": listed(axis.before),
        "distinct_before": len(axis.before),
        "after": listed(axis.after),
        "distinct_after": len(axis.after),
    }
