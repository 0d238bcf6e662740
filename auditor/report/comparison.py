"""The report of a comparison: the sections of two audits held against each other."""

from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.report.terminal import laid_out
from auditor.report.words.comparison import sections

if TYPE_CHECKING:
    from auditor.comparing import Comparison


def render_comparison(found: "Comparison", width: int = 80, colour: bool = False) -> str:
    """The comparison as text that ends in a newline; see `auditor.report.terminal.laid_out`."""
    return laid_out(sections(found), width, colour)


def render_comparison_html(found: "Comparison") -> str:
    """The whole page. Names in it are shown and never obeyed."""
    # Loaded when asked for: nobody who reads a terminal waits for Plotly.
    from auditor.report.comparison_figure import draw
    from auditor.report.html import render_sections

    figure, shown = draw(found), sections(found)
    if figure is None:
        shown = tuple(replace(section, figures=()) for section in shown)
    paths = [audit.trials.provenance.path or "a sweep" for audit in (found.before, found.after)]
    return render_sections(" and ".join(paths), shown, {"matched": figure} if figure else {})
