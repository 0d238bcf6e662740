"""What the best model says of the validation rows, beside the truth; kept in the directory."""

import contextlib
import math
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import keras_tuner
import numpy as np
from numpy.typing import NDArray

from auditor.errors import ReadError
from auditor.files import read_json, to_json, write_whole
from auditor.search import facts
from auditor.search.by_row import FEW_BATCHES, NotByRow, validation_rows
from auditor.search.folds import row_count, take
from auditor.search.losses import CROSS_ENTROPIES
from auditor.trials import Confusion, Deviations, Mistake, Predictions
from auditor.trials.predictions import MOST_CLASSES

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner

SCHEMA = 1
"""Version of the file."""

FILE = "predictions.json"

MOST_ROWS = 10_000
"""Rows that are predicted, evenly spaced: an accuracy is then known to one percentage point."""

MOST_PAIRS = 1_000
"""Pairs that are kept, evenly spaced among these: enough for a picture."""

MOST_MISTAKES = 20
"""Kinds of mistakes that are kept."""

_REGRESSIONS = {
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
}


class NotPredicted(Exception):  # noqa: N818 - an answer, not an error
    """Why there are no predictions: a clause that goes after "because"."""


def keep_predictions(
    tuner: "RecordingTuner", args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Predict the validation rows by the best trial, unless that was done; it costs no search.

    Args:
        tuner: Its search has ended.
        args: Of `search`, by place.
        kwargs: Those by name.
    """
    path = Path(tuner.project_dir) / FILE
    best = next(iter(tuner.oracle.get_best_trials(1)), None)
    if best is None or _known(path) == best.trial_id:
        return
    state: dict[str, Any] = {"schema": SCHEMA, "trial_id": best.trial_id}
    try:
        state["predictions"] = asdict(_predicted(tuner, best, args, kwargs))
    except (NotPredicted, NotByRow) as reason:
        state["why_not"] = str(reason)
    except Exception as error:  # Code of the user's, which builds the model once more.
        state["why_not"] = f"of {type(error).__name__}: {str(error)[:200]}"
    with contextlib.suppress(OSError):
        write_whole(path, to_json(state))


def _known(path: Path) -> str | None:
    """The trial whose predictions are kept."""
    if not path.exists():
        return None
    try:
        state = read_json(path)
        return str(state["trial_id"]) if "predictions" in state else None
    except (ReadError, KeyError, TypeError):
        return None


def _predicted(
    tuner: "RecordingTuner", best: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Predictions:
    if not math.isfinite(best.score):
        raise NotPredicted("no trial has a finite score")
    if tuner.cross_validation.count:
        raise NotPredicted("with cross-validation no rows are for validation alone")
    if type(tuner.hypermodel).fit is not keras_tuner.HyperModel.fit:
        raise NotPredicted("HyperModel.fit may have given the model other data")
    if not Path(tuner._get_checkpoint_fname(best.trial_id)).exists():
        raise NotPredicted("the weights of the best trial were not kept")
    made_of = tuner.oracle.details.get(best.trial_id, {}).get("model")
    x, y = validation_rows(facts.by_name(args, kwargs))
    total = row_count((x, y))
    rows = np.linspace(0, total - 1, min(total, MOST_ROWS)).astype(np.int64)
    answers = _answers(tuner, best, take(x, rows), kwargs)
    truth = np.asarray(take(y, rows))
    compared = compare(truth, answers, made_of if isinstance(made_of, dict) else {})
    name = "classes" if isinstance(compared, Confusion) else "numbers"
    return Predictions(best.trial_id, len(rows), total, **{name: compared})  # type: ignore[arg-type]


def _answers(tuner: "RecordingTuner", best: Any, x: Any, kwargs: Mapping[str, Any]) -> Any:
    with warnings.catch_warnings():
        # A fresh optimizer has no state yet to load the saved one into; predicting needs none.
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        model = tuner.load_model(best)
    size = kwargs.get("batch_size") or 32
    if row_count(x) <= FEW_BATCHES * size and type(model).predict is keras.Model.predict:
        answers = _without_compiling(model, x, size)
    else:
        answers = model.predict(x, batch_size=size, verbose=0)
    if not isinstance(answers, np.ndarray):
        raise NotPredicted("the model has several outputs")
    return answers


def _without_compiling(model: Any, x: Any, size: int) -> Any:
    total = row_count(x)
    x = keras.tree.map_structure(np.asarray, x)
    parts = [
        model(take(x, np.arange(first, min(first + size, total))), training=False)
        for first in range(0, total, size)
    ]
    if keras.tree.is_nested(parts[0]):
        return None
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])


# Comparing


def compare(
    truth: NDArray[Any], answers: NDArray[Any], made_of: Mapping[str, Any]
) -> Confusion | Deviations:
    """What answers are beside the truth.

    Args:
        truth: Targets as `fit` takes them.
        answers: Of the model, as `predict` gives them.
        made_of: The `ModelFacts` of the model, by name.

    Raises:
        NotPredicted: It is not known how the two compare.
    """
    loss = made_of.get("loss")
    if truth.dtype.kind not in "fiub" or not np.isfinite(answers).all():
        raise NotPredicted("targets or answers are not all numbers")
    if loss in _REGRESSIONS:
        if truth.size != len(truth) or answers.size != len(truth):
            raise NotPredicted("the model answers several numbers for each row")
        return deviations(truth.reshape(-1).astype(float), answers.reshape(-1).astype(float))
    if loss not in CROSS_ENTROPIES:
        raise NotPredicted(f"the loss {loss or 'of the model'} does not say what is compared")
    right = facts.class_ids(truth, "categorical_crossentropy" if truth.shape[1:] > (1,) else loss)
    if right is None:
        raise NotPredicted("the targets are no single classes")
    if len(answers) != len(right) or answers.ndim != 2:
        raise NotPredicted("the model answers more than once for each row")
    if answers.shape[1] > 1:
        return confusion(right, answers.argmax(axis=1))
    bound = 0.0 if made_of.get("from_logits") else 0.5
    return confusion(right, (answers[:, 0] > bound).astype(np.int64))


def confusion(truth: NDArray[np.int64], said: NDArray[np.int64]) -> Confusion:
    """Which classes were taken for which, given the class of each row, and what was said."""
    classes, places = np.unique(np.concatenate([truth, said]), return_inverse=True)
    rows, columns = np.split(places, 2)
    pairs = Counter(zip(rows.tolist(), columns.tolist(), strict=True))
    totals = np.bincount(rows, minlength=len(classes))
    wrong = sorted(((n, pair) for pair, n in pairs.items() if pair[0] != pair[1]), reverse=True)
    names = [str(name) for name in classes.tolist()]
    mistakes = tuple(
        Mistake(names[t], names[p], n, int(totals[t])) for n, (t, p) in wrong[:MOST_MISTAKES]
    )
    small = len(classes) <= MOST_CLASSES
    every = range(len(classes)) if small else range(0)
    return Confusion(
        classes=tuple(names) if small else (),
        counts=tuple(tuple(pairs[t, p] for p in every) for t in every),
        mistakes=mistakes,
        accuracy=float(np.mean(rows == columns)),
        majority=float(totals.max() / len(rows)),
        number_of_classes=len(classes),
    )


def deviations(truth: NDArray[np.float64], said: NDArray[np.float64]) -> Deviations:
    """How far off numbers are, given those of each row, and what was said."""
    some = np.linspace(0, len(truth) - 1, min(len(truth), MOST_PAIRS)).astype(np.int64)
    error, spread = float(np.mean((truth - said) ** 2)), float(np.var(truth))
    return Deviations(
        pairs=tuple(zip(truth[some].tolist(), said[some].tolist(), strict=True)),
        r2=1 - error / spread if spread else None,
        rmse=math.sqrt(error),
        mae=float(np.mean(np.abs(truth - said))),
        rmse_of_mean=math.sqrt(spread),
    )
