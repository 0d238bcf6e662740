"""Before and after, in words: the sections of a comparison."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.comparing.records import Differing
from auditor.outcomes import FAILURES
from auditor.report.numbers import UNKNOWN, count, number, setting
from auditor.report.parts import Picture, Section, Tone
from auditor.report.words.comparison_results import moved, name, of_best, of_pairs, significance
from auditor.report.words.comparison_sides import sides_in_numbers
from auditor.report.words.comparison_tables import axes, causes, findings, matched, turned
from auditor.report.words.phrases import listed

if TYPE_CHECKING:
    from auditor.comparing import Comparison

TONES: dict[str, Tone] = {
    "same": "plain",
    "better": "good",
    "worse": "error",
    "mixed": "warning",
    "undecided": "plain",
}


ABOUT = "A point per trial: its objective before across, the change upwards; the table has numbers"
BELOW = "A point per trial. On the line nothing changed; below it the value is lower after."


def sections(found: "Comparison") -> tuple[Section, ...]:
    """All sections of a comparison."""
    makers = (verdict, _numbers, _trials, _findings, _causes, _searched)
    made = (make(found) for make in makers)
    return tuple(section for section in made if section is not None)


def verdict(found: "Comparison") -> Section:
    """What changed, and how sure that is."""
    answers = (
        ("What changed", _changed(found)),
        ("The best", " ".join(of_best(found))),
        ("Same trials", " ".join(of_pairs(found))),
        ("Failures", _failures(found)),
        ("Findings", " ".join(_found(found))),
    )
    return Section(
        "verdict",
        "Before and after",
        _headline(found),
        TONES[found.verdict],
        answers=tuple((question, answer) for question, answer in answers if answer),
        notes=tuple(_limits(found)),
    )


def _numbers(found: "Comparison") -> Section:
    paths = (
        (side, audit.trials.provenance.path or UNKNOWN)
        for side, audit in (("before", found.before), ("after", found.after))
    )
    return Section("numbers", "In numbers", facts=tuple(paths), tables=(sides_in_numbers(found),))


def _headline(found: "Comparison") -> str:
    if found.unlike:
        told = _differing(found.unlike[0])
        return f"The two cannot be ranked against each other. {told}."
    if found.verdict == "same":
        trials = count(len(found.matching.pairs), "trial")
        return f"Nothing changed: {trials}, and the same {name(found)} in each, to the last digit."
    claimed = list(_claims(found))
    if claimed:
        how = {"better": "Better", "worse": "Worse"}.get(found.verdict, "Better and worse")
        return f"{how}: {'; '.join(claimed)}."
    if found.best is None:
        return _without_best(found)
    if found.best.objective_before == found.best.objective_after:
        return f"The best {name(found)} {moved(found.best)}."
    luck = "that may be luck" if _tested(found) else "how much of that is luck is not known"
    return f"The best {name(found)} {moved(found.best)}: {luck}."


def _without_best(found: "Comparison") -> str:
    was, now = found.winners
    if was is None and now is None:
        return "Neither side has a model that can be ranked."
    if was is None:
        return f"There is a model to use now, trial {now}; before there was none."
    return f"There is no model to use any more; before there was trial {was}."


def _tested(found: "Comparison") -> bool:
    of_pairs = found.objective is not None and found.objective.p is not None
    return of_pairs or (found.best is not None and found.best.p is not None)


def _claims(found: "Comparison") -> Iterator[str]:
    claims, metric = found.claims, name(found)
    if "best" in claims and found.best:
        yield f"the best {metric} {moved(found.best)}"
    if "objective" in claims and found.objective:
        n = len(found.objective.differences)
        k = getattr(found.objective, claims["objective"])
        yield f"{metric} is {claims['objective']} in {count(k)} of {count(n)} trials that both have"
    if "outcomes" in claims:
        recovered, failing = len(found.turned.recovered), len(found.turned.failing)
        yield f"{count(recovered)} failed trials recovered, {count(failing)} fail only now"


def _differing(fact: Differing) -> str:
    return f"{fact.name} {_value(fact.before)} before, {_value(fact.after)} after"


def _value(value: object) -> str:
    if value is None:
        return "not set"
    return number(value) if isinstance(value, float) else setting(value)


def _changed(found: "Comparison") -> str:
    """What has one value before and another one after; several values are told further down."""
    if not found.matching.fixed:
        return ""
    return f"In all trials: {'; '.join(map(_differing, found.matching.fixed))}."


def _failures(found: "Comparison") -> str:
    shares = []
    for audit in (found.before, found.after):
        outcomes = list(audit.outcomes.by_trial.values())
        failed = sum(outcome in FAILURES for outcome in outcomes)
        shares.append(f"{count(failed)} of {count(len(outcomes), 'trial')}")
    turned = found.turned
    text = f"{shares[0]} failed before, {shares[1]} after."
    recovered, failing = len(turned.recovered), len(turned.failing)
    known = recovered + failing + turned.both + turned.neither
    if known and recovered + failing:
        p = "" if turned.p is None else f" (McNemar's test, {significance(turned.p)})"
        text += (
            f" Of {count(known, 'trial')} that both have, {count(recovered)} recovered and "
            f"{count(failing)} failed only after{p}."
        )
    elif known:
        text += f" Of {count(known, 'trial')} that both have, the same ones failed."
    return text


def _found(found: "Comparison") -> Iterator[str]:
    for change, words in (("gone", "Went away"), ("new", "New")):
        names = [f"{c.code} {c.title}" for c in found.findings if c.change == change]
        if names:
            yield f"{words}: {listed(names)}."


def _limits(found: "Comparison") -> Iterator[str]:
    if found.unlike:
        told = "; ".join(map(_differing, found.unlike))
        yield f"Values of the objective are not compared: {told}."
    if not found.unlike and not found.same_data_known:
        yield (
            "Whether both were validated on the same data is not recorded; if not, the values of "
            "the objective cannot be compared."
        )
    elif not found.unlike:
        yield (
            "The validation data agree in number and kind; that they are the same is not recorded."
        )
    if found.setup:
        yield f"Not the same either: {'; '.join(map(_differing, found.setup))}."


def _trials(found: "Comparison") -> Section | None:
    tables = [table for table in (turned(found), matched(found)) if table is not None]
    if not tables:
        return None
    by = listed(found.matching.names, 12)
    text = (
        f"Trials are held against each other where they have the same {by}."
        if by
        else "No hyperparameter tells trials apart, so they are matched by name."
    )
    alone = (
        f"{count(found.matching.alone_before)} before and "
        f"{count(found.matching.alone_after)} after have no partner."
    )
    any_alone = found.matching.alone_before + found.matching.alone_after
    return Section(
        "trials",
        "Trials that both have",
        paragraphs=(text, alone) if any_alone else (text,),
        tables=tuple(tables),
        figures=(Picture("matched", f"By how much {name(found)} changed", ABOUT, BELOW),),
    )


def _findings(found: "Comparison") -> Section:
    table = findings(found)
    text = () if table else ("Neither has any finding.",)
    return Section("findings", "Findings", paragraphs=text, tables=(table,) if table else ())


def _causes(found: "Comparison") -> Section | None:
    table = causes(found)
    return Section("causes", "What failures go with", tables=(table,)) if table else None


def _searched(found: "Comparison") -> Section | None:
    table = axes(found)
    return Section("searched", "What was searched", tables=(table,)) if table else None
