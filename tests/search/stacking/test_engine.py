"""What an engine may do otherwise than `fit`, and what it may not."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, losses

from auditor.search.stacking.engine import _adds_up
from tests.search.stacking.conforming import (
    Case,
    alone,
    floats,
    make_engine,
    make_runs,
    train_case,
)

RNG = np.random.default_rng(2)
ROWS, VALIDATION_ROWS, SIZE = 12, 21, 8
WORDS = RNG.integers(0, 4, (ROWS + VALIDATION_ROWS, 5))
LABELS = (WORDS.sum(axis=1) > 7).astype(float)[:, None]
WEIGHTS = RNG.random(ROWS + VALIDATION_ROWS)


def case(
    loss: Any, mask_zero: bool = False, per_word: bool = False, weighted: bool = False
) -> Case:
    def build(rate: float) -> Any:
        parts = [layers.Embedding(4, 3, mask_zero=mask_zero)]
        parts += [] if per_word else [layers.GlobalAveragePooling1D()]
        model = keras.Sequential([keras.Input((5,)), *parts, layers.Dense(1, "sigmoid")])
        model.compile(keras.optimizers.SGD(rate), loss() if callable(loss) else loss)
        return model

    y = (WORDS > 1).astype(float)[..., None] if per_word else LABELS
    data = (WORDS, y, WEIGHTS) if weighted else (WORDS, y)
    own, other = ([part[rows] for part in data] for rows in (slice(ROWS), slice(ROWS, None)))
    names = ("x", "y", "sample_weight")
    given = dict(zip(names, own, strict=False))
    fit = {**given, "validation_data": tuple(other), "batch_size": SIZE, "epochs": 1}
    return Case(build, [{"rate": 2.0**-9}, {"rate": 2.0**-6}], fit)


SEE_THE_BATCH = {
    "dice": case("dice"),
    "tversky": case(losses.Tversky),
    "weighted mean": case(
        lambda: losses.BinaryCrossentropy(reduction="mean_with_sample_weight"), weighted=True
    ),
    "mask": case("binary_crossentropy", mask_zero=True, per_word=True),
}


@pytest.mark.parametrize("name", SEE_THE_BATCH)
def test_a_loss_that_sees_the_batch_is_validated_in_the_batches_of_fit(name: str) -> None:
    with floats("float64"):
        runs = train_case(SEE_THE_BATCH[name])
        history, _ = alone(SEE_THE_BATCH[name], 0)
    assert runs[0].history.history["val_loss"] == pytest.approx(history["val_loss"], rel=1e-8)


def compiled(loss: Any, metrics: Any = None, mix: Any = None, **dense: Any) -> Any:
    inputs = keras.Input((4,))
    outputs = layers.Dense(3, "softmax", **dense)(inputs)
    model = keras.Model(inputs, outputs if mix is None else mix(outputs))
    model.compile("sgd", loss, metrics=metrics)
    model.train_on_batch(np.ones((2, 4)), np.eye(3)[:2])
    return model


@pytest.mark.parametrize(
    "given",
    [
        {"loss": "mse"},
        {"loss": "KLDivergence"},
        {"loss": losses.CategoricalCrossentropy(label_smoothing=0.1), "metrics": ["accuracy"]},
        {"loss": losses.huber, "metrics": ["mae", keras.metrics.AUC()]},
        {"loss": "mse", "mix": lambda x: x + x},
    ],
)
def test_a_mean_over_rows_adds_up(given: dict[str, Any]) -> None:
    assert _adds_up(compiled(**given))


@pytest.mark.parametrize(
    "given",
    [
        {"loss": losses.MeanSquaredError(reduction="sum")},
        {"loss": losses.CategoricalCrossentropy(axis=0)},
        {"loss": "mse", "metrics": [losses.dice]},
        {"loss": "mse", "metrics": [losses.Dice()]},
        {"loss": "mse", "activity_regularizer": "l2"},
        {"loss": "mse", "mix": lambda x: x - keras.ops.mean(x, axis=0, keepdims=True)},
    ],
)
def test_what_mixes_rows_does_not_add_up(given: dict[str, Any]) -> None:
    assert not _adds_up(compiled(**given))


@pytest.mark.parametrize(("rows", "steps"), [(21, 3), (16, 2), (7, 1), (12, 2)])
def test_the_steps_that_are_timed_are_those_that_run(rows: int, steps: int) -> None:
    given = case("mse")
    engine = make_engine(given, runs := make_runs(given)[:1])
    assert engine.timed_steps(rows, 2) == steps
    start = engine.program.start(runs[0].weights, runs[0].learning_rate)
    put = engine.backend.to_device
    state = type(start)(
        *[[put(v[None]) for v in part] for part in (start.weights, start.others, start.optimizer)]
    )
    order = np.arange(rows, dtype=np.int32)[None] % ROWS
    after, _ = engine.train(
        state, [], np.zeros((1, 2), np.uint32), np.zeros(1, bool), order, most_steps=2
    )
    assert int(np.asarray(after.optimizer[0])[0]) == steps
