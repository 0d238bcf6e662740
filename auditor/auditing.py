"""From trials to an audit: the pipeline, and the record it leaves.

Not called `audit.py`: a module of that name would hide the function `auditor.audit`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from auditor import record
from auditor.attribution import explain, plan_reruns
from auditor.attribution.cause import Attribution, Cause
from auditor.attribution.help import NOT_COMPARED, Helping
from auditor.attribution.helping import advice
from auditor.attribution.planning import ConfirmationPlan
from auditor.diagnosis import diagnose
from auditor.diagnosis.finding import Check, Finding
from auditor.diagnosis.spending import Spending, find_spending
from auditor.files import Json, read_json, to_json, write_whole
from auditor.outcomes import Outcomes, judge
from auditor.scoring import DEFAULT_GAP_PENALTY, Scores, score
from auditor.selection import Selection, measure
from auditor.trials import Trials

if TYPE_CHECKING:
    from auditor.report.figures import Figures


def audit(trials: Trials, gap_penalty: float | None = None) -> "Audit":
    """Judge, score and diagnose trials, and attribute their failures to hyperparameters.

    Args:
        trials: What was observed, from `auditor.read` or `tuner.trials()`.
        gap_penalty: Weight of the generalization gap in the score; 0 ranks by the objective alone.
            By default that of the search, else `auditor.scoring.DEFAULT_GAP_PENALTY`.

    Raises:
        ValueError: `gap_penalty` is negative or not finite.

    Example:
        >>> audit(trials).causes[0].sentence
        'lr = 1.0: 18 of 18 diverged, 0 of 54 elsewhere; ...'
    """
    if gap_penalty is None:
        gap_penalty = trials.design.gap_penalty
    if gap_penalty is None:
        gap_penalty = DEFAULT_GAP_PENALTY
    outcomes = judge(trials)
    scores = score(trials, outcomes, gap_penalty)
    attribution, helping = explain(trials, outcomes, scores)
    selection = measure(trials, outcomes, scores)
    findings, checks = diagnose(trials, outcomes, scores, advice(helping, trials), selection)
    return Audit(trials, outcomes, scores, findings, checks, attribution, selection, helping)


@dataclass(frozen=True, eq=False)
class Audit:
    """The record of an audit, and the trials that it judged.

    Attributes:
        trials: What was observed.
        outcomes: What each run came to.
        scores: What ranks the trials.
        findings: What is wrong, most severe first.
        checks: How each rule ended, also those that passed or do not apply.
        attribution: Which hyperparameter values go with which outcome.
        selection: How far the search overfitted its validation set; None where it picked nothing.
        helping: Which hyperparameter values lowered the gap or improved the objective.
    """

    trials: Trials
    outcomes: Outcomes
    scores: Scores
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    attribution: Attribution
    selection: Selection | None = None
    helping: Helping = NOT_COMPARED

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The causes that survive the error control, strongest first."""
        return self.attribution.causes

    @cached_property
    def spending(self) -> Spending | None:
        """What the training was spent on; None where neither an epoch nor a time was recorded."""
        return find_spending(self.trials, self.outcomes, self.scores)

    def plan_reruns(self, budget: int | None = None) -> ConfirmationPlan:
        """The fewest trainings with new seeds that would decide each cause; `print` shows them.

        Args:
            budget: Trainings at most, earlier reruns among them; None for as many as it takes.
        """
        return plan_reruns(self.trials, budget)

    def to_html(self) -> str:
        """The audit as one HTML page that needs no network."""
        return self._rendered("html")

    def to_csv(self, folder: str | Path) -> None:
        """Write leaderboard, curves, findings, causes and values as CSV files to a folder.

        Raises:
            OSError: The folder cannot be made or written.
        """
        from auditor.report.csv import write_csv

        write_csv(self, folder)

    def to_parquet(self, folder: str | Path) -> None:
        """Write the same tables as Parquet files: with types, and every NaN that was observed.

        Raises:
            OSError: The folder cannot be made or written.
        """
        from auditor.report.parquet import write_parquet

        write_parquet(self, folder)

    def to_tensorboard(self, folder: str | Path) -> None:
        """Write curves and hyperparameters as event files; `tensorboard --logdir` shows them.

        Raises:
            OSError: The folder cannot be made or written.
        """
        from auditor.report.tensorboard import write_tensorboard

        write_tensorboard(self, folder)

    def __repr__(self) -> str:
        """One line, for prompts and debuggers; `print` shows the report."""
        found, causes = len(self.findings), len(self.causes)
        return f"Audit({self.trials!r}, findings={found}, causes={causes})"

    def __str__(self) -> str:
        """The audit as text, 80 columns wide, without colour."""
        return self._rendered("terminal")

    @property
    def figures(self) -> "Figures":
        """The figures of the report as Plotly objects.

        Example:
            >>> audit(trials).figures.causes().write_image("causes.svg")  # doctest: +SKIP
        """
        from auditor.report.figures import Figures

        return Figures(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from auditor.report.notebook import audit_html

        return audit_html(self)

    def _rendered(self, format: str) -> str:
        # Loaded when asked for: the report stands after the audit and imports it.
        from auditor.report import render

        return render(self, format)

    @cached_property
    def record(self) -> Mapping[str, Json]:
        """The audit as plain values, as in `audit.json`; documented in docs/audit_json.md."""
        return record.to_record(
            self.trials,
            self.outcomes,
            self.scores,
            self.findings,
            self.checks,
            self.attribution,
            self.selection,
            self.helping,
        )

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row per trial, best first; hyperparameters in columns of their own."""
        rows = [
            {**{k: v for k, v in row.items() if k != "hyperparameters"}, **row["hyperparameters"]}
            for row in self.record["leaderboard"]
        ]
        return pd.DataFrame(rows)

    def save(self, path: str | Path) -> None:
        """Write to a folder: `audit.json`, and the trials below `trials/`.

        Raises:
            OSError: The folder cannot be made or written.
        """
        path = Path(path)
        self.trials.save(path / "trials")
        write_whole(path / "audit.json", to_json(self.record, indent=1))

    @classmethod
    def load(cls, path: str | Path) -> "Audit":
        """Read what `save` wrote; nothing is judged anew.

        Raises:
            ReadError: A file is missing, cut off, or of a newer schema.
        """
        path = Path(path)
        trials = Trials.load(path / "trials")
        return cls(trials, *record.from_record(read_json(path / "audit.json"), trials))
