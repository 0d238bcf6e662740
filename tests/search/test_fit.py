"""Sharing compiled models: the same bits as alone, and nothing shared that could differ."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest
from keras_tuner.src.engine.hypermodel import get_hypermodel

from auditor.search import fit as lane
from auditor.search.fit import CompiledModels, structure
from auditor.search.steps import STEPS_PER_EXECUTION, use_many_steps, watches_batches

layers = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 6)).astype("float32")
Y = (X[:, :1] + 0.5 * RNG.normal(size=(70, 1)) > 0).astype("float32")
IMAGES = RNG.normal(size=(70, 6, 6, 1)).astype("float32")
STEPS = RNG.normal(size=(70, 4, 3)).astype("float32")
WORDS = RNG.integers(0, 9, size=(70, 5))
FIT = {"epochs": 3, "batch_size": 8, "verbose": 0}
MANY = STEPS_PER_EXECUTION[keras.config.backend()]

Build = Callable[[float], Any]
Model = keras_tuner.HyperModel


class Plain(Model):
    """Its `fit` is KerasTuner's."""


@pytest.fixture(autouse=True)
def _single_precision() -> Iterator[None]:
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def compiled(model: Any, optimizer: Any = None, lr: float = 0.01, **kwargs: Any) -> Any:
    kwargs = {"loss": "binary_crossentropy", **kwargs}
    model.compile(optimizer or keras.optimizers.Adam(lr), **kwargs)
    return model


def dense(lr: float = 0.01, optimizer: Any = None, width: int = 4, **kwargs: Any) -> Any:
    """The smallest net with something random in its steps."""
    parts = [layers.Dense(width, activation="relu"), layers.Dropout(0.3)]
    model = keras.Sequential([keras.Input((6,)), *parts, layers.Dense(1, activation="sigmoid")])
    return compiled(model, optimizer, lr, **kwargs)


def through(*parts: Any, shape: tuple[int, ...] = (6,), **kwargs: Any) -> Build:
    """A build function of some layers (given by functions) between input and output."""

    def build(lr: float) -> Any:
        made = [part() for part in parts]
        model = keras.Sequential([keras.Input(shape), *made, layers.Dense(1, "sigmoid")])
        return compiled(model, lr=lr, **kwargs)

    return build


def fresh(build: Build, lr: float, seed: int) -> Any:
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    return build(lr)


Trained = tuple[dict[str, list[float]], list[np.ndarray]]


def alone(
    build: Build, lr: float, seed: int, data: Any = (X, Y), steps: int = MANY, **kwargs: Any
) -> Trained:
    model = fresh(build, lr, seed)
    model.steps_per_execution = steps
    history = model.fit(*data, **{"validation_split": 0.3, **FIT, **kwargs})
    return history.history, model.get_weights()


class Lane:
    """The fit lane as the tuner drives it."""

    def __init__(self) -> None:
        self.models = CompiledModels()

    def adopt(self, build: Build, lr: float, seed: int, x: Any = X) -> Any:
        return self.models.adopt(fresh(build, lr, seed), x, Plain())

    def train(
        self, build: Build, lr: float, seed: int, data: Any = (X, Y), **kwargs: Any
    ) -> tuple[Any, Trained]:
        model = self.adopt(build, lr, seed, data[0])
        use_many_steps(model, kwargs.get("callbacks"))
        failed = True
        try:
            history = model.fit(*data, **{"validation_split": 0.3, **FIT, **kwargs})
            failed = False
        finally:
            self.models.release(model, failed)
        return model, (history.history, model.get_weights())

    def __len__(self) -> int:
        return len(self.models._models)


def assert_same(one: Trained, other: Trained) -> None:
    """Bit by bit; NaN equals NaN."""
    assert one[0].keys() == other[0].keys()
    for name, values in one[0].items():
        np.testing.assert_array_equal(values, other[0][name], err_msg=name)
    for mine, theirs in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def check_shared(build: Build, **kwargs: Any) -> None:
    """Three trials through one compiled model are what they would be alone."""
    shared = Lane()
    make = kwargs.pop("callbacks", list)
    first, one = shared.train(build, 0.02, 1, callbacks=make(), **kwargs)
    second, two = shared.train(build, 0.005, 2, callbacks=make(), **kwargs)
    assert second is first, "not shared"
    assert_same(two, alone(build, 0.005, 2, callbacks=make(), **kwargs))
    third, again = shared.train(build, 0.02, 1, callbacks=make(), **kwargs)
    assert third is first
    assert_same(again, one)


def branches(lr: float) -> Any:
    given = keras.Input((6,), name="given")
    left = layers.Dense(4, activation="tanh")(given)
    right = layers.Dropout(0.2)(layers.Dense(4, activation=layers.LeakyReLU())(given))
    both = layers.Concatenate()([left, layers.Add()([left, right])])
    joined = keras.ops.relu(both) * 0.5 + both[:, :8]
    output = layers.Dense(1, activation="sigmoid")(joined)
    return compiled(keras.Model(given, output), lr=lr, metrics=["accuracy"])


def two_outputs(lr: float) -> Any:
    given = keras.Input((6,))
    hidden = layers.Dense(4)(given)
    a = layers.Dense(1, activation="sigmoid", name="a")(hidden)
    b = layers.Dense(1, name="b")(hidden)
    losses = {"a": "binary_crossentropy", "b": "mse"}
    return compiled(
        keras.Model(given, {"a": a, "b": b}), lr=lr, loss=losses, metrics={"a": ["accuracy"]}
    )


def attention(lr: float) -> Any:
    given = keras.Input((4, 3))
    seen = layers.MultiHeadAttention(2, 2, dropout=0.2)(given, given)
    output = layers.Dense(1, activation="sigmoid")(layers.Flatten()(seen))
    return compiled(keras.Model(given, output), lr=lr)


def nested(lr: float) -> Any:
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(3), layers.Dropout(0.1)])
    return compiled(keras.Sequential([keras.Input((6,)), inner, layers.Dense(1)]), lr=lr)


def without_input(lr: float) -> Any:
    parts = [layers.Dense(4, activation="relu"), layers.Dropout(0.3), layers.Dense(1, "sigmoid")]
    return compiled(keras.Sequential(parts), lr=lr)


def words_without_input(lr: float) -> Any:
    parts = [layers.Embedding(9, 3), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    return compiled(keras.Sequential(parts), lr=lr)


def penalised(lr: float) -> Any:
    kwargs = {"kernel_regularizer": "l2", "bias_regularizer": keras.regularizers.L1(0.01)}
    limited = layers.Dense(3, kernel_constraint="max_norm", activity_regularizer="l1")
    return compiled(
        keras.Sequential([keras.Input((6,)), layers.Dense(4, **kwargs), limited, layers.Dense(1)]),
        lr=lr,
        loss="mse",
    )


def frozen(lr: float) -> Any:
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dense(1)])
    model.layers[0].trainable = False
    return compiled(model, lr=lr, loss="mse")


def scheduled(lr: float) -> Any:
    del lr  # In another schedule it would be another program.
    return dense(optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 20)))


IMAGE, STEP, WORD = (IMAGES, Y), (STEPS, Y), (WORDS, Y)
IMAGE_LAYERS = [lambda: layers.Conv2D(2, 3, activation="relu"), lambda: layers.Flatten()]
MODELS = [
    pytest.param(dense, {}, id="dropout"),
    pytest.param(branches, {}, id="branches"),
    pytest.param(without_input, {}, id="no_input"),
]
MORE_MODELS = [
    pytest.param(words_without_input, {"data": WORD}, id="no_input_integers"),
    pytest.param(penalised, {}, id="regularised"),
    pytest.param(scheduled, {}, id="schedule"),
    pytest.param(through(lambda: layers.BatchNormalization()), {}, id="batch_norm"),
    pytest.param(two_outputs, {"data": (X, {"a": Y, "b": Y})}, id="two_outputs"),
    pytest.param(attention, {"data": STEP}, id="attention"),
    pytest.param(nested, {}, id="nested"),
    pytest.param(frozen, {}, id="frozen"),
    pytest.param(through(lambda: layers.GaussianNoise(0.5)), {}, id="noise"),
    pytest.param(through(lambda: layers.LayerNormalization()), {}, id="layer_norm"),
    pytest.param(through(*IMAGE_LAYERS, shape=(6, 6, 1)), {"data": IMAGE}, id="conv"),
    pytest.param(
        through(lambda: layers.RandomFlip(), *IMAGE_LAYERS, shape=(6, 6, 1)),
        {"data": IMAGE},
        id="augmentation",
    ),
    pytest.param(through(lambda: layers.LSTM(3), shape=(4, 3)), {"data": STEP}, id="lstm"),
    pytest.param(
        through(lambda: layers.GRU(3, dropout=0.2, recurrent_dropout=0.2), shape=(4, 3)),
        {"data": STEP},
        id="gru",
    ),
    pytest.param(
        through(lambda: layers.Bidirectional(layers.SimpleRNN(2)), shape=(4, 3)),
        {"data": STEP},
        id="bidirectional",
    ),
    pytest.param(
        through(lambda: layers.Embedding(9, 3), lambda: layers.Flatten(), shape=(5,)),
        {"data": WORD},
        id="embedding",
    ),
    pytest.param(without_input, {"data": (pd.DataFrame(X), Y)}, id="table"),
]
SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("build", "kwargs"),
    MODELS + [pytest.param(*p.values, id=p.id, marks=SLOW) for p in MORE_MODELS],
)
def test_shared_models_train_as_they_would_alone(build: Build, kwargs: dict[str, Any]) -> None:
    check_shared(build, **kwargs)


opt = keras.optimizers
OPTIMIZERS = {
    "momentum": lambda lr: opt.SGD(lr, momentum=0.9, nesterov=True),
    "rmsprop": lambda lr: opt.RMSprop(lr, centered=True, momentum=0.5),
    "adamw_averaged": lambda lr: opt.AdamW(lr, use_ema=True, ema_overwrite_frequency=5),
    "accumulating": lambda lr: opt.Adam(lr, gradient_accumulation_steps=4, clipnorm=0.5),
    "scaled": lambda lr: opt.LossScaleOptimizer(opt.Adam(lr), dynamic_growth_steps=3),
    **{
        name: (lambda kind: lambda lr: kind(lr))(getattr(opt, name))
        for name in [
            "Adadelta", "Adafactor", "Adagrad", "Adamax", "Ftrl", "Lamb", "Lion", "Nadam", "SGD",
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [n if n == "momentum" else pytest.param(n, marks=SLOW) for n in OPTIMIZERS],
)
def test_shared_optimizers_start_afresh(name: str) -> None:
    check_shared(lambda lr: dense(optimizer=OPTIMIZERS[name](lr)))


WAYS: dict[str, dict[str, Any]] = {
    "class_weight": {"class_weight": {0: 1.0, 1: 3.0}},
    "sample_weight": {"sample_weight": np.linspace(0.1, 1, 70)},
    "validation_data": {"validation_data": (X[:20], Y[:20]), "validation_split": 0.0},
    "sometimes": {"validation_freq": 2},
    "no_validation": {"validation_split": 0.0},
    "in_order": {"shuffle": False},
    "callbacks": {
        "epochs": 6,
        "callbacks": lambda: [
            keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True),
            keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=0.1),
        ],
    },
    "rate": {
        "callbacks": lambda: [
            keras.callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.5 if epoch else lr)
        ]
    },
}


@pytest.mark.parametrize(
    "way", [w if w == "callbacks" else pytest.param(w, marks=SLOW) for w in WAYS]
)
def test_shared_models_take_any_argument_of_fit(way: str) -> None:
    def build(lr: float) -> Any:
        metrics = ["accuracy", "AUC", keras.metrics.Precision()]
        return dense(lr, metrics=metrics, weighted_metrics=["mae"])

    check_shared(build, **WAYS[way])


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_shared_models_of_any_precision(policy: str) -> None:
    def build(lr: float) -> Any:
        keras.config.set_dtype_policy(policy)
        return dense(lr)

    check_shared(build)


def test_initialisers_are_not_structure_but_each_model_keeps_its_own() -> None:
    def build(kind: str) -> Build:
        return through(lambda: layers.Dense(3, kernel_initializer=kind))

    shared = Lane()
    first, _ = shared.train(build("zeros"), 0.02, 1)
    second, two = shared.train(build("he_normal"), 0.02, 2)
    assert second is first
    assert_same(two, alone(build("he_normal"), 0.02, 2))
    # A clone, as one for cross-validation, must not start from zeros.
    kernel = keras.models.clone_model(second).layers[0].kernel
    assert np.ptp(keras.ops.convert_to_numpy(kernel)) > 0


def test_a_diverged_trial_leaves_nothing_behind() -> None:
    shared = Lane()

    def build(lr: float) -> Any:
        return dense(optimizer=keras.optimizers.SGD(lr, momentum=0.9), loss="mse", metrics=["mae"])

    model, (curves, _) = shared.train(build, float("inf"), 1)
    assert np.isnan(curves["loss"]).all()
    again, healthy = shared.train(build, 0.01, 2)
    assert again is model
    assert_same(healthy, alone(build, 0.01, 2))


class Raise(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise RuntimeError("as users' code does")


class Freeze(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.layers[0].trainable = False


class Recompile(keras.callbacks.Callback):
    def __init__(self, loss: str) -> None:
        super().__init__()
        self.loss = loss

    def on_train_end(self, logs: Any = None) -> None:
        self.model.compile("sgd" if self.loss == "mse" else keras.optimizers.Adam(), self.loss)


def test_a_crashed_trial_takes_its_model_along() -> None:
    shared = Lane()
    model, _ = shared.train(dense, 0.01, 1)
    with pytest.raises(RuntimeError, match="users"):
        shared.train(dense, 0.01, 2, callbacks=[Raise()])
    assert len(shared) == 0
    other, after = shared.train(dense, 0.005, 3)
    assert other is not model
    assert_same(after, alone(dense, 0.005, 3))


@pytest.mark.parametrize("callback", [Freeze(), Recompile("mse")], ids=["frozen", "other_loss"])
def test_a_changed_model_is_not_used_again(callback: Any) -> None:
    shared = Lane()
    shared.train(dense, 0.01, 1, callbacks=[callback])
    assert len(shared) == 0
    assert_same(shared.train(dense, 0.005, 3)[1], alone(dense, 0.005, 3))


def test_a_model_compiled_again_in_the_same_way_is_as_good() -> None:
    shared = Lane()
    shared.train(dense, 0.01, 1, callbacks=[Recompile("binary_crossentropy")])
    assert_same(shared.train(dense, 0.005, 3)[1], alone(dense, 0.005, 3))


def test_a_restored_backup_does_not_shorten_the_next_trial(tmp_path: Path) -> None:
    shared = Lane()
    backup = keras.callbacks.BackupAndRestore(str(tmp_path / "a"), delete_checkpoint=False)
    shared.train(dense, 0.01, 1, callbacks=[backup], epochs=2)
    shared.train(dense, 0.01, 1, callbacks=[backup], epochs=3)
    _, (curves, _) = shared.train(dense, 0.01, 2)
    assert len(curves["loss"]) == 3


class Code(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.out = layers.Dense(1)
        self(X[:1])

    def call(self, inputs: Any) -> Any:
        return self.out(inputs)


class OwnStep(keras.Sequential):
    def train_step(self, *args: Any) -> Any:
        return super().train_step(*args)


def relu(x: Any) -> Any:
    """Has the name of Keras's own."""
    return x * 0.1


def mse(y: Any, p: Any) -> Any:
    """Too."""
    return keras.ops.mean((y - p) ** 4)


def weighted(weight: float) -> Any:
    def loss(y: Any, p: Any) -> Any:
        return weight * keras.ops.mean((y - p) ** 2)

    return loss


def adapted() -> Any:
    layer = layers.Normalization()
    layer.adapt(X)
    return layer


def with_own_step() -> Any:
    model = dense()
    model.train_step = lambda *args: None
    return model


NEVER: dict[str, Callable[[], Any]] = {
    "subclass": lambda: compiled(Own(), loss="mse"),
    "train_step": lambda: compiled(OwnStep([keras.Input((6,)), layers.Dense(1)])),
    "train_step_put_on": with_own_step,
    "layer": lambda: through(Code)(0.1),
    "wrapped_layer": lambda: through(
        lambda: layers.TimeDistributed(Code()), lambda: layers.Flatten(), shape=(4, 3)
    )(0.1),
    "lambda_layer": lambda: through(lambda: layers.Lambda(lambda x: x * 2))(0.1),
    "adapted": lambda: through(adapted)(0.1),
    "not_adapted_yet": lambda: through(lambda: layers.Discretization(num_bins=2))(0.1),
    "activation": lambda: through(lambda: layers.Dense(3, activation=lambda x: x * 2))(0.1),
    "activation_named_as_keras's": lambda: through(lambda: layers.Dense(3, activation=relu))(0.1),
    "activation_layer": lambda: through(lambda: layers.Activation(relu))(0.1),
    "activation_in_a_cell": lambda: through(
        lambda: layers.RNN(layers.LSTMCell(2, activation=relu)), shape=(4, 3)
    )(0.1),
    "regularizer": lambda: through(lambda: layers.Dense(3, kernel_regularizer=lambda w: 0.0))(0.1),
    "initializer": lambda: through(
        lambda: layers.Dense(3, kernel_initializer=lambda shape, dtype=None: np.ones(shape))
    )(0.1),
    "loss": lambda: dense(loss=weighted(2.0)),
    "loss_named_as_keras's": lambda: dense(loss=mse),
    "loss_of_an_output": lambda: dense(loss=[mse]),
    "lambda_loss": lambda: dense(loss=lambda y, p: 0.0),
    "metric": lambda: dense(metrics=[mse]),
    "array_in_the_graph": lambda: compiled(
        (lambda given: keras.Model(given, given * np.ones(6)))(keras.Input((6,)))
    ),
    "eager": lambda: dense(run_eagerly=True),
    "not_compiled": lambda: keras.Sequential([keras.Input((6,)), layers.Dense(1)]),
}


@pytest.mark.parametrize("case", NEVER)
def test_what_is_not_plain_keras_is_never_shared(case: str) -> None:
    model = NEVER[case]()
    models = CompiledModels()
    assert structure(model) is None
    assert models.adopt(model, X, Plain()) is model
    assert not models._models


def test_a_loss_registered_by_the_user_is_never_shared() -> None:
    with keras.saving.custom_object_scope({"theirs": mse}):
        assert structure(dense(loss="theirs")) is None
    assert structure(dense(loss="theirs")) is None
    assert structure(dense(loss="MSE", metrics=["acc", ["mae"]])) is not None


def sgd(lr: float) -> Any:
    """Its optimizer has no variables per weight, which would tell models apart."""
    return dense(optimizer=opt.SGD(lr))


def half_frozen(lr: float) -> Any:
    model = sgd(lr)
    model.layers[0].kernel.trainable = False
    return model


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (dense, lambda lr: dense(lr, width=5)),
        (through(lambda: layers.Dropout(0.1)), through(lambda: layers.Dropout(0.2))),
        (through(lambda: layers.Dense(3, "relu")), through(lambda: layers.Dense(3, "tanh"))),
        (
            through(lambda: layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1))),
            through(lambda: layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.2))),
        ),
        (
            lambda lr: dense(optimizer=opt.SGD(lr, 0.8)),
            lambda lr: dense(optimizer=opt.SGD(lr, 0.9)),
        ),
        (lambda lr: dense(lr, loss_weights=1.0), lambda lr: dense(lr, loss_weights=2.0)),
        (lambda lr: dense(lr, jit_compile=True), lambda lr: dense(lr, jit_compile=False)),
        (lambda lr: dense(lr, steps_per_execution=2), dense),
        (lambda lr: dense(lr, metrics=["mae"]), dense),
        (
            lambda lr: dense(lr, loss=keras.losses.BinaryCrossentropy(label_smoothing=0.1)),
            lambda lr: dense(lr, loss=keras.losses.BinaryCrossentropy()),
        ),
        (lambda lr: dense(optimizer=opt.SGD(opt.schedules.CosineDecay(0.1, 9))), scheduled),
        (sgd, half_frozen),
        (frozen, lambda lr: through(lambda: layers.Dense(4))(lr)),
    ],
)
def test_different_programs_are_not_shared(one: Build, other: Build) -> None:
    shared = Lane()
    first = shared.adopt(one, 0.01, 1)
    first.optimizer.build(first.trainable_variables)
    shared.models.release(first)
    assert shared.adopt(other, 0.01, 1) is not first


def test_a_global_setting_is_part_of_the_program() -> None:
    before = structure(fresh(dense, 0.1, 1))
    keras.config.set_epsilon(1e-3)
    try:
        assert structure(fresh(dense, 0.1, 1)) != before
    finally:
        keras.config.set_epsilon(1e-7)


class Keeping(Model):
    """Keeps a part of what it builds, to use it after training."""

    def build(self, hp: Any) -> Any:
        given = keras.Input((6,))
        hidden = layers.Dense(2)(given)
        self.parts = {"encoder": keras.Model(given, hidden)}
        return compiled(keras.Model(given, layers.Dense(1)(hidden)))


@pytest.mark.parametrize("by_method", [False, True])
def test_a_model_whose_parts_are_kept_elsewhere_is_trained_itself(by_method: bool) -> None:
    keeping = Keeping()
    hypermodel = get_hypermodel(keeping.build if by_method else keeping)
    models = CompiledModels()
    built = [keeping.build(None), keeping.build(None)]
    assert [models.adopt(model, X, hypermodel) for model in built] == built
    assert not models._models


class Choosing(Model):
    """Its `fit` may show the model other data than the search was given."""

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return model.fit(*args, **kwargs)


@pytest.mark.parametrize("hypermodel", [None, Choosing()])
def test_a_model_without_input_is_not_built_for_data_it_may_not_see(hypermodel: Any) -> None:
    model = without_input(0.1)
    assert CompiledModels().adopt(model, X, hypermodel) is model
    assert not model.built


def test_the_least_recently_used_models_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MAX_SHARED_MODELS", 2)
    shared = Lane()

    def adopt(width: int) -> Any:
        model = shared.adopt(lambda lr: dense(lr, width=width), 0.1, 1)
        model.optimizer.build(model.trainable_variables)
        return model

    first, second = adopt(1), adopt(2)
    assert adopt(1) is first
    third = adopt(3)  # the second is the least recently used
    assert len(shared) == 2
    assert adopt(1) is first
    assert adopt(3) is third
    assert adopt(2) is not second


def test_large_models_are_not_hoarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MAX_SHARED_WEIGHTS", 100)
    shared = Lane()
    for width in (2, 3, 4, 20):
        model = shared.adopt(lambda lr, width=width: dense(lr, width=width), 0.1, 1)
    assert list(shared.models._models.values()) == [model]


def test_a_model_that_never_trained_is_replaced_by_the_next() -> None:
    shared = Lane()
    first = shared.adopt(dense, 0.1, 1)
    assert shared.adopt(dense, 0.1, 2) is not first
    assert len(shared) == 1


# How many batches per call


class EachBatch(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append(batch)


class CheckpointAndWatch(keras.callbacks.ModelCheckpoint):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Something of the user's."""


def checkpoint(path: str = "m.weights.h5", **kwargs: Any) -> Any:
    return keras.callbacks.ModelCheckpoint(path, save_weights_only=True, **kwargs)


cb = keras.callbacks


@pytest.mark.parametrize(
    ("make", "watches"),
    [
        (lambda: cb.EarlyStopping(), False),
        (lambda: cb.ReduceLROnPlateau(), False),
        (lambda: cb.LearningRateScheduler(lambda epoch: 0.1), False),
        (lambda: cb.CSVLogger("log.csv"), False),
        (lambda: cb.ProgbarLogger(), False),
        (lambda: cb.LambdaCallback(on_epoch_end=print), False),
        (lambda: cb.SwapEMAWeights(), False),
        (lambda: cb.TerminateOnNaN(), True),
        (lambda: checkpoint(), False),
        (lambda: checkpoint(save_freq=2), True),
        (lambda: cb.BackupAndRestore("backup"), False),
        (lambda: cb.BackupAndRestore("backup", save_freq=2), True),
        (lambda: CheckpointAndWatch("m.keras"), True),
        (lambda: cb.TensorBoard("logs"), False),
        (lambda: cb.TensorBoard("logs", update_freq="batch"), True),
        (lambda: cb.TensorBoard("logs", write_steps_per_second=True), True),
        (lambda: cb.TensorBoard("logs", profile_batch=2), True),
        (lambda: cb.LambdaCallback(on_train_batch_end=print), True),
        (lambda: cb.LambdaCallback(on_batch_begin=print), True),
        (lambda: cb.LambdaCallback(on_test_batch_end=print), True),
        (EachBatch, True),
    ],
)
def test_who_watches_batches(
    make: Callable[[], Any], watches: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert watches_batches(make()) == watches


def ways_to_pass(watcher: Any) -> list[Any]:
    nested: Any = [[cb.History()], [watcher]]
    return [[watcher], watcher, nested, cb.CallbackList([watcher], add_history=True)]


@pytest.mark.parametrize("way", [*(pytest.param(n, marks=pytest.mark.slow) for n in range(3)), 3])
def test_each_batch_is_shown_to_those_who_look_even_if_only_fit_knows_them(way: int) -> None:
    shared, watcher = Lane(), EachBatch()
    model, _ = shared.train(dense, 0.01, 1)
    assert model.steps_per_execution == MANY
    again = shared.adopt(dense, 0.01, 2)
    assert again is model
    use_many_steps(again, [])
    callbacks = ways_to_pass(watcher)[way]
    if isinstance(callbacks, cb.CallbackList):
        callbacks.set_model(again)
    again.fit(X, Y, callbacks=callbacks, **{**FIT, "epochs": 1})
    shared.models.release(again)
    assert watcher.batches == list(range(9))
    # And the next trial goes fast again.
    assert shared.train(dense, 0.01, 3)[0].steps_per_execution == MANY


@pytest.mark.parametrize(
    "change",
    [
        lambda: dense(steps_per_execution=3),
        lambda: setattr((model := dense()), "steps_per_execution", 3) or model,
    ],
    ids=["compiled", "set"],
)
def test_a_choice_of_the_user_is_left_alone(change: Callable[[], Any]) -> None:
    model = change()
    use_many_steps(model, [])
    model.fit(X, Y, **FIT)
    assert model.steps_per_execution == 3


def test_eager_models_and_models_with_their_own_fit_are_left_alone() -> None:
    class OwnFit(keras.Sequential):
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            return super().fit(*args, **kwargs)

    eager = dense(run_eagerly=True)
    own = compiled(OwnFit([keras.Input((6,)), layers.Dense(1)]))
    for model in (eager, own):
        use_many_steps(model, [])
        model.fit(X, Y, **{**FIT, "epochs": 1})
        assert model.steps_per_execution == 1


def test_who_asks_is_told_what_fit_was_given() -> None:
    seen: list[Any] = []
    model = dense()
    use_many_steps(model, [], seen.append)
    model.fit(X, Y, 35, verbose=0)
    (given,) = seen
    assert given["x"] is X
    assert given["y"] is Y
    assert given["batch_size"] == 35


def test_no_more_batches_than_were_asked_for() -> None:
    model = dense()
    use_many_steps(model, [])
    model.fit(X, Y, batch_size=4, epochs=1, verbose=0, steps_per_epoch=10)
    assert int(model.optimizer.iterations) == 10


def test_a_stream_without_an_end_in_sight_goes_batch_by_batch() -> None:
    model = dense()
    use_many_steps(model, [])
    with pytest.warns(UserWarning, match="ran out"):
        model.fit(((X[:4], Y[:4]) for _ in range(20)), verbose=0, shuffle=False)
    assert model.steps_per_execution == 1


def test_nothing_is_left_on_a_released_model() -> None:
    model, _ = Lane().train(dense, 0.01, 1)
    assert "fit" not in vars(model)
    assert model.fit.__func__ is keras.Model.fit


def test_a_loop_of_single_batches_works_after_fit() -> None:
    model, _ = Lane().train(dense, 0.01, 1)
    before = int(model.optimizer.iterations)
    model.train_on_batch(X[:8], Y[:8])
    assert int(model.optimizer.iterations) == before + 1


@pytest.mark.parametrize("build", [dense, pytest.param(branches, marks=SLOW)])
def test_the_number_of_batches_per_call_changes_no_curve(build: Build) -> None:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    x, y = X.astype("float64"), Y.astype("float64")
    one = alone(build, 1e-4, 1, data=(x, y), steps=1)
    many = alone(build, 1e-4, 1, data=(x, y), steps=MANY)
    for name, values in one[0].items():
        np.testing.assert_allclose(values, many[0][name], rtol=1e-12)
    for mine, theirs in zip(one[1], many[1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-15)


ALONE = """
import sys, numpy as np, keras
from tests.search.test_fit import alone, dense
curves, weights = alone(dense, 0.005, 2)
np.savez(sys.argv[1], *weights, **{f"curve_{n}": v for n, v in curves.items()})
"""


@pytest.mark.slow
def test_a_new_process_gives_the_same_bits(tmp_path: Path) -> None:
    shared = Lane()
    shared.train(dense, 0.02, 1)
    _, (curves, weights) = shared.train(dense, 0.005, 2)
    file = tmp_path / "alone.npz"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-W", "ignore", "-c", ALONE, str(file)], cwd=root, check=True)
    other = np.load(file)
    for name, values in curves.items():
        np.testing.assert_array_equal(values, other[f"curve_{name}"])
    for i, mine in enumerate(weights):
        np.testing.assert_array_equal(mine, other[f"arr_{i}"])


ON_JAX = """
from tests.search.test_fit import *
shared = Lane()
first, _ = shared.train(branches, 0.02, 1)
second, curves = shared.train(branches, 0.005, 2)
assert second is first
assert_same(curves, alone(branches, 0.005, 2))
"""


@pytest.mark.slow
def test_shared_models_train_as_they_would_alone_on_jax() -> None:
    root, environment = Path(__file__).parents[2], {**os.environ, "KERAS_BACKEND": "jax"}
    command = [sys.executable, "-W", "ignore", "-c", ON_JAX]
    subprocess.run(command, cwd=root, check=True, env=environment)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_trials() -> None:
    def resident() -> float:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096 / 2**20

    shared = Lane()
    sizes = []
    for trial in range(200):
        shared.train(dense, 0.01, trial, epochs=1)
        if trial in (49, 199):
            sizes.append(resident())
    assert len(shared) == 1
    assert sizes[1] - sizes[0] < 60, f"{sizes} MB after 50 and 200 trials"


def test_weights_that_do_not_decay_are_no_shared_structure() -> None:
    def model(exclude: bool) -> keras.Model:
        made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.1)
        if exclude:
            optimizer.exclude_from_weight_decay(var_names=["kernel"])
        made.compile(optimizer, "mse")
        return made

    assert structure(model(False)) is not None
    assert structure(model(True)) is None
