"""KerasTuner project directories, as versions 1.0 to 1.4 write them.

KerasTuner records, per trial, all metrics of the best epoch (averaged over executions), the score,
the status and the search space. It records neither the objective nor the tuner's class, so both are
inferred. Curves exist where TensorBoard's callback was used. Seen: 1.0 (ids of 32 hex digits, no
"message"), 1.1, 1.3, 1.4.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from auditor.files import Json
from auditor.readers.gathered import Gathered
from auditor.readers.kerastuner.logs import read_logs
from auditor.readers.kerastuner.objective import infer_objective
from auditor.readers.kerastuner.project import Project, has_trials, read_project
from auditor.readers.kerastuner.space import active_values
from auditor.readers.kerastuner.trial_json import TrialFile
from auditor.readers.looking import Look
from auditor.readers.reader import NO_FOLDER, Match, Source
from auditor.trials import Design, Hyperparameter, Run, Trials

_ADAPTIVE = (
    {"hyperband_iterations", "brackets"},
    {"num_initial_points", "alpha", "beta"},  # Bayesian optimization
)
"""Keys of `oracle.json` that only a searcher which learns from its trials writes."""

FEWEST_IN_ORDER = 5
"""Trials needed to recognise a grid by its order: five random ones are in order once in 120."""

FEWEST_UNCOUNTED = 2
"""The same where their ids say that no number of trials was given, which a random search has to."""


def matches(look: Look) -> Match:
    """Whether the path is a KerasTuner project directory."""
    if not look.is_dir:
        return NO_FOLDER
    if has_trials(look):
        return Match(True, "there are trial_*/trial.json")
    if "oracle.json" in look.files:
        return Match(True, "there is an oracle.json")
    return Match(False, "there is neither an oracle.json nor a trial_*/trial.json")


def read(source: Source) -> Trials:
    """Read one project directory, and the logs of TensorBoard's callback that belong to it."""
    project = read_project(source.path)
    logs = read_logs(source.path, project.trials)
    executions: dict[str, list[Run]] = {}
    for run in logs.trainings:
        executions.setdefault(run.trial_id, []).append(run)
    found = Gathered(source)
    values = {t.trial_id: active_values(t.values, project.space) for t in project.trials}
    for trial in project.trials:
        recorded = trial.recorded(project.started.get(trial.trial_id))
        runs = executions.get(trial.trial_id) or [Run(trial.trial_id)]
        if len(runs) > 1:
            # Means over executions, each at its own best epoch: of no run in particular.
            recorded = replace(recorded, best_epoch=None, metrics={})
        for run in runs:
            curves = logs.trainings[run].curves if run in logs.trainings else {}
            found.add(run, curves, recorded, values[trial.trial_id])
    found.files += [*project.files, *logs.files]
    found.problems += [*project.problems, *logs.problems]
    found.missing += _missing(project.trials, executions)
    several = max((len(runs) for runs in executions.values()), default=None)
    return found.trials(
        "keras-tuner",
        objective=infer_objective(project.trials),
        space=project.space,
        design=Design(_sampler(project, values), project.seed, executions=several),
        version=_generation(project.trials),
    )


def _sampler(
    project: Project, values: Mapping[str, Mapping[str, Json]]
) -> Literal["grid", "adaptive", "unknown"]:
    """Hyperband and Bayesian searches leave marks; a grid is known by its order only."""
    marked = any(trial.tuner_values for trial in project.trials)
    if marked or any(marks <= project.oracle.keys() for marks in _ADAPTIVE):
        return "adaptive"
    tried = list(values.values())
    # A grid is the only search left whose number of trials nobody has to give: ids of 4 digits.
    uncounted = all(re.fullmatch("[0-9]{4}", trial) for trial in values)
    fewest = FEWEST_UNCOUNTED if uncounted else FEWEST_IN_ORDER
    # Grid search came with 1.2. Before 1.1, ids were random, and the order of trials is lost.
    has_grids = any(trial.has_message for trial in project.trials)
    in_order = has_grids and len(tried) >= fewest and _in_grid_order(project.space, tried)
    return "grid" if in_order else "unknown"


def _in_grid_order(space: Sequence[Hyperparameter], trials: Sequence[Mapping[str, Json]]) -> bool:
    """Whether the trials are in the order of KerasTuner's grid: the last hyperparameter is fastest.

    Each hyperparameter starts at its default, which is what the first trial has.
    """
    if any(not axis.values for axis in space):
        return False
    places = []
    for axis in space:
        first = next((trial[axis.name] for trial in trials if axis.name in trial), None)
        order = [first, *(value for value in axis.values if value != first)]
        places.append({repr(value): place for place, value in enumerate(order)})
    keys = [
        [
            place.get(repr(trial[axis.name]), -1) if axis.name in trial else -1
            for axis, place in zip(space, places, strict=True)
        ]
        for trial in trials
    ]
    return all(before < after for before, after in pairwise(keys))


def _generation(trials: Sequence[TrialFile]) -> str | None:
    if not trials:
        return None
    if any(trial.has_message for trial in trials):
        return "1.2 or later"
    return "1.0 to 1.1.0" if _per_metric(trials) else "1.1"


def _per_metric(trials: Sequence[TrialFile]) -> bool:
    """Whether the trials are of the generation that kept each metric's own extreme."""
    return any(
        not trial.has_message and re.fullmatch("[0-9a-f]{32}", trial.trial_id) for trial in trials
    )


def _missing(
    trials: Sequence[TrialFile], executions: Mapping[str, Sequence[Run]]
) -> tuple[str, ...]:
    """What these files cannot tell."""
    budgets = {trial.tuner_values.get("tuner/epochs") for trial in trials} - {None}
    sentences = []
    if bare := [trial for trial in trials if trial.metrics and trial.trial_id not in executions]:
        who = f"Of {len(bare)} trials, learning" if executions else "Learning"
        sentences += [
            f"{who} curves: KerasTuner keeps the metrics of one epoch per trial, so onset of "
            "overfitting, late divergence and recovery cannot be seen.",
            "Per-execution values: executions of a trial are averaged, each at its own best epoch.",
        ]
    sentences.append(
        "Objective, tuner class, versions, data, fit arguments, batch size (unless tuned)"
        + ("." if executions else " and the number of epochs run.")
    )
    if _per_metric(trials):
        sentences.append(
            "The best epoch: up to version 1.1.0 each metric is its own extreme over all epochs, "
            "in the objective's direction, so a gap between training and validation is an upper "
            "bound."
        )
    if len(budgets) > 1:
        epochs = ", ".join(str(b) for b in sorted(budgets, key=str))
        sentences.append(
            f"Equal training: Hyperband gave trials different numbers of epochs ({epochs}), and "
            "started some from another trial's weights."
        )
    return tuple(sentences)
