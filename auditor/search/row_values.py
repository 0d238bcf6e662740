"""The loss of each row, and each metric that is a mean over rows, as tensors."""

from typing import Any

import keras
from keras import ops
from keras.src.losses.loss import squeeze_or_expand_to_same_rank

from auditor.search.chunks import NotChunkedError
from auditor.search.structure import is_keras

LOSS = "loss"

_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
"""Ways to reduce a loss which, without sample weights, are the mean over all rows."""

_STEPS = ("test_step", "compute_loss", "compute_metrics")
"""Methods of a model that must be Keras's own: else nobody knows what its loss consists of."""


class RowValues:
    """What a model's loss, without penalties, and its metrics are for each row.

    Attributes:
        names: "loss", and those of the metrics that are means over rows.
    """

    def __init__(self, model: Any) -> None:
        """Look at a compiled model that has seen a batch.

        Raises:
            NotChunkedError: Its loss is no mean over rows.
        """
        self._model = model
        if not all(getattr(type(model), n) is getattr(keras.Model, n) for n in _STEPS):
            raise NotChunkedError(f"{type(model).__name__} computes its loss in its own way")
        compiled: Any = getattr(model, "_compile_loss", None)
        found: Any = getattr(compiled, "_flat_losses", None) or ()
        if len(found) != 1 or len(keras.tree.flatten(compiled._y_pred_build_structure)) > 1:
            raise NotChunkedError("the model has several outputs or losses, or none")
        loss = found[0].loss
        is_plain = type(loss).__call__ is keras.losses.Loss.__call__
        if not is_plain or loss.reduction not in _MEANS:
            raise NotChunkedError(f"the loss {loss.name} is no mean over rows")
        self.names = (LOSS, *self._metrics())

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The values of a batch, (name, row).

        Args:
            y: Targets, as the model's own loss is given them.
            y_pred: What the model answers.
            sample_weight: Of the rows; None for none.

        Raises:
            NotChunkedError: The loss does not give each row a value.
        """
        y, y_pred = keras.tree.flatten(y)[0], keras.tree.flatten(y_pred)[0]
        if getattr(y_pred, "_keras_mask", None) is not None:
            # Divided by what the whole batch leaves; it may add up by chance all the same.
            raise NotChunkedError("the loss leaves out masked steps")
        values = [self._loss(y, y_pred, sample_weight)]
        for metric in self._metrics().values():
            values.append(_by_row(metric._fn(y, y_pred, **metric._fn_kwargs)))
        kind = keras.config.floatx()
        return ops.stack([ops.cast(value, kind) for value in values])

    def _loss(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        # Not kept: another model of the same structure may lend this one its losses.
        _, loss, weight, _ = self._model._compile_loss._flat_losses[0]
        given = [ops.convert_to_tensor(tensor, dtype=loss.dtype) for tensor in (y, y_pred)]
        values = ops.convert_to_tensor(loss.call(*given), dtype=loss.dtype)
        if sample_weight is not None:
            if loss.reduction == "mean_with_sample_weight":
                raise NotChunkedError("the loss is divided by the sum of sample weights")
            weights = ops.cast(keras.tree.flatten(sample_weight)[0], values.dtype)
            values, weights = squeeze_or_expand_to_same_rank(values, weights)
            values = values * weights
        values = _by_row(values)
        return values if weight is None else values * ops.cast(weight, values.dtype)

    def _metrics(self) -> dict[str, Any]:
        """Keras's own means of functions, by their names in the logs; without sample weights."""
        compiled = getattr(self._model, "_compile_metrics", None)
        lists = (getattr(compiled, "_flat_metrics", None) or ()) if compiled is not None else ()
        found: dict[str, Any] = {}
        for metric in (metric for one in lists if one is not None for metric in one.metrics):
            is_mean = isinstance(metric, keras.metrics.MeanMetricWrapper)
            if is_mean and is_keras(type(metric)) and is_keras(metric._fn):
                found.setdefault(metric.name, metric)
        return found


def _by_row(values: Any) -> Any:
    if not len(values.shape):
        raise NotChunkedError("the loss, or a metric, gives a batch a single value")
    return ops.mean(values, axis=list(range(1, len(values.shape)))) if values.shape[1:] else values
