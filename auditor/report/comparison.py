"""The report of a comparison: the sections of two audits held against each other."""

from typing import TYPE_CHECKING

from auditor.report.terminal import laid_out
from auditor.report.words.comparison import sections

if TYPE_CHECKING:
    from auditor.comparing import Comparison


def render_comparison(found: "Comparison", width: int = 80, colour: bool = False) -> str:
    """The comparison as text that ends in a newline; see `auditor.report.terminal.laid_out`."""
    return laid_out(sections(found), width, colour)
