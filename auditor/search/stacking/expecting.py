"""Trials that were planned before: their runs are examined one by one, as they begin.

A search that goes on, or an executor that is given a stack, trains while most of the runs still
wait to be examined: that takes tens of milliseconds each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from keras_tuner.engine.trial import Trial

from auditor.search.model_facts import describe
from auditor.search.stacking.building import BUILDING, built, weights_of
from auditor.search.stacking.candidates import Candidate, Examiner, learning_rate
from auditor.search.stacking.lifting import Slot, signature, slots
from auditor.search.stacking.rows import StackedRun
from auditor.search.structure import NotShareable

Lifted = Sequence[tuple[Slot, tuple[float | str, ...]]]
"""See `PlannedStack.lifted`."""


def expected(examiner: Examiner, trial: Trial, like: Candidate, lifted: Lifted) -> Candidate:
    """The runs of a planned trial, not examined yet.

    Not where a HyperModel has a `fit` of its own, which may pass on other arguments for each trial.

    Args:
        examiner: Is going to examine them.
        trial: Whose runs.
        like: A trial of the same stack, examined.
        lifted: What the stack lifts.

    Raises:
        NotShareable: A stack cannot call its callbacks.
    """
    runs = []
    for place, first in enumerate(like.runs):
        execution = examiner.begin(trial, place)
        execution.build_config = first.execution.build_config
        callbacks = tuple(examiner.callbacks(trial, execution))
        run = replace(
            first,
            trial_id=trial.trial_id,
            execution=execution,
            call=replace(first.call, callbacks=callbacks),
            weights=[],
            build=partial(examiner.rebuild, trial, execution),
            examine=partial(_examine, examiner, trial, like, dict(lifted)),
        )
        examiner.check(callbacks, run.id)
        runs.append(run)
    return Candidate(trial, like.signature, runs, like.model, calls_back=False)


def _examine(
    examiner: Examiner,
    trial: Trial,
    like: Candidate,
    lifted: Mapping[Slot, Sequence[float | str]],
    run: StackedRun,
) -> None:
    with BUILDING:  # Also what is built only when its input is known.
        seed = run.execution.seed
        model = built(lambda: examiner.build(trial.hyperparameters), seed, light=True)
        key = f"{signature(examiner.parts(model), model)} {run.call.key}"
        held, run.weights = slots(model), weights_of(model)
    fixed = like.runs[0].held
    if key != like.signature or any(
        value not in lifted.get(slot, (fixed[slot],)) for slot, value in held.items()
    ):
        raise NotShareable("the code that builds the model gives another one than was planned")
    run.learning_rate, run.held = learning_rate(model), held
    run.execution.model_facts = describe(model, run.learning_rate)
