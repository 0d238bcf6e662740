"""The rules on what models are made of, and how they were trained."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.diagnosis.finding import Finding
from auditor.trials import ModelFacts, Provenance
from tests.diagnosis.asking import diagnosed, evidence, found
from tests.diagnosis.examples.example import DIVERGED, FLAT, OVERFIT
from tests.diagnosis.examples.model import JAX, PLAIN, TENSORFLOW, modelled
from tests.making import case, sweep

OUTPUT = "activations"
CAUSE = ": this is the likely cause"


def told(code: str, trials: Any) -> list[Finding]:
    return [f for f in diagnosed(trials)[0] if f.code == code]


def with_output(
    activation: str | None, units: int = 3, loss: str | None = None, **more: Any
) -> ModelFacts:
    loss = loss or PLAIN.loss
    return replace(PLAIN, activations=(activation,), units=(units,), loss=loss, **more)


@pytest.mark.parametrize(
    ("facts", "backend", "severity", "part"),
    [
        (with_output("softmax", from_logits=True), JAX, "warning", "below 0.5514"),
        (with_output("softmax", from_logits=True), TENSORFLOW, "tip", "Keras notices it"),
        (
            with_output("softmax", from_logits=True, dtypes=("float16",)),
            TENSORFLOW, "warning", "applied twice",
        ),
        (with_output("softmax", from_logits=True), Provenance(), "warning", "applied twice"),
        (
            with_output("sigmoid", 1, "binary_crossentropy", from_logits=True),
            JAX, "warning", "sigmoid is applied twice",
        ),
        (with_output("linear"), JAX, "error", "the output is linear, but"),
        (with_output("relu"), TENSORFLOW, "error", "no probabilities"),
        (with_output("linear", 1, "binary_crossentropy"), TENSORFLOW, "error", "is linear"),
    ],
)  # fmt: skip
def test_probabilities_and_logits_are_told_apart(
    facts: ModelFacts, backend: Provenance, severity: str, part: str
) -> None:
    finding = found("AUD041", modelled({"a": FLAT}, backend, a=facts))
    assert (finding.severity, finding.confidence) == (severity, "high")
    assert part in finding.sentence


@pytest.mark.parametrize(
    ("curves", "end"),
    [
        ("DDOO", "; 2 of 2 never learned or diverged, and none of the 2 others" + CAUSE),
        ("DDOV", "; 2 of 2 never learned or diverged, and none of the 2 others" + CAUSE),
        ("DOOO", "; 1 of 2 never learned or diverged, and none of the 2 others" + CAUSE),
        ("DDDO", "; 2 of 2 never learned or diverged, and 1 of the 2 others" + CAUSE),
        ("DDDD", "; 2 of 2 never learned or diverged, and 2 of the 2 others"),
        ("DD", "; 2 of 2 never learned or diverged, and this is a likely cause"),
        ("OVDD", "takes the logarithm of numbers that are no probabilities"),
    ],
)
def test_outputs_that_do_not_fit_are_offered_as_the_cause_where_most_such_trials_failed(
    curves: str, end: str
) -> None:
    kinds = {"D": DIVERGED, "O": FLAT, "V": OVERFIT}
    models = dict(zip("abcd", [with_output("linear")] * 2 + [PLAIN] * 2, strict=True))
    trials = {name: kinds[kind] for name, kind in zip("abcd", curves, strict=False)}
    finding = found("AUD041", modelled(trials, **{name: models[name] for name in trials}))
    assert finding.sentence.endswith(end)


def test_one_trial_that_failed_is_told_so() -> None:
    trials = modelled({"a": DIVERGED, "b": FLAT}, a=with_output("linear"), b=PLAIN)
    assert "; it failed, and none of the 1 other" + CAUSE in found("AUD041", trials).sentence


@pytest.mark.parametrize(
    "facts",
    [
        with_output("softmax"),
        with_output("linear", from_logits=True),
        with_output("log_softmax", from_logits=True),
        with_output("sigmoid", 1, "binary_crossentropy"),
        with_output("sigmoid", 5, "binary_crossentropy"),
        with_output("exponential"),
        with_output(None, from_logits=True),
        with_output("linear", loss="mean_squared_error", from_logits=None),
        with_output("linear", loss=None, from_logits=True),
        replace(PLAIN, activations=("linear", "linear"), units=(3, 3)),
        replace(PLAIN, activations=(), units=()),
    ],
)
def test_outputs_that_fit_their_loss_or_are_unknown_are_passed(facts: ModelFacts) -> None:
    trials = modelled({"a": FLAT, "b": FLAT}, a=facts, b=PLAIN)
    assert told("AUD041", trials) == []
    assert told("AUD042", trials) == []


@pytest.mark.parametrize(
    ("facts", "severity", "part"),
    [
        (with_output("sigmoid", 3), "warning", "does not sum to 1"),
        (with_output("sigmoid", 3, "categorical_crossentropy"), "warning", "3 units"),
        (with_output("softmax", 1, "binary_crossentropy"), "error", "1 for every row"),
        (with_output("softmax", 1, "mean_squared_error"), "error", "1 for every row"),
        (with_output("sigmoid", 1), "error", "expects one for each class"),
    ],
)
def test_units_and_classes_must_fit(facts: ModelFacts, severity: str, part: str) -> None:
    finding = found("AUD042", modelled({"a": FLAT}, a=facts))
    assert (finding.severity, finding.confidence) == (severity, "high")
    assert part in finding.sentence


@pytest.mark.parametrize(("loss", "findings"), [(-0.009, 0), (-0.02, 1)])
def test_one_unit_with_other_labels_than_0_and_1_shows_in_a_negative_loss(
    loss: float, findings: int
) -> None:
    facts = with_output("sigmoid", 1, "binary_crossentropy")
    trials = modelled({"a": {"loss": [0.5, loss], "val_loss": [0.5, 0.4]}}, a=facts)
    assert len(told("AUD042", trials)) == findings


def test_trials_with_the_same_fault_share_a_finding() -> None:
    wrong = replace(PLAIN, from_logits=True)
    models = dict.fromkeys("abcdefgh", wrong) | {"i": PLAIN}
    trials = modelled(dict.fromkeys(models, FLAT), **models)
    finding = found("AUD041", trials)
    assert finding.trials == tuple("abcdefgh")
    assert finding.sentence.startswith("trials a, b, c, d, e and 3 more: the output")
    assert evidence(finding)["trials whose models are so"] == 8


def test_all_trials_are_not_named_one_by_one() -> None:
    models = dict.fromkeys("abcdef", replace(PLAIN, from_logits=True))
    finding = found("AUD041", modelled(dict.fromkeys(models, FLAT), **models))
    assert finding.sentence.startswith("all 6 trials: the output")


@pytest.mark.parametrize(
    ("facts", "findings"),
    [
        (PLAIN, 1),
        (replace(PLAIN, regularisers=("batch normalisation",)), 1),
        (replace(PLAIN, regularisers=("dropout", "batch normalisation")), 0),
        (replace(PLAIN, regularisers=("L2",)), 0),
        (replace(PLAIN, custom=("Own",)), 0),
    ],
)
def test_only_models_without_anything_against_it_are_told_so(
    facts: ModelFacts, findings: int
) -> None:
    assert len(told("AUD043", modelled({"a": OVERFIT}, a=facts))) == findings


def test_trials_with_and_without_regularisation_are_held_side_by_side() -> None:
    tamed = replace(PLAIN, regularisers=("dropout",))
    curves = {"a": OVERFIT, "b": OVERFIT, "c": FLAT, "d": FLAT, "e": OVERFIT}
    finding = found("AUD043", modelled(curves, a=PLAIN, b=PLAIN, c=tamed, d=tamed, e=tamed))
    assert finding.trials == ("a", "b")
    assert finding.sentence == (
        "trials a and b: overfit, and their models have no dropout, noise, L1, L2, weight decay or "
        "augmentation; of the 3 trials with some, 1 overfit"
    )


def test_the_published_grid_winner_overfits_without_regularisation() -> None:
    trials = sweep({"a": case("grid_winner_150_epochs")}, models={"a": PLAIN}, provenance=JAX)
    assert found("AUD043", trials).confidence == "medium"


DEAD = {"loss": [0.6932] * 8, "val_loss": [0.6932] * 8}


@pytest.mark.parametrize(
    ("optimizer", "rate", "curves", "confidence"),
    [
        ("Adam", 0.5, DIVERGED, "high"),
        ("Adam", 0.5, DEAD, "medium"),
        ("AdamW", 0.5, OVERFIT, "low"),
        ("SGD", 5.0, DIVERGED, "high"),
        ("RMSprop", 1e-7, DEAD, "medium"),
    ],
)
def test_a_rate_is_blamed_where_the_trial_went_wrong(
    optimizer: str, rate: float, curves: Any, confidence: str
) -> None:
    facts = replace(PLAIN, optimizer=optimizer, learning_rate=rate)
    finding = found("AUD044", modelled({"a": curves}, a=facts))
    assert finding.confidence == confidence
    on_taskset = [name for name in evidence(finding) if "TaskSet" in name]
    assert bool(on_taskset) == (optimizer == "Adam")


@pytest.mark.parametrize(
    ("optimizer", "rate", "curves"),
    [
        ("Adam", 0.5, FLAT),
        ("Adam", 0.10000000149, DIVERGED),
        ("SGD", 1.0, DIVERGED),
        ("Adam", 1e-7, OVERFIT),
        ("Adam", 9.999999e-7, DEAD),
        ("Adadelta", 5.0, DIVERGED),
        ("Adam", None, DIVERGED),
    ],
)
def test_a_rate_is_not_blamed_where_it_worked_or_is_within_bounds_or_unknown(
    optimizer: str, rate: float | None, curves: Any
) -> None:
    facts = replace(PLAIN, optimizer=optimizer, learning_rate=rate)
    assert told("AUD044", modelled({"a": curves}, a=facts)) == []


def test_trials_on_one_side_of_the_range_share_a_finding() -> None:
    curves = {"a": DIVERGED, "b": OVERFIT, "c": FLAT, "d": DIVERGED}
    rates = {"a": 1.0, "b": 3.0, "c": 2.0, "d": 0.5}
    models = {t: replace(PLAIN, learning_rate=rate) for t, rate in rates.items()}
    (many,) = told("AUD044", modelled(curves, **models))  # type: ignore[arg-type]
    assert many.trials == ("a", "b", "d")
    assert many.sentence == (
        "trials a, b and d: Adam with a learning rate above 0.1 (0.5 to 3): of 4 such trials 2 "
        "diverged, 1 overfit, 1 learned"
    )
