"""How far the search overfitted its own validation set: the luck in picking the best of many.

What may be said depends on what was recorded. Of one run per trial, with its metrics alone, nothing
is known of the noise, and no number is given. Losses on parts of the validation rows show the luck
with these rows, executions that of training, folds some of both, and test data the sum of it all.

`field.py` finds the trials that may win, `picking.py` picks winners among them, `shrinking.py`
guesses what their scores truly are, `sets.py` tells trials from the best one, `splits.py` splits
the rows; `rows.py`, `executions.py` and `on_test.py` say what that comes to.
"""

from auditor.outcomes import Outcome, Outcomes
from auditor.scoring import Scores
from auditor.selection.executions import execution_luck, fold_luck
from auditor.selection.field import Members, field_of, known_members
from auditor.selection.on_test import on_test, overtuning
from auditor.selection.records import Estimate, Luck, OnTest, Overtuning, Selection, Standing
from auditor.selection.rows import Setting, row_luck
from auditor.selection.sets import LEVEL
from auditor.selection.shrinking import expected_luck
from auditor.trials import Run, Trials

__all__ = [
    "COMPARED",
    "LEVEL",
    "Estimate",
    "Luck",
    "OnTest",
    "Overtuning",
    "Selection",
    "Standing",
    "expected_luck",
    "measure",
]

FEWEST_PARTS = 5
"""Parts of the validation rows: with 2 or 3, estimates miss by a third of the bias or so."""

COMPARED = (Outcome.OK, Outcome.OVERFIT, Outcome.DEGRADED)
"""Outcomes of the trials that the winner is picked from. Others vary in ways of their own."""


def measure(trials: Trials, outcomes: Outcomes, scores: Scores) -> Selection | None:
    """How far the search may have fooled itself; None where there was nothing to pick from.

    Example:
        >>> measure(trials, outcomes, scores).candidates
        54
    """
    members = _members(outcomes, scores)
    if len(members) < 2:
        return None
    winner = next(iter(members))
    objective = scores.by_trial[winner].objective
    assert objective is not None
    sign = 1 if trials.objective.direction == "min" else -1
    by_trial = {
        trial: {run: sign * (scores.by_run[run].score or 0.0) for run in runs}
        for trial, runs in members.items()
    }
    rows, notes = _rows(trials, scores, members, objective)
    luck = (
        rows, execution_luck(by_trial, objective, sign), fold_luck(by_trial, objective, sign)
    )  # fmt: skip
    return Selection(
        candidates=len(members),
        winner=winner,
        objective=objective,
        what_if=expected_luck(len(members)),
        luck=tuple(found for found in luck if found is not None),
        on_test=on_test(trials, scores, winner),
        overtuning=overtuning(trials, scores),
        notes=notes,
    )


def _members(outcomes: Outcomes, scores: Scores) -> dict[str, list[Run]]:
    """The runs that made the scores of the trials that learned and did not fail, best first."""
    runs: dict[str, list[Run]] = {}
    for run, scored in scores.by_run.items():
        good = outcomes.by_trial[run.trial_id] in COMPARED
        if good and outcomes.by_run[run].outcome in COMPARED and scored.score is not None:
            runs.setdefault(run.trial_id, []).append(run)
    return {trial: runs[trial] for trial in scores.by_trial if trial in runs}


def _rows(
    trials: Trials, scores: Scores, members: Members, objective: float
) -> tuple[Luck | None, tuple[str, ...]]:
    """The luck with the validation rows, and why nothing or not all is said of it."""
    chunks, name = trials.context.chunks, trials.objective.name
    if chunks is None or not len(chunks.values):
        return None, ()
    parts = min(map(len, chunks.rows.values()))
    if parts < FEWEST_PARTS:
        return None, (
            f"The validation rows are recorded in {parts} of the {FEWEST_PARTS} parts that are "
            "needed to tell how much of the choice is luck with these rows.",
        )
    known = known_members(trials, members, scores)
    if not known:
        return None, (
            f"{name} is not recorded on parts of the validation rows, as means over rows are: how "
            "much of the choice is luck with these rows, is not known.",
        )
    left = len(members) - len(known)
    if next(iter(known)) != next(iter(members)) or len(known) < 2:
        return None, (
            f"Parts of the validation rows are recorded of {len(known)} of {len(members)} trials, "
            "and not of the best one: the luck with these rows is not known.",
        )
    notes = (f"Left out are {left} of {len(members)} trials, of which no parts are recorded.",)
    field = field_of(trials, known, scores)
    rows = [count for fold in {run.fold for run in field.members} for count in chunks.rows[fold]]
    sign = 1 if trials.objective.direction == "min" else -1
    setting = Setting(objective, sign, len(known), sum(rows))
    losses = trials.context.losses if name == "val_loss" else {}
    fine = all(run in losses for run in field.members)
    units = field.units([losses[run] for run in field.members]) if fine else None
    return row_luck(field, setting, units), notes if left else ()
