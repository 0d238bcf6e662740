"""AUD043, AUD044: how models were trained that overfitted, or did not learn."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.model import named, needs_models, runs_of
from auditor.diagnosis.wording import count, number, percent
from auditor.outcomes import Outcome
from auditor.trials import ModelFacts

LEAST_RATE = 1e-6
"""Learning rate. Bengio (2012) searches networks on standardised inputs between 1e-6 and 1; of the
runs of Adam on TaskSet with less than this none learned."""

MOST_RATE_ADAM = 0.1
"""Learning rate of Adam and its kin. On TaskSet 11 percent of the runs between .01 and .1 diverged,
1.1 percent between .001 and .01."""

MOST_RATE_SGD = 1.0
"""Learning rate of SGD: the upper end of Bengio (2012) for standardised inputs."""

DIVERGED_ABOVE_TENTH = 476 / 1_452
"""Share of the runs of Adam on TaskSet with a learning rate of .1 to 1 that diverged."""

DIVERGED_ABOVE_ONE = 752 / 1_188
"""The same share of runs from 1 to 10."""

_ROUNDING = 1 + 1e-6
"""Times a bound that float32 may make of it."""

_MOST_RATE = {
    **dict.fromkeys(("Adam", "AdamW", "Adamax", "Nadam", "RMSprop"), MOST_RATE_ADAM),
    "SGD": MOST_RATE_SGD,
}
_VERBS = {outcome: str(outcome) for outcome in Outcome} | {
    Outcome.OK: "learned",
    Outcome.MISSING: "has no result",
    Outcome.PRUNED: "was pruned",
}
_WEAK = ("batch normalisation",)
"""What works against overfitting only by the way."""


# Regularisation


def _unregularised(seen: Judged) -> Iterator[Finding]:
    overfit = Counter[bool]()
    every = Counter[bool]()
    bare = []
    for trial, facts in seen.trials.context.models.items():
        if trial not in seen.trials.runs_of or facts.custom:
            continue
        has_some = bool(set(facts.regularisers).difference(_WEAK))
        is_overfit = seen.outcomes.by_trial[trial] == Outcome.OVERFIT
        every[has_some] += 1
        overfit[has_some] += is_overfit
        if is_overfit and not has_some:
            bare.append(trial)
    if not bare:
        return
    verb, model = (
        ("overfits", "its model has") if len(bare) == 1 else ("overfit", "their models have")
    )
    sentence = f"{named(bare, len(seen.trials.hyperparameters))}: {verb}, and {model} no dropout, "
    sentence += "noise, L1, L2, weight decay or augmentation"
    if every[True]:
        sentence += f"; of the {count(every[True], 'trial')} with some, {overfit[True]} overfit"
    evidence = [
        Evidence("trials without regularisation", every[False], "trials"),
        Evidence("of these overfit", overfit[False], "trials", 1),
        Evidence("trials with regularisation", every[True], "trials"),
        Evidence("of these overfit", overfit[True], "trials"),
    ]
    yield UNREGULARISED.finding(
        sentence,
        tuple(evidence),
        "medium",
        trials=tuple(bare),
        runs=runs_of(seen, bare),
    )


# Learning rates


class RateRange(NamedTuple):
    """Learning rates that an optimizer does not stand: below or above a bound."""

    optimizer: str
    bound: float
    is_above: bool


def _needs_rates(seen: Judged) -> str | None:
    if reason := needs_models(seen):
        return reason
    for facts in seen.trials.context.models.values():
        if facts.learning_rate is not None and facts.optimizer in _MOST_RATE:
            return None
    return "no model has a constant learning rate and an optimizer whose limits are known"


def range_of(facts: ModelFacts) -> RateRange | None:
    """The range that a learning rate is in, if it is one of those that are not good."""
    rate, name = facts.learning_rate, facts.optimizer
    if rate is None or name is None or name not in _MOST_RATE:
        return None
    if rate * _ROUNDING < LEAST_RATE:
        return RateRange(name, LEAST_RATE, is_above=False)
    most = _MOST_RATE[name]
    return RateRange(name, most, is_above=True) if rate > most * _ROUNDING else None


def _rates(seen: Judged) -> Iterator[Finding]:
    groups: dict[RateRange, list[str]] = {}
    for trial, facts in seen.trials.context.models.items():
        if trial in seen.trials.runs_of and (found := range_of(facts)) is not None:
            groups.setdefault(found, []).append(trial)
    for found, trials in groups.items():
        blamed = (
            (Outcome.DIVERGED, Outcome.NEVER_LEARNED, Outcome.DEGRADED, Outcome.OVERFIT)
            if found.is_above
            else (Outcome.NEVER_LEARNED,)
        )
        came_to = {t: seen.outcomes.by_trial[t] for t in trials}
        ill = [t for t in trials if came_to[t] in blamed]
        if ill:
            yield _outside(seen, found, ill, trials)


def _outside(seen: Judged, found: RateRange, ill: list[str], trials: list[str]) -> Finding:
    came_to = Counter(seen.outcomes.by_trial[trial] for trial in trials)
    rates = sorted(seen.trials.context.models[trial].learning_rate or 0.0 for trial in ill)
    values = " to ".join(dict.fromkeys(map(number, (rates[0], rates[-1]))))
    sentence = (
        f"{named(ill, len(seen.trials.hyperparameters))}: {found.optimizer} with a learning rate "
    )
    if len(trials) == 1:
        sentence += f"of {values}: it {_VERBS[next(iter(came_to))]}"
    else:
        ends = ", ".join(f"{many} {_VERBS[outcome]}" for outcome, many in came_to.most_common())
        side = "above" if found.is_above else "below"
        sentence += f"{side} {found.bound:g} ({values}): of {len(trials)} such trials {ends}"
    evidence = [
        Evidence("smallest such learning rate", rates[0], "", found.bound),
        Evidence("largest such learning rate", rates[-1], "", found.bound),
        Evidence("trials with such a rate", len(trials), "trials"),
        Evidence("of these diverged", came_to[Outcome.DIVERGED], "trials"),
    ]
    if found.optimizer == "Adam" and found.is_above:
        share = DIVERGED_ABOVE_ONE if rates[0] * _ROUNDING >= 1 else DIVERGED_ABOVE_TENTH
        evidence.append(Evidence("share of such runs that diverged on TaskSet", share))
    worst = {seen.outcomes.by_trial[trial] for trial in ill}
    is_dead = bool(worst & {Outcome.DIVERGED, Outcome.NEVER_LEARNED})
    confidence: Confidence = "high" if Outcome.DIVERGED in worst else "medium" if is_dead else "low"
    return RATE.finding(
        sentence,
        tuple(evidence),
        confidence,
        trials=tuple(ill),
        runs=runs_of(seen, ill),
    )


UNREGULARISED = Rule(
    code="AUD043",
    title="Overfits without regularisation",
    severity="tip",
    needs=needs_models,
    check=_unregularised,
    detected="Most runs of a trial overfit, and its model has no dropout, no noise, no L1, L2 or "
    "activity penalty, no weight constraint, no weight decay and no augmentation. Not asked of "
    "models with layers that are not Keras's own.",
    matters="Nothing keeps the model from learning the training rows by heart; a setting that does "
    "so may generalise better than any that was tried.",
    remedy="Try dropout (0.2 to 0.5), L2 (1e-5 to 1e-3), weight decay or a smaller model as "
    "hyperparameters of the search; for images, augmentation.",
    certainty="Medium: too many epochs or too large a model overfit as well, and more data may do "
    "more.",
)

RATE = Rule(
    code="AUD044",
    title="Learning rate outside what the optimizer stands",
    severity="tip",
    needs=_needs_rates,
    check=_rates,
    detected=f"The initial learning rate is above {MOST_RATE_ADAM:g} with Adam, AdamW, Adamax, "
    f"Nadam or RMSprop, or above {MOST_RATE_SGD:g} with SGD, and the trial diverged, never "
    f"learned, degraded or overfits; or it is below {LEAST_RATE:g}, and the trial never learned. "
    "A tip: what became of the trials is told by other rules, and by what failures go with.",
    matters=f"Steps are too large to settle, or too small to get anywhere. On TaskSet "
    f"{percent(DIVERGED_ABOVE_TENTH)} of the runs of Adam with a rate of 0.1 to 1 diverged, and "
    f"{percent(DIVERGED_ABOVE_ONE)} with more.",
    remedy="Search the learning rate on a logarithmic scale from 1e-4 to 1e-2 with Adam, from 1e-3 "
    "to 1e-1 with SGD.",
    certainty="High where such a trial diverged; medium where one never learned; low where all "
    "learned.",
    thresholds=(
        "LEAST_RATE",
        "MOST_RATE_ADAM",
        "MOST_RATE_SGD",
        "DIVERGED_ABOVE_TENTH",
        "DIVERGED_ABOVE_ONE",
    ),
)
