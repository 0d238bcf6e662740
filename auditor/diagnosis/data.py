"""AUD031 to AUD034: training and validation data that share rows, or come from elsewhere."""

import math
from collections.abc import Callable, Iterator

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule, Severity
from auditor.diagnosis.wording import count, number, percent
from auditor.trials import NEAR, DataChecks

SHARED_ROWS = 5
"""Validation rows that must be training rows too: fewer are no pattern."""

SHARED_SHARE = 0.01
"""And the share of the validation rows that they must be: a smaller one moves an accuracy by less
than its own error."""

MANY_SHARED = 0.2
"""Share from which on a validation result says little about new data."""

REPEATING = 0.05
"""The same share where training rows repeat one another just as often: then it is no fault of the
split, and only many of them matter."""

CHANCE_SHARE = 0.1
"""Times the share of shared rows that rows put together of two others are found: from here on rows
coincide since they have few different values. Copies of rows of many values have 0."""

EXCESS = 4.0
"""Standard errors by which a share must exceed that within the training rows; of few rows they are
no more than a rule of thumb, hence more than the usual 3."""

NEAR_ROWS = 5
"""Validation rows that must nearly be training rows: distances are measured on a sample."""

NEAR_SHARE = 0.02
"""And the share that they must be of the validation rows compared."""

CHANCE_FACTOR = 3.0
"""Times the share of near rows that their distances let expect anyway, as in few dimensions."""

LABEL_P = 0.0001
"""Largest probability of such a difference between random halves of one population."""

LABEL_EFFECT = 0.1
"""Cramér's V, or D of two cumulative distributions: .1 is 45 % against 55 % of two classes. With
many rows smaller differences are certain, and do not matter."""

LARGE_EFFECT = 0.3
"""A medium effect (Cohen 1988): 35 % against 65 % of two classes."""

UNSEEN = 0.2
"""Share of validation rows of classes that training never shows, from which on the result is
unusable."""

APART = 0.6
"""AUC that the lower end of the interval must exceed. Random splits stay near .5; at .6 a
classifier is right for 6 of 10 pairs of rows, and what it uses is worth looking at."""

FAR_APART = 0.75
"""AUC, a probability, from which on both sides hardly overlap in what tells them apart."""

NOT_AT_HAND = "the data were not at hand: a search checks them, and `auditor check-data` does"


def needs_checks(part: str, words: str) -> Callable[[Judged], str | None]:
    """What a rule needs that judges one part of the data checks.

    Args:
        part: Its name in `DataChecks`.
        words: Why it may be missing.
    """

    def needs(seen: Judged) -> str | None:
        checks = seen.trials.context.data_checks
        if checks is None:
            return NOT_AT_HAND
        return words if getattr(checks, part) is None else None

    return needs


def checks_of(seen: Judged) -> DataChecks:
    """The data checks that `needs_checks` has made sure of."""
    checks = seen.trials.context.data_checks
    assert checks is not None
    return checks


def made(
    rule: Rule,
    sentence: str,
    evidence: tuple[Evidence, ...],
    confidence: Confidence,
    severity: Severity | None = None,
) -> Finding:
    """A finding on the data, which concerns the whole sweep."""
    return Finding(
        rule.code, rule.title, severity or rule.severity, (), (), sentence, evidence, rule.remedy,
        confidence,
    )  # fmt: skip


def _exceeds(share: float, rows: int, other: float, other_rows: int) -> bool:
    """Whether a share is larger than another one by more than chance."""
    pooled = (share * rows + other * other_rows) / (rows + other_rows)
    error = math.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / other_rows))
    return share - other > EXCESS * error


def _shared(seen: Judged) -> Iterator[Finding]:
    found = checks_of(seen).repeats
    if found is None or found.shared < SHARED_ROWS or found.shared < SHARED_SHARE * found.rows:
        return
    share, within = found.shared / found.rows, found.within_train
    if found.by_chance >= CHANCE_SHARE * share:
        return
    evidence = (
        Evidence("validation rows that are training rows", found.shared, "rows", SHARED_ROWS),
        Evidence("share of the validation rows", share, "", SHARED_SHARE),
        Evidence("validation rows looked up", found.rows, "rows"),
        Evidence("training rows searched", found.train_rows, "rows"),
        Evidence("share of training rows that repeat one another", within),
        Evidence("share found of rows put together of two others", found.by_chance),
    )
    sentence = (
        f"{found.shared} of {count(found.rows, 'validation row')} ({percent(share)}) have exactly "
        "the inputs of a training row"
    )
    if _exceeds(share, found.rows, within, found.train_rows):
        often = f"{percent(within)} of" if within else "none of"
        sentence += f", while {often} the training rows repeat one another: the split leaks"
        sure: Confidence = "high" if share > 2 * within and not found.by_chance else "medium"
        yield made(SHARED, sentence, evidence, sure, "error" if share >= MANY_SHARED else None)
    elif share >= REPEATING:
        sentence += (
            f"; {percent(within)} of the training rows repeat one another too, so this lies in the "
            "data and not in how they were split"
        )
        yield made(SHARED, sentence, evidence, "medium", "tip")


def _near(seen: Judged) -> Iterator[Finding]:
    found = checks_of(seen).neighbours
    if found is None or not found.rows or not found.own_rows:
        return
    share, within = found.near / found.rows, found.near_in_train / found.own_rows
    if found.near < NEAR_ROWS or share < NEAR_SHARE or share < CHANCE_FACTOR * found.by_chance:
        return
    if not _exceeds(share, found.rows, within, found.own_rows):
        return
    yield made(
        NEAR_COPIES,
        f"{found.near} of {count(found.rows, 'validation row')} compared ({percent(share)}) nearly "
        f"are a training row, against {percent(within)} of training rows that nearly are another: "
        "copies with small changes",
        (
            Evidence("validation rows near a training row", found.near, "rows", NEAR_ROWS),
            Evidence("share of the validation rows compared", share, "", NEAR_SHARE),
            Evidence("training rows compared with", found.train_rows, "rows"),
            Evidence("share of training rows near another", within),
            Evidence("share to be expected by chance", found.by_chance),
        ),
        "high" if share >= MANY_SHARED and share > 2 * within else "medium",
    )


def _labels(seen: Judged) -> Iterator[Finding]:
    found = checks_of(seen).labels
    if found is None or found.p >= LABEL_P or found.effect < LABEL_EFFECT:
        return
    is_class = found.kind == "classes"
    what = f"class {found.most} has" if is_class else f"targets up to {found.most} have"
    unseen = f"; {count(found.unseen, 'validation row')} of classes that no training row has"
    effect = "Cramér's V, as of equally many rows" if is_class else "Kolmogorov-Smirnov D"
    yield made(
        LABELS_DIFFER,
        f"labels of training and validation data differ: {what} a share of "
        f"{percent(found.train_share)} of the training and {percent(found.validation_share)} of "
        f"the validation rows{unseen * bool(found.unseen)}",
        (
            Evidence(effect, found.effect, "", LABEL_EFFECT),
            Evidence("p of one population", found.p, "", LABEL_P),
            Evidence("training rows", found.train_rows, "rows"),
            Evidence("validation rows", found.rows, "rows"),
            Evidence("validation rows of unseen classes", found.unseen, "rows"),
        ),
        "high" if found.effect >= LARGE_EFFECT else "medium",
        "error" if found.unseen >= UNSEEN * found.rows else None,
    )


def _apart(seen: Judged) -> Iterator[Finding]:
    found = checks_of(seen).separation
    if found is None or found.low <= APART:
        return
    telling = ", ".join(f"{name} (AUC {number(auc)})" for name, auc in found.features)
    yield made(
        DATA_DIFFER,
        "a classifier tells validation rows from training rows by their inputs: AUC "
        f"{number(found.auc)}, 95 % interval {number(found.low)} to {number(found.high)}, where "
        f"guessing has 0.5{'; most telling: ' * bool(telling)}{telling}",
        (
            Evidence("lower end of the interval of the AUC", found.low, "", APART),
            Evidence("AUC", found.auc),
            Evidence("upper end", found.high),
            Evidence("training rows", found.train_rows, "rows"),
            Evidence("validation rows", found.rows, "rows"),
        ),
        "high" if found.low >= FAR_APART else "medium",
    )


_SORTED = (
    "`validation_split` takes the last rows as they stand: shuffle sorted data before, with one "
    "seed for inputs and labels."
)

SHARED = Rule(
    code="AUD031",
    title="Rows shared by training and validation",
    severity="warning",
    needs=needs_checks("repeats", "rows could not be compared"),
    check=_shared,
    detected=f"At least {SHARED_ROWS} validation rows and {percent(SHARED_SHARE)} of them have "
    "inputs that equal those of a training row in every bit of float32, more than training rows "
    f"repeat one another by {EXCESS:g} standard errors. From {percent(MANY_SHARED)} on it is an "
    f"error. Where training rows repeat as often it is a tip, from {percent(REPEATING)} on. Silent "
    f"where rows put together of two training rows are found {CHANCE_SHARE:g} times as often.",
    matters="The model has seen these rows, so the validation result is better than on new data.",
    remedy="Remove repeated rows before splitting, or split by group so that copies of one example "
    "stay on one side.",
    certainty="High where rows have many different values and training rows hardly repeat; medium "
    "where rows of few values may coincide, or training rows repeat as often.",
    thresholds=(
        "SHARED_ROWS", "SHARED_SHARE", "MANY_SHARED", "REPEATING", "CHANCE_SHARE", "EXCESS",
    ),
)  # fmt: skip

NEAR_COPIES = Rule(
    code="AUD032",
    title="Near duplicates",
    severity="warning",
    needs=needs_checks("neighbours", "too few different rows to compare distances"),
    check=_near,
    detected=f"At least {NEAR_ROWS} validation rows and {percent(NEAR_SHARE)} of those compared "
    f"lie {1 / NEAR:g} times nearer to a training row than to the tenth nearest, "
    f"{CHANCE_FACTOR:g} times as many as their distances let expect and more than among training "
    f"rows by {EXCESS:g} standard errors. Distances are in standardised features, of many features "
    "in random projections.",
    matters="Noisy, cropped or otherwise changed copies of training rows measure memory, not "
    "generalisation.",
    remedy="Augment and resample after splitting, and split by the original example, patient, "
    "recording or day.",
    certainty="High where every fifth row is one and training rows are not; medium else. Copies "
    "made before a random split are as frequent within the training rows and stay unseen.",
    thresholds=("NEAR_ROWS", "NEAR_SHARE", "CHANCE_FACTOR", "EXCESS"),
)

LABELS_DIFFER = Rule(
    code="AUD033",
    title="Label distributions differ",
    severity="warning",
    needs=needs_checks("labels", "labels are not one per row, or of fewer than 30 rows on a side"),
    check=_labels,
    detected="Of classes a chi-square test of the counts, of numbers a two-sample "
    f"Kolmogorov-Smirnov test has p below {LABEL_P:g}, and the effect (Cramér's V, or D) is at "
    f"least {LABEL_EFFECT:g}. It is an error where {percent(UNSEEN)} of the validation rows have "
    "classes that training never shows.",
    matters="Validation then measures another task than the one that is trained: its loss is high "
    "from the first epoch on.",
    remedy=f"Split at random, classes stratified. {_SORTED} If validation is later in time on "
    "purpose, keep it and expect a gap.",
    certainty=f"High from an effect of {LARGE_EFFECT:g} on; medium below.",
    thresholds=("LABEL_P", "LABEL_EFFECT", "LARGE_EFFECT", "UNSEEN"),
)

DATA_DIFFER = Rule(
    code="AUD034",
    title="Training and validation data differ",
    severity="warning",
    needs=needs_checks("separation", "fewer than 30 finite rows on a side"),
    check=_apart,
    detected="Trees trained to tell validation rows from training rows reach, on rows that they "
    f"were not trained on, an AUC whose 95 % interval lies above {APART:g}.",
    matters="The validation rows come from elsewhere than the training rows, so the validation "
    "result says little about either.",
    remedy=f"Look at the features that tell most. Drop row numbers and dates. {_SORTED} If "
    "validation is later in time or another site on purpose, keep it and expect a gap.",
    certainty=f"High where the interval lies above {FAR_APART:g}; medium below. Splits by time, "
    "place or person differ by nature.",
    thresholds=("APART", "FAR_APART"),
)
