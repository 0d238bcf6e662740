"""The order in which verdicts are sought, and what they make of a trial."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from auditor.outcomes import explosions
from auditor.outcomes.learning import fell_back, not_learned
from auditor.outcomes.measured import Measured
from auditor.outcomes.noskill import baseline
from auditor.outcomes.overfitting import ended_worse
from auditor.outcomes.sameness import same_answers
from auditor.outcomes.verdicts import WORST_FIRST, Baseline, Outcome, Outcomes, RunOutcome
from auditor.trials import Run, Trials


def judge(trials: Trials) -> Outcomes:
    """The outcome of each run and trial.

    Example:
        >>> judge(trials).by_trial["0003"]
        <Outcome.DIVERGED: 'diverged'>
    """
    reference, seen = baseline(trials), Measured(trials)
    bad, same = explosions.bad_epochs(seen, reference), same_answers(seen)
    by_run = {
        run: _judge_run(seen, place, bad.get(place, ()), reference, same.get(place))
        for place, run in enumerate(trials.runs)
    }
    by_trial: Mapping[str, Outcome] = {
        trial: _majority([by_run[run].outcome for run in runs])
        for trial, runs in trials.runs_of.items()
    }
    return Outcomes(MappingProxyType(by_run), MappingProxyType(by_trial), reference)


def _judge_run(
    seen: Measured,
    place: int,
    bad: tuple[int, ...],
    reference: Baseline,
    same: RunOutcome | None,
) -> RunOutcome:
    """The verdict on the run at a place among all runs; `same` is that it has one answer only."""
    trials, run = seen.trials, seen.trials.runs[place]
    recovered = bool(bad) and explosions.has_recovered(seen, place, bad, reference)
    of_start = explosions.is_start if recovered else explosions.only_falls
    if bad and of_start(seen, place, bad, reference):
        bad, recovered = (), False
    if (bad and not recovered) or explosions.reported_non_finite(trials, run):
        return explosions.diverged(seen, place, bad, reference)
    verdict = _from_status(trials, run) or _from_curves(seen, place, bad, reference, same)
    if not bad:
        return verdict
    if verdict is same:  # the explosion destroyed it
        return explosions.diverged(seen, place, bad, reference)
    worst = explosions.worst_losses(seen, place, bad, reference)
    return replace(verdict, bad_epochs=bad, recovered=True, evidence={**worst, **verdict.evidence})


def _from_status(trials: Trials, run: Run) -> RunOutcome | None:
    """Verdicts that need no curve: the tool says that the run has no end to judge."""
    recorded = trials.recorded[run]
    if recorded.status == "failed":
        return RunOutcome(
            Outcome.CRASHED, _last_line(recorded.message) or "the tool says it failed"
        )
    if recorded.status == "pruned":
        return RunOutcome(Outcome.PRUNED, "stopped by the search; its end was not observed")
    if trials.coverage(run) == "nothing":
        return RunOutcome(Outcome.MISSING, "no result was recorded")
    return None


def _from_curves(
    seen: Measured,
    place: int,
    bad: tuple[int, ...],
    reference: Baseline,
    same: RunOutcome | None,
) -> RunOutcome:
    worse = ended_worse(seen, place, reference, after=max(bad, default=-1))
    if seen.trials.recorded[seen.trials.runs[place]].status == "unfinished":
        # What has already gone wrong is known; that nothing has, or not yet learned, is not.
        return worse or RunOutcome(Outcome.MISSING, "unfinished: its end was not observed")
    unlearned = not_learned(seen, place, reference) or same
    if unlearned is None:
        worse = worse or fell_back(seen, place, reference, after=max(bad, default=-1))
        return worse or RunOutcome(Outcome.OK, "no failure seen in what was recorded")
    if unlearned.outcome == Outcome.OVERFIT and worse and worse.outcome == Outcome.OVERFIT:
        return worse  # the same verdict, with a measured onset
    return unlearned


def _majority(outcomes: Sequence[Outcome]) -> Outcome:
    if not outcomes:
        return Outcome.MISSING
    counts = Counter(outcomes)
    return max(counts, key=lambda outcome: (counts[outcome], -WORST_FIRST.index(outcome)))


def _last_line(message: str | None) -> str | None:
    """The line that says what went wrong: of a traceback the exception, else the last one."""
    lines = [line for line in (message or "").splitlines() if line.strip()]
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback (most recent call")]
    # Where its beginning was cut off, frames tell a traceback too.
    frames = [i for i, line in enumerate(lines) if line.startswith('  File "')]
    if starts or frames:
        # Not the last line that looks like one: the text of an exception may have many lines, with
        # "Received: ..." among them. What leads to it is indented.
        after = lines[(starts or frames)[-1] + 1 :]
        lines = [line for line in after if _EXCEPTION.match(line)][:1] or lines
    return lines[-1].strip()[:300] if lines else None


_EXCEPTION = re.compile(r"[^\W\d][\w.]*(:|$)")
"""At the start of a line: "ValueError: no", "keras.errors.Some: no", "KeyboardInterrupt"."""
