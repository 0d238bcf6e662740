"""What stands in the way of training a model in a stack."""

from typing import Any

import keras

from auditor.search.stacking.layers import MOST_UNROLLED, RECURRENT, sees_data, time_steps
from auditor.search.stacking.noise import NOISE

_BY_THRESHOLD = (
    keras.metrics.Precision,
    keras.metrics.Recall,
    keras.metrics.TruePositives,
    keras.metrics.TrueNegatives,
    keras.metrics.FalsePositives,
    keras.metrics.FalseNegatives,
)
"""Metrics that give a number for each of their thresholds."""


def why_not(model: Any) -> str | None:
    """What of a compiled, built model a stack cannot compute, in a sentence; None for nothing."""
    optimizer = model.optimizer
    if optimizer.built or int(keras.ops.convert_to_numpy(optimizer.iterations)):
        return "the optimizer has a state before the training"
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return "the optimizer scales the loss, as mixed precision needs"
    for name in ("use_ema", "gradient_accumulation_steps", "loss_scale_factor"):
        if getattr(optimizer, name, None):
            return f"the optimizer has {name}"
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False) is True:
            return f"the layer {layer.name} keeps its state between batches"
        if _unrolls_long(model, layer):
            return f"the layer {layer.name} loops over many time steps after another layer"
        if _draws(layer):
            return f"the layer {layer.name} draws random numbers of its own"
    for metric in _metrics(model):
        if _gives_several(metric):
            return f"the metric {metric.name} gives more than one number"
    return None


def _unrolls_long(model: Any, layer: Any) -> bool:
    """Whether TensorFlow would have to unroll a loop over time that takes minutes to trace."""
    if keras.config.backend() != "tensorflow" or not isinstance(layer, RECURRENT):
        return False
    if not any(layer is one for one in model.layers):
        return False  # A part of one that is asked itself.
    steps = time_steps(layer)
    return not sees_data(layer) and (steps is None or steps > MOST_UNROLLED)


def _draws(layer: Any) -> bool:
    """Whether a layer draws random numbers by a generator whose state a stack does not keep."""
    if type(layer) in NOISE or not any(
        isinstance(value, keras.random.SeedGenerator) for value in vars(layer).values()
    ):
        return False
    rates = ("dropout", "recurrent_dropout", "_dropout", "rate", "seed_rate")
    known = isinstance(layer, RECURRENT) or type(layer).__name__.endswith("Cell")
    return not known or any(getattr(layer, name, 0) for name in rates)


def _metrics(model: Any) -> list[Any]:
    """The metrics that were given to `compile` as objects; others are means, of one number each."""
    given = model._compile_metrics
    if given is None:
        return []
    named = keras.tree.flatten([given._user_metrics, given._user_weighted_metrics])
    return [metric for metric in named if isinstance(metric, keras.metrics.Metric)]


def _gives_several(metric: Any) -> bool:
    """Whether the result of one of Keras's metrics is an array."""
    if isinstance(metric, _BY_THRESHOLD):
        return len(metric.thresholds) > 1
    if isinstance(metric, keras.metrics.FBetaScore):
        return metric.average is None
    return isinstance(metric, keras.metrics.R2Score) and metric.class_aggregation is None
