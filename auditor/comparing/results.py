"""What matched trials, and the best of both sweeps, came to."""

import math
from collections.abc import Iterable

import numpy as np

from auditor.auditing import Audit
from auditor.comparing import testing
from auditor.comparing.records import Best, BeyondSeeds, Pair, Paired, Turned
from auditor.outcomes import FAILURES, Outcome
from auditor.trials import Run

NOT_MEASURED = (Outcome.DIVERGED, Outcome.CRASHED)
"""Outcomes whose objective says nothing of the model; they are told as outcomes."""

NOT_KNOWN = (Outcome.PRUNED, Outcome.MISSING)
"""Outcomes that are neither a failure nor none."""

EQUAL_EFFORT = 1.25
"""Ratio of trials above which the best of the larger sweep is better by luck alone. With 25 % more,
the best of 50 draws from a normal distribution gains .09 of its standard deviation."""


def paired(before: Audit, after: Audit, pairs: Iterable[Pair], of: str) -> Paired:
    """Differences of "objective" or "gap" between matched trials."""
    differences = {}
    for pair in pairs:
        mine, theirs = _measured(before, pair.before, of), _measured(after, pair.after, of)
        if mine is not None and theirs is not None and math.isfinite(theirs - mine):
            differences[pair] = theirs - mine
    # A gap is worse the larger it is, whatever the objective.
    sign = -1 if of == "objective" and after.trials.objective.direction == "max" else 1
    values = list(differences.values())
    return Paired(
        differences,
        sum(sign * value < 0 for value in values),
        sum(sign * value > 0 for value in values),
        *testing.typical(values),
        testing.signed_rank(values),
    )


def _measured(audit: Audit, trial: str, of: str) -> float | None:
    if audit.outcomes.by_trial[trial] in NOT_MEASURED:
        return None
    value: float | None = getattr(audit.scores.by_trial[trial], of)
    # As in the score: validation below training is no gap, and less below it none gained.
    return max(value, 0.0) if of == "gap" and value is not None else value


def beyond_seeds(before: Audit, after: Audit, pairs: Iterable[Pair]) -> BeyondSeeds:
    """Matched trials whose difference is more than that of their executions."""
    some = [
        (pair, mine, theirs)
        for pair in pairs
        if len(mine := objectives(before, pair.before)) > 1
        and len(theirs := objectives(after, pair.after)) > 1
    ]
    ps = testing.student([(mine, theirs) for _, mine, theirs in some])
    sign = -1 if after.trials.objective.direction == "max" else 1
    differing = [
        (pair, sign * (np.mean(theirs) - np.mean(mine)))
        for (pair, mine, theirs), stands in zip(some, testing.held(ps), strict=True)
        if stands
    ]
    return BeyondSeeds(
        tuple(pair for pair, difference in differing if difference < 0),
        tuple(pair for pair, difference in differing if difference > 0),
        len(some),
    )


def objectives(audit: Audit, trial: str) -> list[float]:
    """The objective of each run of a trial that neither diverged nor crashed."""

    def counts(run: Run) -> bool:
        value = audit.scores.by_run[run].objective
        known = value is not None and math.isfinite(value)
        return known and audit.outcomes.by_run[run].outcome not in NOT_MEASURED

    runs = filter(counts, audit.trials.runs_of[trial])
    return [value for run in runs if (value := audit.scores.by_run[run].objective) is not None]


def turned(before: Audit, after: Audit, pairs: Iterable[Pair]) -> Turned:
    """Matched trials by whether they fail on either side."""
    known = [
        (pair, mine in FAILURES, theirs in FAILURES)
        for pair in pairs
        if (mine := before.outcomes.by_trial[pair.before]) not in NOT_KNOWN
        and (theirs := after.outcomes.by_trial[pair.after]) not in NOT_KNOWN
    ]
    recovered = tuple(pair for pair, failed, fails in known if failed and not fails)
    failing = tuple(pair for pair, failed, fails in known if fails and not failed)
    both = sum(failed and fails for _, failed, fails in known)
    neither = len(known) - both - len(recovered) - len(failing)
    p = testing.sign_test(len(recovered), len(failing))
    return Turned(recovered, failing, both, neither, p)


def best(before: Audit, after: Audit, pairs: Iterable[Pair]) -> Best | None:
    """The best trials, and whether they differ by more than luck; None where there are not two."""
    mine, theirs = winner(before), winner(after)
    if mine is None or theirs is None:
        return None
    seeds, new_seeds = objectives(before, mine), objectives(after, theirs)
    tested = testing.welch(seeds, new_seeds)
    fewer, more = sorted(len(audit.trials.hyperparameters) for audit in (before, after))
    partner = {pair.before: pair.after for pair in pairs}.get(mine)
    return Best(
        *(mine, theirs, _objective(before, mine), _objective(after, theirs)),
        *(len(seeds), len(new_seeds)),
        interval=tested[1] if tested else None,
        p=tested[0] if tested and more <= EQUAL_EFFORT * fewer else None,
        again=None if partner is None else _measured(after, partner, "objective"),
    )


def winner(audit: Audit) -> str | None:
    """The first of the leaderboard, where it has a finite objective."""
    first = next(iter(audit.scores.by_trial), None)
    if first is None or not math.isfinite(_objective(audit, first)):
        return None
    return None if audit.outcomes.by_trial[first] in NOT_MEASURED else first


def _objective(audit: Audit, trial: str) -> float:
    value = audit.scores.by_trial[trial].objective
    return math.nan if value is None else value
