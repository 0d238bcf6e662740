"""What is told of all trials, and of what the training went into."""

import math
from collections.abc import Mapping
from dataclasses import replace

from auditor.auditing import Audit, audit
from auditor.report.parts import Section
from auditor.report.sections import sections
from auditor.trials import Recorded
from tests.making import sweep

FINE = [1.0, 0.5, 0.3, 0.2]
LATE = [1.0, 0.6, 0.4, 0.3]
DIES = [0.9, 0.8, math.nan, math.nan]


def of(**curves: list[float]) -> Audit:
    known = {trial: {"loss": curve, "val_loss": curve} for trial, curve in curves.items()}
    return audit(sweep(known))


def told(audited: Audit, key: str) -> Section | None:
    return next((section for section in sections(audited) if section.key == key), None)


def text(audited: Audit, key: str) -> str:
    section = told(audited, key)
    assert section is not None
    return " ".join(section.paragraphs)


def test_when_runs_were_best_and_when_they_were_lost() -> None:
    said = text(of(a=FINE, b=LATE, c=DIES), "trials")
    assert "Half of the runs without a failure were best in the last of 4 epochs." in said
    assert "1 run diverged, in epoch 3." in said


def test_half_of_the_runs_were_best_early() -> None:
    said = text(of(a=[1.0, 0.5, 0.6, 0.5], b=[1.0, 0.4, 0.6, 0.5]), "trials")
    assert "Half of the runs without a failure were best in epoch 2 or later, of 4 epochs." in said


def test_who_is_on_the_front() -> None:
    assert "No trial has a better val_loss or a smaller gap than trial a" in text(
        of(a=FINE, b=LATE, c=[1.0, 0.7, 0.6, 0.5]), "trials"
    )


def test_one_trial_is_compared_with_nothing(audits: Mapping[str, Audit]) -> None:
    assert told(audits["one trial"], "trials") is None
    assert told(audits["empty"], "trials") is None


def test_one_of_several_runs_is_shown_and_it_is_said(audits: Mapping[str, Audit]) -> None:
    section = told(audits["three executions"], "trials")
    assert section is not None
    assert "Of several runs of a trial" in section.figures[0].note


def test_epochs_are_counted_where_no_time_is_known() -> None:
    audited = of(a=FINE, c=DIES)
    assert text(audited, "compute") == (
        "Training took 8 epochs in all, of which 75 % led up to the best epoch of a run. The "
        "largest other part, 2 epochs (25 %), is what runs went on for after they had diverged "
        "(1 run)."
    )
    section = told(audited, "compute")
    assert section is not None
    assert section.notes == ("Counted in epochs: no time is recorded.",)


def test_values_are_left_out_only_where_a_cause_names_some(full: Audit) -> None:
    flat = {"loss": [0.7] * 8, "val_loss": [0.7] * 8}
    without = audit(sweep({"a": flat}, no_skill_loss=0.69))
    caused = replace(without, attribution=full.attribution)
    for audited, words in ((caused, "leaving out values"), (without, "a test of a few epochs")):
        section = told(audited, "compute")
        assert section is not None
        saves = {row.cells[0].text: row.cells[-1].text for row in section.tables[0].rows}
        assert saves["never learned"].startswith(words)


def test_where_everything_led_to_a_best_epoch_nothing_else_is_told() -> None:
    assert text(of(a=FINE), "compute") == (
        "Training took 4 epochs in all, of which 100 % led up to the best epoch of a run."
    )


def test_stacks_share_their_time_and_it_is_said() -> None:
    curves = {"a": {"loss": FINE, "val_loss": FINE}}
    trials = sweep(curves, recorded={"a": Recorded("completed", seconds=4.0)})
    shared = sweep(
        curves,
        recorded={"a": Recorded("completed", seconds=4.0)},
        lane=dict.fromkeys(trials.runs, "stacked"),
    )
    section = told(audit(shared), "compute")
    assert section is not None
    assert section.notes[0].startswith("Of 1 run only the whole time is recorded")
    assert section.notes[1].startswith("1 run trained in stacks")
