"""What the arguments of `search` tell: sizes, labels, the loss of knowing nothing."""

import hashlib
import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from auditor.files import Json
from auditor.search.losses import CROSS_ENTROPIES

_EPSILON = 1e-7
"""Keras clips probabilities here before it takes their logarithm (keras.config.epsilon())."""

_HASHED_ROWS = 4096
"""Rows of an array that make its fingerprint, evenly spaced: enough to tell data apart."""

_HASHED_BYTES = 2**26
"""Fewer rows where these are large, as of images: a fingerprint is not worth a second."""

MAX_CLASSES = 10_000
"""More different labels than this are not classes."""


@dataclass(frozen=True)
class DataFacts:
    """What is known of the data; None and empty where it is not in plain arrays.

    Attributes:
        train_rows, validation_rows: Rows.
        label_counts: Training rows per class.
        target_variance: Variance of the validation target, for regression.
        no_skill_loss: Validation loss of a constant prediction learned from the training labels.
        no_skill_from: Where that comes from, in words.
        training_no_skill_loss: The same on the training data.
        untrained_loss: Validation loss of a model that answers the same for all classes, or 0:
            about where training starts.
        weighted_training: Whether training rows are weighted and validation rows are not.
        fingerprint: A hash that tells other data from these.
    """

    train_rows: int | None = None
    validation_rows: int | None = None
    label_counts: dict[str, int] = field(default_factory=dict)
    target_variance: float | None = None
    no_skill_loss: float | None = None
    no_skill_from: str | None = None
    training_no_skill_loss: float | None = None
    untrained_loss: float | None = None
    weighted_training: bool = False
    fingerprint: str | None = None

    def context(self) -> dict[str, Json]:
        """As in `sweep.json`, under "context"."""
        state = asdict(self)
        del state["fingerprint"]
        return state


@dataclass(frozen=True)
class Split:
    """Training and validation labels, shapes (row,) or (row, output)."""

    train: NDArray[Any]
    validation: NDArray[Any]


def fingerprint(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """A hash of the data that `search` was given; None where it is not in arrays."""
    given = by_name(args, kwargs)
    known = list(_arrays([given.get(name) for name in ("x", "y", "validation_data")]))
    if not known:
        return None
    share = float(given.get("validation_split") or 0.0)
    digest = hashlib.sha256(repr(share).encode())
    for array in known:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(_sample(array)).tobytes())
    return digest.hexdigest()[:16]


def _sample(array: NDArray[Any]) -> NDArray[Any]:
    """Some rows, evenly spaced."""
    size = array[:1].nbytes or 1
    count = min(len(array), _HASHED_ROWS, max(1, _HASHED_BYTES // size))
    return np.asarray(array[np.linspace(0, max(len(array) - 1, 0), count).astype(int)])


FIT_ARGUMENTS = tuple(inspect.signature(keras.Model.fit).parameters)[1:]
"""Names of the arguments of `Model.fit`, in order."""


def by_name(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Model.fit` by their names."""
    return {**dict(zip(FIT_ARGUMENTS, args, strict=False)), **kwargs}


def labels(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], all_rows: bool = False
) -> Split | None:
    """The labels that `fit` would train and validate on; None where that is unknown.

    Weights make them unknown too: the best constant is then another, and so is its loss.

    Args:
        args: Arguments of `fit` by place.
        kwargs: Those by name.
        all_rows: Both parts are all labels, as with cross-validation.
    """
    given = by_name(args, kwargs)
    y = _array(given.get("y"))
    if y is None or any(given.get(name) is not None for name in ("sample_weight", "class_weight")):
        return None
    if all_rows:
        return Split(y, y)
    validation = given.get("validation_data")
    if isinstance(validation, tuple | list) and len(validation) == 2:
        other = _array(validation[1])
        return None if other is None else Split(y, other)
    share = given.get("validation_split") or 0.0
    if validation is None and 0 < share < 1:
        # As Keras does: the last rows, before any shuffling.
        cut = math.floor(len(y) * (1.0 - share))
        return Split(y[:cut], y[cut:])
    return None


def weights_training_only(arguments: Mapping[str, Any]) -> bool:
    """Whether `fit` would weight training rows and not those of validation.

    Class weights never reach validation. Sample weights do where the last rows validate
    (`validation_split`), or as the third part of `validation_data`.

    Args:
        arguments: Of `fit`, by name.
    """
    if arguments.get("class_weight") is not None:
        return True
    held = arguments.get("validation_data")
    is_weighted = isinstance(held, tuple | list) and len(held) == 3
    return arguments.get("sample_weight") is not None and held is not None and not is_weighted


def label_digest(split: Split | None) -> str | None:
    """A hash of some labels as Keras sees them: neither precision nor a column matters."""
    if split is None:
        return None
    digest = hashlib.sha256()
    for y in (split.train, split.validation):
        with np.errstate(over="ignore"):
            rows = _sample(y).astype(np.float32)
        digest.update(f"{len(y)} {rows[:1].size}".encode())
        digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()


def data_facts(split: Split | None, loss: str | None, digest: str | None) -> DataFacts:
    """All facts, given the name of the loss that all trials share (None: unknown)."""
    if split is None or not len(split.train) or not len(split.validation):
        return DataFacts(fingerprint=digest)
    known = DataFacts(len(split.train), len(split.validation), fingerprint=digest)
    if loss in CROSS_ENTROPIES:
        return _classification(known, split, loss)
    if loss in _CONSTANT_LOSSES and split.validation.dtype.kind in "fiub":
        return _regression(known, split, loss)
    return known


def _classification(known: DataFacts, split: Split, loss: str) -> DataFacts:
    classes = _class_shares(split, loss)
    if classes is None:
        return known
    counts, entropy = classes
    shares = np.array(list(counts.values())) / sum(counts.values())
    return replace(
        known,
        label_counts=counts,
        training_no_skill_loss=float(-np.sum(shares * np.log(shares))),
        no_skill_loss=entropy,
        no_skill_from="the label frequencies of the training data, on the validation data",
        untrained_loss=math.log(_answers(split, loss)),
    )


def _answers(split: Split, loss: str) -> int:
    """Between how many classes a model chooses at least."""
    if loss == "categorical_crossentropy":
        return int(split.train.shape[1])
    if loss == "binary_crossentropy":
        return 2
    return int(max(split.train.max(), split.validation.max(), 1)) + 1


def _regression(known: DataFacts, split: Split, loss: str) -> DataFacts:
    constant, error, words = _CONSTANT_LOSSES[loss]
    train, validation = _rows(split.train), _rows(split.validation)
    same_shape = train.shape[1:] == validation.shape[1:]
    if not same_shape or not np.isfinite(train).all() or not np.isfinite(validation).all():
        return known
    return replace(
        known,
        target_variance=float(np.var(validation, axis=0).mean()),
        no_skill_loss=float(np.mean(error(validation - constant(train, axis=0)))),
        no_skill_from=words,
        training_no_skill_loss=float(np.mean(error(train - constant(train, axis=0)))),
        untrained_loss=float(np.mean(error(validation))),
    )


def _rows(y: NDArray[Any]) -> NDArray[np.float64]:
    """Shape (row, output): Keras takes (row,) and (row, 1) for the same."""
    return y.reshape(len(y), -1).astype(np.float64)


_CONSTANT_LOSSES: dict[str, tuple[Any, Any, str]] = {
    "mean_squared_error": (np.mean, np.square, "predicting the training mean"),
    "mean_absolute_error": (np.median, np.abs, "predicting the training median"),
}


def _class_shares(split: Split, loss: str) -> tuple[dict[str, int], float] | None:
    """Training rows per class, and the cross-entropy of their shares on the validation labels."""
    train, validation = class_ids(split.train, loss), class_ids(split.validation, loss)
    if train is None or validation is None:
        return None
    names, counts = np.unique(train, return_counts=True)
    if len(names) > MAX_CLASSES:
        return None
    shares = dict(zip(names.tolist(), (counts / counts.sum()).tolist(), strict=True))
    probabilities = [max(shares.get(label, 0.0), _EPSILON) for label in validation.tolist()]
    entropy = float(-np.mean(np.log(probabilities)))
    return {str(n): int(c) for n, c in zip(names, counts, strict=True)}, entropy


def class_ids(y: NDArray[Any], loss: str) -> NDArray[np.int64] | None:
    """The class of each row of the labels of a cross-entropy; None where these are no classes."""
    if y.dtype.kind not in "fiub":
        return None
    if loss == "categorical_crossentropy":
        one_hot = y.ndim == 2 and np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1)
        return y.argmax(axis=1) if one_hot else None
    if y.ndim > 2 or (y.ndim == 2 and y.shape[1] != 1):
        return None
    flat = y.reshape(-1)
    whole = np.all(np.isfinite(flat)) and np.all(flat == np.round(flat))
    if not whole or (loss == "binary_crossentropy" and not np.all((flat == 0) | (flat == 1))):
        return None
    return flat.astype(np.int64)


def _arrays(value: Any) -> Iterator[NDArray[Any]]:
    """All arrays of a nested structure, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _arrays(item)
    elif (array := _array(value)) is not None:
        yield array


def _array(value: Any) -> NDArray[Any] | None:
    """A plain array, also from a pandas object; None for anything else."""
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fiub":
        return value
    return None
