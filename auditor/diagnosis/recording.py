"""AUD006, AUD007, AUD010, AUD026: what was not, or could not be, observed."""

from collections.abc import Iterator

import numpy as np

from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.sides import ranked, who
from auditor.diagnosis.swings import judgeable, needs_validated
from auditor.diagnosis.wording import count, names, nothing_needed, with_outcome
from auditor.outcomes import MIN_EPOCHS, Outcome
from auditor.scoring import why_no_gap
from auditor.trials import Problem, twin


def _crashed(seen: Judged) -> Iterator[Finding]:
    for trial, runs in with_outcome(seen, Outcome.CRASHED):
        verdict = next(iter(runs.values()))
        sentence = f"{names(seen, trial, runs)}: crashed: {verdict.reason}"
        yield CRASHED.finding(
            sentence,
            (),
            "high",
            trials=(trial,),
            runs=tuple(runs),
        )


def _unreadable(seen: Judged) -> Iterator[Finding]:
    """One per trial; those of no trial one each, since each names another file."""
    grouped: dict[str | int, list[Problem]] = {}
    for place, problem in enumerate(seen.trials.provenance.problems):
        key = place if problem.trial_id is None else problem.trial_id
        grouped.setdefault(key, []).append(problem)
    for problems in grouped.values():
        trial = problems[0].trial_id
        known = trial is not None and trial in seen.trials.hyperparameters
        text = "; ".join(
            f"{p.file}: {p.message}" if p.file and p.file not in p.message else p.message
            for p in problems
        )
        yield UNREADABLE.finding(
            f"trial {trial}: {text}" if trial is not None else text,
            (Evidence("problems", len(problems), "", 1),),
            "high",
            trials=(trial,) if known and trial is not None else (),
        )


def _gap_needs(seen: Judged) -> str | None:
    if all(score.objective is None for score in seen.scores.by_run.values()):
        return "no run has a finite objective"
    return None


def _no_gap(seen: Judged) -> Iterator[Finding]:
    """One finding for the sweep: what is missing is missing for a reason that trials share."""
    without = tuple(
        run for run, s in seen.scores.by_run.items() if s.objective is not None and s.gap is None
    )
    if not without:
        return
    trials = tuple(dict.fromkeys(run.trial_id for run in without))
    name = seen.trials.objective.name
    not_recorded = f"{twin(name)!r} was not recorded beside {name!r} at the best epoch"
    why = why_no_gap(seen.trials) or not_recorded
    if len(trials) == 1:
        which = f"trial {trials[0]}"
    elif len(trials) == len(seen.trials.hyperparameters):
        which = f"all {len(trials)} trials"
    else:
        which = f"{len(trials)} of {len(seen.trials.hyperparameters)} trials"
    yield NO_GAP.finding(
        f"{which}: no generalization gap could be computed and no penalty applies: {why}",
        (Evidence("runs without a gap", len(without), "runs", 1),),
        "high",
        trials=trials,
        runs=without,
    )


def _too_short(seen: Judged) -> Iterator[Finding]:
    """One finding for the sweep: those that are cut short are so for one reason, as a rule."""
    lengths = judgeable(seen).finite.lengths
    short = [
        place
        for place in np.flatnonzero((lengths > 0) & (lengths < MIN_EPOCHS)).tolist()
        if seen.outcomes.by_run[seen.trials.runs[place]].outcome == Outcome.OK
    ]
    if not short:
        return
    places = ranked(seen, short)
    runs = tuple(seen.trials.runs[place] for place in places)
    yield TOO_SHORT.finding(
        f"{who(seen, runs)}: too short to judge: after "
        f"{count(int(lengths[places[0]]), 'validated epoch')} no failure was seen, but whether it "
        f"overfits shows from {MIN_EPOCHS} on",
        (
            Evidence("fewest validated epochs", lengths[short].min(), "epochs", MIN_EPOCHS),
            Evidence("runs that are too short", len(short), "runs", 1),
        ),
        "high",
        trials=tuple(dict.fromkeys(run.trial_id for run in runs)),
        runs=runs,
    )


CRASHED = Rule(
    code="AUD006",
    title="Crashed",
    severity="error",
    needs=nothing_needed,
    check=_crashed,
    detected="The tool recorded that the run failed, and its losses had not diverged before.",
    matters="The configuration was paid for and says nothing; it does not rank.",
    remedy="Read the full message of the trial, then mend the model or leave this value out.",
    certainty="High: the tool says so.",
)

UNREADABLE = Rule(
    code="AUD007",
    title="Not readable as it stands",
    severity="warning",
    needs=nothing_needed,
    check=_unreadable,
    detected="A file that should hold results is missing, cut off, ambiguous, or contradicts "
    "itself.",
    matters="The audit judges only what it could read: counts and ranks may change with the rest.",
    remedy="Look at what is said of the file; if it matters, restore it or train the trial again.",
    certainty="High: what could not be read was not.",
)

NO_GAP = Rule(
    code="AUD010",
    title="No generalization gap",
    severity="tip",
    needs=_gap_needs,
    check=_no_gap,
    detected="Runs have an objective but no finite value of the same metric on the training data "
    "in the same epoch.",
    matters="The penalty on the gap cannot apply, so a lucky validation result is not held back.",
    remedy="Record the same metric on the training data, and rank by a validation metric.",
    certainty="High: what was not recorded is not there.",
)

TOO_SHORT = Rule(
    code="AUD026",
    title="Too short to judge",
    severity="tip",
    needs=lambda seen: needs_validated(seen, 1),
    check=_too_short,
    detected=f"Runs with fewer than {MIN_EPOCHS} validated epochs and no failure in them.",
    matters="Of so few epochs only a loss that exploded is told, and one that is no better than "
    "knowing nothing: that nothing was seen says little. Ranks say how fast trials start.",
    remedy="Train longer, with early stopping on the validation objective.",
    certainty="High: epochs are counted.",
    thresholds=("MIN_EPOCHS",),
)
