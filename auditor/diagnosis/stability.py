"""AUD016, AUD018: validation curves that swing for good, or with the learning rate."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.swings import (
    CLEAR_SWING,
    LONG_CURVE,
    SAMPLING_ERRORS,
    SWING_EPOCHS,
    SWING_FLOOR,
    SWING_LASTS,
    SWING_TREND,
    SWING_TURNS,
    Judgeable,
    Swings,
    is_cyclic,
    judgeable,
    needs_validated,
    swings,
    where,
)
from auditor.diagnosis.wording import names, number, percent
from auditor.outcomes import MIN_EPOCHS, Outcome, noise, share
from auditor.outcomes.schedules import RATE, TURN_FACTOR, at_turns, cycles, rates, rising_again
from auditor.outcomes.thresholds import SWING

SWING_ALONE = 0.2
"""The noise, as a share of the level, from which the validation curve speaks where the training
loss is calm or missing and the number of validation rows is not known: the ratio of standard
deviation and mean from which BTTackler (2024) calls a curve oscillating."""

ROW_SPREAD = 2.0
"""Standard deviation of the losses of single rows, in units of their mean, that is granted to a
validation set of known size: of a confident classifier it is 1 to 2."""


FOLLOWS_SHARE = 0.8
"""Share of the rises and falls of the learning rate in which validation must go the same way."""

FOLLOWS_LEAST = 2
"""Rises of the learning rate after a fall, the fewest that show more than chance."""

FOLLOWS_NOISE = 2.0
"""Times its standard error that validation must move with the rate, on average, in both ways: what
learning or overfitting alone does, it does in one way."""

FOLLOWS_STEP = 0.02
"""And this share of its level: less does not mislead."""


def _needs_long(seen: Judged) -> str | None:
    return needs_validated(seen, SWING_EPOCHS)


def _needs_rate(seen: Judged) -> str | None:
    reason = needs_validated(seen, MIN_EPOCHS)
    if reason is not None:
        return reason
    logged = seen.trials.series_column(RATE)
    if not len(logged.epochs):
        return "no learning rate was logged by epoch"
    places = rising_again(seen.measured)
    if not any(cycles(seen.measured, int(p), logged.curve(int(p)).epochs) for p in places):
        return "the learning rate of no run rises again after falling"
    return None


def _oscillating(seen: Judged) -> Iterator[Finding]:
    curve, skill = judgeable(seen), seen.outcomes.baseline.loss
    of = {curve.metric: swings(curve, skill if curve.metric == "val_loss" else None)}
    candidates = np.flatnonzero(of[curve.metric].lasts & (of[curve.metric].noise >= SWING))
    if not len(candidates):
        return
    of["loss"] = swings(Judgeable("loss", 1, seen.measured.finite("loss")), skill)
    speak = [int(place) for place in candidates if _is_swinging(seen, curve, of, int(place))]
    for trial, place, runs in where(seen, speak):
        epochs = int(curve.finite.lengths[place])
        late, told = epochs - epochs // 2, of[curve.metric].noise[place]
        swung = f"a standard deviation of {percent(told)} of its level"
        too = f", and the training loss by {percent(of['loss'].noise[place])} of its own"
        yield OSCILLATING.finding(
            f"{names(seen, trial, runs)}: {curve.metric} did not settle: over the last "
            f"{late} validated epochs it swung around {number(of[curve.metric].level[place])} by "
            f"{swung}" + (too if _trains_too(of, place) else ""),
            tuple(_swing_evidence(seen, curve, of, place)),
            _swing_confidence(seen, of, place, epochs),
            trials=(trial,),
            runs=tuple(runs),
        )


def _trains_too(of: Mapping[str, Swings], place: int) -> bool:
    return bool(of["loss"].lasts[place] and of["loss"].noise[place] >= SWING)


def _is_swinging(seen: Judged, curve: Judgeable, of: Mapping[str, Swings], place: int) -> bool:
    verdict = seen.outcomes.by_run[seen.trials.runs[place]]
    # What diverged or never learned has more to be told of than that it does not settle.
    if verdict.outcome not in (Outcome.OK, Outcome.OVERFIT):
        return False
    if not _trains_too(of, place):
        # The validation loss of an overfitted model swings more and more, whatever the steps.
        if verdict.outcome == Outcome.OVERFIT:
            return False
        known = _sampling(seen, curve, of, place)
        least = SWING_ALONE if known is None else SAMPLING_ERRORS * known
        if of[curve.metric].noise[place] < least:
            return False
    return not is_cyclic(seen, curve, place)


def _sampling(seen: Judged, curve: Judgeable, of: Mapping[str, Swings], place: int) -> float | None:
    """Standard error of the validation set, as a share of the level; None where it is not known."""
    known = seen.measured.rows.get(seen.trials.runs[place])
    if known is None:
        return None
    level = of[curve.metric].level[place]
    right = float(share(np.array([level]))[0])
    if curve.sign < 0 and 0 < right < 1:
        return math.sqrt((1 - right) / right / known.rows)
    return ROW_SPREAD / math.sqrt(known.rows)


def _swing_confidence(
    seen: Judged, of: Mapping[str, Swings], place: int, epochs: int
) -> Confidence:
    if not _trains_too(of, place):
        return "low" if seen.trials.runs[place] not in seen.measured.rows else "medium"
    is_clear = of["loss"].noise[place] >= CLEAR_SWING * SWING and epochs >= LONG_CURVE
    return "high" if is_clear else "medium"


def _swing_evidence(
    seen: Judged, curve: Judgeable, of: Mapping[str, Swings], place: int
) -> Iterator[Evidence]:
    for metric, of_metric in of.items():
        if np.isfinite(of_metric.noise[place]):
            swing = float(of_metric.noise[place])
            yield Evidence(f"late swings of {metric}, as a share of its level", swing, "", SWING)
            yield Evidence(f"late level of {metric}", float(of_metric.level[place]))
    known = _sampling(seen, curve, of, place)
    if known is not None:
        yield Evidence("standard error of the validation set, as a share of the level", known)


class _Following(NamedTuple):
    """How validation goes with the learning rate."""

    rises: int  # of the rate, after a fall
    together: int  # rises and falls in which validation went the same way
    of: int
    moved: float  # on average, in the smaller of the two ways
    least: float  # what that is held against
    rate: float  # at the end, as a share of the way from its lowest to its highest


def _following(seen: Judged) -> Iterator[Finding]:
    curve = judgeable(seen)
    following = {
        int(place): found
        for place in rising_again(seen.measured)
        if (found := _follows(seen, curve, int(place))) is not None
    }
    for trial, place, runs in where(seen, following):
        found = following[place]
        level = abs(float(np.median(curve.logged(curve.finite.column.curve(place).values))))
        is_high = found.rate > 1 / 2
        end = "; it ended while the rate was high" if is_high else ""
        yield FOLLOWING.finding(
            f"{names(seen, trial, runs)}: {curve.metric} follows the learning rate: it "
            f"got worse and better with it in {found.together} of its {found.of} rises and falls, "
            f"by {number(found.moved)} ({percent(found.moved / level)}) or more on average{end}",
            (
                Evidence(f"mean move of {curve.metric}", found.moved, "", found.least),
                Evidence("rises of the learning rate after a fall", found.rises, "rises"),
                Evidence("moves in the same way", found.together / found.of, "", FOLLOWS_SHARE),
                Evidence("learning rate at the end, as a share of its span", found.rate),
            ),
            "high" if found.rises > FOLLOWS_LEAST else "medium",
            trials=(trial,),
            runs=tuple(runs),
        )


def _follows(seen: Judged, curve: Judgeable, place: int) -> _Following | None:
    """How a curve goes with a learning rate that rises again; None where it does not, or cannot."""
    epochs, values = curve.finite.column.curve(place)
    turned = cycles(seen.measured, place, epochs)
    if turned is None or seen.outcomes.by_run[seen.trials.runs[place]].bad_epochs:
        return None
    means, many = at_turns(values, turned)
    moved = np.diff(means) * np.where(turned.is_peak[1:], 1.0, -1.0)
    ups, downs = moved[turned.is_peak[1:]], moved[~turned.is_peak[1:]]
    if len(ups) < FOLLOWS_LEAST:
        return None
    error = float(noise(values)) * math.sqrt(2 / many.min() / len(ups))
    least = max(FOLLOWS_NOISE * error, FOLLOWS_STEP * abs(float(np.median(curve.logged(values)))))
    smaller = float(min(ups.mean(), downs.mean()))
    together = int((moved > 0).sum())
    if not smaller > least or together < FOLLOWS_SHARE * len(moved):
        return None
    logged = rates(seen.measured, place, epochs)
    span = float(np.ptp(logged))
    return _Following(
        len(ups), together, len(moved), smaller, least, float(logged[-1] - logged.min()) / span
    )


OSCILLATING = Rule(
    code="AUD016",
    title="Oscillating",
    severity="warning",
    needs=_needs_long,
    check=_oscillating,
    detected="In the second half of the epochs the noise of the validation loss (else of a "
    f"validation objective) is {percent(SWING)} of its level or more, for a loss also "
    f"{percent(SWING_FLOOR)} of the no-skill loss (else of the first value). In the last "
    f"quarter it is {percent(SWING_LASTS)} of that or more; the curve turns in "
    f"{percent(SWING_TURNS)} of the epochs, and its level moves by {SWING_TREND:g} times that at "
    "most. The training loss must "
    f"swing so too; else the noise must be {SAMPLING_ERRORS:g} standard errors "
    f"of the validation set, or {percent(SWING_ALONE)} of the level where its rows are not known. "
    "Silent where the run diverged or never learned, where the learning rate is cyclic, and where "
    "validation swings alone and the run overfits.",
    matters="The last weights are a matter of luck, and so is which epoch is best: the steps are "
    "too large to settle.",
    remedy="Lower the learning rate or let it decay, use larger batches, or average the weights.",
    certainty=f"High where the training loss swings by {percent(CLEAR_SWING * SWING)} of its level "
    f"too, over {LONG_CURVE} epochs or more; low where only validation swings and its rows are not "
    "known; medium otherwise.",
    thresholds=(
        "SWING",
        "SWING_ALONE",
        "SWING_FLOOR",
        "SWING_EPOCHS",
        "SWING_LASTS",
        "SWING_TREND",
        "SWING_TURNS",
        "ROW_SPREAD",
        "SAMPLING_ERRORS",
        "CLEAR_SWING",
        "LONG_CURVE",
    ),
)

FOLLOWING = Rule(
    code="AUD018",
    title="Follows the learning rate",
    severity="tip",
    needs=_needs_rate,
    check=_following,
    detected=f"The logged learning rate rises again after falling, by a factor of "
    f"{TURN_FACTOR:g} and {FOLLOWS_LEAST} times or more. "
    "Around its peaks the validation loss (else a validation objective) is worse than around its "
    f"troughs: in {percent(FOLLOWS_SHARE)} of its rises and falls, and on average by "
    f"{FOLLOWS_NOISE:g} standard errors and {percent(FOLLOWS_STEP)} of its level in both ways.",
    matters="A high end, or a gap, may be a phase of the cycle rather than overfitting, and trials "
    "that end in different phases cannot be compared. Overfitting is judged at equal phases here.",
    remedy="Compare epochs at the low ends of the cycle, and stop or average weights there.",
    certainty=f"High from {FOLLOWS_LEAST + 1} rises on; medium below.",
    thresholds=("FOLLOWS_SHARE", "FOLLOWS_LEAST", "FOLLOWS_NOISE", "FOLLOWS_STEP", "TURN_FACTOR"),
)
