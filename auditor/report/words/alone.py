"""The verdict on a single trial: what somebody with experience says after a look at its curves."""

from typing import TYPE_CHECKING

from auditor.diagnosis.divergence import HELD
from auditor.outcomes import Outcome
from auditor.report.numbers import count, epoch, number
from auditor.report.parts import Tone
from auditor.report.words.findings import by_code
from auditor.report.words.phrases import listed

if TYPE_CHECKING:
    from auditor.auditing import Audit

_CUT_SHORT = {"AUD005", "AUD015"}
"""Rules that say that more epochs would have helped."""

_TOO_SHORT = "AUD026"
"""The rule that says that there were too few epochs to see anything."""

_SAID = _CUT_SHORT | {"AUD003", "AUD004", "AUD007", "AUD011", "AUD012"}
"""Rules whose findings the headline tells in its own words, or that are no verdict on a model."""

MOST_TITLES = 2
"""Findings that the headline names; the others stand below it."""


def headline(audit: "Audit", trial: str) -> tuple[str, Tone]:
    """The verdict in a sentence or two, and how it should look."""
    outcome = audit.outcomes.by_trial[trial]
    if outcome == Outcome.DIVERGED:
        return f"Training diverged: {_of_use(audit)}", "error"
    if outcome == Outcome.CRASHED:
        return "It crashed: there is no usable model.", "error"
    name, score = audit.trials.objective.name, audit.scores.by_trial[trial]
    if score.rank is None:
        return f"It cannot be judged: no usable {name} is recorded.", "error"
    value, best = f"{name} {number(score.objective)}", score.best_epoch
    where = f" in epoch {epoch(best)}" if best is not None else ""
    if outcome == Outcome.NEVER_LEARNED:
        how = "never learned" if never_learned(audit, trial) else "hardly learned"
        return f"It {how}: its best is {value}{where}.{look_into(audit, trial)}", "error"
    if outcome in (Outcome.OVERFIT, Outcome.DEGRADED):
        how = "It overfits" if outcome == Outcome.OVERFIT else "It degraded"
        if _is_useless(audit, trial):
            return f"{how}: no epoch is better on validation data than knowing nothing.", "error"
        kept = f"keep the weights of epoch {epoch(best)}" if best is not None else "see below"
        return f"{how}: {kept} ({value}).{look_into(audit, trial)}", "warning"
    look = look_into(audit, trial)
    return f"{_course(audit, trial, value + where)}{look}", "warning" if look else "good"


def _of_use(audit: "Audit") -> str:
    """What is left of a model whose loss ran away."""
    held = [e for f in audit.findings for e in f.evidence if e.name.endswith(HELD)]
    if not held:
        return "there is no usable model."
    metric = held[0].name.removesuffix(HELD)
    return f"its loss is of no use, although {metric} ended at {number(held[0].value)}."


def never_learned(audit: "Audit", trial: str) -> bool:
    """Whether no run of a trial that did not learn was better than a constant, even by a little."""
    found = [audit.outcomes.by_run[run].evidence for run in audit.trials.runs_of[trial]]
    known = [told for told in found if {"best val_loss", "no-skill loss"} <= told.keys()]
    return all(told["best val_loss"] >= told["no-skill loss"] for told in known)


def _is_useless(audit: "Audit", trial: str) -> bool:
    """Whether validation never got below the loss of knowing nothing, while training did."""
    verdicts = [audit.outcomes.by_run[run] for run in audit.trials.runs_of[trial]]
    return all(
        "no-skill loss" in v.evidence and "relative rise" not in v.evidence for v in verdicts
    )


def _course(audit: "Audit", trial: str, result: str) -> str:
    if all(audit.trials.coverage(run) != "curves" for run in audit.trials.runs_of[trial]):
        return f"No learning curve is recorded; the result is {result}."
    if audit.outcomes.by_trial[trial] == Outcome.PRUNED:
        return f"It was pruned: {result} until then."
    if any(finding.code in _CUT_SHORT for finding in audit.findings):
        return f"It was still improving when it ended: {result}."
    is_short = any(finding.code == _TOO_SHORT for finding in audit.findings)
    what = "Too short to judge" if is_short else "No failure was seen"
    return f"{what}: {result} of {count(audit.trials.epochs)}."


def look_into(audit: "Audit", trial: str) -> str:
    """The severest of the other findings on a trial or on all of them, by their titles."""
    found = [f for group in by_code(audit) for f in group if trial in f.trials or not f.trials]
    grave = [f.title for f in found if f.severity != "tip" and f.code not in _SAID]
    titles = [f"{title[:1].lower()}{title[1:]}" for title in dict.fromkeys(grave)]
    return f" Look into: {listed(titles[:MOST_TITLES])}." if titles else ""
