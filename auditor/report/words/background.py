"""What stands behind the judgements: checks made, what was observed, where it comes from."""

from collections import Counter
from typing import TYPE_CHECKING

from auditor import __version__
from auditor.diagnosis.rules import RULES
from auditor.outcomes import Outcome
from auditor.report.numbers import UNKNOWN, count, number, ratio, seconds
from auditor.report.parts import Cell, Column, Row, Section, Table, Tone
from auditor.report.words.phrases import listed

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.diagnosis.finding import Check
    from auditor.trials import Coverage, Trials

MOST_REASONS = 3
"""Why runs were not stacked, the most frequent reasons first."""

_KINDS: dict["Coverage", str] = {
    "curves": "learning curves",
    "best epoch": "one epoch",
    "objective": "the objective only",
    "nothing": "nothing",
}
"""What is recorded of a run, in words, by coverage."""

_STATUS_TONES: dict[str, Tone] = {"passed": "good", "found": "warning", "not applicable": "quiet"}


def checks(audit: "Audit") -> Section:
    """How each rule ended, also those that passed or do not apply."""
    if not audit.checks:
        return Section("checks", "Checks", paragraphs=("No rule was checked.",))
    rows = tuple(
        Row(
            (
                Cell(check.code, check.code),
                Cell(check.title, check.title, about=_detected(check.code)),
                Cell(_ended(check), check.status, tone=_STATUS_TONES[check.status]),
                Cell(check.reason),
            )
        )
        for check in audit.checks
    )
    statuses = [check.status for check in audit.checks]
    text = ", ".join(f"{statuses.count(s)} {s}" for s in _STATUS_TONES if s in statuses)
    columns = (Column("code"), Column("check"), Column("result"), Column("why", ditto=True))
    table = Table("", columns, rows, brief=len(rows))
    return Section(
        "checks", "Checks", paragraphs=(f"{text[:1].upper()}{text[1:]}.",), tables=(table,)
    )


def _ended(check: "Check") -> str:
    return f"{count(check.findings)} {check.status}" if check.findings else check.status


def _detected(code: str) -> str:
    return next((rule.detected for rule in RULES if rule.code == code), "")


def limits(audit: "Audit") -> tuple[str, ...]:
    """What the reader of a verdict must know about what it rests on, in sentences."""
    trials = audit.trials
    told = (_not_ended(audit), _not_covered(trials), _assumed(trials), _unreadable(trials))
    return tuple(filter(None, told))


def _not_ended(audit: "Audit") -> str:
    """Runs that still train, or were killed: the outcome "missing" does not say why."""
    recorded, judged = audit.trials.recorded, audit.outcomes.by_run
    missing = [
        run
        for run, verdict in judged.items()
        if verdict.outcome == Outcome.MISSING and recorded[run].status == "unfinished"
    ]
    if not missing:
        return ""
    if len(judged) == 1:
        which = "The run is recorded as unfinished: its outcome is"
    elif len(missing) == 1:
        which = f"1 of {count(len(judged))} runs is recorded as unfinished: its outcome is"
    else:
        of = f"{count(len(missing))} of {count(len(judged), 'run')}"
        which = f"{of} are recorded as unfinished: their outcome is"
    return f"{which} 'missing', as the end was not observed."


def _not_covered(trials: "Trials") -> str:
    # A crashed run has nothing to record.
    failed = [run for run, recorded in trials.recorded.items() if recorded.status == "failed"]
    crashed = {run for run in failed if trials.coverage(run) == "nothing"}
    covered = [trials.coverage(run) for run in trials.runs if run not in crashed]
    if set(covered) <= {"curves"}:
        return ""
    if set(covered) == {"best epoch"}:
        return (
            "No learning curves are recorded, only one epoch of each run: the gap there is "
            "audited; what came before and after it cannot be."
        )
    of = {kind: f"{words} of {count(covered.count(kind), 'run')}" for kind, words in _KINDS.items()}
    return f"Recorded are {listed([of[kind] for kind in _KINDS if kind in covered])}."


def _assumed(trials: "Trials") -> str:
    objective, (word, _, why) = trials.objective, trials.objective.known_from.partition(": ")
    if word != "assumed" or not trials.runs:
        return ""
    return f"That {objective.name} ranks is assumed: {why}. Name another metric with --objective."


def _unreadable(trials: "Trials") -> str:
    problems = len(trials.provenance.problems)
    if not problems:
        return ""
    return f"Not everything could be read: {count(problems, 'problem')}, see Coverage and limits."


def coverage(audit: "Audit") -> Section:
    """How much was observed, and what that limits."""
    trials, baseline = audit.trials, audit.outcomes.baseline
    covered = [trials.coverage(run) for run in trials.runs]
    names = {
        "curves": "runs with curves",
        "best epoch": "runs with their best epoch only",
        "objective": "runs with the objective only",
        "nothing": "runs with nothing",
    }
    facts = [
        (name, ratio(covered.count(kind), len(covered)))
        for kind, name in names.items()
        if kind in covered
    ]
    if baseline.loss is None:
        skill = f"The no-skill loss is {baseline.known_from}."
    else:
        skill = f"The no-skill loss is {number(baseline.loss)} ({baseline.known_from})."
    if baseline.ceiling < float("inf"):
        source = f", {baseline.ceiling_from}," if baseline.ceiling_from else ""
        skill += f" A loss above {number(baseline.ceiling)}{source} counts as diverged."
    penalty = f"The penalty for a gap is limited by {audit.scores.cap}."
    return Section(
        "coverage",
        "Coverage and limits",
        facts=tuple(facts),
        paragraphs=(skill, penalty),
        notes=(*audit.scores.notes, *trials.provenance.missing),
        tables=_problems(audit),
    )


def _problems(audit: "Audit") -> tuple[Table, ...]:
    rows = tuple(
        Row((Cell(p.trial_id or UNKNOWN), Cell(p.file or UNKNOWN), Cell(p.message)), p.trial_id)
        for p in audit.trials.provenance.problems
    )
    columns = (Column("trial"), Column("file"), Column("problem"))
    return (Table("What could not be read", columns, rows),) if rows else ()


def provenance(audit: "Audit") -> Section:
    """Where the observations come from."""
    trials, origin, design = audit.trials, audit.trials.provenance, audit.trials.design
    objective = trials.objective
    aim = "to minimise" if objective.direction == "min" else "to maximise"
    spent = [r.seconds for r in trials.recorded.values() if r.seconds is not None]
    facts = {
        "audited by": f"auditor {__version__}",
        "written by": " ".join(filter(None, (origin.tool, origin.version))),
        "read from": origin.path,
        "files": f"{count(len(origin.files))}: {listed(origin.files, 4)}" if origin.files else None,
        "objective": f"{objective.name}, {aim} (known from: {objective.known_from})",
        "trials": count(len(trials.hyperparameters)),
        "runs": count(len(trials.runs)),
        "epochs": count(trials.epochs) if trials.epochs else None,
        "epochs planned": _known(design.epochs),
        "sampler": design.sampler,
        "seed of the search": None if design.seed is None else str(design.seed),
        "executions per trial": _known(design.executions),
        "rows of training data": _known(trials.context.train_rows),
        "rows of validation data": _known(trials.context.validation_rows),
        **_lanes(trials),
        "time in training": seconds(sum(spent)) if spent else None,
        **{f"version of {name}": version for name, version in origin.versions.items()},
    }
    shown = tuple((name, text) for name, text in facts.items() if text)
    return Section("provenance", "Provenance", facts=shown)


def _lanes(trials: "Trials") -> dict[str, str]:
    """How many runs were trained together, and why the others were not."""
    context = trials.context
    if not context.lane:
        return {}
    stacked = sum(lane == "stacked" for lane in context.lane.values())
    alone = [run.trial_id for run, lane in context.lane.items() if lane == "fit"]
    facts = {"training": "each run by Model.fit"}
    if stacked:
        of = f"{count(stacked)} of {count(len(context.lane), 'run')}"
        stacks = count(len(set(context.stack.values())), "stack")
        rest = f", {count(len(alone))} by Model.fit" if alone else ""
        facts["training"] = f"{of} in {stacks}{rest}"
    reasons = Counter(context.why_alone[trial] for trial in alone if trial in context.why_alone)
    if reasons:
        why = [f"{count(runs, 'run')}: {text}" for text, runs in reasons.most_common(MOST_REASONS)]
        more = len(reasons) - len(why)
        facts["not stacked"] = "; ".join([*why, *([f"{count(more)} more reasons"] if more else [])])
    return facts


def _known(value: int | None) -> str | None:
    return None if value is None else count(value)
