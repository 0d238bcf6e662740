"""The audit in words: what every renderer lays out, in this order."""

from typing import TYPE_CHECKING

from auditor.report.parts import Section
from auditor.report.words.background import checks, coverage, provenance
from auditor.report.words.causes import causes
from auditor.report.words.compute import compute
from auditor.report.words.findings import findings
from auditor.report.words.helps import helps
from auditor.report.words.leaderboard import leaderboard
from auditor.report.words.predictions import predictions
from auditor.report.words.selection import selection
from auditor.report.words.trials import trials
from auditor.report.words.verdict import verdict

if TYPE_CHECKING:
    from auditor.auditing import Audit

SECTIONS = (
    *(verdict, leaderboard, trials, findings, predictions, causes, helps),
    *(selection, compute, checks, coverage, provenance),
)
"""Each makes one section, or none; its name is the section's key."""


def sections(audit: "Audit") -> tuple[Section, ...]:
    """All sections of the report.

    Example:
        >>> [section.key for section in sections(audit)]
        ['verdict', 'leaderboard', 'trials', 'findings', 'causes', 'helps', ...]
    """
    made = (make(audit) for make in SECTIONS)
    return tuple(section for section in made if section is not None)
