"""A comparison in words: nothing that is not known is said."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from auditor.auditing import Audit
from auditor.comparing import compare
from auditor.report.comparison import render_comparison
from auditor.report.comparison_figure import draw
from tests.comparing.planted import GRID, SEEDS, quick, sweep


def told(before: dict[str, Any], after: dict[str, Any]) -> str:
    found = compare(quick(sweep(**before)), quick(sweep(**after)))
    return " ".join(str(found).split())


def test_equal_sweeps_are_told_to_be_equal() -> None:
    text = told({"seed": 0}, {"seed": 0})
    assert "Nothing changed: 24 trials, and the same val_loss in each" in text
    assert "went away" not in text


def test_a_shift_is_told_with_its_size_its_interval_and_its_test() -> None:
    text = told({"seed": 0}, {"seed": 1, "shift": -2 * SEEDS})
    assert "Better: val_loss is better in 2" in text
    assert "typically it changed by -0.0" in text
    assert "Wilcoxon's signed-rank test, p" in text


def test_one_training_each_does_not_tell_luck() -> None:
    text = told({"seed": 0, "values": GRID[:2]}, {"seed": 1, "values": GRID[:2]})
    assert "how much of that is luck is not known" in text
    assert "Each was trained once" in text
    assert "These are too few for a test." in text


def test_of_equal_bests_no_difference_is_told() -> None:
    text = told({"seed": 0, "values": GRID[:1]}, {"seed": 0, "values": GRID[:2]})
    assert re.search(r"The best val_loss is [\d.]+ on both sides\. ", text)
    assert "Each was trained once: with other seeds they may differ." in text


def test_what_cannot_be_compared_is_said_and_its_values_are_not() -> None:
    text = told({"seed": 0}, {"seed": 0, "direction": "max"})
    assert "cannot be ranked against each other. objective val_loss before, val_accuracy" in text
    assert "typically" not in text


def test_what_changed_in_all_trials_is_told_first() -> None:
    values = [{**one, "l2": 0.01} for one in GRID]
    text = told({"seed": 0}, {"seed": 1, "values": values})
    assert "In all trials: l2 not set before, 0.01 after." in text


def test_data_that_may_be_others_are_told() -> None:
    assert "is not recorded; if not, the values" in told({"seed": 0}, {"seed": 1})


def test_a_side_without_a_model_is_told() -> None:
    few = {"values": GRID[:3]}
    text = told({"seed": 0, "crashing": 1.0, **few}, {"seed": 1, **few})
    assert "There is a model to use now, trial" in text


def test_no_equal_trials_are_told() -> None:
    text = told({"seed": 0, "values": GRID[:4]}, {"seed": 1, "values": GRID[4:]})
    assert "No trial has the same hyperparameters on both sides" in text


@pytest.mark.parametrize("width", [60, 80, 132])
def test_every_audit_can_be_compared_with_every_other_and_fits(
    width: int, audits: Mapping[str, Audit]
) -> None:
    for before in audits.values():
        for after in audits.values():
            text = render_comparison(compare(before, after), width)
            assert text.isprintable() or set(text) - {"\n"} <= set(filter(str.isprintable, text))
            assert max(map(len, text.split("\n"))) <= width


def test_a_cause_of_values_not_searched_again_has_not_gone_away(full: Audit) -> None:
    text = str(compare(full, quick(sweep(0, values=[{"lr": 0.01}]))))
    assert "not searched after" in text
    told = text.partition("WHAT FAILURES GO WITH")[2]
    assert told
    assert "went away" not in told
    assert not re.search(r"(?i)\bcaus", text)


def test_the_page_has_the_same_words_and_one_point_per_pair() -> None:
    found = compare(quick(sweep(0)), quick(sweep(1, shift=-SEEDS)))
    figure = draw(found)
    assert figure is not None
    assert sum(len(trace["x"]) for trace in figure["data"]) == len(GRID)
    below = {trace["name"]: max(trace["y"]) for trace in figure["data"]}
    assert below["better after"] < 0 < below["worse after"]
    headline = str(found).split("\n")[2]
    assert f"<h1>{headline}</h1>" in found.to_html()


def test_equal_trials_have_no_picture() -> None:
    found = compare(quick(sweep(0)), quick(sweep(0)))
    assert draw(found) is None
    assert 'data-figure="matched"' not in found.to_html()
