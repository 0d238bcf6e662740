"""Names of metrics, as Keras would write them, and which of them ranks."""

import re
from collections.abc import Iterable

from auditor.trials import Direction, Objective, role

_TRAIN = {"train", "training", "tr", "trn"}
_VALIDATION = {"val", "va", "valid", "validation", "dev", "eval"}
_TEST = {"test", "testing", "tst"}
_SPLIT = re.compile(r"[/_.\s-]+")
_RATE = {"lr", "learning_rate", "learningrate", "epoch_learning_rate"}

_UP = re.compile(
    r"(^|_)(acc|accuracy|auc|roc_auc|pr_auc|precision|recall|f1|f1_score|fbeta_score|score|iou|"
    r"miou|mean_iou|dice|dice_coef|dice_coefficient|jaccard|r2|r2_score|map|ndcg|psnr|ssim|bleu|"
    r"rouge|kappa|mcc|cosine_similarity|reward|top_?\d+|.*accuracy|f1score|f1_(macro|micro|weighted)|"
    r"specificity|.*sensitivity.*|true_(positives|negatives)|.*correlation|.*corrcoef|jaccard_index|"
    r".*_acc|.*auc|.*precision.*|.*recall.*|.*iou.*|.*io_u|neg_.*)$"
)
"""Names of metrics of which more is better; of all others less is."""

MOST_CHARACTERS = 500
"""Of a name; a longer one is no metric's, and would take long to look into."""

_NUMBER = re.compile(r"_\d+$")
"""At the end of a name: Keras tells a second model's metrics from the first's so."""

_PERCENT = re.compile(r"(?<=[^\s_])[\s_]*(%|\(%\)|\[%\])$")
"""At the end of a name: a unit, as in "Val Acc (%)"."""

_PREFERRED = ("val_loss", "val_accuracy", "val_acc")


def keras_name(name: str) -> str:
    """The name that Keras would give a metric: the validation twin starts with "val_".

    A word for the split may come first or last: "train_loss", "loss/valid", "Accuracy/val". A
    percent sign at the end is left out. Names that Keras uses already stay as they are.

    Example:
        >>> [keras_name(n) for n in ("train_loss", "loss/valid", "epoch_acc", "lr", "val_mae")]
        ['loss', 'val_loss', 'acc', 'learning_rate', 'val_mae']
    """
    name = name.strip()
    if len(name) > MOST_CHARACTERS:
        return name
    if name.lower() in _RATE:
        return "learning_rate"
    name = _PERCENT.sub("", name)
    parts = [part for part in _SPLIT.split(name) if part]
    if parts and parts[-1].lower() in _PLURAL:
        parts[-1] = name = _PLURAL[parts[-1].lower()]
    if len(parts) > 1 and parts[0].lower() == "epoch":
        parts = parts[1:]
    if len(parts) < 2:
        return parts[0] if parts else name
    for at in (0, -1):
        word = parts[at].lower()
        rest = parts[1:] if at == 0 else parts[:-1]
        for words, prefix in ((_VALIDATION, "val_"), (_TRAIN, ""), (_TEST, "test_")):
            if word in words:
                metric = "_".join(rest)
                return prefix + (metric.lower() if metric.lower() in _PLAIN else metric)
    return name.removeprefix("epoch_")


_PLURAL = {"losses": "loss", "accs": "acc", "accuracies": "accuracy"}

_PLAIN = {"loss", "acc", "accuracy", "auc", "mae", "mse", "rmse", "f1"}
"""Metrics whose names are often written with capitals."""


def direction_of(metric: str) -> Direction:
    """Whether small or large values of a metric are good, by its name: small if in doubt."""
    bare = metric.lower().removeprefix("val_").removeprefix("test_")
    if len(bare) > MOST_CHARACTERS:
        return "min"
    bare = _NUMBER.sub("", _PERCENT.sub("", bare))
    is_negative = bare.startswith("neg_")  # scikit-learn's: "neg_log_loss"
    is_loss = ("loss" in bare or "error" in bare) and not is_negative
    return "max" if _UP.search(bare) and not is_loss else "min"


def choose_objective(metrics: Iterable[str]) -> Objective:
    """The metric to rank by where no file says which; `known_from` says how it was chosen.

    A validation metric before a training metric, a loss before all else.
    """
    names = sorted(set(metrics), key=lambda n: (role(n) != "validation", "loss" not in n, n))
    names = [name for name in names if role(name) != "test"] or names
    name = next((n for n in (*_PREFERRED, *names) if n in names), "val_loss")
    if not names:
        why = "assumed: no metric is recorded"
    elif role(name) == "validation":
        why = f"assumed: the files do not say what was optimised, and {name} is recorded"
    else:
        why = f"assumed: no validation metric is recorded, so {name} ranks"
    return Objective(name, direction_of(name), why)
