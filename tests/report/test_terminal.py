"""The report for a terminal."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from rich.cells import cell_len

from auditor.auditing import Audit, audit
from auditor.diagnosis.finding import Check
from auditor.report.terminal import render_terminal
from auditor.trials import Recorded, Run, Trials


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(audits: Mapping[str, Audit], width: int) -> None:
    for kind, audited in audits.items():
        lines = render_terminal(audited, width).splitlines()
        assert max(map(cell_len, lines)) <= width, kind


def test_without_colour_there_is_no_escape(full: Audit) -> None:
    assert "\x1b" not in render_terminal(full)


def test_colour_adds_nothing_but_escapes(full: Audit) -> None:
    coloured = render_terminal(full, colour=True)
    assert "\x1b[" in coloured
    plain = coloured
    while "\x1b[" in plain:
        start = plain.index("\x1b[")
        plain = plain[:start] + plain[plain.index("m", start) + 1 :]
    assert plain == render_terminal(full)


def test_only_the_caller_decides_on_width_and_colour(
    full: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, coloured = render_terminal(full), render_terminal(full, colour=True)
    for name, value in (("COLUMNS", "20"), ("NO_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    assert render_terminal(full) == plain
    assert render_terminal(full, colour=True) == coloured


def test_markup_in_names_is_shown(audits: Mapping[str, Audit]) -> None:
    assert "[red]" in render_terminal(audits["hostile"])


def test_long_ids_are_folded_and_never_cut() -> None:
    long = "runs/" + "/".join(f"learning_rate-0.{i}" for i in range(12))
    trials = Trials({long: {"lr": 0.1}}, {Run(long): Recorded()}, *_nothing())
    text = render_terminal(audit(trials))
    assert long in text.replace("\n", "").replace(" ", "")


def test_long_tables_say_how_much_is_left_out(full: Audit) -> None:
    assert "… 2 more, see --csv" in render_terminal(full)


def test_wide_terminals_have_hyperparameters_in_columns(full: Audit) -> None:
    assert "activation=relu" in render_terminal(full, 80)
    assert "activation=relu" not in render_terminal(full, 200)


def test_wide_characters_count_twice(full: Audit) -> None:
    finding = replace(full.findings[0], sentence="学習率" * 60)
    lines = render_terminal(replace(full, findings=(finding,))).splitlines()
    assert max(map(cell_len, lines)) <= 80


def _nothing() -> tuple[object, object]:
    from auditor.trials import Objective, empty_curves

    return empty_curves(), Objective("val_loss")


def test_a_reason_that_the_row_above_gave_is_not_repeated(full: Audit) -> None:
    reasons = ["curves are missing", "curves are missing", "labels are missing", "", ""]
    made = [Check(f"AUD90{i}", "A", "not applicable", why) for i, why in enumerate(reasons)]
    text = render_terminal(replace(full, checks=tuple(made)))
    rows = [line for line in text.splitlines() if re.match(r"AUD90\d  A ", line)]
    assert [row.split("not applicable")[1].strip() for row in rows] == [
        *("curves are missing", "as above", "labels are missing", "", "")
    ]
