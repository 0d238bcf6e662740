"""Which trials a stack can train, which it leaves alone, and the sentence that says why."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from auditor.search.folds import Fold
from auditor.search.recorder import Execution
from auditor.search.stacking.candidates import Examiner, files_of
from auditor.search.stacking.layers import MOST_UNROLLED
from auditor.search.structure import NotShareable

X = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
Y = X[:, :1]


def compiled(*layers: Any, shape: tuple[int, ...] = (4,), optimizer: Any = "sgd") -> Any:
    model = keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


class Model(keras_tuner.HyperModel):
    def __init__(self, build: Callable[[], Any]) -> None:
        super().__init__()
        self._make = build

    def build(self, hp: Any) -> Any:
        return self._make()


class Fits(Model):
    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return hp.fit(model, *args, **kwargs)


def examiner(build: Any = compiled, own_fit: bool = False, **more: Any) -> Examiner:
    hypermodel = (Fits if own_fit else Model)(build)
    given = {
        "build": hypermodel.build,
        "hypermodel": hypermodel,
        "begin": lambda trial, place: Execution(place, 7 + place, ""),
        "callbacks": lambda trial, run: [],
        "saw": lambda model, arguments: None,
        "runs": 1,
        "args": (X, Y),
        "kwargs": {"epochs": 3, "batch_size": 8},
    }
    return Examiner(**{**given, **more})


def trial(name: str = "0", fit: Any = None) -> Any:
    return SimpleNamespace(trial_id=name, hyperparameters=SimpleNamespace(fit=fit))


def why(found: Examiner, of: Any = None) -> str:
    with pytest.raises(NotShareable) as caught:
        found.examine(of or trial())
    return str(caught.value)


# What is stacked


def test_a_candidate_has_the_call_and_the_initial_weights_of_each_run() -> None:
    found = examiner(runs=2).examine(trial())
    first, second = found.runs
    assert (first.call.epochs, first.call.batch_size, len(first.call.train)) == (3, 8, 24)
    assert first.learning_rate == pytest.approx(0.01)
    keras.utils.set_random_seed(7)
    for mine, its in zip(first.weights, compiled().get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert not np.array_equal(first.weights[0], second.weights[0])


@pytest.mark.parametrize(
    ("other", "is_shared"),
    [
        (lambda: compiled(optimizer=keras.optimizers.SGD(0.5)), True),
        (lambda: compiled(optimizer="adam"), False),
        (lambda: compiled(keras.layers.Dense(2)), False),
    ],
)
def test_a_signature_is_shared_by_what_can_train_together(other: Any, is_shared: bool) -> None:
    one, another = (examiner(build).examine(trial()) for build in (compiled, other))
    assert (one.signature == another.signature) is is_shared


@pytest.mark.parametrize(
    ("changed", "is_shared"), [({"epochs": 9}, True), ({"batch_size": 4}, False)]
)
def test_epochs_may_differ_and_batch_sizes_may_not(changed: Any, is_shared: bool) -> None:
    kwargs = {"epochs": 3, "batch_size": 8}
    one = examiner(kwargs=kwargs).examine(trial())
    another = examiner(kwargs={**kwargs, **changed}).examine(trial())
    assert (one.signature == another.signature) is is_shared


def test_folds_share_the_data_and_have_rows_of_their_own() -> None:
    halves = np.arange(12), np.arange(12, 24)
    folds = Fold(*halves), Fold(*halves[::-1])
    begin = lambda trial, place: Execution(0, place, "", place)  # noqa: E731
    first, second = examiner(folds=folds, runs=2, begin=begin).examine(trial()).runs
    assert first.call.train is second.call.train
    assert len(first.call.train) == 24
    np.testing.assert_array_equal(first.train_rows, second.validation_rows)
    np.testing.assert_array_equal(first.validation_rows, halves[1])


# What is not

layers = keras.layers


@pytest.mark.parametrize(
    ("build", "part"),
    [
        (lambda: "no model", "returns something else"),
        (lambda: compiled(optimizer=keras.optimizers.SGD(use_ema=True)), "use_ema"),
        (
            lambda: compiled(optimizer=keras.optimizers.SGD(gradient_accumulation_steps=2)),
            "gradient_accumulation_steps",
        ),
        (
            lambda: compiled(optimizer=keras.optimizers.SGD(loss_scale_factor=2.0)),
            "loss_scale_factor",
        ),
        (
            lambda: compiled(optimizer=keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())),
            "scales the loss",
        ),
        (
            lambda: compiled(layers.RandomFlip(), layers.Flatten(), shape=(2, 2, 1)),
            "random numbers of its own",
        ),
        (
            lambda: compiled(layers.LSTM(2, dropout=0.5), shape=(4, 1)),
            "random numbers of its own",
        ),
    ],
)
def test_models_that_are_left_alone(build: Any, part: str) -> None:
    assert part in why(examiner(build))


def test_a_recurrent_layer_without_dropout_draws_nothing() -> None:
    build = lambda: compiled(layers.LSTM(2), shape=(4, 1))  # noqa: E731
    assert examiner(build, args=(X[..., None], Y)).examine(trial()).runs


@pytest.mark.parametrize(
    ("steps", "is_stacked"), [(MOST_UNROLLED, True), (MOST_UNROLLED + 1, False)]
)
def test_a_long_masked_loop_over_time_is_left_alone(steps: int, is_stacked: bool) -> None:
    def build() -> Any:
        read = layers.Embedding(3, 2, mask_zero=True)
        return compiled(read, layers.Bidirectional(layers.GRU(2)), shape=(steps,))

    found = examiner(build, args=(np.ones((24, steps), int), Y))
    if is_stacked:
        assert found.examine(trial()).runs
    else:
        assert "loops over many time steps" in why(found)


def judged(*metrics: Any, weighted: Any = None) -> Any:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, "sigmoid")])
    model.compile("sgd", "mse", metrics=[*metrics], weighted_metrics=weighted)
    return model


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: judged("mae", keras.metrics.F1Score(average=None)), "f1_score"),
        (lambda: judged(weighted=[keras.metrics.FBetaScore(name="mine")]), "mine"),
        (lambda: judged(keras.metrics.R2Score(class_aggregation=None)), "r2_score"),
        (lambda: judged(keras.metrics.Recall([0.25, 0.5])), "recall"),
        (lambda: judged(keras.metrics.FalsePositives([0.1, 0.2])), "false_positives"),
    ],
)
def test_a_metric_of_several_numbers_is_left_alone(build: Any, name: str) -> None:
    found = examiner(build, args=(X, np.hstack([Y, Y])))
    assert why(found) == f"the metric {name} gives more than one number"


def test_a_metric_of_one_number_is_stacked() -> None:
    metrics = keras.metrics.F1Score("macro"), keras.metrics.AUC(), keras.metrics.Recall(0.25)
    found = examiner(lambda: judged("mae", *metrics), args=(X, np.hstack([Y, Y])))
    assert found.examine(trial()).runs


def test_a_recurrent_layer_that_keeps_its_state_is_left_alone() -> None:
    def build() -> Any:
        start = keras.Input(batch_shape=(8, 4, 1))
        model = keras.Model(start, layers.Dense(1)(layers.LSTM(2, stateful=True)(start)))
        model.compile("sgd", "mse")
        return model

    assert "keeps its state" in why(examiner(build, args=(X[..., None], Y)))


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return X[index * 8 :][:8], Y[index * 8 :][:8]


def dataset() -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (lambda: {"x": Batches()}, "Batches"),
        (lambda: {"x": dataset()}, "Dataset"),
        (lambda: {"x": (batch for batch in [(X, Y)])}, "generator"),
        (lambda: {"x": X, "y": Y, "validation_data": dataset()}, "validation_data"),
        (lambda: {"x": X, "y": Y, "steps_per_epoch": 2}, "steps_per_epoch"),
        (lambda: {"x": X, "y": Y, "initial_epoch": 1}, "initial_epoch"),
        (lambda: {"x": X, "y": Y, "shuffle": "batch"}, "shuffle"),
    ],
)
def test_arguments_that_are_left_alone(given: Any, part: str) -> None:
    assert part in why(examiner(args=(), kwargs=given()))


def test_two_builds_that_differ_are_left_alone() -> None:
    sizes = iter([2, 3])
    found = examiner(lambda: compiled(layers.Dense(next(sizes))), runs=2)
    assert "another structure" in why(found)


def test_what_a_build_raises_is_raised() -> None:
    def build() -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        examiner(build).examine(trial())


# Files


@pytest.mark.parametrize(
    ("callback", "files"),
    [
        (keras.callbacks.CSVLogger("a.csv"), ["a.csv"]),
        (keras.callbacks.ModelCheckpoint("a.keras"), ["a.keras"]),
        (keras.callbacks.TensorBoard("a"), ["a"]),
        ([[keras.callbacks.CSVLogger("a.csv")], keras.callbacks.EarlyStopping()], ["a.csv"]),
        (keras.callbacks.EarlyStopping(), []),
    ],
)
def test_files_that_callbacks_write(callback: Any, files: list[str]) -> None:
    assert files_of(callback) == files


def test_a_file_has_one_run_in_stacks() -> None:
    name = ["a.csv"]
    found = examiner(callbacks=lambda trial, run: [keras.callbacks.CSVLogger(name[0])])
    found.examine(trial("0"))
    found.examine(trial("0"))  # the same run, tried again
    assert "writes a.csv, as other runs do" in why(found, trial("1"))
    name[0] = "b.csv"
    found.examine(trial("1"))


# A HyperModel's own fit


def test_the_arguments_of_its_fit_are_taken_and_its_code_ends_there() -> None:
    seen: list[str] = []

    def fit(model: Any, *args: Any, **kwargs: Any) -> None:
        seen.append("before")
        model.fit(*args, **{**kwargs, "batch_size": 4})
        seen.append("after")

    candidate = examiner(own_fit=True).examine(trial(fit=fit))
    assert candidate.calls_back
    assert candidate.runs[0].call.batch_size == 4
    assert seen == ["before"]


def loops(model: Any, x: Any, y: Any, **kwargs: Any) -> float:
    return float(model.train_on_batch(x, y))


@pytest.mark.parametrize(
    ("fit", "part"),
    [
        (lambda model, *args, **kwargs: 1.0, "does not call model.fit"),
        (loops, "does not go straight to model.fit"),
        (lambda model, *args, **kwargs: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_code_that_does_not_call_fit_is_left_alone(fit: Any, part: str) -> None:
    assert part in why(examiner(own_fit=True), trial(fit=fit))


def trained(found: Examiner, of: Any) -> Any:
    """The run of a candidate, as a stack leaves it: all weights 1."""
    run = found.examine(of).runs[0]
    run.final_weights = [np.ones_like(weights) for weights in run.weights]
    run.history = keras.callbacks.History()
    run.history.history = {"loss": [3.0, 2.0]}
    return run


def test_code_after_fit_goes_on_with_the_trained_model_and_its_history() -> None:
    def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
        stop = keras.callbacks.EarlyStopping("loss")
        history = model.fit(*args, **{**kwargs, "callbacks": [stop]})
        total = sum(float(weights.sum()) for weights in model.get_weights())
        return {"loss": history.history["loss"][-1], "stopped": stop.stopped_epoch, "sum": total}

    found, of = examiner(own_fit=True), trial(fit=fit)
    run = trained(found, of)
    run.call.callbacks[0].stopped_epoch = 5
    assert found.finish(of, run) == {"loss": 2.0, "stopped": 5, "sum": 5.0}


def test_code_that_trains_again_after_fit_is_left_alone() -> None:
    def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
        model.fit(*args, **kwargs)
        return model.fit(*args, **kwargs)

    found, of = examiner(own_fit=True), trial(fit=fit)
    run = trained(found, of)
    with pytest.raises(NotShareable, match="more than once"):
        found.finish(of, run)
