"""What to do next, as somebody with experience would say after a look at the verdict."""

from collections.abc import Container, Iterable, Iterator, Set
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

_TIED = "AUD052"
"""The rule on a winner that validation rows do not tell from others: it advises more executions."""

_SCALING = "AUD035"
"""The rule on inputs that are not scaled: a warning where runs exploded. Of every other failure
it may be the reason, so that nothing is worth leaving out before the inputs are scaled."""

_SPLIT = ("AUD031", "AUD033", "AUD034", "AUD019")
"""Rules on validation rows that are unlike, or among, the training rows: whatever the values, the
curves then show the split as well. The last one infers it from the curves."""


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
    steps = [*_split(audit), *_leave_out(avoid)]
    said = {_RULES[cause.outcome] for cause in avoid if cause.outcome in _RULES}
    # Trials that are left out need no repair.
    said |= _only_in(audit, {t for t in values if any(meets(c, values[t]) for c in avoid)})
    left = [(f"Scale the inputs first: {f.remedy[:1].lower()}{f.remedy[1:]}", "") for f in unscaled]
    left += [(e.remedy, e.label) for e in entries if e.label not in said and e.remedy]
    steps += [phrases.sentence(remedy) for remedy, _ in left[:1]]
    # Where nothing is to be repaired, the first entry may be one of these.
    advised = {label for _, label in left[:1]}
    steps += _further(audit, best, advised)
    if best is not None and _TIED not in advised and _is_luck_unknown(audit, best):
        steps.append("Train the best few with more seeds before you choose between them.")
    return steps


def _split(audit: "Audit") -> Iterator[str]:
    """What comes before all hyperparameters, where it is likely enough."""
    found = {f.code: f.title for f in audit.findings if f.confidence != "low"}
    title = next((found[code] for code in _SPLIT if code in found), None)
    if title is not None:
        yield f"Look at the split first: {title[:1].lower()}{title[1:]}."


def _leave_out(causes: Iterable[Cause]) -> list[str]:
    """One sentence on the values of all causes; none where there is no cause."""
    values = [" with ".join(map(phrases.condition, cause.conditions)) for cause in causes]
    listed = f"{', and '.join(values)}{',' * (len(values) > 1)}"
    return [f"Leave {listed} out of the next search."] * bool(values)


def _only_in(audit: "Audit", trials: Set[str]) -> set[str]:
    """Codes of findings of which all are on some of these trials."""
    codes = {f.code for f in audit.findings}
    return codes - {f.code for f in audit.findings if not f.trials or set(f.trials) - trials}


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
