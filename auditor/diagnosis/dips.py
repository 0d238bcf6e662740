"""AUD017: validation curves that jump once and come back."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.swings import (
    CLEAR_SWING,
    DIP_EPOCHS,
    DIP_NEARBY,
    DIP_NOISE,
    DIP_NOISE_SHORT,
    DIP_OVER,
    DIP_RATIO,
    DIP_SHARE,
    DIP_START,
    DIP_WIDTH,
    LONG_CURVE,
    SAMPLING_ERRORS,
    Dips,
    Judgeable,
    dips,
    is_cyclic,
    judgeable,
    needs_validated,
    where,
)
from auditor.diagnosis.wording import count, names, number, percent
from auditor.outcomes import Outcome, accuracy_of, share
from auditor.trials import twin


def _needs_some(seen: Judged) -> str | None:
    return needs_validated(seen, DIP_EPOCHS)


def _dipping(seen: Judged) -> Iterator[Finding]:
    curve = judgeable(seen)
    found = dips(curve)
    places = map(int, np.flatnonzero(found.at >= 0))
    speak = [place for place in places if _is_dip(seen, curve, found, place)]
    for trial, place, runs in where(seen, speak):
        epochs, values = curve.finite.column.curve(place)
        logged, at = curve.logged(values), int(found.at[place])
        errors = _accuracy_dip(seen, place, int(epochs[at - 1]), int(epochs[at]))
        width, way = int(found.width[place]), "rose" if curve.sign > 0 else "fell"
        ratio = _in_noise(found, place)
        yield DIP.finding(
            f"{names(seen, trial, runs)}: {curve.metric} {way} from "
            f"{number(logged[at - 1])} to {number(logged[at])} in epoch {epochs[at] + 1} and was "
            f"back at {number(logged[at + width])} {count(width, 'epoch')} later"
            + (f", {ratio:.0f} times the noise beside it" if math.isfinite(ratio) else "")
            + (errors.sentence if errors else "")
            + ": the weights moved, which is not overfitting",
            tuple(_dip_evidence(curve, found, place, ratio, errors)),
            _dip_confidence(ratio, len(epochs), at + width < len(epochs) - 1, errors),
            trials=(trial,),
            runs=tuple(runs),
        )


class _AccuracyDip(NamedTuple):
    """What the validation accuracy did in the epoch of a dip."""

    metric: str
    before: float  # a share, as `during`
    during: float
    rows: int
    errors: float  # standard errors by which it fell

    @property
    def sentence(self) -> str:
        return (
            f"; {self.metric} fell from {number(self.before)} to {number(self.during)}, "
            f"{self.errors:.0f} standard errors of {self.rows} validation rows"
        )


def _accuracy_dip(seen: Judged, place: int, before: int, during: int) -> _AccuracyDip | None:
    """The fall of the validation accuracy between two epochs; None where its rows are not known."""
    known = seen.measured.rows.get(seen.trials.runs[place])
    name = accuracy_of(seen.trials)
    if known is None or not name:
        return None
    column = seen.measured.column(twin(name))
    epochs = column.curve(place).epochs
    shares = share(column.values)[column.bounds[place] : column.bounds[place + 1]]
    here = {int(epoch): float(right) for epoch, right in zip(epochs, shares, strict=True)}
    if before not in here or during not in here:
        return None
    p, q = here[before], here[during]
    error = math.sqrt(max(p * (1 - p) + q * (1 - q), 0.0) / known.rows)
    return _AccuracyDip(twin(name), p, q, known.rows, (p - q) / error if error > 0 else 0.0)


def _is_dip(seen: Judged, curve: Judgeable, found: Dips, place: int) -> bool:
    verdict = seen.outcomes.by_run[seen.trials.runs[place]]
    if verdict.outcome not in (Outcome.OK, Outcome.OVERFIT) or verdict.bad_epochs:
        return False
    epochs, at = curve.finite.column.curve(place).epochs, int(found.at[place])
    beside = _accuracy_dip(seen, place, int(epochs[at - 1]), int(epochs[at]))
    if beside is not None and beside.errors < SAMPLING_ERRORS:
        return False
    if beside is None and len(epochs) < LONG_CURVE and _in_noise(found, place) < DIP_NOISE_SHORT:
        return False
    return not is_cyclic(seen, curve, place)


def _in_noise(found: Dips, place: int) -> float:
    """The depth of a dip in standard deviations of the noise beside it."""
    wiggle = float(found.noise[place])
    return float(found.depth[place]) / wiggle if wiggle > 0 else math.inf


def _dip_evidence(
    curve: Judgeable, found: Dips, place: int, ratio: float, beside: _AccuracyDip | None
) -> Iterator[Evidence]:
    epochs, at = curve.finite.column.curve(place).epochs, int(found.at[place])
    yield Evidence("worst epoch of the dip, from 0", int(epochs[at]), "epoch")
    yield Evidence(f"depth of the dip of {curve.metric}", float(found.depth[place]))
    yield Evidence("depth over the noise beside it", ratio, "", DIP_NOISE)
    yield Evidence("epochs to recover", int(found.width[place]), "epochs", DIP_WIDTH)
    if beside is not None:
        fall = beside.errors
        yield Evidence(f"fall of {beside.metric}", fall, "standard errors", SAMPLING_ERRORS)
        yield Evidence("validation rows", beside.rows, "rows")


def _dip_confidence(
    ratio: float, epochs: int, is_confirmed: bool, beside: _AccuracyDip | None
) -> Confidence:
    """By how clear it is, how long the curve is, and how much of it followed."""
    if not is_confirmed:
        return "low"
    if epochs >= LONG_CURVE and beside is not None and ratio >= CLEAR_SWING * DIP_NOISE:
        return "high"
    return "medium" if epochs >= LONG_CURVE or beside is not None else "low"


DIP = Rule(
    code="AUD017",
    title="Transient dip",
    severity="tip",
    needs=_needs_some,
    check=_dipping,
    detected="The validation loss (else a validation objective) is worse than on both sides, by "
    f"{percent(DIP_SHARE)} of its value, {DIP_RATIO:g} times any other swing within {DIP_NEARBY} "
    f"epochs and {DIP_NOISE:g} standard deviations of the noise there. It is back, but "
    f"for {percent(DIP_OVER)} of that, within {DIP_WIDTH} epochs, and stays so. Not in the first "
    f"{percent(DIP_START)} of the epochs nor in the last one. Where an accuracy was logged and its "
    f"validation rows are known, it must fall by {SAMPLING_ERRORS:g} standard errors; else, in "
    f"less than {LONG_CURVE} epochs, a dip must be {DIP_NOISE_SHORT:g} standard deviations deep.",
    matters="Training is at the edge of what its steps allow; a run that ends in such an epoch, or "
    "is stopped by it, is judged wrongly.",
    remedy="Restore the best weights; where it happens again, lower the learning rate, use larger "
    "batches, or raise the momentum of batch normalisation.",
    certainty=f"High where the accuracy confirms a dip of {CLEAR_SWING * DIP_NOISE:g} standard "
    f"deviations in {LONG_CURVE} epochs or more; medium where it confirms a smaller one, or the "
    "curve is that long; low otherwise, and where only one epoch followed.",
    thresholds=(
        "DIP_RATIO",
        "DIP_NOISE",
        "DIP_NOISE_SHORT",
        "DIP_SHARE",
        "DIP_WIDTH",
        "DIP_EPOCHS",
        "DIP_NEARBY",
        "DIP_START",
        "DIP_OVER",
        "SAMPLING_ERRORS",
        "LONG_CURVE",
        "CLEAR_SWING",
    ),
)
