"""An audit and its parts as a notebook shows them: short, in the notebook's own colours.

The same words as in the other reports. Nothing in it runs, and no name is obeyed.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.report.numbers import count
from auditor.report.parts import Cell, Column, Entry, Row, Section, Table
from auditor.report.templating import filled

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.checking import DataAudit
    from auditor.diagnosis.finding import Finding
    from auditor.trials import Trials

MOST_ROWS = 10
MOST_SETTINGS = 8
"""Columns of hyperparameters beside the ranking."""


def audit_html(audit: "Audit") -> str:
    """Verdict, three findings, the best ten trials, causes, and where the rest is."""
    from auditor.report.words.causes import causes
    from auditor.report.words.leaderboard import leaderboard
    from auditor.report.words.verdict import verdict

    board = leaderboard(audit)
    tables = tuple(map(_narrow, board.tables))
    why = causes(audit)
    shown = (
        verdict(audit),
        replace(board, tables=tables, paragraphs=board.paragraphs[:1]),
        replace(why, tables=(), notes=()),
    )
    return _laid_out(shown, "All of it: audit.to_html(). Figures: " + ", ".join(_figures()) + ".")


def data_html(found: "DataAudit") -> str:
    """What training and validation data show, and what is wrong with them."""
    from auditor.report.data import data_sections

    return _laid_out(data_sections(found)[:2])


def finding_html(finding: "Finding") -> str:
    """One finding: its sentence, the numbers behind it, and what to do."""
    from auditor.report.words.findings import evidence_parts
    from auditor.report.words.phrases import SEVERITY_TONES, listed, sentence

    rows = tuple(Row(tuple(map(Cell, evidence_parts(e)))) for e in finding.evidence)
    columns = (Column("evidence"), Column("value", "right"), Column("threshold", "right"))
    entry = Entry(
        finding.code,
        finding.title,
        SEVERITY_TONES[finding.severity],
        finding.severity,
        sentence(finding.sentence),
        (f"Trials: {listed(finding.trials)}.",) if finding.trials else (),
        finding.remedy,
    )
    sure = f"Confidence: {finding.confidence}."
    tables = (Table("", columns, rows),) if rows else ()
    return _laid_out((Section("finding", "", entries=(entry,), tables=tables, notes=(sure,)),))


def trials_html(trials: "Trials") -> str:
    """How much was observed, and the first trials with their hyperparameters."""
    from auditor.report.words.observed import observed

    return _laid_out((observed(trials),))


def _figures() -> Iterable[str]:
    from auditor.report.figures import FIGURES

    return (f"audit.figures.{figure.name}()" for figure in FIGURES)


def _narrow(table: Table) -> Table:
    """The table with what fits beside each other: the ranking, and some hyperparameters."""
    from auditor.report.words.leaderboard import SETTING

    settings = [i for i, column in enumerate(table.columns) if column.about == SETTING]
    left = {i for i, column in enumerate(table.columns) if not column.below}
    kept = sorted(left | set(settings[:MOST_SETTINGS]))
    rows = tuple(Row(tuple(row.cells[i] for i in kept)) for row in table.rows)
    more = count(len(settings) - MOST_SETTINGS, "more hyperparameter")
    note = f"{table.note} Left out: {more}." if len(settings) > MOST_SETTINGS else table.note
    return replace(table, columns=tuple(table.columns[i] for i in kept), rows=rows, note=note)


def _laid_out(sections: Iterable[Section], foot: str = "") -> str:
    shown = tuple(sections)
    return filled("notebook.html.j2", sections=shown, foot=foot, most_rows=MOST_ROWS)
