"""Validation rows that a model which learned gets wrong nearly all."""

import pytest

from tests.diagnosis.asking import diagnosed, found
from tests.making import sweep

LEARNED = [0.6, 0.8, 0.9, 0.95]


@pytest.mark.parametrize(
    ("training", "validation", "counts", "speaks"),
    [
        (LEARNED, [0.0, 0.0, 0.0, 0.0], {}, True),
        (LEARNED, [0.0, 0.04, 0.0, 0.0], {}, False),  # perhaps one of many classes
        (LEARNED, [0.0, 0.04, 0.0, 0.0], {"a": 10, "b": 10, "c": 10}, True),
        (LEARNED, [0.0, 0.2, 0.0, 0.0], {"a": 10, "b": 10, "c": 10}, False),
        ([0.1] * 4, [0.0, 0.0, 0.0, 0.0], {}, False),  # it learned nothing
        (LEARNED[:2], [0.0, 0.0], {}, False),
    ],
)
def test_validation_below_guessing_is_told_where_training_learned(
    training: list[float], validation: list[float], counts: dict[str, int], speaks: bool
) -> None:
    losses = {"loss": [1.0] * len(training), "val_loss": [3.0] * len(training)}
    curves = {**losses, "accuracy": training, "val_accuracy": validation}
    trials = sweep({"a": curves}, label_counts=counts)
    assert ("AUD027" in {finding.code for finding in diagnosed(trials)[0]}) == speaks
    if speaks:
        finding = found("AUD027", trials)
        assert finding.severity == "error"
        told = "at most 0.04" if any(validation) else "0"
        assert finding.sentence.startswith(f"trial a: val_accuracy is {told} in all 4 epochs")
