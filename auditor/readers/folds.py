"""Folds of a cross-validation in runs that were read one by one: by the names of their trials."""

import re
from collections.abc import Iterable, Mapping

from auditor.files import Json
from auditor.trials import Run

_FOLD = re.compile(r"(?<![^\W_])(k?fold[_ -]?)(\d{1,4})(?![^\W_])", re.IGNORECASE)


def folds(runs: Iterable[Run], hyperparameters: Mapping[str, Mapping[str, Json]]) -> dict[Run, Run]:
    """The runs that are folds of one trial, and which: the names of their trials say so.

    Folds of one configuration do not compete: each has validation data of its own. Names must
    differ in nothing but the fold, and their hyperparameters not at all.

    Args:
        runs: One by one, as if each were a trial.
        hyperparameters: Of their trials.

    Example:
        >>> folds([Run("a/fold_1"), Run("a/fold_2"), Run("b")], {"a/fold_1": {}, "a/fold_2": {}})
        {Run(trial_id='a/fold_1', execution=0, fold=0): Run(trial_id='a/fold_*', execution=0, \
fold=0), Run(trial_id='a/fold_2', execution=0, fold=0): Run(trial_id='a/fold_*', execution=0, \
fold=1)}
    """
    alike: dict[str, list[tuple[int, Run]]] = {}
    for run in runs:
        numbers = {int(number) for _, number in _FOLD.findall(run.trial_id)}
        if len(numbers) == 1:
            alike.setdefault(_FOLD.sub(r"\1*", run.trial_id), []).append((numbers.pop(), run))
    found: dict[Run, Run] = {}
    for name, members in alike.items():
        first, one = min(members)
        known = hyperparameters[one.trial_id]
        is_one_trial = name not in hyperparameters and all(
            hyperparameters[run.trial_id] == known for _, run in members
        )
        if is_one_trial and 1 < len(members) == len({number for number, _ in members}):
            found |= {run: Run(name, 0, number - first) for number, run in members}
    return found
