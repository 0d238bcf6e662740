"""From a trial to the runs that a stack could train, or the reason why none can."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine.trial import Trial

from auditor.search import facts
from auditor.search.fit import build_by_input, holds_parts
from auditor.search.folds import Fold
from auditor.search.model_facts import describe
from auditor.search.recorder import Execution
from auditor.search.runs import arguments_of
from auditor.search.stacking.building import built, weights_of
from auditor.search.stacking.callbacks import why_not_stackable
from auditor.search.stacking.fit_call import DataCache, FitCall, captured, fit_call
from auditor.search.stacking.lifting import signature, slots
from auditor.search.stacking.obstacles import why_not
from auditor.search.stacking.rows import StackedRun
from auditor.search.structure import NotShareable, configuration

_FILES = (
    (keras.callbacks.CSVLogger, "filename"),
    (keras.callbacks.ModelCheckpoint, "filepath"),
    (keras.callbacks.TensorBoard, "log_dir"),
)
"""Callbacks that write files, and where they hold the path."""


@dataclass(eq=False)
class Candidate:
    """A trial that a stack can train.

    Attributes:
        trial: The trial.
        signature: What it has in common with those that it can train with.
        runs: Its executions, and with cross-validation their folds.
        model: Built for the first of them.
        calls_back: Whether code of the user's goes on after `fit`, with the trained model.
    """

    trial: Trial
    signature: str
    runs: list[StackedRun]
    model: Any
    calls_back: bool


@dataclass
class Examiner:
    """Looks at trials before they are trained.

    Attributes:
        build: Makes the model of some hyperparameters.
        hypermodel: What `build` belongs to.
        begin: Starts a run of a trial, given how many came before.
        callbacks: The run's own copies of the callbacks of `search`, without the recorder.
        saw: Told of each model and of the arguments of each `fit`.
        runs: Per trial.
        args, kwargs: Of `search`, without callbacks.
        folds: Of the data; empty without cross-validation.
        writers: Per file that callbacks write its run, or None where all runs write it: runs that
            train at once would mix their lines, those in the ordinary lane replace the file.
        has_seen_all: Whether the last trial was seen up to its `fit`, and with it all that was read
            until then.
        known: The signatures that were seen before.
    """

    build: Callable[[Any], Any]
    hypermodel: Any
    begin: Callable[[Trial, int], Execution]
    callbacks: Callable[[Trial, Execution], list[Any]]
    saw: Callable[[Any, Mapping[str, Any]], None]
    runs: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    folds: tuple[Fold, ...] = ()
    writers: dict[str, tuple[str, int, int] | None] = field(default_factory=dict)
    cache: DataCache = field(default_factory=DataCache)
    has_seen_all: bool = False
    known: set[str] = field(default_factory=set)

    def examine(self, trial: Trial) -> Candidate:
        """The runs of a trial, each with its own initial weights.

        Raises:
            NotShareable: It must be trained in the ordinary lane.
            Exception: Whatever the code that builds the model raises: the trial crashes.
        """
        found: Candidate | None = None
        self.has_seen_all = False
        for place in range(self.runs):
            execution = self.begin(trial, place)
            model = built(lambda: self.build(trial.hyperparameters), execution.seed, light=True)
            if not isinstance(model, keras.Model):
                raise NotShareable("the code that builds the model returns something else")
            run, key = self._run(trial, execution, model)
            if found is None:
                found = Candidate(trial, key, [], model, self._has_own_fit)
            if key != found.signature:
                raise NotShareable("building the model again gives another structure")
            found.runs.append(run)
        if found is None:
            raise NotShareable("the trial has no runs")
        self._check_new(trial, found)
        return found

    def _run(self, trial: Trial, execution: Execution, model: Any) -> tuple[StackedRun, str]:
        fold = self.folds[execution.fold] if self.folds else None
        given = arguments_of(fold, self.args, self.kwargs) if fold else (self.args, self.kwargs)
        # The model first: code of the user's that trains should not run in vain.
        self.has_seen_all = not self._has_own_fit
        parts = self.parts(model)
        arguments = self._captured(trial, execution, model, given)
        self.has_seen_all = True
        if self._has_own_fit:
            parts = self.parts(model)  # It may have compiled the model anew.
        call = self._call(arguments, given) if fold else fit_call(arguments, self.cache)
        self.check(call.callbacks, (trial.trial_id, execution.execution, execution.fold))
        execution.build_config = model.get_build_config()
        rate = learning_rate(model)
        execution.model_facts = describe(model, rate)
        run = StackedRun(
            trial_id=trial.trial_id,
            execution=execution,
            call=call,
            weights=weights_of(model),
            learning_rate=rate,
            held=slots(model),
            keeps_final_weights=self._has_own_fit,
            build=partial(self.rebuild, trial, execution),
            train_rows=None if fold is None else fold.train,
            validation_rows=None if fold is None else fold.validation,
        )
        return run, f"{signature(parts, model)} {call.key}"

    def parts(self, model: Any) -> dict[str, Any]:
        """The configuration of a model, if a stack can compute it.

        Raises:
            NotShareable: It cannot.
        """
        if holds_parts(self.hypermodel):
            raise NotShareable("the code that builds the model keeps a layer or another part of it")
        build_by_input(model, self._input())
        parts = configuration(model)
        if reason := why_not(model):
            raise NotShareable(reason)
        return parts

    def _check_new(self, trial: Trial, found: Candidate) -> None:
        """See that no layer of a structure is used in more than one model: a stack changes its own.

        A layer may be kept in a global variable, or in a closure, where nobody could look for it.
        """
        if found.signature in self.known:
            return
        seed = found.runs[0].execution.seed
        again = built(lambda: self.build(trial.hyperparameters), seed, light=True)
        own = {id(layer) for layer in found.model._flatten_layers()}
        for layer in again._flatten_layers():
            if id(layer) in own:
                raise NotShareable(f"the layer {layer.name} is used by more models than one")
        self.known.add(found.signature)

    def check(self, callbacks: Sequence[Any], run: tuple[str, int, int]) -> None:
        """See that a stack can call the callbacks of a run.

        Raises:
            NotShareable: It cannot.
        """
        for callback in callbacks:
            if reason := why_not_stackable(callback):
                raise NotShareable(reason)
            for file in files_of(callback):
                if self.writers.setdefault(file, run) != run:
                    name = type(callback).__name__
                    raise NotShareable(f"the callback {name} writes {file}, as other runs do")

    def finish(self, trial: Trial, run: StackedRun) -> Any:
        """What a HyperModel's own `fit` returns for a run that a stack has trained.

        Its code runs once more, with a model that has the final weights and a `fit` that gives the
        history.

        Raises:
            NotShareable: It trains more than once, which nobody could know before.
        """
        model = self.rebuild(trial, run.execution)
        build_by_input(model, run.call.train.head()[0])
        calls: list[Any] = []

        def stand_in(*args: Any, **kwargs: Any) -> Any:
            if calls:
                raise NotShareable("HyperModel.fit trains more than once")
            calls.append(kwargs)
            model.set_weights(run.final_weights)
            run.history.set_model(model)
            _hand_over(run.call.callbacks, kwargs.get("callbacks"), model)
            return run.history

        args, kwargs = self.args, self.kwargs
        if self.folds:
            args, kwargs = arguments_of(self.folds[run.execution.fold], args, kwargs)
        own = self.callbacks(trial, run.execution)
        vars(model)["fit"] = stand_in
        try:
            return self.hypermodel.fit(
                trial.hyperparameters, model, *args, **{**kwargs, "callbacks": own}
            )
        finally:
            vars(model).pop("fit", None)

    def _captured(
        self, trial: Trial, execution: Execution, model: Any, given: tuple[Any, dict[str, Any]]
    ) -> dict[str, Any]:
        """The arguments that `fit` would get, also through a HyperModel's own `fit`."""
        own = self.callbacks(trial, execution)
        args, kwargs = given[0], {**given[1], "callbacks": own}
        hyperparameters = trial.hyperparameters
        try:
            arguments = captured(
                model, lambda: self.hypermodel.fit(hyperparameters, model, *args, **kwargs)
            )
        except NotShareable:
            raise
        except Exception as error:
            # A lightly built model cannot be trained: loops of the user's end here, at their start.
            raise NotShareable(
                "HyperModel.fit does not go straight to model.fit: before it there is "
                f"{type(error).__name__}"
            ) from error
        self.saw(model, {**arguments, "self": model})
        return arguments

    def _call(self, arguments: dict[str, Any], passed: tuple[Any, dict[str, Any]]) -> FitCall:
        """A call of `fit` for one fold, as one on all rows: the folds share them."""
        given = facts.by_name(*passed)
        for name in ("x", "y", "sample_weight", "validation_data"):
            if arguments.get(name) is not given.get(name):
                raise NotShareable(f"HyperModel.fit changes {name}, and there are folds")
        whole = facts.by_name(self.args, self.kwargs)
        rows = {name: whole.get(name) for name in ("x", "y", "sample_weight")}
        tested = fit_call(
            {**arguments, **rows, "validation_data": None, "class_weight": None}, self.cache
        )
        trained = fit_call({**arguments, **rows, "validation_data": None}, self.cache)
        return replace(trained, validation=tested.train)

    @property
    def _has_own_fit(self) -> bool:
        return type(self.hypermodel).fit is not keras_tuner.HyperModel.fit

    def _input(self) -> Any:
        """The training input, where it is sure to be what the model will see."""
        if self._has_own_fit:
            return None
        return facts.by_name(self.args, self.kwargs).get("x")

    def rebuild(self, trial: Trial, execution: Execution) -> Any:
        """The model of a run once more, whole."""
        model = built(lambda: self.build(trial.hyperparameters), execution.seed)
        build_by_input(model, self._input())
        return model


def learning_rate(model: Any) -> float | None:
    """What a model starts with; None where a schedule decides."""
    rate = model.optimizer._learning_rate
    return float(keras.ops.convert_to_numpy(rate)) if isinstance(rate, keras.Variable) else None


def files_of(callbacks: Any) -> list[str]:
    """The files that callbacks of Keras write."""
    return [
        str(getattr(callback, name))
        for callback in keras.tree.flatten(callbacks)
        for kind, name in _FILES
        if isinstance(callback, kind)
    ]


def _hand_over(trained: Any, given: Any, model: Any) -> None:
    """Give callbacks of a second call of the same code the state of those that saw the training."""
    for old, new in zip(trained, given or (), strict=False):
        if type(old) is type(new):
            vars(new).update(vars(old))
            new.set_model(model)
