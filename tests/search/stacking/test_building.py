"""Models for planning: the weights that training would start from, for a part of the time."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest

from auditor.search.stacking.building import built, complete, weights_of


def net() -> Any:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, kernel_initializer="he_normal"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(seed=3)),
        ]
    )
    model.compile("adam", "mse")
    return model


def seeded(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    return net()


def assert_equal(these: Any, those: Any) -> None:
    for one, other in zip(these, those, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("light", [True, False])
def test_weights_are_those_of_a_model_that_fit_would_train(light: bool) -> None:
    assert_equal(weights_of(built(net, 5, light=light)), seeded(5).get_weights())


def test_the_weights_of_a_light_model_are_drawn_when_they_are_looked_at() -> None:
    model = built(net, 5, light=True)
    assert all(variable._value is None for variable in model.weights)
    assert all(variable._value is not None for variable in seeded(5).weights)  # only within


def test_a_light_model_can_be_completed_and_trained() -> None:
    model = built(net, 5, light=True)
    complete(model)
    assert_equal(model.get_weights(), seeded(5).get_weights())
    model.run_eagerly = True
    x = np.ones((4, 4), "float32")
    model.fit(x, x[:, :1], verbose=0)
    assert int(model.optimizer.iterations) == 1


def test_code_that_sets_weights_while_it_builds_gets_a_whole_model() -> None:
    def build() -> Any:
        model = net()
        model.set_weights([np.full_like(weights, 7) for weights in model.get_weights()])
        return model

    assert all((weights == 7).all() for weights in weights_of(built(build, 5, light=True)))


def test_what_a_build_raises_is_raised_and_leaves_nothing_behind() -> None:
    def build() -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        built(build, 5, light=True)
    assert seeded(5).weights[0]._value is not None


def test_layers_are_named_as_in_a_new_process_and_other_threads_are_left_alone() -> None:
    def names(model: Any) -> list[str]:
        return [layer.name for layer in model.layers]

    first = names(built(net, 5))
    with keras.StatelessScope() as scope:
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(lambda: [names(built(net, 5, light=True)) for _ in range(2)])
        assert found.result() == [first, first]
        assert keras.src.backend.common.stateless_scope.get_stateless_scope() is scope


def test_another_thread_gets_whole_models_while_one_is_built_lightly() -> None:
    def build() -> Any:
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(net).result()
        assert all(variable._value is not None for variable in other.weights)
        return net()

    assert all(variable._value is None for variable in built(build, 5, light=True).weights)
