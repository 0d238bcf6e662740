"""What the recorder keeps of an execution."""

import copy
import math
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from keras_tuner.src.engine.objective import MultiObjective

from auditor.scoring import UNREGULARISED
from auditor.search.recorder import LEARNING_RATE, Execution, Recorder, scalars

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
NAN, INF = math.nan, math.inf
Logs = list[dict[str, Any]]


def net(loss: str = "mse", optimizer: Any = "sgd", **kwargs: Any) -> Any:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, **kwargs)])
    model.compile(optimizer, loss)
    return model


def objective(name: str = "val_loss", direction: str = "min") -> Any:
    return keras_tuner.Objective(name, direction)


def recording(wanted: Any = None, model: Any = None) -> tuple[Recorder, Execution]:
    execution = Execution(0, seed=1, started="2026-01-01T00:00:00+00:00")
    recorder = Recorder(wanted or objective(), execution)
    if model is not None:
        recorder.set_model(model)
    return recorder, execution


def replay(logs: Logs, wanted: Any = None) -> Execution:
    """Epochs with these logs, the weights being the number of the epoch."""
    model = net()
    recorder, execution = recording(wanted, model)
    for epoch, row in enumerate(logs):
        model.set_weights([np.full((3, 1), epoch), np.zeros(1)])
        recorder.on_epoch_begin(epoch)
        recorder.on_epoch_end(epoch, row)
    return execution


def kept(execution: Execution) -> int | None:
    """The epoch of the weights that were kept."""
    return None if execution.best_weights is None else int(execution.best_weights[0][0, 0])


def of(*values: float, name: str = "val_loss") -> Logs:
    return [{name: value} for value in values]


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ((3, 1, 2), 1),
        ((NAN, 3, 2, NAN), 2),
        ((2, INF, 1, INF), 2),
        ((2, -INF, 1), 2),
        ((1, NAN, NAN), 0),
        ((2, 1, 1, 1), 1),
        ((NAN, NAN), None),
        ((INF,), None),
        ((), None),
    ],
)
def test_the_first_best_finite_epoch_is_kept(values: Any, best: int | None) -> None:
    execution = replay(of(*values))
    assert kept(execution) == best
    assert execution.best_value == (None if best is None else values[best])
    np.testing.assert_array_equal([row["val_loss"] for row in execution.epochs], values)


@pytest.mark.parametrize(("values", "best"), [((0.1, 0.9, 0.5, 0.9), 1), ((NAN, 0.2, -INF), 1)])
def test_more_may_be_better(values: Any, best: int) -> None:
    wanted = objective("val_accuracy", "max")
    assert kept(replay(of(*values, name="val_accuracy"), wanted)) == best


def test_epochs_without_validation_are_passed_over() -> None:
    assert kept(replay([{"loss": 1}, {"val_loss": 3}, {"loss": 0}, {"val_loss": 2}, {}])) == 3
    assert kept(replay([{"loss": 1}, {"val_loss": 3}, {"loss": 0}])) == 1


def test_an_objective_that_is_never_logged_keeps_the_last_epoch() -> None:
    execution = replay([{"loss": 2}, {"loss": 1}, {"loss": 3}])
    assert kept(execution) == 2
    assert execution.best_value is None


def test_several_objectives_count_together() -> None:
    both = MultiObjective([objective("val_loss"), objective("val_accuracy", "max")])
    rows = [(1.0, 0.9), (0.5, 0.8), (0.1, 0.1), (NAN, 1.0)]
    assert kept(replay([{"val_loss": a, "val_accuracy": b} for a, b in rows], both)) == 1
    assert kept(replay([{"val_loss": 1.0}, {"val_loss": 0.5, "val_accuracy": 0.1}], both)) == 1


def test_every_epoch_of_fit_is_written_down() -> None:
    recorder, execution = recording()
    history = net().fit(X, Y, epochs=4, validation_split=0.25, verbose=0, callbacks=[recorder])
    for name, values in history.history.items():
        assert [row[name] for row in execution.epochs] == values
    assert len(execution.seconds) == 4
    assert all(second > 0 for second in execution.seconds)


@pytest.mark.parametrize(
    ("optimizer", "rates"),
    [
        (lambda: keras.optimizers.SGD(0.5), [0.5, 0.5]),
        (lambda: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)),
         [0.5, 0.25]),
        (lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5)), [0.5, 0.5]),
    ],
)  # fmt: skip
def test_the_learning_rate_is_recorded(optimizer: Any, rates: list[float]) -> None:
    recorder, execution = recording()
    net(optimizer=optimizer()).fit(X, Y, epochs=2, batch_size=40, verbose=0, callbacks=[recorder])
    assert [row[LEARNING_RATE] for row in execution.epochs] == rates


def test_a_learning_rate_that_a_callback_logs_is_taken() -> None:
    recorder, execution = recording()
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    model = net(optimizer=keras.optimizers.SGD(0.5))
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[halve, recorder])
    assert [row[LEARNING_RATE] for row in execution.epochs] == [0.25, 0.125]


def penalised(**kwargs: Any) -> Any:
    parts = [
        keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.3)),
        keras.layers.BatchNormalization(gamma_regularizer=keras.regularizers.L1(0.2)),
        keras.layers.Dense(1, bias_regularizer=keras.regularizers.L1(0.1), **kwargs),
    ]
    model = keras.Sequential([keras.Input((3,)), *parts])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return model


def without_penalties(model: Any) -> Any:
    for variable in model.variables:
        variable.regularizer = None
    return model


def test_the_validation_loss_without_penalties_is_recorded() -> None:
    recorder, execution = recording()
    model = penalised()
    model.fit(
        X, Y, epochs=2, validation_data=(X[:10], Y[:10]), verbose=0, callbacks=[recorder]
    )  # fmt: skip
    row = execution.epochs[-1]
    first, _, gamma, *_ = model.get_weights()
    terms = 0.3 * np.sum(first**2) + 0.2 * np.sum(np.abs(gamma))
    terms += 0.1 * np.sum(np.abs(model.layers[-1].bias))
    assert row[UNREGULARISED] == pytest.approx(row["val_loss"] - terms, rel=1e-5)
    bare = without_penalties(model)
    bare.compile(loss="mse")
    measured = bare.evaluate(X[:10], Y[:10], verbose=0)
    assert row[UNREGULARISED] == pytest.approx(measured, rel=1e-5)


def test_frozen_layers_are_not_penalised_as_in_keras() -> None:
    recorder, execution = recording()
    model = penalised()
    model.layers[0].trainable = False
    model.compile(keras.optimizers.SGD(0.05), "mse")
    model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[recorder])
    predicted = model.predict(X, verbose=0)
    assert execution.epochs[0][UNREGULARISED] == pytest.approx(np.mean((predicted - Y) ** 2), 1e-4)


def test_the_best_epoch_is_chosen_without_penalties() -> None:
    model = net(kernel_regularizer=keras.regularizers.L2(1.0))
    recorder, execution = recording(model=model)
    recorder.set_params({"epochs": 2})
    for epoch, (weight, loss) in enumerate([(3.0, 28.0), (0.0, 2.0)]):  # unregularised: 1, 2
        model.set_weights([np.full((3, 1), weight), np.zeros(1)])
        recorder.on_epoch_end(epoch, {"val_loss": loss})
    assert [row[UNREGULARISED] for row in execution.epochs] == [1.0, 2.0]
    assert kept(execution) == 3  # the weights of the first


class OwnEvaluation(keras.Sequential):
    def test_step(self, data: Any) -> Any:
        x, y = data
        return {"loss": keras.ops.mean((self(x) - y) ** 2)}


def test_nothing_is_subtracted_where_keras_did_not_add_it() -> None:
    layer = keras.layers.Dense(1, kernel_regularizer="l2")
    model = OwnEvaluation([keras.Input((3,)), layer])
    model.compile("sgd", "mse")
    recorder, execution = recording()
    model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[recorder])
    assert UNREGULARISED not in execution.epochs[0]
    plain, execution = recording()
    net().fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[plain])
    assert UNREGULARISED not in execution.epochs[0]


def test_nothing_is_subtracted_where_a_part_would_stay() -> None:
    model = net(kernel_regularizer="l2", activity_regularizer="l2")
    recorder, execution = recording()
    model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[recorder])
    assert "val_loss" in execution.epochs[0]
    assert UNREGULARISED not in execution.epochs[0]


@pytest.mark.parametrize("is_known", [True, False])
def test_loops_that_call_by_hand(is_known: bool) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_regularizer="l2")])
    recorder, execution = recording(model=model if is_known else None)
    for epoch in range(3):
        recorder.on_epoch_end(epoch, {"val_loss": np.float32(3 - epoch)})
    recorder.on_epoch_end(3)
    assert [row.get("val_loss") for row in execution.epochs] == [3, 2, 1, None]
    assert UNREGULARISED not in execution.epochs[0]
    assert (execution.model is model) == is_known
    # Each epoch has its own time, though none was begun.
    assert sum(execution.seconds) < 60
    assert len(execution.seconds) == 4


def test_the_clock_of_an_epoch_that_was_not_begun_starts_with_the_last() -> None:
    recorder, execution = recording(model=net())
    recorder._begun -= 100
    recorder.on_epoch_end(0, {})
    recorder.on_epoch_end(1, {})
    assert execution.seconds[0] > 100 > execution.seconds[1]


def test_several_trainings_make_one_row_of_epochs_and_the_best_model_is_kept() -> None:
    recorder, execution = recording()
    models = [net(optimizer=keras.optimizers.SGD(rate)) for rate in (0.1, 1e-6)]
    models[1].set_weights([np.full((3, 1), 50.0), np.zeros(1)])
    for model in models:
        own = copy.deepcopy([recorder])
        model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0, callbacks=own)
    assert len(execution.epochs) == len(execution.seconds) == 4
    assert execution.model is models[0]
    assert execution.best_value == min(row["val_loss"] for row in execution.epochs)


def test_early_stopping_that_restores_does_not_change_what_is_kept() -> None:
    recorder, execution = recording(objective("loss"))
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    model = net(optimizer=keras.optimizers.SGD(0.1))
    y = Y.copy()
    y[30:] = -9 * X[30:, :1]  # training away from the validation data
    model.fit(X, y, epochs=9, validation_split=0.25, verbose=0, callbacks=[stop, recorder])
    model.set_weights(execution.best_weights)
    epochs = [row["loss"] for row in execution.epochs]
    assert execution.best_value == min(epochs)
    # The loss after the best epoch is below its mean over the batches of the epoch.
    assert model.evaluate(X[:30], y[:30], verbose=0) < min(epochs)


def test_only_single_numbers_are_kept() -> None:
    class Odd:
        ndim = "no number"

    logs = {
        **{f"m{i}": float(i) for i in range(2000)},
        "tensor": keras.ops.convert_to_tensor(2.0),
        "numpy": np.float16(0.5),
        "integer": 3,
        "flag": True,
        "text": "1.5",
        "vector": np.ones(3),
        "one": np.ones(1),
        "ragged": [[1], [1, 2]],
        "mapping": {"a": 1},
        "none": None,
        "huge": 10**400,
        "complex": 1j,
        "odd": Odd(),
        "nan": NAN,
    }
    row = scalars(logs)
    assert len(row) == 2005
    assert {"tensor", "numpy", "integer", "flag", "nan"} < row.keys()
    assert all(type(value) is float for value in row.values())
