"""AUD052, AUD053: what picking the best of many trials owes to luck."""

from collections.abc import Iterator

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import count, number, percent
from auditor.selection import LEVEL, Luck

_NAMED = 10
"""Trials that a sentence names; more are counted."""

BY_LUCK = 0.4
"""Share of splits in which a winner is below the median trial, from which its place is luck: it is
.5 among equal trials, and .2 where they truly differ as much as by noise (docs/selection.md)."""

SURE_PARTS = 100
"""Parts of the data from which their spread is known well: a standard deviation within 14 %."""


def _needs_luck(seen: Judged) -> str | None:
    if seen.selection is None:
        return "fewer than two trials learned without failing: there was nothing to pick from"
    if not seen.selection.luck:
        return (
            "how large the noise is was not recorded: no validation losses on parts of the rows, "
            "one execution of each trial, and fewer than three folds"
        )
    return None


def _needs_halves(seen: Judged) -> str | None:
    known = seen.selection.luck if seen.selection else ()
    if any(luck.overfitting_probability is not None for luck in known):
        return None
    return "no validation losses on parts of the rows were recorded"


def _tied(seen: Judged) -> Iterator[Finding]:
    found = seen.selection
    assert found is not None
    others = [trial for trial in found.could_be_best if trial != found.winner]
    if not others:
        return
    # What leaves most of them in the running is what more data would have to be of.
    luck = max(found.luck, key=lambda luck: len(luck.could_be_best))
    named = ", ".join(others[:_NAMED])
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    yield TIED.finding(
        f"trial {found.winner} is not told from {count(len(others), 'other trial')} of "
        f"{found.candidates} by {_source(luck)}: {named}{more}",
        (
            Evidence("other trials that may be the best", len(others), "trials", 0),
            Evidence("trials that the winner was picked from", found.candidates, "trials"),
            *_numbers(luck, seen.trials.objective.name),
        ),
        _confidence(luck),
        trials=(found.winner, *others),
        remedy=f"{_more(luck)}{TIED.remedy}",
    )


def _numbers(luck: Luck, name: str) -> Iterator[Evidence]:
    yield Evidence("what the winner looks too good by", luck.optimism.value, name)
    if luck.regret is not None and luck.regret.interval is not None:
        yield Evidence(
            "what it is worse than the best by, at most", luck.regret.interval[1], name
        )  # fmt: skip
    if luck.tells is not None:
        yield Evidence("smallest difference that is told", luck.tells, name)


def _more(luck: Luck) -> str:
    """What it would take to tell smaller differences; their error falls with the root of it."""
    if luck.tells is None:
        return ""
    thing, many = {
        "rows": ("validation rows", luck.rows),
        "executions": ("executions", luck.units),
        "folds": ("folds", None),
    }[luck.of]
    if many is None:
        return ""
    return (
        f"{many:,} {thing} tell differences of {number(luck.tells)}, and four times as many half "
        "of that. "
    )


def _source(luck: Luck) -> str:
    if luck.of == "rows":
        return f"{luck.rows:,} validation rows" if luck.rows else "the validation rows"
    return f"{luck.units} {luck.of}"


def _confidence(luck: Luck) -> Confidence:
    if luck.of == "folds":
        return "medium"
    return "high"


def _by_luck(seen: Judged) -> Iterator[Finding]:
    found = seen.selection
    assert found is not None
    luck = next(luck for luck in found.luck if luck.overfitting_probability is not None)
    share = luck.overfitting_probability
    assert share is not None
    if share < BY_LUCK:
        return
    yield LUCKY.finding(
        f"picked on one half of the validation rows, the winner is below the median of "
        f"{luck.candidates} trials on the other half in {percent(share)} of splits, and luck alone "
        f"does that in 50 %: that trial {found.winner} ranks first says next to nothing",
        (
            Evidence("probability of backtest overfitting", share, "", BY_LUCK),
            *_numbers(luck, seen.trials.objective.name),
        ),
        "high" if luck.units >= SURE_PARTS else "medium",
        trials=(found.winner,),
    )


def _percent_sure() -> str:
    return f"{100 * (1 - LEVEL):g} %"


TIED = Rule(
    code="AUD052",
    title="Winner not told from others",
    severity="tip",
    needs=_needs_luck,
    check=_tied,
    detected="Trials that are not worse than the best one beyond luck, with a joint confidence of "
    f"{_percent_sure()}: by paired t tests on parts of the validation rows or on folds, each at a "
    "level divided by the number of other trials; and by Hsu's comparisons with the best on "
    "executions. A trial is out only if each kind of luck that was measured puts it out.",
    matters="Another of these trials may generalise better, cost less, or be simpler: that this "
    "one ranks first is luck as far as these data tell.",
    remedy="Take the simplest or cheapest of these trials, or train just these with more "
    "executions and score them on more validation rows.",
    certainty="High: noise is measured, and its level is kept in simulations. Medium for folds, "
    "which share most of their training rows.",
    thresholds=("LEVEL",),
)

LUCKY = Rule(
    code="AUD053",
    title="First place is luck",
    severity="warning",
    needs=_needs_halves,
    check=_by_luck,
    detected="The probability of backtest overfitting: parts of the validation rows are split into "
    "halves many times, trials and epochs picked on one half and the winner ranked on the other. "
    f"In {percent(BY_LUCK)} of splits or more it is below the median trial.",
    matters="The search could not tell its trials apart: its best one is about as good as any "
    "other, and its score looks better than it is.",
    remedy="Report no score of this search without a test set, hold out more validation rows, and "
    "search where trials differ by more.",
    certainty=f"High from {SURE_PARTS} parts on, where losses of single rows were recorded; medium "
    "with fewer.",
    thresholds=("BY_LUCK", "SURE_PARTS"),
)
