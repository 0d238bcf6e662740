"""AUD031 and AUD032: rows that both sides share, and what all rules on data have in common."""

import math
from collections.abc import Callable, Iterator

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import count, percent
from auditor.trials import NEAR, DataChecks

SHARED_ROWS = 5
"""Validation rows that must be training rows too: fewer are no pattern."""

SHARED_SHARE = 0.01
"""And the share of the validation rows that they must be: a smaller one moves an accuracy by less
than its own error."""

MANY_SHARED = 0.2
"""Share from which on a validation result says little about new data."""

REPEATING = 0.05
"""The same share where training rows repeat one another just as often: a few rows repeat in most
tables."""

CHANCE_SHARE = 0.1
"""Times the share of shared rows that rows put together of two others are found: from here on rows
coincide since they have few different values. Copies of rows of many values have 0."""

COARSE_SHARE = 0.03
"""The same where training rows repeat as often: from here on coincidence may be behind it. Of
tables with planted copies it stays below 0.01, of random rows of few values it is 0.17 and more."""

EXCESS = 4.0
"""Standard errors by which a share must exceed that within the training rows; of few rows they are
no more than a rule of thumb, hence more than the usual 3."""

NEAR_ROWS = 5
"""Validation rows that must nearly be training rows: distances are measured on a sample."""

NEAR_SHARE = 0.02
"""And the share that they must be of the validation rows compared."""

CHANCE_FACTOR = 3.0
"""Times the share of near rows that their distances let expect anyway, as in few dimensions."""

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
        yield SHARED.finding(
            sentence,
            evidence,
            sure,
            severity="error" if share >= MANY_SHARED else None,
        )
    elif share >= REPEATING:
        sentence += f"; {percent(within)} of the training rows repeat one another too"
        if found.by_chance >= COARSE_SHARE * share:
            sentence += ": the features have few different values, so rows may coincide by chance"
            yield SHARED.finding(
                sentence,
                evidence,
                "low",
                severity="tip",
            )
            return
        sentence += (
            ": duplicates in the table end up on both sides: drop duplicates before splitting"
        )
        yield SHARED.finding(
sentence,
evidence,
"medium" if found.by_chance else "high",
severity="error" if share >= MANY_SHARED else None,
)  # fmt: skip


def _near(seen: Judged) -> Iterator[Finding]:
    found = checks_of(seen).neighbours
    if found is None or not found.rows or not found.own_rows:
        return
    share, within = found.near / found.rows, found.near_in_train / found.own_rows
    if found.near < NEAR_ROWS or share < NEAR_SHARE or share < CHANCE_FACTOR * found.by_chance:
        return
    if not _exceeds(share, found.rows, within, found.own_rows):
        return
    yield NEAR_COPIES.finding(
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


SHARED = Rule(
    code="AUD031",
    title="Rows shared by training and validation",
    severity="warning",
    needs=needs_checks("repeats", "rows could not be compared"),
    check=_shared,
    detected=f"At least {SHARED_ROWS} validation rows and {percent(SHARED_SHARE)} of them have "
    "inputs that equal those of a training row in every bit of float32, more than training rows "
    f"repeat one another by {EXCESS:g} standard errors. From {percent(MANY_SHARED)} on it is an "
    "error. Where training rows repeat one another as often, as copies made before the split do, "
    f"it speaks from {percent(REPEATING)} on. Rows of few different values coincide: where rows "
    f"put together of two training rows are found {COARSE_SHARE:g} times as often that is then a "
    f"tip, and from {CHANCE_SHARE:g} times on it is silent.",
    matters="The model has seen these rows, so the validation result is better than on new data.",
    remedy="Remove repeated rows before splitting, or split by group so that copies of one example "
    "stay on one side.",
    certainty="High where rows have many different values, so that only copies are equal; medium "
    "or low where rows of few values may coincide.",
    thresholds=(
        "SHARED_ROWS", "SHARED_SHARE", "MANY_SHARED", "REPEATING", "CHANCE_SHARE", "COARSE_SHARE",
        "EXCESS",
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
