"""How Sphinx makes the site; `scripts/docs` runs it. Pages are Markdown as a code host shows it."""

from pathlib import Path
from typing import Any

from docutils import nodes

import auditor

project = "auditor"
author = "the authors of auditor"
version = release = auditor.__version__
html_title = "auditor"
html_theme = "furo"
html_show_sphinx = False
html_show_copyright = False  # the licence is in the repository; there is no name to show
html_copy_source = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# Titles get the anchors that a code host gives them, down to "####".
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # generated pages may skip a level
napoleon_custom_sections = [("Arguments beyond those of KerasTuner", "params_style")]
nitpicky = True  # a name in a directive that resolves to nothing is a warning
nitpick_ignore_regex = [(r"py:.*", r".*")]  # but not the types in signatures: not all are public
default_role = "code"  # `name` in a docstring is code, as in Markdown
smartquotes = False  # they would make –save of --save
toc_object_entries_show_parents = "hide"
highlight_language = "none"  # a block says what it is

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88

# The navigation, in the order of reading; a pattern adds the pages that are not listed before it.
# In index.md it would be a block of code wherever that page is not this site's; there are links.
NAVIGATION = {
    "Begin": ["quick_start", "concepts"],
    "Guides": [
        "guides/replace_a_grid_search", "guides/audit_a_directory", "guides/read_the_report",
        "guides/*",
    ],
    "What it finds": [
        "rules", "attribution", "confirm", "check_data", "scoring", "selection", "compare",
    ],
    "Worked cases": ["cases/grid*", "cases/*"],
    "Reference": [
        "command_line", "python", "formats", "report", "exports", "audit_json", "clusters",
        "performance", "comparison",
    ],
}  # fmt: skip


def navigation(_app: Any, page: str, source: list[str]) -> None:
    """Give the first page the tables of contents; a page that is not written yet is left out."""
    if page != "index":
        return
    here = Path(__file__).parent
    for caption, entries in NAVIGATION.items():
        found = [entry for entry in entries if any(here.glob(f"{entry}.md"))]
        lines = [f":caption: {caption}", ":hidden:", ":glob:", "", *found]
        source[0] += "\n\n" + "\n".join(["```{toctree}", *lines, "```"]) + "\n"


def dashes(_app: Any, page: nodes.document) -> None:
    """Between an argument and what it is, where Sphinx has two hyphens for `smartquotes`."""
    for text in list(page.findall(nodes.Text)):
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" – "))


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("doctree-read", dashes)
    app.connect("source-read", navigation)
