"""The report as one file that needs nothing else: no server, no network, no second file."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from auditor.files import Json
from auditor.report import palette
from auditor.report.curves import metrics
from auditor.report.figures import drawn
from auditor.report.figures.frame import frame
from auditor.report.live import Live
from auditor.report.packing import packed_table
from auditor.report.page_curves import notes, packed
from auditor.report.parts import Section, Table
from auditor.report.safe import script_json
from auditor.report.sections import sections
from auditor.report.sparkline import HEIGHT, WIDTH, sparklines
from auditor.report.templating import filled
from auditor.report.words.findings import by_code
from auditor.report.words.leaderboard import SETTING
from auditor.report.words.live import standing
from auditor.report.words.verdict import winner

if TYPE_CHECKING:
    from auditor.auditing import Audit

PRINTED_ROWS = 25
"""Rows of a long table that stand in the page as they are: for paper, and without scripts."""

LONG = 50
"""Rows from which a table is drawn by the script, as far as it is looked at."""


def render_html(audit: "Audit", live: Live | None = None) -> str:
    """The whole page. Names and messages in it are shown and never obeyed.

    Args:
        audit: What it is about.
        live: Where the sweep stands that goes on; the page then loads itself again. None where it
            has ended.
    """
    shown = sections(audit)
    tables = [table for section in shown for table in _tables(section)]
    figures, curves = drawn(audit), packed(audit)
    places = {trial: place for place, trial in enumerate(audit.scores.by_trial)}
    data = {
        "tables": [packed_table(table, places) for table in tables],
        "curves": curves,
        "figures": figures,
        "findings": [_places(group, places) for group in by_code(audit)],
        **_looks(),
        "setting": SETTING,
        "seconds": live.seconds if live else None,
    }
    top = list(places)[:PRINTED_ROWS]
    return filled(
        "page.html.j2",
        sections=shown,
        title=f"Audit of {audit.trials.provenance.path or 'a sweep'}",
        data=Markup(script_json(data)),
        plotly=Markup(get_plotlyjs()) if curves or figures else None,
        tabulator=_vendored("tabulator") if tables else None,
        grids=_numbers(tables),
        printed_rows=PRINTED_ROWS,
        sparks=sparklines(audit, top),
        spark_size=(WIDTH, HEIGHT),
        curves=curves,
        metrics=metrics(audit),
        best_name=winner(audit) or next(iter(places), ""),
        curve_notes=notes(audit, curves),
        heights={name: figure["layout"].get("height", 450) for name, figure in figures.items()},
        palette=palette,
        live=live,
        standing=standing(live) if live else "",
    )


def render_sections(
    title: str, shown: tuple[Section, ...], figures: Mapping[str, dict[str, Json]]
) -> str:
    """A page of sections that are not about the trials of one audit.

    Args:
        title: Of the page.
        shown: Its sections; their tables stand as they are.
        figures: Data and layout of the pictures in them, by name.
    """
    data = {"tables": [], "curves": None, "figures": figures, "findings": [], **_looks()}
    return filled(
        "page.html.j2",
        sections=shown,
        title=title,
        data=Markup(script_json(data)),
        plotly=Markup(get_plotlyjs()) if figures else None,
        tabulator=None,
        grids=lambda _: None,
        printed_rows=PRINTED_ROWS,
        sparks={},
        spark_size=(WIDTH, HEIGHT),
        best_name="",
        heights={name: figure["layout"]["height"] for name, figure in figures.items()},
        palette=palette,
        live=None,
    )


def _looks() -> dict[str, Json]:
    """What the scripts of a page draw with."""
    return {
        "frame": frame(),
        "dark": palette.DARK,
        "ink": palette.INK,
        "muted": palette.MUTED,
        "shade": palette.BAND,
    }


def _tables(section: Section) -> list[Table]:
    """The tables that the script draws: the leaderboard, and those with many rows."""
    entries = [entry.table for entry in section.entries if entry.table]
    every = [*section.tables, *entries]
    return [table for table in every if section.key == "leaderboard" or len(table.rows) > LONG]


def _numbers(tables: list[Table]) -> Callable[[Table], int | None]:
    """Which of the tables drawn by the script one is; None for those that are not."""
    numbers = {id(table): number for number, table in enumerate(tables)}
    return lambda table: numbers.get(id(table))


def _places(group: list[Any], places: dict[str, int]) -> list[int]:
    """The trials that findings of one code are about; none where they are about the sweep."""
    return sorted({places[trial] for finding in group for trial in finding.trials})


def _vendored(name: str) -> dict[str, Markup]:
    folder = files("auditor.report") / "vendor"
    parts = {"script": "min.js", "style": "min.css", "licence": "LICENSE"}
    return {
        part: Markup((folder / f"{name}.{suffix}").read_text(encoding="utf-8"))
        for part, suffix in parts.items()
    }
