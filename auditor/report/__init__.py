"""The audit for people and programs: compute, then word, then lay out.

`sections` words an audit; each renderer lays the same words out. None of them prints.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.auditing import Audit


@dataclass(frozen=True)
class Renderer:
    """One way to show an audit.

    Attributes:
        format: Its name, such as "html".
        render: From the audit to the whole text.
    """

    format: str
    render: Callable[["Audit"], str]


def _terminal(audit: "Audit") -> str:
    from auditor.report.terminal import render_terminal

    return render_terminal(audit)


def _html(audit: "Audit") -> str:
    from auditor.report.html import render_html

    return render_html(audit)


def _json(audit: "Audit") -> str:
    from auditor.files import to_json

    return to_json(audit.record, indent=1)


# Each imports its libraries when called: nobody who reads a terminal waits for Plotly.
RENDERERS = (Renderer("terminal", _terminal), Renderer("html", _html), Renderer("json", _json))


def render(audit: "Audit", format: str) -> str:
    """The audit in one of the formats of `RENDERERS`.

    Raises:
        ValueError: There is no such format.
    """
    for renderer in RENDERERS:
        if renderer.format == format:
            return renderer.render(audit)
    known = ", ".join(renderer.format for renderer in RENDERERS)
    raise ValueError(f"no format {format!r}; known are {known}")
