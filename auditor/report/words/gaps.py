"""What values, and pairs of them, go with in the generalization gap and in how badly trials end."""

from collections.abc import Callable, Iterable

from auditor.attribution.cause import Cause, GapEffect, GapPair
from auditor.report.numbers import UNKNOWN, number, percent, ratio
from auditor.report.parts import Cell, Column, Row, Table, Tone
from auditor.report.words.phrases import EVIDENCE, condition, conditions, sentence

_EVIDENCE = {
    **EVIDENCE,
    "but-for": "but-for: each combination was tried with the same values of everything else",
}


def by_value(gaps: Iterable[GapEffect]) -> tuple[Table, ...]:
    """Differences of the gap among survivors, largest first, and who ends worse."""
    known = [gap for gap in gaps if gap.effect is not None]
    rows = tuple(
        Row(
            (
                Cell(condition(gap.condition), condition(gap.condition)),
                Cell(ratio(gap.survivors, gap.survivors + gap.survivors_elsewhere)),
                Cell(_effect(gap.effect, gap.interval, number), gap.effect),
                Cell(_effect(gap.worse, gap.worse_interval, percent), gap.worse),
            )
        )
        for gap in sorted(known, key=lambda gap: -(gap.effect or 0.0))
    )
    columns = (
        Column("value"),
        Column("survivors", "right"),
        Column("gap", "right", about="Mean generalization gap with it, less that without"),
        Column("chance of a worse end", "right", about="With it than without"),
    )
    note = (
        "Survivors: trials that learned, and neither diverged nor crashed; the gap is compared "
        "among these only, and a negative gap counts as zero. Chance of a worse end: that "
        "a trial with the value ends worse than one without; 50 % is no difference. From best to "
        "worst: ok, overfit, degraded, never learned, diverged, crashed."
    )
    return (Table("Generalization gap by value", columns, rows, note, brief=6),) if rows else ()


def by_pair(pairs: Iterable[GapPair], causes: Iterable[Cause]) -> tuple[Table, ...]:
    """Pairs that go with more than both their values, beyond doubt; the largest first.

    That a pair ends worse need not be told again where a cause names its hyperparameters.
    """
    named = [{test.hyperparameter for test in cause.conditions} for cause in causes]
    told = [
        pair
        for pair in pairs
        if pair.raises_gap
        or (pair.worsens and not any(_names(pair) <= already for already in named))
    ]
    told.sort(key=lambda pair: (-pair.raises_gap, -(pair.gap or 0.0), -(pair.worse or 0.0)))
    rows = tuple(
        Row(
            (
                Cell(conditions(pair.conditions), conditions(pair.conditions)),
                Cell(str(pair.survivors), pair.survivors),
                Cell(
                    _effect(pair.gap, pair.gap_interval, number),
                    pair.gap,
                    tone=_tone(pair.raises_gap),
                ),
                Cell(
                    _effect(pair.worse, pair.worse_interval, percent),
                    pair.worse,
                    tone=_tone(pair.worsens),
                ),
                Cell(pair.evidence, pair.evidence),
            )
        )
        for pair in told
    )
    columns = (
        Column("pair"),
        Column("survivors", "right"),
        Column("gap", "right", about="Beyond what both values add up to"),
        Column("worse ends", "right", about="Beyond what both values add up to"),
        Column("evidence"),
    )
    levels = dict.fromkeys(pair.evidence for pair in told)
    note = (
        "By how much the mean gap of survivors, and the share of worse ends, exceed what both "
        "values would add up to if neither changed what the other does. Listed where that is "
        "beyond doubt for one of them; intervals (95 %) hold for all pairs at once. Evidence: "
        + " ".join(sentence(_EVIDENCE[level].capitalize()) for level in levels)
    )
    return (Table("Pairs beyond both their values", columns, rows, note),) if rows else ()


def _names(pair: GapPair) -> set[str]:
    return {test.hyperparameter for test in pair.conditions}


def _effect(
    effect: float | None, interval: tuple[float, float] | None, show: Callable[[float], str]
) -> str:
    if effect is None:
        return UNKNOWN
    return show(effect) + (f" ({show(interval[0])} to {show(interval[1])})" if interval else "")


def _tone(is_told: bool) -> Tone:
    return "warning" if is_told else "plain"
