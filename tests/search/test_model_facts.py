"""What is recorded of compiled models, and that every lane records it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from keras import losses, optimizers

from auditor import GridSearch
from auditor.search.model_facts import describe
from auditor.search.stacking import sizing
from auditor.search.stacking.building import built
from auditor.trials import ModelFacts
from tests.search.helpers import fit_arguments, tiny_model


def sequential(*parts: Any, loss: Any = "mse", optimizer: Any = "adam", shape: Any = (8,)) -> Any:
    model = keras.Sequential([keras.Input(shape), *parts] if shape else list(parts))
    model.compile(optimizer, loss)
    return model


def functional(output: Callable[[Any], Any], loss: Any = "mse") -> Any:
    given = keras.Input((8,))
    model = keras.Model(given, output(given))
    model.compile("adam", loss)
    return model


class Own(kl.Dropout):  # type: ignore[misc]
    """A layer of somebody's own."""


class OwnModel(keras.Model):  # type: ignore[misc]
    """A model whose outputs nobody can look up."""

    def __init__(self) -> None:
        super().__init__()
        self.last = kl.Dense(3, "softmax")

    def call(self, x: Any) -> Any:
        return self.last(x)


def own_model() -> Any:
    model = OwnModel()
    model.compile("adam", "mse")
    return model


def facts(build: Callable[[], Any]) -> ModelFacts:
    """Of the model as the two lanes build it."""
    whole, light = describe(built(build, 0)), describe(built(build, 0, light=True))
    assert whole is not None
    assert whole == light
    return ModelFacts(**whole)


def test_all_that_is_known_of_a_plain_model() -> None:
    found = facts(
        lambda: sequential(
            kl.Dense(4, "relu"), kl.Dropout(0.5), kl.Dense(3, "softmax"),
            loss="sparse_categorical_crossentropy", optimizer=optimizers.SGD(0.5, clipnorm=1),
        )
    )  # fmt: skip
    assert found == ModelFacts(
        layers={"Dense": 2, "Dropout": 1},
        activations=("softmax",),
        units=(3,),
        dtypes=("float32",),
        loss="sparse_categorical_crossentropy",
        from_logits=False,
        optimizer="SGD",
        learning_rate=0.5,
        clipnorm=1.0,
        regularisers=("dropout",),
        parameters=8 * 4 + 4 + 4 * 3 + 3,
    )


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: sequential(kl.Dense(3, "softmax")), [("softmax", 3)]),
        (lambda: sequential(kl.Dense(3, keras.activations.softmax)), [("softmax", 3)]),
        (lambda: sequential(kl.Dense(3, "softmax"), shape=None), [("softmax", 3)]),
        (lambda: sequential(kl.Dense(3), kl.Softmax()), [("softmax", 3)]),
        (lambda: sequential(kl.Dense(3), kl.Activation("sigmoid")), [("sigmoid", 3)]),
        (lambda: sequential(kl.Dense(1)), [("linear", 1)]),
        (lambda: sequential(kl.Dense(3, lambda x: x)), [(None, 3)]),
        (lambda: sequential(kl.Dense(3), kl.Dropout(0.1)), [(None, 3)]),
        (lambda: sequential(kl.Dense(3), kl.Lambda(lambda x: x)), [(None, 3)]),
        (lambda: functional(lambda x: keras.ops.softmax(kl.Dense(3)(x))), [("softmax", 3)]),
        (lambda: functional(lambda x: sequential(kl.Dense(2, "tanh"))(x)), [("tanh", 2)]),
        (
            lambda: functional(lambda x: [kl.Dense(1, "sigmoid")(x), kl.Dense(4)(x)]),
            [("sigmoid", 1), ("linear", 4)],
        ),
        (own_model, []),
    ],
)
def test_what_a_model_puts_out(build: Any, expected: list[Any]) -> None:
    found = facts(build)
    assert list(zip(found.activations, found.units, strict=True)) == expected


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("bce", ("binary_crossentropy", False, 0.0)),
        (losses.BinaryCrossentropy(from_logits=True), ("binary_crossentropy", True, 0.0)),
        (
            losses.CategoricalCrossentropy(label_smoothing=0.1),
            ("categorical_crossentropy", False, 0.1),
        ),
        (losses.sparse_categorical_crossentropy, ("sparse_categorical_crossentropy", False, 0.0)),
        (["mse"], ("mean_squared_error", None, 0.0)),
        (losses.MeanAbsoluteError(), ("mean_absolute_error", None, 0.0)),
        (lambda y, p: p, (None, None, 0.0)),
    ],
)
def test_what_it_is_punished_by(loss: Any, expected: Any) -> None:
    found = facts(lambda: sequential(kl.Dense(3), loss=loss))
    assert (found.loss, found.from_logits, found.label_smoothing) == expected


def punished_by_hand() -> Any:
    model = sequential(kl.Dense(3))
    model.layers[0].kernel.regularizer = keras.regularizers.L2(0.1)
    return model


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: sequential(kl.Dense(3)), ()),
        (lambda: sequential(kl.Dropout(0.0), kl.Dense(3)), ()),
        (lambda: sequential(kl.SpatialDropout1D(0.1), shape=(8, 2)), ("dropout",)),
        (lambda: sequential(kl.LSTM(2, dropout=0.1), shape=(8, 2)), ("dropout",)),
        (lambda: sequential(kl.GaussianNoise(0.1), kl.Dense(3)), ("noise",)),
        (lambda: sequential(kl.Dense(3, kernel_regularizer="l2")), ("L2",)),
        (lambda: sequential(kl.Dense(3, kernel_regularizer="l2"), shape=None), ("L2",)),
        (lambda: sequential(kl.Dense(3, bias_regularizer=keras.regularizers.L1(0.0))), ()),
        (lambda: sequential(kl.Dense(3, activity_regularizer="l1")), ("activity penalty",)),
        (lambda: sequential(kl.Dense(3, kernel_constraint="max_norm")), ("weight constraint",)),
        (lambda: sequential(kl.BatchNormalization()), ("batch normalisation",)),
        (lambda: sequential(kl.RandomFlip(), shape=(8, 8, 3)), ("augmentation",)),
        (lambda: sequential(kl.Resizing(4, 4), shape=(8, 8, 3)), ()),
        (lambda: sequential(kl.Dense(3), optimizer=optimizers.AdamW()), ("weight decay",)),
        (lambda: functional(lambda x: sequential(kl.Dropout(0.1))(x)), ("dropout",)),
        (punished_by_hand, ("L2",)),
    ],
)
def test_what_works_against_overfitting(build: Any, words: tuple[str, ...]) -> None:
    assert facts(build).regularisers == words


def test_a_schedule_takes_the_place_of_a_learning_rate() -> None:
    schedule = optimizers.schedules.CosineDecay(0.1, 10)
    scaled = optimizers.LossScaleOptimizer(optimizers.Adam(schedule, clipvalue=0.5))
    found = facts(lambda: sequential(kl.Dense(3), optimizer=scaled))
    assert (found.optimizer, found.learning_rate, found.schedule) == ("Adam", None, "CosineDecay")
    assert found.clipvalue == 0.5


def test_layers_that_nobody_knows_are_named() -> None:
    build = lambda: sequential(Own(0.1), kl.Lambda(lambda x: x), kl.Dense(1))  # noqa: E731
    assert facts(build).custom == ("Own", "Lambda")
    assert facts(own_model).custom == ("OwnModel",)


def test_code_that_raises_costs_the_facts_and_no_trial() -> None:
    class Broken(keras.Sequential):  # type: ignore[misc]
        @property
        def outputs(self) -> Any:
            raise RuntimeError

    model = Broken([kl.Dense(1)])
    model.compile("adam", "mse")
    assert describe(model) is None


def test_a_thousand_trials_are_described_in_a_moment() -> None:
    model = sequential(kl.Dense(4, "relu"), kl.Dense(3, "softmax"))
    begun = time.thread_time()  # not the time that others take on a busy machine
    for _ in range(1_000):
        describe(model, 0.1)
    assert time.thread_time() - begun < 1  # .06 s on two quiet cores


def build(hp: Any) -> Any:
    return tiny_model(4, hp.Choice("lr", [0.02, 0.05]), eager=False)


@pytest.mark.parametrize("how", [{"lane": "stacked"}, {"lane": "fit"}])
def test_each_trial_has_the_facts_of_its_own_model(
    how: dict[str, Any], make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizing, "is_compiled", lambda model, where: False)
    tuner = make(GridSearch, build, **how)
    tuner.search(**fit_arguments(epochs=1))
    trials = tuner.trials()
    assert set(trials.context.lane.values()) == {how["lane"]}
    rates = {t: v["lr"] for t, v in trials.hyperparameters.items()}
    found = {t: facts.learning_rate for t, facts in trials.context.models.items()}
    assert found == pytest.approx(rates)
    assert {f.activations for f in trials.context.models.values()} == {("sigmoid",)}


@pytest.mark.slow
@pytest.mark.parametrize("lane", ["stacked", "fit"])
def test_other_processes_hand_the_facts_over(lane: str, tmp_path: Path) -> None:
    tuner = GridSearch(
        build, "val_loss", directory=tmp_path, project_name="s", lane=lane, n_jobs=2
    )  # fmt: skip
    tuner.search(**fit_arguments(epochs=1))
    models = tuner.trials().context.models
    assert sorted(f.learning_rate or np.nan for f in models.values()) == pytest.approx([0.02, 0.05])
