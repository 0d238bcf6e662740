"""What to do next, as somebody with experience would say after a look at the verdict."""

from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING

from auditor.attribution.cause import Cause
from auditor.attribution.cells import meets
from auditor.outcomes import Outcome
from auditor.report.parts import Entry
from auditor.report.words import phrases

if TYPE_CHECKING:
    from auditor.auditing import Audit

_RULES: dict[str, str] = {
    Outcome.DIVERGED: "AUD001",
    Outcome.OVERFIT: "AUD003",
    Outcome.NEVER_LEARNED: "AUD004",
    Outcome.CRASHED: "AUD006",
    Outcome.DEGRADED: "AUD011",
}
"""The rule on an outcome: what to do about it is said where its cause is known."""

_IMPROVING, _AT_AN_END = "AUD005", "AUD051"
"""The rules on runs that were still improving, and on values beyond which nothing was tried."""

_SCALING = "AUD035"
"""The rule on inputs that are not scaled: a warning where runs exploded. Of every other failure
it may be the reason, so that nothing is worth leaving out before the inputs are scaled."""


def next_steps(
    audit: "Audit", best: str | None, causes: Iterable[Cause], entries: Iterable[Entry]
) -> list[str]:
    """A few sentences: what to leave out, what to repair, where to look on, what to train again.

    Args:
        audit: The audit.
        best: Its best trial; None where there is none.
        causes: The strongest.
        entries: The most important findings, first the one to repair.
    """
    values = audit.trials.hyperparameters
    unscaled = [f for f in audit.findings if f.code == _SCALING and f.severity == "warning"]
    shown = [c for c in causes if c.evidence != "associated" and not unscaled]
    avoid = [cause for cause in shown if best is None or not meets(cause, values[best])]
    steps = [
        f"Leave {' with '.join(map(phrases.condition, c.conditions))} out of the next search."
        for c in avoid[:1]
    ]
    said = {_RULES.get(cause.outcome) for cause in avoid[:1]}
    left = [(f"Scale the inputs first: {f.remedy[:1].lower()}{f.remedy[1:]}", "") for f in unscaled]
    left += [(e.remedy, e.label) for e in entries if e.label not in said and e.remedy]
    steps += [phrases.sentence(remedy) for remedy, _ in left[:1]]
    # Where nothing is to be repaired, the first entry may be one of these.
    steps += _further(audit, best, {label for _, label in left[:1]})
    if best is not None and _is_luck_unknown(audit, best):
        steps.append("Train the best few with more seeds before you choose between them.")
    return steps


def _further(audit: "Audit", best: str | None, said: Container[str]) -> Iterator[str]:
    """Where something better than the best trial is likely to be found, but for rules in `said`."""
    codes = {_IMPROVING, _AT_AN_END}
    found = [f for f in audit.findings if f.code in codes and f.code not in said]
    if any(f.code == _IMPROVING and best in f.trials for f in found):
        yield "Train longer: the best trial was still improving when it ended."
    ends = [f for f in found if f.code == _AT_AN_END]
    yield from (f"{phrases.sentence(f.sentence)} {f.remedy}" for f in ends[:1])


def _is_luck_unknown(audit: "Audit", best: str) -> bool:
    """Whether others may be as good, and nobody knows what the seed did."""
    good = (Outcome.OK, Outcome.OVERFIT, Outcome.DEGRADED)
    others = [t for t, outcome in audit.outcomes.by_trial.items() if outcome in good and t != best]
    score = audit.scores.by_trial[best]
    return bool(others) and score.runs == 1
