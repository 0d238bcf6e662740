"""The ranking, one row per trial."""

import math
from itertools import repeat
from typing import TYPE_CHECKING

from auditor.attribution.levels import identity
from auditor.files import Json
from auditor.report.numbers import UNKNOWN, aligned, epoch, number, seconds, setting
from auditor.report.parts import Cell, Column, Picture, Row, Section, Table
from auditor.report.words.phrases import OUTCOME_TONES, settings

if TYPE_CHECKING:
    from auditor.auditing import Audit

SETTING = "Hyperparameter"
"""What the columns of hyperparameters say that they hold."""

LANE = Column("lane", about="Trained in a stack with others, or alone by Model.fit", below=True)
PENALTY = Column("penalty", "right", about="What the gap costs", below=True)
RECORDED = Column("recorded", about="What the tool recorded of its runs", below=True)
TIME = Column("time", "right", about="Training of all its runs", below=True)

CAPTION = (
    "A diamond marks the best epoch; shading marks the epochs in which overfitting began, or in "
    "which the loss had diverged."
)

NOTE = (
    "#bare is the rank if the gap cost nothing; epoch is the best one, counted from 1; gap is how "
    "much worse validation is than training in that epoch."
)


def leaderboard(audit: "Audit") -> Section:
    """The section; its table has the trials in the order of their rank."""
    varied, same = _axes(audit)
    columns, rows = _columns(audit, varied), _rows(audit, varied)
    paragraphs = [f"Ranked by {_ranking(audit)}. Diverged trials come last."]
    if len(rows) == 1:
        paragraphs = ["A single trial: there is nothing to rank it against."]
    if same:
        paragraphs.append(f"The same in all trials: {settings(same)}.")
    return Section(
        "leaderboard",
        "Leaderboard",
        paragraphs=tuple(paragraphs) if rows else ("No trial was found.",),
        tables=(Table("", columns, rows, NOTE),) if rows else (),
        figures=(Picture("learning_curves", CAPTION),) if not audit.trials.curves.empty else (),
    )


def _ranking(audit: "Audit") -> str:
    name, weight = audit.trials.objective.name, number(audit.scores.gap_penalty)
    if all(score.gap is None for score in audit.scores.by_trial.values()):
        return f"{name} alone: no generalization gap is known"
    return (
        f"the score: {name} at the best epoch, worsened by {weight} of the generalization gap there"
    )


def _axes(audit: "Audit") -> tuple[list[str], dict[str, Json]]:
    """Hyperparameters that differ between trials, and the values of the others."""
    per_trial = audit.trials.hyperparameters.values()
    names = dict.fromkeys(name for values in per_trial for name in values)
    seen = {name: {identity(v[name]) if name in v else None for v in per_trial} for name in names}
    varied = [name for name in names if len(seen[name]) > 1 or len(per_trial) == 1]
    first = next(iter(per_trial), {})
    return varied, {name: first[name] for name in names if name not in varied}


def _measures(audit: "Audit") -> dict[Column, list[float | None]]:
    """The columns of numbers, and their values down the table."""
    scores = audit.scores.by_trial.values()
    name = audit.trials.objective.name
    measures = {
        Column(name, "right", about="The objective at the best epoch"): [
            s.objective for s in scores
        ],
        Column("score", "right", about="The objective, worsened by the penalty: what ranks"): [
            s.score for s in scores
        ],
        Column("gap", "right", about="How much worse validation is than training, there"): [
            s.gap for s in scores
        ],
        Column("spread", "right", about="Standard deviation of the score between runs"): [
            s.spread for s in scores
        ],
    }
    return {c: values for c, values in measures.items() if any(v is not None for v in values)}


def _columns(audit: "Audit", varied: list[str]) -> tuple[Column, ...]:
    return (
        Column("#", "right", about="Rank"),
        Column("#bare", "right", about="Rank if the gap cost nothing"),
        Column("trial"),
        Column("outcome"),
        Column("epoch", "right", about="The best epoch, counted from 1"),
        *_measures(audit),
        *(Column(name, about=SETTING, below=True) for name in varied),
        *([PENALTY] * _penalised(audit)),
        *([TIME] * _timed(audit)),
        *([LANE] * _mixed(audit)),
        *([RECORDED] * _partly_covered(audit)),
    )


def _rows(audit: "Audit", varied: list[str]) -> tuple[Row, ...]:
    cells = [
        [_measured(v, text) for v, text in zip(values, aligned(values), strict=True)]
        for values in _measures(audit).values()
    ]
    measured = zip(*cells, strict=True) if cells else repeat((), len(audit.scores.by_trial))
    return tuple(
        Row((*_identity(audit, trial), *middle, *_settings(audit, trial, varied), *costs), trial)
        for trial, middle, costs in zip(
            audit.scores.by_trial, measured, _costs(audit), strict=False
        )
    )


def _costs(audit: "Audit") -> list[tuple[Cell, ...]]:
    """Per trial what its gap costs, what its training took, what is recorded: where that varies."""
    scores = audit.scores.by_trial
    penalties = [s.penalty if s.gap is not None else None for s in scores.values()]
    columns = []
    if _penalised(audit):
        columns.append(list(map(_measured, penalties, aligned(penalties))))
    if _timed(audit):
        columns.append([Cell(seconds(s), s) for s in (_spent(audit, trial) for trial in scores)])
    if _mixed(audit):
        columns.append([Cell(lane, lane) for lane in (_lane(audit, trial) for trial in scores)])
    if _partly_covered(audit):
        columns.append([Cell(kind, kind) for kind in map(audit.trials.coverage_of, scores)])
    return list(zip(*columns, strict=True)) if columns else [()] * len(scores)


def _spent(audit: "Audit", trial: str) -> float | None:
    recorded = [audit.trials.recorded[run].seconds for run in audit.trials.runs_of[trial]]
    known = [value for value in recorded if value is not None]
    return sum(known) if known else None


def _lane(audit: "Audit", trial: str) -> str:
    lanes = {audit.trials.context.lane.get(run, UNKNOWN) for run in audit.trials.runs_of[trial]}
    return ", ".join(sorted(lanes)) or UNKNOWN


def _mixed(audit: "Audit") -> bool:
    return len(set(audit.trials.context.lane.values())) > 1


def _penalised(audit: "Audit") -> bool:
    return any(score.gap is not None for score in audit.scores.by_trial.values())


def _partly_covered(audit: "Audit") -> bool:
    kinds = set(map(audit.trials.coverage_of, audit.trials.hyperparameters))
    return len(kinds - {"nothing"}) > 1


def _timed(audit: "Audit") -> bool:
    return any(recorded.seconds is not None for recorded in audit.trials.recorded.values())


def _identity(audit: "Audit", trial: str) -> tuple[Cell, ...]:
    score, outcome = audit.scores.by_trial[trial], audit.outcomes.by_trial[trial]
    return (
        _rank(score.rank),
        _rank(score.rank_without_penalty),
        Cell(trial, trial),
        Cell(outcome.value, outcome.value, tone=OUTCOME_TONES[outcome]),
        Cell(epoch(score.best_epoch), None if score.best_epoch is None else score.best_epoch + 1),
    )


def _settings(audit: "Audit", trial: str, varied: list[str]) -> tuple[Cell, ...]:
    values = audit.trials.hyperparameters[trial]
    return tuple(
        Cell(setting(values[name]), _key(values[name])) if name in values else Cell(UNKNOWN)
        for name in varied
    )


def _measured(value: float | None, text: str) -> Cell:
    """A NaN has no place in an order, so it sorts as unknown."""
    return Cell(text, None if value is None or math.isnan(value) else value)


def _rank(rank: int | None) -> Cell:
    return Cell(UNKNOWN if rank is None else str(rank), rank)


def _key(value: Json) -> float | str:
    """Numbers sort as numbers, everything else as its text."""
    if isinstance(value, int | float) and abs(value) < math.inf:
        return value
    return setting(value)
