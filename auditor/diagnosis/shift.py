"""AUD033 and AUD034: training and validation data that come from elsewhere than each other."""

from collections.abc import Iterator

from auditor.diagnosis.data import checks_of, needs_checks
from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import count, number, percent
from auditor.trials.data_checks import LabelShift, Separation

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


def labels_differ(found: LabelShift) -> bool:
    """Whether labels of two sides differ by more than chance, and enough to matter."""
    return found.p < LABEL_P and found.effect >= LABEL_EFFECT


def _labels(seen: Judged) -> Iterator[Finding]:
    found = checks_of(seen).labels
    if found is None or not labels_differ(found):
        return
    is_class = found.kind == "classes"
    what = f"class {found.most} has" if is_class else f"targets up to {found.most} have"
    unseen = f"; {count(found.unseen, 'validation row')} of classes that no training row has"
    effect = "Cramér's V, as of equally many rows" if is_class else "Kolmogorov-Smirnov D"
    yield LABELS_DIFFER.finding(
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
        severity="error" if found.unseen >= UNSEEN * found.rows else None,
    )


def inputs_differ(found: Separation) -> bool:
    """Whether rows of two sides are told apart by their inputs."""
    return found.low > APART


def _apart(seen: Judged) -> Iterator[Finding]:
    found = checks_of(seen).separation
    if found is None or not inputs_differ(found):
        return
    most = ", ".join(telling(name, auc, "in validation") for name, auc in found.features)
    yield DATA_DIFFER.finding(
        "a classifier tells validation rows from training rows by their inputs: AUC "
        f"{number(found.auc)}, 95 % interval {number(found.low)} to {number(found.high)}, where "
        f"guessing has 0.5{'; most telling: ' * bool(most)}{most}",
        (
            Evidence("lower end of the interval of the AUC", found.low, "", APART),
            Evidence("AUC", found.auc),
            Evidence("upper end", found.high),
            Evidence("training rows", found.train_rows, "rows"),
            Evidence("validation rows", found.rows, "rows"),
        ),
        "high" if found.low >= FAR_APART else "medium",
    )


def telling(name: str, auc: float, where: str) -> str:
    """A feature that tells rows apart, and to which side it does."""
    side = "higher" if auc > 0.5 else "lower"
    return f"{name} (AUC {number(max(auc, 1 - auc))}, {side} {where})"


_SORTED = (
    "`validation_split` takes the last rows as they stand: shuffle sorted data before, with one "
    "seed for inputs and labels."
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
