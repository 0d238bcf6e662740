"""What the training was spent on: a stacked bar, and each of its parts on a line below."""

from typing import TYPE_CHECKING

from auditor.files import Json
from auditor.report import palette
from auditor.report.figures.frame import axis, frame
from auditor.report.numbers import percent
from auditor.report.words.compute import NAMES, amount

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.diagnosis.spending import Use

LINE = 44
"""Pixels of a line."""

_LOOKS: dict["Use", tuple[str, str]] = {
    "to the best epoch": (palette.TRAIN, ""),
    "after the best epoch": (palette.VALIDATION, "/"),
    "after divergence": (palette.VALIDATION, "x"),
    "never learned": (palette.VALIDATION, "."),
    "repeated": (palette.VALIDATION, "|"),
    "crashed": (palette.VALIDATION, "+"),
    "outside epochs": (palette.MUTED, ""),
    "not known": (palette.MUTED, "-"),
}
"""Colour and hatching of each use."""


def draw(audit: "Audit") -> dict[str, Json] | None:
    """Data and layout; None where neither an epoch nor a time was recorded."""
    spending = audit.spending
    if spending is None:
        return None
    total, unit = spending.total, spending.unit
    traces, names, begin = [], [f"in all<br>{amount(total, unit)}"], 0.0
    for use, part in spending.parts.items():
        colour, pattern = _LOOKS[use]
        share = spending.share(use)
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "y": [0, len(names)],
                "x": [share, share],
                "base": [begin, begin],
                "width": 0.62,
                "marker": {
                    "color": colour,
                    "line": {"width": 0},
                    "pattern": {
                        **{"shape": pattern, "size": 7, "solidity": 0.25},
                        **{"bgcolor": colour, "fgcolor": palette.PAPER},
                    },
                },
                "name": NAMES[use],
                "hovertemplate": f"{NAMES[use]}: {amount(part.amount, unit)}, {percent(share)}"
                "<extra></extra>",
            }
        )
        names.append(f"{NAMES[use]}<br>{amount(part.amount, unit)}, {percent(share)}")
        begin += share
    layout = frame() | {
        "height": 48 + LINE * len(names),
        "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
        "barmode": "overlay",
        "showlegend": False,
        "xaxis": axis("share of all training")
        | {"range": [0, 1.01], "tickvals": [0, 0.5, 1], "ticktext": ["0 %", "50 %", "100 %"]},
        "yaxis": axis("")
        | {"tickvals": list(range(len(names))), "ticktext": names, "showgrid": False}
        | {"range": [len(names) - 0.5, -0.5], "color": palette.INK, "tickfont": {"size": 12}}
        | {"ticks": "outside", "ticklen": 6, "tickcolor": "rgba(0,0,0,0)"},
    }
    return {"data": traces, "layout": layout}
