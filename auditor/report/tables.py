"""The audit as tables, for files that other programs read.

- `leaderboard`: one row per trial, best first; each hyperparameter has a column of its own,
  called `hyperparameter.<name>` where its name is taken by another column.
- `curves`: one row per run, epoch and metric that was observed.
- `findings`, `causes`: lists (trials, evidence, conditions) are plain values in one cell.
- `values`: failing and total runs per outcome and value, or pair of values.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from auditor.attribution.cause import Condition
from auditor.files import Json

if TYPE_CHECKING:
    from auditor.auditing import Audit

Table = tuple[Sequence[str], Iterable[Sequence[Json]]]
"""Names of columns, and rows."""

CURVES = "curves"
"""The table that is large."""


def tables(audit: "Audit") -> Mapping[str, Table]:
    """The tables by name; their rows can be gone through once."""
    return {
        "leaderboard": _leaderboard(audit),
        CURVES: _curves(audit),
        "findings": _findings(audit),
        "causes": _causes(audit),
        "values": _values(audit),
    }


def _leaderboard(audit: "Audit") -> Table:
    columns = [
        *("trial_id", "rank", "rank_without_penalty", "score", "objective", "best_epoch"),
        *("gap", "penalty", "spread", "runs", "outcome"),
    ]
    values = audit.trials.hyperparameters
    names = list(dict.fromkeys(name for trial in values.values() for name in trial))
    rows = (
        [row[column] for column in columns] + [values[row["trial_id"]].get(name) for name in names]
        for row in audit.record["leaderboard"]
    )
    return columns + [_free(name, columns) for name in names], rows


def _free(name: str, taken: Sequence[str]) -> str:
    return f"hyperparameter.{name}" if name in taken else name


def _curves(audit: "Audit") -> Table:
    table = audit.trials.curves
    # Column by column: a row of a mixed table would turn whole numbers into floats.
    return list(table.columns), zip(*(table[c].tolist() for c in table.columns), strict=True)


def _findings(audit: "Audit") -> Table:
    columns = [
        "code",
        "title",
        "severity",
        "trials",
        "sentence",
        "evidence",
        "remedy",
        "confidence",
    ]
    return columns, ([row[column] for column in columns] for row in audit.record["findings"])


def _causes(audit: "Audit") -> Table:
    columns = ["outcome", "conditions", *_COUNTS, "effect", "effect_low", "effect_high"]
    columns += ["adjusted_p", "evidence", "rescues", "sentence"]
    rows = (
        (
            *(row["outcome"], row["conditions"], *(row["counts"][name] for name in _COUNTS)),
            *(row["effect"], *(row["interval"] or (None, None)), row["adjusted_p"]),
            *(row["evidence"], row["rescues"], row["sentence"]),
        )
        for row in audit.record["causes"]
    )
    return columns, rows


_COUNTS = ("failing", "total", "failing_elsewhere", "total_elsewhere")


def _values(audit: "Audit") -> Table:
    condition = ["hyperparameter", "operator", "value"]
    columns = ["outcome", *condition, *(f"{name}_2" for name in condition), *_COUNTS, "added"]
    tallies = (*audit.attribution.values, *audit.attribution.pairs)
    rows = (
        (
            *(t.outcome, *_condition(t.conditions, 0), *_condition(t.conditions, 1)),
            *(*(getattr(t, name) for name in _COUNTS), t.added),
        )
        for t in tallies
    )
    return columns, rows


def _condition(tests: tuple[Condition, ...], place: int) -> tuple[Json, Json, Json]:
    if place >= len(tests):
        return None, None, None
    test = tests[place]
    return test.hyperparameter, test.operator, test.value
