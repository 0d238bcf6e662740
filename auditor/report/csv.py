"""The audit as CSV files, for spreadsheets and programs.

Values are written as they are. A name that begins with "=", "+", "-" or "@" is one that some
spreadsheets take for a formula when they open the file: rewriting it would make the ids in these
files differ from the ids in the directory, so open files of strangers by importing columns as text.

An observed NaN is the text `nan`, an infinite value `inf` or `-inf`, and what is not known is
empty. Epochs count from 0, as in all data; only reports for people count from 1.
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.attribution.cause import Condition
from auditor.files import Json, to_json, write_whole

if TYPE_CHECKING:
    from auditor.auditing import Audit

Table = tuple[Sequence[str], Iterable[Sequence[Json]]]


def write_csv(audit: "Audit", folder: str | Path) -> None:
    """Write leaderboard, curves, findings, causes and values, each as a file, whole or absent.

    - `leaderboard.csv`: one row per trial, best first; each hyperparameter has a column of its own,
      called `hyperparameter.<name>` where its name is taken by another column.
    - `curves.csv`: one row per run, epoch and metric that was observed.
    - `findings.csv`, `causes.csv`: lists (trials, evidence, conditions) as JSON.
    - `values.csv`: failing and total runs per outcome and value, or pair of values.

    Raises:
        OSError: The folder cannot be made or written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "leaderboard": _leaderboard(audit),
        "curves": _curves(audit),
        "findings": _findings(audit),
        "causes": _causes(audit),
        "values": _values(audit),
    }
    for name, (columns, rows) in tables.items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(value) for value in row] for row in rows)
        # A folder's name need not be valid Unicode: its odd bytes are written as escapes.
        write_whole(folder / f"{name}.csv", text.getvalue().encode(errors="backslashreplace"))


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


def _text(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return str(value) if isinstance(value, str | bool | int) else to_json(value)
