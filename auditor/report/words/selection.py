"""What the search itself overfitted."""

from typing import TYPE_CHECKING

from auditor.report.numbers import aligned, count, number, percent
from auditor.report.parts import Cell, Column, Picture, Row, Section, Table
from auditor.report.words.phrases import listed

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.selection import Estimate, Luck, OnTest, Overtuning, Selection

NAMED = 10
"""Trials that are named; more are counted."""

_UNKNOWN = (
    "How large the noise is, these metrics do not tell, so no number is given. Validation losses "
    "on parts of the rows would tell, which sweeps with auditor record; so would two executions or "
    "more of every trial, or three folds. Score the winner once on rows that no choice was made by."
)

_LIMITS = {
    "rows": "Luck with the validation rows is that of the models as they were trained: what a "
    "training with another seed would give is not in it.",
    "executions": "Luck of training is that of seeds. All trials are scored on the same validation "
    "rows, and the luck with these is not seen between executions.",
    "folds": "Folds share most of their training rows, so that they differ less than new data "
    "would. Their correction is rough, and how far off it may be is not known.",
}


_LUCK_ABOUT = (
    "By how much the best trials are worse than the winner, with joint 95 % intervals, and what "
    "the winner itself owes to luck; the words above name the trials that may be the best"
)

_SEARCH_ABOUT = (
    "Objective and test metric of the best trial so far, against the number of trials; the words "
    "above say what was lost"
)

_NOTE = (
    "optimism is how much better the winner looks than it is, regret how much worse it is than the "
    "truly best trial."
)


def selection(audit: "Audit") -> Section | None:
    """The section; None where there was nothing to pick from."""
    found = audit.selection
    if found is None:
        return None
    name = audit.trials.objective.name
    paragraphs = [
        f"The best of {count(found.candidates, 'trial')} is also a lucky one. Were all equally "
        f"good, it would look {number(found.what_if, 2)} standard deviations of the noise better "
        "than it is."
    ]
    paragraphs += [_told(found, luck, name) for luck in found.luck]
    if not found.luck and not found.on_test and not found.overtuning:
        paragraphs.append(_UNKNOWN)
    paragraphs += [_halves(luck) for luck in found.luck if luck.overfitting_probability is not None]
    if found.on_test:
        paragraphs.append(_on_test(found, found.on_test, name))
    notes = [_LIMITS[luck.of] for luck in found.luck]
    if found.overtuning:
        paragraphs.append(_search(found, found.overtuning))
        notes.append(
            f"{found.overtuning.metric} is known for every trial: as soon as trials are chosen by "
            "it, these rows are validation rows too."
        )
    return Section(
        "selection",
        "Luck of the search",
        paragraphs=tuple(paragraphs),
        tables=(_table(found, name),) if found.luck else (),
        figures=tuple(_figures(found)),
        notes=(*notes, *found.notes),
    )


def kind(luck: "Luck") -> str:
    """What the luck is with, in words."""
    if luck.of == "rows":
        return "the validation rows" if luck.rows is None else count(luck.rows, "validation row")
    if luck.of == "executions":
        return f"training, {luck.units} executions"
    return count(luck.units, "fold")


def _short(luck: "Luck") -> str:
    if luck.of == "rows":
        return "rows" if luck.rows is None else count(luck.rows, "row")
    return count(luck.units, luck.of[:-1])


def between(estimate: "Estimate") -> str:
    """Its interval: "0.01 to 0.03"; empty where it has none."""
    if estimate.interval is None:
        return ""
    low, high = aligned(estimate.interval)
    return f"{low} to {high}"


def _told(found: "Selection", luck: "Luck", name: str) -> str:
    """What one kind of luck did to the winner, and which trials it leaves in the running."""
    means = {
        "rows": f"on other rows like its {kind(luck)}",
        "executions": "trained with other seeds",
        "folds": f"by what its {kind(luck)} show, roughly",
    }[luck.of]
    text = (
        f"Trial {found.winner} has a {name} of {number(found.objective)}; {means}, "
        f"{number(luck.corrected)} is to be expected. "
    )
    return text + _tied(luck, found.winner)


def _tied(luck: "Luck", winner: str) -> str:
    others = [trial for trial in luck.could_be_best if trial != winner]
    if not others:
        return f"It is told from {_all_others(luck)} with 95 % confidence."
    text = f"It cannot be told from {count(len(others), 'other')} with 95 % confidence: "
    text += f"{listed(others, NAMED)}."
    if luck.tied is not None and luck.tied[0] < luck.tied[1]:
        low, high = (max(0, tied - 1) for tied in luck.tied)
        text += f" On rows drawn again these might be {low:,} to {high:,}."
    return text


def _all_others(luck: "Luck") -> str:
    others = luck.candidates - 1
    return "the other one" if others == 1 else f"all {count(others)} others"


def _halves(luck: "Luck") -> str:
    return (
        "Picked on one half of the validation rows, the winner is below the median trial on the "
        f"other half in {percent(luck.overfitting_probability)} of splits: the probability of "
        "backtest overfitting. Luck alone would do that in 50 % on average, but from 10 to 90 % in "
        "single searches: this number alone proves nothing."
    )


def _on_test(found: "Selection", test: "OnTest", name: str) -> str:
    rows = count(test.rows, "test row") if test.rows else "test data"
    worse = test.optimism.value
    text = (
        f"On {rows}, trial {found.winner} has a {test.metric} of {number(test.value)}: "
        f"{number(abs(worse))} {'worse' if worse > 0 else 'better'} than its {name}"
    )
    if test.optimism.interval is not None:
        text += f" (95 %: {between(test.optimism)} worse, by the luck with the test rows)"
    if test.winners is not None and test.winners > 1:
        return f"{text}. {count(test.winners)} winners of this search have been scored there."
    return f"{text}. No choice was made by these rows."


def _search(found: "Selection", on_test: "Overtuning") -> str:
    lost = on_test.overtuning
    text = (
        f"By {on_test.metric}, known for every trial, the winner is "
        f"{number(abs(on_test.optimism))} {'worse' if on_test.optimism > 0 else 'better'} than on "
        f"validation data, and {_in_hindsight(on_test)}. "
    )
    if lost > 0:
        return text + (
            f"A trial that was best earlier in the search was better by {number(lost)}: the search "
            "went on to choose by luck (overtuning)."
        )
    return text + "No trial that was best earlier in the search was better: no overtuning."


def _in_hindsight(on_test: "Overtuning") -> str:
    if on_test.regret > 0:
        return f"{number(on_test.regret)} worse than the best trial in hindsight"
    return "no other trial is better there"


def _table(found: "Selection", name: str) -> Table:
    columns = (
        Column("luck with"),
        Column("to expect", "right", about=f"{name} of the winner without that luck"),
        Column("optimism", "right", about="by how much the winner looks better than it is"),
        Column("95 % of it", about="from where to where optimism is, with 95 % confidence"),
        Column("regret", "right", about="by how much the winner is worse than the truly best"),
        Column("at most", "right", about="what regret is below, with 95 % confidence"),
        Column("may be best", "right", about="trials that may truly be the best one"),
    )
    return Table("", columns, tuple(_row(luck) for luck in found.luck), _NOTE)


def _row(luck: "Luck") -> Row:
    regret = luck.regret
    most = regret.interval[1] if regret and regret.interval else None
    return Row(
        (
            Cell(_short(luck)),
            Cell(number(luck.corrected), luck.corrected),
            Cell(number(luck.optimism.value), luck.optimism.value),
            Cell(between(luck.optimism)),
            Cell(number(regret.value if regret else None), regret.value if regret else None),
            Cell(number(most), most),
            Cell(f"{len(luck.could_be_best):,} of {luck.candidates:,}", len(luck.could_be_best)),
        )
    )


def shown_luck(found: "Selection | None") -> "Luck | None":
    """The luck that a picture shows: that with the most parts; None where nothing is near."""
    known = [luck for luck in found.luck if luck.standings] if found else []
    return max(known, key=lambda luck: luck.units, default=None)


def _figures(found: "Selection") -> list[Picture]:
    figures = []
    luck = shown_luck(found)
    if luck is not None:
        note = (
            "What the others owe to luck is not taken off. A trial may also be put out by another "
            "one than the winner."
        )
        if len(luck.standings) + 1 < luck.candidates:
            note += f" Shown are the {count(len(luck.standings))} nearest others."
        figures.append(
            Picture("luck", f"Trials held against the winner, by {kind(luck)}", _LUCK_ABOUT, note)
        )
    if found.overtuning:
        figures.append(
            Picture("search", "The best trial so far, on validation and test data", _SEARCH_ABOUT)
        )
    return figures
