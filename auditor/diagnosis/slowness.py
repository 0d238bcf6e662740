"""AUD014: runs that improve all the way, but too slowly to get anywhere."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from auditor.diagnosis.accurate import ACCURATE, ACCURATE_SHARE, NEAR_BEST, has_learned
from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.pace import Paces, is_ok, paces
from auditor.diagnosis.swings import where
from auditor.diagnosis.training import range_of
from auditor.diagnosis.wording import count, names, needs_curves, number, once_per_sweep, percent
from auditor.outcomes import LEARNED_MARGIN

SLOW_EPOCHS = 10
"""Fewer validated epochs than this show no pace."""

SLOW_SHARE = 0.1
"""Share of the way from the start to the best of the sweep below which a run got nowhere: at that
pace the whole way would take it ten times its epochs."""

SLOW_RUNS = 5
"""Runs that a sweep must have for its best to be what is attainable."""

SLOW_FALL = 0.03
"""The same share where the sweep shows no more, of the objective at the start itself."""

SLOW_STEADY = 1 / 3
"""Share of its fall that a run must make in its second half: a line makes half of it there, a run
that settles hardly any."""

MOVES = 0.001
"""Share of the start below which a fall, or all that the losses of a run ever do, is no movement: a
network that learns anything moves more in its first epochs."""

WORTH_REACHING = 0.05
"""Share of the start by which the best of the sweep must be better to be worth reaching."""


class Slow(NamedTuple):
    """Why a run is slow. Small values are good.

    Attributes:
        start: The loss of knowing nothing, else the objective of the first epochs.
        last: Of the last epochs.
        aim: The best of the sweep; None where it is no better than that by much.
        pace: What the run gains per epoch, in its second half.
        lucky: In how many epochs it was beyond the level of having learned, where it never was on
            average; 0 for a run that is slow.
    """

    start: float
    last: float
    aim: float | None
    pace: float
    lucky: int = 0


@once_per_sweep
def slow_runs(seen: Judged) -> dict[int, Slow]:
    """The runs that learn slowly, or only seem to have learned, by position."""
    found, skill = paces(seen), _skill(seen)
    fell = found.first - found.last
    with np.errstate(invalid="ignore", over="ignore"):
        late = found.middle - found.last
        steady = found.improves & (fell > 0) & (late >= SLOW_STEADY * fell)
    known = ~np.isnan(found.last)
    if not known.any():
        return {}
    # A run that starts far below the others has already gone most of the way.
    starts = np.fmax(found.first, np.median(found.first[known]))
    aim = float(np.min(found.best[known])) if known.sum() >= SLOW_RUNS else None
    slow = {}
    for place in np.flatnonzero(steady & (found.lengths >= SLOW_EPOCHS)).tolist():
        length = int(found.lengths[place])
        pace = float(late[place]) / (length - length // 2)
        start = float(starts[place]) if skill is None else skill
        one = Slow(start, float(found.last[place]), _worth(aim, start), pace)
        if is_ok(seen, place) and _is_slow(one) and not has_learned(seen, place):
            slow[place] = one
    lucky = {} if skill is None else _lucky(seen, skill)
    return dict(sorted((lucky | _unmoved(seen, found) | slow).items()))


def _unmoved(seen: Judged, found: Paces) -> dict[int, Slow]:
    """Runs in which neither loss moves, from the first epoch on."""
    still = found.lengths >= SLOW_EPOCHS
    for metric in ("loss", "val_loss"):
        curves = seen.measured.finite(metric)
        for runs, places in curves.by_length():
            values = curves.column.values[places]
            still[runs] &= np.ptp(values, axis=1) <= MOVES * np.abs(values[:, 0])
        still[curves.lengths == 0] = False
    return {
        place: Slow(float(found.first[place]), float(found.last[place]), None, 0.0)
        for place in np.flatnonzero(still).tolist()
        if is_ok(seen, place)
    }


def _skill(seen: Judged) -> float | None:
    """The no-skill loss, where the objective is the validation loss and it is known."""
    return seen.outcomes.baseline.loss if seen.trials.objective.name == "val_loss" else None


def _worth(aim: float | None, start: float) -> float | None:
    return None if aim is None or start - aim < WORTH_REACHING * abs(start) else aim


def _is_slow(one: Slow) -> bool:
    if one.last >= one.start:
        return False
    if one.aim is not None:
        return one.start - one.last < SLOW_SHARE * (one.start - one.aim)
    return one.start - one.last < SLOW_FALL * abs(one.start)


def _lucky(seen: Judged, skill: float) -> dict[int, Slow]:
    """Runs that were below the level of having learned in single epochs, never on average."""
    curves, needed = seen.measured.finite("val_loss"), (1 - LEARNED_MARGIN) * skill
    places = np.flatnonzero(curves.lengths >= SLOW_EPOCHS)
    above = places[curves.smoothed[curves.best_smoothed[places]] >= needed]
    # What still improves has only just arrived there: that is no luck.
    above = above[~paces(seen).improves[above]]
    found = {}
    for place in (place for place in above.tolist() if is_ok(seen, place)):
        below = int((curves.column.curve(place).values < needed).sum())
        if below and not has_learned(seen, place):
            found[place] = Slow(skill, needed, None, 0.0, below)
    return found


def _needs_pace(seen: Judged) -> str | None:
    reason = needs_curves(seen)
    if reason is not None:
        return reason
    if paces(seen).lengths.max() < SLOW_EPOCHS:
        return f"no run has {SLOW_EPOCHS} epochs with a finite objective"
    return None


def _learning_slowly(seen: Judged) -> Iterator[Finding]:
    slow, lengths = slow_runs(seen), paces(seen).lengths
    for trial, place, runs in where(seen, slow):
        one = slow[place]
        words = _touched if one.lucky else _slowly
        is_still = _is_still(one)
        yield SLOW.finding(
            f"{names(seen, trial, runs)}: {words(seen, one, int(lengths[place]))}",
            tuple(_evidence(seen, one, int(lengths[place]))),
            "medium" if is_still else _confidence(seen, one),
            trials=(trial,),
            runs=tuple(runs),
            severity="warning" if is_still else SLOW.severity,
            remedy=_remedy(seen, trial),
        )


def _remedy(seen: Judged, trial: str) -> str:
    """What to do; not to raise a learning rate that the optimizer does not stand already."""
    facts = seen.trials.context.models.get(trial)
    rates = range_of(facts) if facts else None
    return _LOWER if rates is not None and rates.is_above else SLOW.remedy


def _logged(seen: Judged, value: float) -> float:
    return value if seen.trials.objective.direction == "min" else -value


def _is_still(one: Slow) -> bool:
    return not one.lucky and one.aim is None and _fall(one) < MOVES


def _fall(one: Slow) -> float:
    return (one.start - one.last) / abs(one.start)


def _slowly(seen: Judged, one: Slow, epochs: int) -> str:
    name, last = seen.trials.objective.name, number(_logged(seen, one.last))
    start = f"{number(_logged(seen, one.start))}{' of knowing nothing' * bool(_skill(seen))}"
    if _is_still(one):
        return f"it does not learn: in {count(epochs, 'validated epoch')} {name} stays at {last}"
    went = f"{name} learns slowly: in {count(epochs, 'validated epoch')} it went from {start} to "
    if one.aim is None:
        return (
            f"{went}{last}, by {percent(_fall(one))}, and still gained {number(one.pace)} an epoch"
        )
    share = (one.start - one.last) / (one.start - one.aim)
    more = float(f"{(one.last - one.aim) / one.pace:.1g}")
    return (
        f"{went}{last}, {percent(share)} of the way to {number(_logged(seen, one.aim))}, "
        f"the best mean of the sweep; at the pace of its second half the rest takes some "
        f"{more:,.0f} more"
    )


def _touched(seen: Judged, one: Slow, epochs: int) -> str:
    skill = number(one.start)
    return (
        f"hardly learned: val_loss was {percent(LEARNED_MARGIN)} below {skill}, the loss of "
        f"knowing nothing, only in {one.lucky} of {count(epochs, 'validated epoch')}, and never on "
        "average"
    )


def _evidence(seen: Judged, one: Slow, epochs: int) -> Iterator[Evidence]:
    name = seen.trials.objective.name
    yield Evidence("validated epochs", epochs, "epochs", SLOW_EPOCHS)
    if one.lucky:
        yield Evidence("epochs below the level of having learned", one.lucky, "epochs")
        yield Evidence("level of having learned", one.last, "loss")
        return
    yield Evidence(f"{name} at the start", _logged(seen, one.start))
    yield Evidence(f"mean of {name} at the end", _logged(seen, one.last))
    yield Evidence("gain per epoch in the second half", one.pace)
    if one.aim is not None:
        share = (one.start - one.last) / (one.start - one.aim)
        yield Evidence(f"best mean {name} of the sweep", _logged(seen, one.aim))
        yield Evidence("share of the way to it", share, "", SLOW_SHARE)
    else:
        yield Evidence("fall as a share of the start", _fall(one), "", SLOW_FALL)


def _confidence(seen: Judged, one: Slow) -> Confidence:
    if one.lucky or one.aim is None:
        return "low"
    return "high" if _skill(seen) is not None else "medium"


_LOWER = "Lower the learning rate: it is above what the optimizer stands. Scale the inputs."

SLOW = Rule(
    code="AUD014",
    title="Learning slowly",
    severity="tip",
    needs=_needs_pace,
    check=_learning_slowly,
    detected=f"A run of {SLOW_EPOCHS} validated epochs or more without a failure still improves at "
    f"its end, beyond its noise, and makes {percent(SLOW_STEADY)} of its fall or more in its "
    f"second half. But it goes less than {percent(SLOW_SHARE)} of the way from the no-skill loss "
    "(else from the first epochs, its own or those of most runs) to the best of a sweep of "
    f"{SLOW_RUNS} runs or more. Where the sweep has none {percent(WORTH_REACHING)} better than "
    f"the start, it falls by less than {percent(SLOW_FALL)}. Also a run whose validation loss is "
    f"{percent(LEARNED_MARGIN)} below the no-skill loss in single epochs, never when "
    f"smoothed, and no longer improves; and one whose losses move by less than {percent(MOVES)} "
    "from the first epoch to the last. Silent, but for the latter, where the best validation "
    f"accuracy is within {NEAR_BEST:g} of the best of the sweep and {percent(ACCURATE_SHARE)} of "
    f"the way from guessing to no errors, or {ACCURATE:g} where guessing is not known.",
    matters="It has not converged: its rank says how fast it learns, not what it could learn.",
    remedy="Raise the learning rate, scale the inputs, or train many times longer.",
    certainty="A warning, medium, where the losses do not move. High where the no-skill loss and a "
    "much better run of the sweep are known; medium where only the latter is; low otherwise, and "
    "where single epochs are the only sign of learning.",
    thresholds=(
        "SLOW_EPOCHS",
        "SLOW_SHARE",
        "SLOW_RUNS",
        "SLOW_FALL",
        "SLOW_STEADY",
        "WORTH_REACHING",
        "MOVES",
        "IMPROVING_CONFIDENCE",
        "LEARNED_MARGIN",
        "NEAR_BEST",
        "ACCURATE_SHARE",
        "ACCURATE",
    ),
)
