"""What each column of a plain table is: by its name, or as the user says."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from auditor.errors import ReadError
from auditor.readers.metrics import keras_name
from auditor.trials import role

HYPERPARAMETER = "hp:"
"""Before the name of a hyperparameter in a mapping of columns."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "trial": (
        *("trial_id", "trial", "trial_name", "trial_number", "run_id", "run", "run_name"),
        *("config_id", "configuration_id", "experiment_id", "exp_id", "job_id", "model_id"),
        *("config", "configuration", "experiment", "experiment_name", "exp", "exp_name", "job"),
        *("model_name", "model", "name", "id", "uid", "uuid", "hash"),
    ),
    "epoch": (
        *("epoch", "epochs_done", "epoch_number", "epoch_num", "training_iteration"),
        *("step", "global_step", "iteration", "iter", "_step"),
    ),
    "execution": ("execution", "repetition", "repeat", "rep", "replicate", "restart"),
    "fold": ("fold", "cv_fold", "fold_id", "kfold", "fold_number", "outer_fold"),
    "seed": ("seed", "random_seed", "random_state", "rng_seed"),
    "status": ("status", "state"),
    "seconds": ("seconds", "duration", "runtime", "train_time", "training_time", "time_s", "time"),
    "split": ("split", "phase", "subset", "mode", "stage", "partition"),
    "metric": ("metric", "metric_name", "measure", "variable", "key"),
    "value": ("value", "metric_value"),
}
"""Names of columns that are no metrics, in lower case; the first that is there is taken."""

_WORDS = {"run": "trial", "trial_id": "trial", "run_id": "trial", "step": "epoch"}
"""What people may call our names in a mapping."""

_STEPS = {"step", "global_step", "iteration", "iter", "_step"}

_STRONG = 11
"""Of the names of trials above, so many mean nothing else; the others may be hyperparameters."""

_ASIDE = {
    *("", "index", "level_0", "date", "datetime", "timestamp", "wall_time", "walltime", "elapsed"),
    *("created", "created_at", "updated_at", "start", "end", "start_time", "end_time", "host"),
    *("hostname", "user", "pid", "path", "file", "filename", "best_epoch", "epoch_time", "rank"),
    *("eta", "gpu", "device", "notes", "comment", "url", "tags", "log_dir", "checkpoint"),
}
"""Columns that are neither hyperparameters nor metrics."""

_METRIC = re.compile(
    r"(loss|acc|accuracy|auc|roc_auc|pr_auc|mae|mse|rmse|mape|r2|r2_score|f1|f1_score|precision|"
    r"recall|error|err|perplexity|ppl|bleu|rouge|iou|dice|kappa|mcc|cross_?entropy|nll|logloss|"
    r"log_loss|.+_(loss|acc|accuracy|auc|mae|mse|rmse|error|f1|iou|score|precision|recall))",
    re.IGNORECASE,
)
"""Names of metrics without the word for the split."""

_NO_METRIC = re.compile(
    r"(size|split|fraction|frac|ratio|rows|samples|batch_?size|steps|batches|data|set|path|dir|"
    r"time|seconds|freq|frequency|interval|every|n|num|count|idx|seed|name|files?|aug.*)",
    re.IGNORECASE,
)
"""What after "val_" or "train_" is no metric: `test_size` is a setting."""


_SURELY_TRIED = re.compile(
    r"(n_|num_)?(batch_?size|bs|units|layers|hidden(_units|_size|_dim|_layers)?|filters|neurons|"
    r"kernel_size|dropout(_rate)?|optimi[sz]er|activation|momentum|weight_decay|wd|l1|l2|epochs|"
    r"depth|max_depth|estimators|embedding_dim|heads|patience|initiali[sz]er|loss_function)(_?\d+)?",
    re.IGNORECASE,
)
"""Names of hyperparameters and of nothing else; a learning rate may be a metric's neighbour too."""

_UNIT = re.compile(r"[(\[][^()\[\]]*[)\]]$")
"""A remark after a name: "accuracy (%)"."""


@dataclass(frozen=True)
class Layout:
    """Which column of a table holds what.

    Attributes:
        known: "trial", "epoch", "execution", "fold", "seed", "status", "seconds", "split",
            "metric", "value" -> the column; only those that are there.
        metrics: Column -> the metric in it, in Keras's words.
        hyperparameters: Column -> the hyperparameter, where the user says so.
        others: Columns that may be hyperparameters or metrics, as their cells show.
        is_mapped: Whether the user says which columns are metrics.
    """

    known: Mapping[str, str]
    metrics: Mapping[str, str]
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    is_mapped: bool = False

    @property
    def counts_steps(self) -> bool:
        """Whether the column of epochs is named after steps."""
        return self.known.get("epoch", "").lower() in _STEPS

    @property
    def names_trials(self) -> bool:
        """Whether the column of trials can be nothing else."""
        return self.known.get("trial", "").lower() in _NAMES["trial"][:_STRONG]

    @property
    def tried(self) -> tuple[str, ...]:
        """Columns that are surely hyperparameters, whatever is in them."""
        plain = {name: re.sub(r"[\s-]+", "_", name.strip()) for name in self.others}
        return tuple(name for name in self.others if _SURELY_TRIED.fullmatch(plain[name]))

    @property
    def is_long(self) -> bool:
        """Whether there is a row per epoch."""
        return "epoch" in self.known


def layout(names: Sequence[str], mapping: Mapping[str, str] | None = None) -> Layout:
    """Tell the columns of a table apart.

    Args:
        names: Of its columns.
        mapping: Our name -> the column, as the user says; the rest goes by names.

    Raises:
        ReadError: A column of the mapping is not there.
    """
    known, metrics, hyperparameters = _said(names, mapping or {})
    taken = {*known.values(), *metrics, *hyperparameters}
    for ours, theirs in _NAMES.items():
        free = {name.lower(): name for name in reversed(names) if name not in taken}
        found = next((free[word] for word in theirs if word in free), None)
        if ours not in known and found is not None:
            known[ours] = found
            taken.add(found)
    if not {"metric", "value"} <= known.keys():
        taken -= {known.pop(word) for word in ("metric", "value") if word in known}
    is_mapped = bool(metrics) or "value" in (mapping or {})
    rest = [name for name in names if name not in taken and not _is_aside(name)]
    if not is_mapped:
        metrics = {name: _metric(name) for name in _once(rest) if is_metric(name)}
    others = () if hyperparameters else tuple(name for name in rest if name not in metrics)
    return Layout(known, metrics, hyperparameters, others, is_mapped)


def is_metric(name: str) -> bool:
    """Whether a column is a metric for certain, by its name.

    Example:
        >>> [is_metric(name) for name in ("train_loss", "val_x", "test_size", "units")]
        [True, True, False, False]
    """
    metric = _metric(name)
    bare = metric.removeprefix("val_").removeprefix("test_")
    if _NO_METRIC.fullmatch(bare) or _NO_METRIC.fullmatch(name.rpartition("_")[2]):
        return False
    return role(metric) == "validation" or _METRIC.fullmatch(bare) is not None


def _metric(column: str) -> str:
    return keras_name(_UNIT.sub("", column).rstrip())


def _said(
    names: Sequence[str], mapping: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """What the user says: known columns, metrics, hyperparameters."""
    known: dict[str, str] = {}
    metrics: dict[str, str] = {}
    hyperparameters: dict[str, str] = {}
    for ours, column in mapping.items():
        if column not in names:
            raise ReadError(f"there is no column {column!r}; the table has {', '.join(names)}")
        ours = _WORDS.get(ours, ours)
        if ours in _NAMES:
            known[ours] = column
        elif ours.startswith(HYPERPARAMETER):
            hyperparameters[column] = ours.removeprefix(HYPERPARAMETER)
        else:
            metrics[column] = ours
    return known, metrics, hyperparameters


def _once(names: Iterable[str]) -> list[str]:
    """Names without those that mean a metric which was there before."""
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault(_metric(name), name)
    return list(seen.values())


def _is_aside(name: str) -> bool:
    return name.lower() in _ASIDE or name.lower().startswith("unnamed:")
