"""AUD052: what picking the best of many trials owes to luck."""

from collections.abc import Iterator

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import count, number
from auditor.selection import LEVEL, Luck

_NAMED = 10
"""Trials that a sentence names; more are counted."""


def _needs_luck(seen: Judged) -> str | None:
    if seen.selection is None:
        return "fewer than two trials learned without failing: there was nothing to pick from"
    if not seen.selection.luck:
        return (
            "how large the noise is was not recorded: no validation losses on parts of the rows, "
            "not two executions of every trial, and fewer than three folds"
        )
    return None


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
