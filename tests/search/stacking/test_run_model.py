"""The view of a run: right during a hook, carried back after it, and no model where none is due."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest

from auditor.search.stacking.run_model import NotStackable, RunModel
from tests.search.stacking.rows import VALIDATION, ModelRow, X, Y, as_made, compiled


@pytest.fixture(scope="module")
def trained() -> Any:
    model = compiled()
    model.fit(X, Y, verbose=0)
    return model


@pytest.fixture
def row(trained: Any) -> Iterator[ModelRow]:
    with as_made(trained) as model:
        yield ModelRow(model)


@pytest.fixture
def view(row: ModelRow) -> RunModel:
    return RunModel(row)


def same(these: Any, those: Any) -> bool:
    return all(map(np.array_equal, these, those)) and len(these) == len(those)


def test_common_questions_make_no_model(row: ModelRow, view: RunModel) -> None:
    view.stop_training = True
    view.optimizer.learning_rate = 0.5
    view.set_weights([2 * each for each in view.get_weights()])
    view.note = "mine"
    assert not hasattr(view, "jax_state_sync")
    assert not hasattr(view.optimizer, "optimizers")
    assert isinstance(view.optimizer, keras.optimizers.Optimizer)
    assert view.metrics_names == ["loss", "compile_metrics"]
    view.settle()
    assert view.note == "mine"
    assert view.stop_training
    assert (row.built, row.written) == (0, ["weights", "rate"])


@pytest.mark.parametrize("read", [float, keras.ops.convert_to_numpy, lambda rate: rate.numpy()])
def test_a_rate_reads_as_that_of_an_optimizer(view: RunModel, read: Callable[[Any], Any]) -> None:
    assert read(view.optimizer.learning_rate) == np.float32(0.1)


@pytest.mark.parametrize(
    "change",
    [
        lambda optimizer: setattr(optimizer, "learning_rate", 0.02),
        lambda optimizer: setattr(optimizer, "learning_rate", np.float32(0.02)),
        lambda optimizer: optimizer.learning_rate.assign(0.02),
        lambda optimizer: setattr(optimizer, "learning_rate", optimizer.learning_rate * 0.2),
    ],
)
@pytest.mark.parametrize("loaded", [False, True])
def test_a_rate_reaches_the_run(row: ModelRow, view: RunModel, loaded: bool, change: Any) -> None:
    if loaded:
        assert view.layers
    change(view.optimizer)
    view.settle()
    assert row.learning_rate == pytest.approx(0.02)
    row.learning_rate = 0.3
    assert float(view.optimizer.learning_rate) == pytest.approx(0.3)


def test_a_rate_set_before_and_after_the_model_is_made(row: ModelRow, view: RunModel) -> None:
    rate = view.optimizer.learning_rate
    rate.assign(0.02)
    assert float(view.layers and view.optimizer.learning_rate) == pytest.approx(0.02)
    view.layers[0].kernel.assign(view.layers[0].kernel * 0)
    view.optimizer.iterations.assign(7)
    rate.assign(0.03)
    view.settle()
    assert row.learning_rate == pytest.approx(0.03)
    assert int(row.optimizer_state()[0]) == 7
    assert not row.get_weights()[0].any()


def test_the_real_model_has_the_state_of_the_run(row: ModelRow, view: RunModel) -> None:
    for factor in (1, 3):
        row.set_weights([factor * each for each in row.get_weights()])
        row.model.optimizer.iterations.assign(factor)
        # A prediction by the view is one by the model that is trained.
        assert np.array_equal(view.predict(X, verbose=0), row.model.predict(X, verbose=0))
        assert np.array_equal(view(X), row.model(X))
        assert int(view.optimizer.iterations) == factor
        row.written.clear()
        assert view.settle()
        assert row.written == []
    assert row.built == 1
    assert view.evaluate(*VALIDATION, verbose=0) == row.model.evaluate(*VALIDATION, verbose=0)


def test_what_a_hook_changes_in_layers_and_state_is_carried_back(
    row: ModelRow, view: RunModel
) -> None:
    view.get_layer("hidden").bias.assign([1.0, np.nan, 3.0])
    view.settle()
    assert row.written == ["weights"]
    assert same(row.get_weights()[1][::2], [1, 3])
    view.optimizer.iterations.assign(99)
    view.settle()  # The NaN has not changed.
    assert row.written == ["weights", "state"]
    assert int(row.model.optimizer.iterations) == 99


def test_weights_set_once_the_model_is_loaded(row: ModelRow, view: RunModel) -> None:
    doubled = [2 * each for each in view.get_weights()]
    view.layers[0].kernel.assign(view.layers[0].kernel * 0)
    assert not view.get_weights()[0].any()
    view.set_weights(doubled)
    view.settle()
    assert same(row.get_weights(), doubled)


def test_a_stop_by_an_evaluation_counts(view: RunModel) -> None:
    stop = keras.callbacks.LambdaCallback()
    stop.on_test_end = lambda logs=None: setattr(stop.model, "stop_training", True)
    view.evaluate(X, Y, verbose=0, callbacks=[stop])
    view.settle()
    assert view.stop_training


def test_it_is_taken_for_the_model_that_it_stands_for(view: RunModel) -> None:
    assert isinstance(view, keras.Sequential)
    assert view.__class__.__name__ == "Sequential"
    assert view.name == "net"


@pytest.mark.parametrize(
    "use",
    [
        lambda view: view.fit(X, Y),
        lambda view: view.train_on_batch(X, Y),
        lambda view: view.compile("sgd", "mse"),
        lambda view: view.train_function,
        lambda view: view.make_train_function(),
        lambda view: view.metrics,
        lambda view: setattr(view, "trainable", False),
        lambda view: setattr(view, "optimizer", keras.optimizers.SGD()),
        lambda view: setattr(view, "train_function", None),
        lambda view: setattr(view.optimizer, "beta_1", 0.5),
        lambda view: setattr(view.optimizer, "learning_rate", lambda: 0.1),
        copy.copy,
        copy.deepcopy,
    ],
)
def test_what_a_stack_cannot_serve_is_refused(view: RunModel, use: Callable[[Any], Any]) -> None:
    with pytest.raises(NotStackable, match=r"A callback uses `model\.\w+"):
        use(view)
    # Also where the callback caught it.
    with pytest.raises(NotStackable):
        view.settle()


@pytest.mark.parametrize(("name", "value"), [("trainable", False), ("rate", 0.5)])
def test_a_changed_layer_is_refused(view: RunModel, name: str, value: Any) -> None:
    setattr(view.layers[1], name, value)
    with pytest.raises(NotStackable, match="an attribute of a layer"):
        view.settle()


def test_a_rate_under_a_schedule_is_read_and_not_set() -> None:
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    row = ModelRow(compiled(rate), lambda: compiled(rate))
    view = RunModel(row)
    assert float(view.optimizer.learning_rate) == pytest.approx(0.1)
    assert float(view.layers and view.optimizer.learning_rate) == pytest.approx(0.1)
    view.settle()
    view.optimizer.learning_rate = 0.5
    with pytest.raises(TypeError, match="LearningRateSchedule"):
        view.settle()
