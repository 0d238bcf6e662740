"""The report on data alone says what differs, and what does not."""

import pytest

from auditor.auditing import audit
from auditor.checking import DataAudit
from auditor.report.data import render_data
from auditor.trials.data_checks import LabelShift, Separation
from tests.diagnosis.examples.data import checked


def report(**parts: object) -> str:
    """On one line."""
    trials = checked(**parts)
    data = trials.context.data_checks
    assert data is not None
    return " ".join(render_data(DataAudit(data, audit(trials)), 200).split())


@pytest.mark.parametrize(
    ("effect", "p", "words"),
    [(0.005, 0.98, "alike (Cramér's V = 0.005)"), (0.4, 1e-9, "differ (Cramér's V = 0.4)")],
)
def test_labels_differ_or_are_alike(effect: float, p: float, words: str) -> None:
    labels = LabelShift("classes", 1000, 4000, effect, p, "3", 0.1, 0.3)
    assert f"labels {words}" in report(labels=labels)


@pytest.mark.parametrize(
    ("area", "low", "high", "words"),
    [
        (0.304, 0.2, 0.4, "no (AUC at most 0.5, which is guessing)"),
        (0.53, 0.48, 0.58, "no (AUC 0.53, 95 % interval 0.48 to 0.58; guessing has 0.5)"),
        (0.57, 0.52, 0.62, "hardly (AUC 0.57,"),
        (0.8, 0.7, 0.9, "yes (AUC 0.8,"),
    ],
)
def test_sides_are_told_apart_or_not(area: float, low: float, high: float, words: str) -> None:
    assert f"told apart by inputs {words}" in report(
        separation=Separation(800, 800, area, low, high)
    )


def test_each_check_says_what_it_found() -> None:
    labels = LabelShift("classes", 1000, 4000, 0.4, 1e-9, "3", 0.1, 0.3)
    text = report(labels=labels, separation=Separation(800, 800, 0.8, 0.7, 0.9))
    assert text.count("1 found") == 2
    assert "as above" not in text
