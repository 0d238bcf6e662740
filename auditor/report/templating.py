"""The templates of pages and notebooks: every value in them is shown, and none is obeyed."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from auditor.report.parts import Entry
from auditor.report.safe import printable


def filled(template: str, **values: Any) -> str:
    """A template of `auditor/report/templates` with its values.

    Texts are made printable and escaped; only `markupsafe.Markup` stands as it is.

    Example:
        >>> filled("notebook.html.j2", sections=(), foot="a < b", most_rows=10)
        '...<p><small>a &lt; b</small></p>...'
    """
    text: str = _environment().get_template(template).render(values)
    return text


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("auditor.report"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["anchor"] = _anchor
    return environment


def _shown(value: Any) -> Any:
    """Applied to every expression of every template, before it is escaped."""
    return printable(value) if type(value) is str else value


def _anchor(entry: Entry) -> str:
    """The id of an entry in the page: "aud003-warning"."""
    return re.sub(r"[^a-z0-9]+", "-", f"{entry.label} {entry.badge}".lower())
