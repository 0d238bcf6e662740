"""Runs trained in one stack, and each of them alone by `Model.fit`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras.src.utils.naming import reset_uids

from auditor.search.recorder import Execution
from auditor.search.stacking.engine import Engine
from auditor.search.stacking.fit_call import DataCache, captured, fit_call
from auditor.search.stacking.lifting import signature, slots
from auditor.search.stacking.rows import StackedRun
from auditor.search.stacking.stack import Stack
from auditor.search.structure import configuration

# JAX has one way.
WAYS = ["xla"] if keras.config.backend() == "jax" else ["graph", "xla"]
WAY = WAYS[0]

Build = Callable[..., Any]


@dataclass
class Case:
    """Runs of one structure.

    Attributes:
        build: Makes the compiled model of a run from its hyperparameters.
        hypers: Those of each run.
        fit: Arguments of `fit`, or what makes them from a run's hyperparameters.
    """

    build: Build
    hypers: Sequence[Mapping[str, Any]]
    fit: Mapping[str, Any] | Callable[..., Mapping[str, Any]] = field(default_factory=dict)

    def arguments(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        given = self.fit(**hyper) if callable(self.fit) else self.fit
        return {"verbose": 0, "shuffle": False, **given}


@contextmanager
def floats(name: str) -> Iterator[None]:
    """Within it Keras computes in this type."""
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_floatx(before)
        keras.config.set_dtype_policy(policy)


def fresh(case: Case, hyper: Mapping[str, Any], seed: int) -> Any:
    """The model of a run, named and initialised as by a process of its own."""
    reset_uids()
    keras.utils.set_random_seed(seed)
    return case.build(**hyper)


def make_run(case: Case, at: int, cache: DataCache, **more: Any) -> tuple[StackedRun, str]:
    """A run, and what it must have in common with the others."""
    hyper, seed = case.hypers[at], at
    model = fresh(case, hyper, seed)
    key = signature(configuration(model), model)
    call = fit_call(captured(model, lambda: model.fit(**case.arguments(hyper))), cache)
    rate = model.optimizer._learning_rate
    run = StackedRun(
        trial_id=str(at),
        execution=Execution(0, seed, ""),
        call=call,
        weights=model.get_weights(),
        learning_rate=float(rate.numpy()) if isinstance(rate, keras.Variable) else None,
        held=slots(model),
        build=lambda: fresh(case, hyper, seed),
        **more,
    )
    return run, f"{key} {call.key}"


def make_runs(case: Case, order: Sequence[int] | None = None, **more: Any) -> list[StackedRun]:
    """The runs of a case, or some of them in this order."""
    cache = DataCache()
    order = range(len(case.hypers)) if order is None else order
    found = [make_run(case, at, cache, **more) for at in order]
    assert len({key for _, key in found}) == 1, "the runs share no program"
    return [run for run, _ in found]


def make_engine(case: Case, runs: Sequence[StackedRun], way: str = WAY, **more: Any) -> Engine:
    """An engine for these runs."""
    held = [run.held for run in runs]
    values = {slot: sorted({own[slot] for own in held}) for slot in held[0]}
    choices = {slot: found for slot, found in values.items() if len(found) > 1}
    stops = any(
        isinstance(callback, keras.callbacks.TerminateOnNaN)
        for run in runs
        for callback in run.call.callbacks
    )
    model = fresh(case, case.hypers[0], 0)
    call = runs[0].call
    return Engine(model, call, choices, compiled=way == "xla", stops_at_nan=stops, **more)


def train(engine: Engine, runs: Sequence[StackedRun], rows: int | None = None) -> None:
    """Train runs in one stack."""
    objective = keras_tuner.Objective("val_loss", "min")
    Stack(engine, runs, rows or len(runs), objective).train()
    for run in runs:
        if run.error:
            raise run.error
        assert run.refused is None, run.refused


def train_case(case: Case, way: str = WAY, rows: int | None = None) -> list[StackedRun]:
    """All runs of a case, trained in one stack."""
    runs = make_runs(case)
    train(make_engine(case, runs, way), runs, rows)
    return runs


def alone(
    case: Case, at: int, seed: int | None = None
) -> tuple[dict[str, list[float]], list[np.ndarray]]:
    """The history and the final weights of a run by `Model.fit`."""
    model = fresh(case, case.hypers[at], at if seed is None else seed)
    # Without tracing, which takes longer than the training; what is computed is the same.
    model.run_eagerly = keras.config.backend() == "tensorflow"
    history = model.fit(**case.arguments(case.hypers[at])).history
    return history, model.get_weights()


def assert_equal(run: StackedRun, history: Mapping[str, Any], weights: Any, within: float) -> None:
    """A run has the curves, in the order of `fit`, and the final weights that `fit` gives."""
    assert list(run.history.history) == list(history)
    for name, values in history.items():
        np.testing.assert_allclose(
            run.history.history[name], values, rtol=within, atol=within, err_msg=name
        )
    for mine, other in zip(run.final_weights, weights, strict=True):
        np.testing.assert_allclose(mine, other, rtol=within, atol=within)


def assert_conforms(
    case: Case, way: str = WAY, rows: int | None = None, within: float = 1e-8
) -> list[StackedRun]:
    """A stack gives each run what `Model.fit` gives it alone."""
    runs = train_case(case, way, rows)
    for at, run in enumerate(runs):
        assert_equal(run, *alone(case, at), within)
    first, second = (run.final_weights[0] for run in runs[:2])
    assert not np.allclose(first, second), "the runs are all the same: nothing is shown"
    return runs
