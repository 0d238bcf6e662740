"""Pairs that do more than both their values are told, and no others."""

from dataclasses import replace

from auditor.attribution.cause import Condition, GapPair
from auditor.auditing import Audit
from auditor.report import render
from auditor.report.sections import sections
from auditor.report.words.gaps import by_pair

TOLD = GapPair(
    (Condition("lr", "==", 1.0), Condition("activation", "==", "sigmoid")),
    *(2, 0.25, (0.1, 0.4), 0.0, None, True, False, "associated"),
)


def test_only_what_stands_out_is_listed() -> None:
    (table,) = by_pair([replace(TOLD, raises_gap=False), TOLD], ())
    (row,) = table.rows
    assert [cell.text for cell in row.cells] == [
        "lr = 1.0 and activation = sigmoid",
        *("2", "0.25 (0.1 to 0.4)", "0 %", "associated"),
    ]
    assert "nothing more is claimed" in table.note
    assert by_pair([replace(TOLD, raises_gap=False)], ()) == ()


def test_what_a_cause_names_is_not_told_again_as_ending_worse(full: Audit) -> None:
    worse = replace(TOLD, raises_gap=False, worsens=True)
    assert by_pair([worse], ())
    assert by_pair([worse], full.causes) == ()
    assert by_pair([TOLD], full.causes)


def test_it_stands_among_the_tables_of_the_report(full: Audit) -> None:
    audited = replace(full, attribution=replace(full.attribution, gap_pairs=(TOLD,)))
    (section,) = (section for section in sections(audited) if section.key == "causes")
    assert "Pairs beyond both their values" in [table.title for table in section.tables]
    for format in ("terminal", "html"):
        assert "0.25 (0.1 to 0.4)" in render(audited, format)
