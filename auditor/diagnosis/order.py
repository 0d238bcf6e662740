"""AUD038: rows of a table in an order that a split by place would follow."""

from collections.abc import Iterator

from auditor.diagnosis.data import checks_of, needs_checks
from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.shift import APART, LABEL_EFFECT, LABEL_P, labels_differ, telling
from auditor.diagnosis.wording import count, number, percent
from auditor.trials.data_checks import LabelShift, Order, Separation


def _sorted(seen: Judged) -> Iterator[Finding]:
    found = checks_of(seen).order
    if found is None:
        return
    if found.labels is not None and labels_differ(found.labels):
        yield _of_labels(found, found.labels)
    elif found.separation is not None and found.separation.low > APART:
        yield _of_inputs(found, found.separation)


def _of_labels(found: Order, labels: LabelShift) -> Finding:
    is_class = labels.kind == "classes"
    what = f"class {labels.most} has" if is_class else f"targets up to {labels.most} have"
    return SORTED.finding(
        f"the rows are in an order that the target follows: {what} a share of "
        f"{percent(labels.train_share)} of the first {count(found.before, 'row')} and "
        f"{percent(labels.validation_share)} of the last {found.rows}; `validation_split` would "
        "validate on these last ones. Here they were split at random",
        (
            Evidence("effect (Cramér's V, or D)", labels.effect, "", LABEL_EFFECT),
            Evidence("p of one population", labels.p, "", LABEL_P),
            Evidence("first rows", found.before, "rows"),
            Evidence("last rows", found.rows, "rows"),
        ),
        "high",
    )


def _of_inputs(found: Order, apart: Separation) -> Finding:
    most = ", ".join(telling(name, auc, "among the last rows") for name, auc in apart.features)
    return SORTED.finding(
        f"the rows are in an order that the inputs follow: a classifier tells the last "
        f"{count(found.rows, 'row')} from those before with AUC {number(apart.auc)}, 95 % interval "
        f"{number(apart.low)} to {number(apart.high)}, where guessing has 0.5"
        f"{'; most telling: ' * bool(most)}{most}. `validation_split` would validate on these "
        "last ones; here they were split at random",
        (
            Evidence("lower end of the interval of the AUC", apart.low, "", APART),
            Evidence("AUC", apart.auc),
            Evidence("first rows", found.before, "rows"),
            Evidence("last rows", found.rows, "rows"),
        ),
        "medium",
        severity="tip",
    )


SORTED = Rule(
    code="AUD038",
    title="Rows are sorted",
    severity="warning",
    needs=needs_checks("order", "rows were not drawn from one table whose order is known"),
    check=_sorted,
    detected="As many of the last rows of a table as are held out differ from the rows before: "
    f"their labels with p below {LABEL_P:g} and an effect of at least {LABEL_EFFECT:g}, as in "
    f"AUD033; or, a tip, their inputs with an AUC whose 95 % interval lies above {APART:g}, as in "
    "AUD034. Features that rise or fall with each row, as row numbers do, are left out of the "
    "latter.",
    matters="A random split does not notice, but `validation_split` takes the last rows as they "
    "stand, before any shuffling: training never sees what validation asks for.",
    remedy="Shuffle the rows before `validation_split`, with one seed for inputs and labels, or "
    "split at random, classes stratified. If the order is time and the model is to predict what "
    "comes later, split by time on purpose: a random split then leaks the future.",
    certainty="High for labels: they are counted. Medium for inputs: a later time or another site "
    "differs by nature.",
    thresholds=("LABEL_P", "LABEL_EFFECT", "APART"),
)
