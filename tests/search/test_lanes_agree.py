"""Code that builds and trains in unusual ways: both lanes must come to the same."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from auditor import GridSearch
from auditor.search.stacking import sizing
from tests.search.helpers import fit_arguments, statuses, tiny_model


@pytest.fixture(autouse=True, scope="module")
def graphs() -> Iterator[None]:
    """Graphs compile faster than XLA."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sizing, "is_compiled", lambda model, where: False)
        yield


def arguments(**more: Any) -> dict[str, Any]:
    return fit_arguments(**{"shuffle": False, **more})


class Compiles(keras_tuner.HyperModel):  # type: ignore[misc]
    """Its `fit` decides about the loss."""

    def build(self, hp: Any) -> Any:
        return tiny_model(4, 0.05, eager=False)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        loss = hp.Choice("loss", ["binary_crossentropy", "mse", "mae"])
        model.compile(keras.optimizers.SGD(0.05), loss)
        return model.fit(*args, **kwargs)


def bias_frozen(hp: Any) -> Any:
    model = tiny_model(4, 0.5, eager=False)
    model.layers[0].bias.trainable = hp.Boolean("trains")
    return model


def punished(hp: Any) -> Any:
    model = tiny_model(4, 0.5, eager=False)
    if hp.Boolean("punished"):
        model.layers[0].kernel.regularizer = keras.regularizers.L2(0.5)
    return model


def bounded(hp: Any) -> Any:
    model = tiny_model(4, 0.5, eager=False)
    if hp.Boolean("bounded"):
        model.layers[0].kernel.constraint = keras.constraints.MaxNorm(0.1)
    return model


def under_way(hp: Any) -> Any:
    model = tiny_model(4, 0.5, eager=False)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 5, 0.5)
    model.compile(keras.optimizers.SGD(schedule), "binary_crossentropy", metrics=["accuracy"])
    model.optimizer.iterations.assign(hp.Choice("steps", [0, 20]))
    return model


def pretrained(hp: Any) -> Any:
    model = tiny_model(4, hp.Choice("lr", [0.05, 0.1]), eager=False)
    model.set_weights([np.full(w.shape, 0.1, w.dtype) for w in model.get_weights()])
    return model


@pytest.mark.parametrize(
    "build", [Compiles(), bias_frozen, punished, bounded, under_way, pretrained]
)
def test_both_lanes_have_the_same_curves(build: Any, make: Callable[..., Any]) -> None:
    curves = []
    for lane in ("stacked", "fit"):
        tuner = make(GridSearch, build, seed=0, lane=lane, project_name=lane)
        tuner.search(**arguments(epochs=3))
        trials = tuner.trials()
        curves.append({run: trials.curve(run, "val_loss").values for run in trials.runs})
    assert curves[0].keys() == curves[1].keys()
    for run, values in curves[1].items():
        np.testing.assert_allclose(curves[0][run], values, rtol=1e-4, err_msg=str(run))


def test_a_layer_of_many_models_is_left_as_it_was(make: Callable[..., Any]) -> None:
    shared = keras.layers.Dropout(0.5)

    def build(hp: Any) -> Any:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), shared])
        model.compile(keras.optimizers.SGD(hp.Choice("lr", [0.1, 0.2])), "mse")
        return model

    tuner = make(GridSearch, build, lane="stacked")
    tuner.search(**arguments())
    assert set(tuner._sweep.alone.values()) == {
        f"the layer {shared.name} is used by more models than one"
    }
    assert "call" not in vars(shared)


def test_an_interrupted_search_goes_on_in_its_own_process(make: Callable[..., Any]) -> None:
    seen: list[str] = []

    def interrupt(now: Any) -> None:
        seen.append(now.trial_id)
        if len(seen) == 2:
            raise KeyboardInterrupt

    def build(hp: Any) -> Any:
        return tiny_model(4, hp.Choice("lr", [0.02, 0.05, 0.1, 0.2, 0.3]), eager=False)

    tuner = make(GridSearch, build, lane="stacked", progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        tuner.search(**arguments())
    tuner.search(**arguments())
    assert statuses(tuner) == ["COMPLETED"] * 5
    assert sorted(seen) == sorted(tuner.oracle.trials)


def test_a_stack_is_planned_anew_where_its_runs_differ_in_more_now(
    make: Callable[..., Any],
) -> None:
    penalty: dict[float, float] = {}

    def build(hp: Any) -> Any:
        lr = hp.Choice("lr", [0.02, 0.05, 0.1, 0.2])
        l2 = keras.regularizers.L2(penalty.get(lr, 0.5))
        layers = [keras.Input((3,)), keras.layers.Dense(4, kernel_regularizer=l2)]
        model = keras.Sequential([*layers, keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(lr), "mse")
        return model

    def interrupt(now: Any) -> None:
        raise KeyboardInterrupt

    tuner = make(GridSearch, build, seed=0, lane="stacked", progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        tuner.search(**arguments())
    penalty |= {0.02: 1.0, 0.05: 2.0, 0.1: 3.0, 0.2: 4.0}
    again = make(GridSearch, build, seed=0, lane="stacked")
    again.search(**arguments())
    alone = make(GridSearch, build, seed=0, lane="fit", project_name="fit")
    alone.search(**arguments())
    ours, its = again.trials(), alone.trials()
    changed = [run for run in its.runs if run.trial_id != tuner.oracle.end_order[0]]
    for run in changed:
        one, other = (t.curve(run, "val_loss").values for t in (ours, its))
        np.testing.assert_allclose(one, other, rtol=1e-4)
