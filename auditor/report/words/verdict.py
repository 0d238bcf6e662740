"""Which model, how sure, what went wrong and why: what must be understood in ten seconds."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from auditor.outcomes import FAILURES, Outcome
from auditor.report.numbers import count, epoch, number
from auditor.report.parts import Entry, Section, Share, Tone
from auditor.report.words import alone, phrases
from auditor.report.words.advice import next_steps
from auditor.report.words.background import limits
from auditor.report.words.causes import why
from auditor.report.words.findings import by_code, summaries
from auditor.report.words.on_test import on_test
from auditor.scoring import TrialScore

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_FINDINGS = 3
MOST_CAUSES = 2

_COMPARABLE = "AUD023"
"""The rule that says whether trials can be ranked at all."""

UNKNOWN_VALUES = "Its hyperparameters are not known."


def winner(audit: "Audit") -> str | None:
    """The best trial; None where none can be ranked or every one of them diverged."""
    best, score = next(iter(audit.scores.by_trial.items()), (None, None))
    if best is None or score is None or score.rank is None or _ranks_last(score):
        return None
    return None if audit.outcomes.by_trial[best] == Outcome.DIVERGED else best


def worst_failure(audit: "Audit") -> str | None:
    """The lowest of the failed trials that have a curve to show."""
    for trial in reversed(list(audit.scores.by_trial)):
        runs = audit.trials.runs_of[trial]
        covered = any(audit.trials.coverage(run) == "curves" for run in runs)
        if covered and audit.outcomes.by_trial[trial] in FAILURES:
            return trial
    return None


def verdict(audit: "Audit") -> Section:
    """The first section."""
    best = winner(audit)
    headline, tone = _headline(audit, best)
    entries = summaries(audit, MOST_FINDINGS)
    return Section(
        "verdict",
        "Verdict",
        headline,
        tone,
        answers=tuple(_answers(audit, best, entries)),
        shares=_shares(audit),
        facts=_facts(audit, best),
        entries=tuple(replace(entry, remedy="") for entry in entries),  # said by the answers
        notes=limits(audit),
    )


def _answers(
    audit: "Audit", best: str | None, entries: tuple[Entry, ...]
) -> Iterator[tuple[str, str]]:
    if best is not None:
        values = audit.trials.hyperparameters[best]
        yield "which model", f"{phrases.settings(values)}." if values else UNKNOWN_VALUES
        yield "how sure", " ".join(_how_sure(audit, best))
    total = len(audit.trials.hyperparameters)
    if total > 1 and not _failed(audit):
        yield "what failed", _nothing(audit)
    elif total > 1:
        yield "what failed", f"{_share_of_failures(audit)}."
    shown = audit.causes[:MOST_CAUSES]
    told = [why(cause).partition(": ") for cause in shown]
    for lead, causes in groupby(told, key=lambda parts: parts[0].lower()):
        yield lead, " ".join(cause for _, _, cause in causes)
    if steps := next_steps(audit, best, shown, entries):
        yield "what to do", " ".join(steps)


def _failed(audit: "Audit") -> int:
    return sum(outcome in FAILURES for outcome in audit.outcomes.by_trial.values())


def _nothing(audit: "Audit") -> str:
    """What failed where no trial did; curves without a failure do not make sound results."""
    errors = [group for group in by_code(audit) if group[0].severity == "error"]
    if not errors:
        return "Nothing: no failure was seen in any trial."
    told = []
    for group in errors:
        among = {trial for finding in group for trial in finding.trials}
        share = f"{count(len(among))} of {count(len(audit.trials.hyperparameters), 'trial')}"
        told.append(f"{group[0].title} ({group[0].code}{f', {share}' if among else ''})")
    those = "the error" if len(told) == 1 else "the errors"
    return (
        f"No trial diverged, crashed or overfitted, but see {those} below: {phrases.listed(told)}."
    )


def _share_of_failures(audit: "Audit") -> str:
    """The worst first: "20 of 48: 10 diverged, 5 never learned, ..."."""
    kinds = list(audit.outcomes.by_trial.values())
    named = (*reversed(FAILURES), Outcome.PRUNED, Outcome.MISSING)
    told = [f"{count(kinds.count(o))} {phrases.did(o)}" for o in named if o in kinds]
    share = f"{count(_failed(audit))} of {count(len(kinds), 'trial')}"
    if len(told) == 1:
        return f"{share} {told[0].partition(' ')[2]}"
    return f"{share}: {', '.join(told)}"


def _shares(audit: "Audit") -> tuple[Share, ...]:
    """How many trials came to what; nothing where that is no news."""
    kinds = list(audit.outcomes.by_trial.values())
    if len(kinds) < 2:
        return ()
    return tuple(
        Share(phrases.did(o), kinds.count(o), phrases.OUTCOME_TONES[o])
        for o in (Outcome.OK, *FAILURES, Outcome.PRUNED, Outcome.MISSING)
        if o in kinds
    )


def _headline(audit: "Audit", best: str | None) -> tuple[str, Tone]:
    total, name = len(audit.trials.hyperparameters), audit.trials.objective.name
    if total == 1:
        return alone.headline(audit, *audit.trials.hyperparameters)
    if not total:
        return "There is nothing to judge: no trial was found.", "error"
    if best is None:
        seen = set(audit.outcomes.by_trial.values()) - {Outcome.PRUNED, Outcome.MISSING}
        if Outcome.DIVERGED in seen or seen == {Outcome.CRASHED}:
            return f"No usable model: {_failures(audit)}.", "error"
        return f"No trial can be ranked: none has a usable {name}.", "error"
    score = audit.scores.by_trial[best]
    where = f" in epoch {epoch(score.best_epoch)}" if score.best_epoch is not None else ""
    result = f"{name} {number(score.objective)}{where}"
    outcome = audit.outcomes.by_trial[best]
    if any(f.code == _COMPARABLE and f.severity == "error" for f in audit.findings):
        return f"Trials of different problems: none of these {total} is the best of all.", "error"
    if outcome == Outcome.NEVER_LEARNED:
        what = "anything" if alone.never_learned(audit, best) else "much"
        return f"No model learned {what}: even the best, trial {best}, has {result}.", "error"
    headline = f"Trial {best} is the best of {count(total)}: {result}"
    look = alone.look_into(audit, best)
    if outcome in (Outcome.OVERFIT, Outcome.DEGRADED):
        how = "overfits" if outcome == Outcome.OVERFIT else "degrades after that"
        return f"{headline}. It {how}: keep the weights of that epoch.{look}", "warning"
    return f"{headline}.{look}", "warning" if look else "good"


def _failures(audit: "Audit") -> str:
    kinds = list(audit.outcomes.by_trial.values())
    if len(set(kinds)) == 1:
        return f"all {count(len(kinds), 'trial')} {phrases.did(kinds[0])}"
    return f"{count(len(kinds), 'trial')}, {phrases.tally(kinds)}"


def _how_sure(audit: "Audit", best: str) -> list[str]:
    sentences = []
    ranked = [(t, s) for t, s in audit.scores.by_trial.items() if s.rank is not None]
    if len(ranked) > 1:
        sentences.append(_margin(ranked[0][1], *ranked[1]))
        if audit.scores.by_trial[best].spread is None:
            sentences.append(_luck_of_one_run(audit))
    elif audit.scores.by_trial[best].runs < 2:
        sentences.append("Trained once: how much of its score is luck is not known.")
    bare = next((t for t, s in ranked if s.rank_without_penalty == 1), best)
    if bare != best:
        sentences.append(f"Without the penalty on its gap, trial {bare} would be the best.")
    return sentences


def _margin(best: TrialScore, second: str, other: TrialScore) -> str:
    if best.score is None or other.score is None:
        return ""
    margin = abs(other.score - best.score)
    text = f"The next, trial {second}, scores {number(margin)} worse."
    if not margin:
        text = f"The next, trial {second}, scores the same."
    if _ranks_last(other):
        text = f"The next, trial {second}, diverged."
    if best.spread is None:
        return text
    text += f" {count(best.runs, 'training')} of the best differ by {number(best.spread)}"
    text += " (standard deviation)"
    return text + (": the order of the two is not settled." if best.spread >= margin else ".")


def _luck_of_one_run(audit: "Audit") -> str:
    """What is known of luck where trials were trained once: at most that with the rows."""
    known = audit.selection.luck if audit.selection is not None else ()
    rows = next((luck for luck in known if luck.of == "rows"), None)
    if rows is None:
        return "One run of each is recorded, so how much of that is luck is not known."
    others = len(rows.could_be_best) - 1
    told = f"do not tell the best from {count(others, 'other')}"
    if not others:
        told = "tell the best from all others"
    return (
        f"The validation rows {told}; one run of each is recorded, so luck with seeds is unknown."
    )


def _ranks_last(score: TrialScore) -> bool:
    """Whether a trial ranks last for having diverged."""
    return score.score is not None and abs(score.score) == float("inf")


def _facts(audit: "Audit", best: str | None) -> tuple[tuple[str, str], ...]:
    """The numbers of the best trial."""
    if best is None:
        return ()
    score = audit.scores.by_trial[best]
    return (
        (audit.trials.objective.name, number(score.objective)),
        ("best epoch", epoch(score.best_epoch)),
        ("generalization gap", number(score.gap)),
        *on_test(audit, best),
    )
