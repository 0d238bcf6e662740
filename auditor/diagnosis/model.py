"""AUD041, AUD042: outputs of models that do not fit their loss."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule, Severity
from auditor.diagnosis.wording import count, number
from auditor.outcomes import Outcome
from auditor.trials import ModelFacts, Run

_MOST_NAMED = 5
"""Trials that a sentence names, before it counts the others."""

NEGATIVE_LOSS = -0.01
"""Cross-entropy, in nats, below which labels must lie outside of 0 to 1: within, it is never below
0, but for rounding."""

FEW_FAILED = 0.5
"""Times the share of failures among trials whose models are so up to which others may have failed
for that to be called the likely cause: the mechanism is known, chance need not be ruled out."""

_CATEGORICAL = ("categorical_crossentropy", "sparse_categorical_crossentropy")
_LOSSES = (*_CATEGORICAL, "binary_crossentropy")
_FAILED = (Outcome.NEVER_LEARNED, Outcome.DIVERGED)
"""What comes of a loss that is none; a model that overfits has learned."""

_PROBABILITIES = ("softmax", "sigmoid")
_NO_PROBABILITIES = frozenset(
    [
        "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish",
        "tanh", "softsign", "log_softmax",
    ]
)  # fmt: skip
"""Activations whose values may be negative or above 1, or sum to anything."""


class Said(NamedTuple):
    """What is to be said of some trials, whose models have it in common.

    Attributes:
        text: After the names of the trials.
        severity, confidence: Of the finding.
        evidence: Numbers.
    """

    text: str
    severity: Severity
    confidence: Confidence = "high"
    evidence: tuple[Evidence, ...] = ()


def needs_models(seen: Judged) -> str | None:
    """For rules on what models are made of."""
    if not seen.trials.context.models:
        return "what the models are made of was not recorded: only searches with auditor do so"
    return None


def named(trials: Iterable[str], total: int) -> str:
    """How a sentence starts that is about several of all trials: "trials 1, 4 and 2 more"."""
    *others, last = trials
    if not others:
        return f"trial {last}"
    if len(others) + 1 == total:
        return f"all {total} trials"
    if len(others) < _MOST_NAMED:
        return f"trials {', '.join(others)} and {last}"
    more = len(others) + 1 - _MOST_NAMED
    return f"trials {', '.join(others[:_MOST_NAMED])} and {more} more"


def one_for_each(seen: Judged, rule: Rule, said: Mapping[str, Said]) -> Iterator[Finding]:
    """One finding for all trials of which the same is to be said.

    Args:
        seen: The sweep.
        rule: Finds it.
        said: Per trial.
    """
    groups: dict[Said, list[str]] = {}
    for trial, words in said.items():
        groups.setdefault(words, []).append(trial)
    for words, trials in groups.items():
        yield rule.finding(
            f"{named(trials, len(seen.trials.hyperparameters))}: {words.text}"
            + (_fate(seen, trials) if words.severity != "tip" else ""),
            (*words.evidence, Evidence("trials whose models are so", len(trials), "trials")),
            words.confidence,
            trials=tuple(trials),
            runs=runs_of(seen, trials),
            severity=words.severity,
        )


def _fate(seen: Judged, trials: Sequence[str]) -> str:
    """How many of these trials failed, against how many of the others."""
    outcomes = seen.outcomes.by_trial
    failed = {trial for trial, outcome in outcomes.items() if outcome in _FAILED}
    ill, well = len(failed & set(trials)), len(trials) - len(failed & set(trials))
    others, ill_others = len(outcomes) - len(trials), len(failed - set(trials))
    if not ill or well > ill:
        return ""
    said = (
        f"; {ill} of {len(trials)} never learned or diverged" if len(trials) > 1 else "; it failed"
    )
    if not others:
        return f"{said}, and this is a likely cause"
    said += f", and {ill_others or 'none'} of the {count(others, 'other')}"
    is_rare = ill_others * len(trials) <= FEW_FAILED * ill * others
    return f"{said}: this is the likely cause" if is_rare else said


def runs_of(seen: Judged, trials: Iterable[str]) -> tuple[Run, ...]:
    """All runs of some trials."""
    return tuple(run for trial in trials for run in seen.trials.runs_of[trial])


def _needs_cross_entropy(seen: Judged) -> str | None:
    if reason := needs_models(seen):
        return reason
    if any(facts.loss in _LOSSES for facts in seen.trials.context.models.values()):
        return None
    return "no model is known to be trained on a plain cross-entropy"


def _plain(seen: Judged) -> Iterator[tuple[str, ModelFacts, str | None]]:
    """Trials with a single output: what it applies."""
    for trial, facts in seen.trials.context.models.items():
        if len(facts.activations) == 1 and trial in seen.trials.runs_of:
            yield trial, facts, facts.activations[0]


def _logits(seen: Judged) -> Iterator[Finding]:
    said: dict[str, Said] = {}
    on_tensorflow = "tensorflow" in seen.trials.provenance.versions
    for trial, facts, activation in _plain(seen):
        if facts.loss not in _LOSSES:
            continue
        if facts.from_logits and activation in _PROBABILITIES:
            # Keras marks what these put out, and finds the mark only on the very same tensor.
            is_undone = on_tensorflow and facts.dtypes == ("float32",)
            said[trial] = _twice(facts, activation, is_undone)
        elif facts.from_logits is False and activation in _NO_PROBABILITIES:
            said[trial] = Said(
                f"the output is {activation}, but the loss {facts.loss} has from_logits=False: it "
                "takes the logarithm of numbers that are no probabilities",
                "error",
            )
    yield from one_for_each(seen, LOGITS, said)


def _twice(facts: ModelFacts, activation: str, is_undone: bool) -> Said:
    start = f"the output is {activation}, and the loss {facts.loss} has from_logits=True"
    if is_undone:
        return Said(
            f"{start}: on TensorFlow Keras notices it and takes the logits themselves, on other "
            f"backends, and in half precision, {activation} would be applied twice",
            "tip",
        )
    classes = facts.units[0]
    if activation != "softmax" or classes is None:
        return Said(f"{start}: {activation} is applied twice, which flattens the loss", "warning")
    floor = math.log1p((classes - 1) / math.e)
    return Said(
        f"{start}: softmax is applied twice, so that with {classes} classes the loss cannot fall "
        f"below {number(floor)}, however good the model is",
        "warning",
        evidence=(Evidence("least loss that can be reached", floor, "nats"),),
    )


def _classes(seen: Judged) -> Iterator[Finding]:
    below = _below_zero(seen)
    said: dict[str, Said] = {}
    for trial, facts, activation in _plain(seen):
        words = _of_units(facts, activation)
        if words is None and trial in below and facts.loss == "binary_crossentropy":
            words = Said(
                "one sigmoid unit tells two classes apart, but the labels have other values than 0 "
                f"and 1: the loss {facts.loss} fell below 0, which it cannot with those",
                "error",
                evidence=(Evidence("threshold of the loss", NEGATIVE_LOSS, "nats"),),
            )
        if words is not None:
            said[trial] = words
    yield from one_for_each(seen, CLASSES, said)


def _of_units(facts: ModelFacts, activation: str | None) -> Said | None:
    units = facts.units[0]
    if units == 1 and activation == "softmax":
        return Said(
            "the output is softmax over one unit, which is 1 for every row, whatever the weights "
            "are; on TensorFlow the loss may fall all the same",
            "error",
        )
    if units == 1 and facts.loss in _CATEGORICAL:
        return Said(
            f"the output has one unit, but the loss {facts.loss} expects one for each class: of "
            "one unit it is the same whatever the model answers",
            "error",
        )
    if units and units > 1 and activation == "sigmoid" and facts.loss in _CATEGORICAL:
        return Said(
            f"the output is sigmoid with {units} units, but the loss {facts.loss} is for classes "
            "that exclude each other: what the model puts out for a row does not sum to 1, and is "
            "not what the loss was taken of",
            "warning",
            evidence=(Evidence("units of the output", units, "classes", 1),),
        )
    return None


def _below_zero(seen: Judged) -> set[str]:
    """Trials with a single output and a loss that is less than 0 anywhere."""
    trials = seen.trials
    found: set[int] = set()
    for metric in ("loss", "val_loss"):
        column = trials.column(metric)
        is_below = np.isfinite(column.values) & (column.values < NEGATIVE_LOSS)
        found |= set(column.run[is_below].tolist())
    return {trials.runs[run].trial_id for run in found}


LOGITS = Rule(
    code="AUD041",
    title="Output and from_logits do not fit",
    severity="warning",
    needs=_needs_cross_entropy,
    check=_logits,
    detected="The last layer applies softmax or sigmoid, and the cross-entropy has "
    "from_logits=True; or the last layer applies neither (it is linear, relu, tanh or the like), "
    "and the cross-entropy has from_logits=False, as is the default.",
    matters="With both, the loss is taken of a softmax of a softmax: it has a floor far above 0 "
    "(1.461 for 10 classes), and small gradients. With neither it is no cross-entropy at all, and "
    "training fails or goes anywhere.",
    remedy="Let one of the two do it: softmax (or sigmoid) in the last layer and "
    "from_logits=False, or a linear last layer and from_logits=True.",
    certainty="High: it stands in the model. It is called the likely cause where at least half of "
    f"such trials never learned or diverged, and of the others at most {FEW_FAILED:g} times that "
    "share. An error where neither applies it; a tip where Keras on TensorFlow takes the logits "
    "from what the last layer was given.",
    thresholds=("FEW_FAILED",),
)

CLASSES = Rule(
    code="AUD042",
    title="Sigmoid with several classes",
    severity="warning",
    needs=needs_models,
    check=_classes,
    detected="The last layer applies sigmoid to several units, and the loss is a categorical "
    "cross-entropy. Or it has one unit and applies softmax, or the loss is categorical. Or a "
    f"binary cross-entropy of one unit is below {NEGATIVE_LOSS:g}, as only labels outside of 0 to "
    "1 make it.",
    matters="Sigmoid asks of each class by itself whether it holds; the answers do not sum to 1, "
    "so that they are no probabilities of classes. One unit cannot answer between more than two.",
    remedy="For classes that exclude each other use softmax with a unit for each; for two classes "
    "one sigmoid unit and binary_crossentropy; for labels that may hold together a sigmoid unit "
    "for each and binary_crossentropy.",
    certainty="High: it stands in the model, or in its loss.",
    thresholds=("NEGATIVE_LOSS",),
)
