"""Reruns taken into account: causes are raised, withdrawn, or left as they are."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pandas as pd
from pandas.api.types import union_categoricals

from auditor.attribution.cause import Cause, Confirmation, EvidenceLevel
from auditor.attribution.deciding import Rerun, decide
from auditor.attribution.levels import configurations_of
from auditor.attribution.plan_words import short_name, verdict_words
from auditor.attribution.sentences import level
from auditor.outcomes import judge
from auditor.trials import Run, Trials

_NAMES = ["trial_id", "metric"]
"""Columns of curves that hold categories."""


def take_reruns(
    trials: Trials, causes: tuple[Cause, ...]
) -> tuple[tuple[Cause, ...], tuple[Cause, ...]]:
    """The causes that stand after the reruns of a sweep, and those that do not."""
    if trials.reruns is None or not causes:
        return causes, ()
    found = decide(causes, reruns_of(trials))
    judged = [
        cause if one is None else _with(cause, one)
        for cause, one in zip(causes, found, strict=True)
    ]
    return (
        tuple(cause for cause in judged if not _is_withdrawn(cause)),
        tuple(cause for cause in judged if _is_withdrawn(cause)),
    )


def withdrawn_words(withdrawn: Iterable[Cause]) -> Iterator[str]:
    """What is to be said of causes that are none."""
    for cause in withdrawn:
        if cause.confirmation is not None:
            yield f"{short_name(cause)} is no cause: {verdict_words(cause.confirmation)}."


def reruns_of(trials: Trials) -> Sequence[Rerun]:
    """The reruns of a sweep, each with what it came to, judged as its trials are."""
    if trials.reruns is None:
        return ()
    ended = judge(_joined(trials, trials.reruns)).by_trial
    configurations = configurations_of(replace(trials.reruns, space=trials.space))
    return [Rerun(values, ended[_name(trial)]) for trial, values in configurations.items()]


def _with(cause: Cause, found: Confirmation) -> Cause:
    evidence: EvidenceLevel = "confirmed" if found.verdict == "confirmed" else cause.evidence
    told = cause.sentence.removesuffix(level(cause.evidence))
    return replace(
        cause,
        evidence=evidence,
        sentence=f"{told}; {verdict_words(found)}{level(evidence)}",
        confirmation=found,
    )


def _is_withdrawn(cause: Cause) -> bool:
    return cause.confirmation is not None and cause.confirmation.verdict == "withdrawn"


def _joined(trials: Trials, reruns: Trials) -> Trials:
    """One sweep of both: what losses are measured against may depend on all of them."""
    return replace(
        trials,
        hyperparameters={
            **trials.hyperparameters,
            **{_name(trial): values for trial, values in reruns.hyperparameters.items()},
        },
        recorded={
            **trials.recorded,
            **{
                Run(_name(run.trial_id), run.execution, run.fold): recorded
                for run, recorded in reruns.recorded.items()
            },
        },
        curves=_stacked(trials.curves, reruns.curves),
        context=replace(
            trials.context, series=_stacked(trials.context.series, reruns.context.series)
        ),
        reruns=None,
    )


def _stacked(curves: pd.DataFrame, reruns: pd.DataFrame) -> pd.DataFrame:
    """Two tables of curves as one; the trials of the second are renamed."""
    if reruns.empty:
        return curves
    named = reruns.assign(trial_id=reruns["trial_id"].cat.rename_categories(_name))
    if curves.empty:
        return named
    both = pd.concat([curves.drop(columns=_NAMES), named.drop(columns=_NAMES)], ignore_index=True)
    return both.assign(**{c: union_categoricals([curves[c], named[c]]) for c in _NAMES})


def _name(trial: str) -> str:
    """The id of a rerun, as no trial of a sweep is called."""
    return f"rerun {trial}"
