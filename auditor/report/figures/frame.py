"""What all figures share: the frame, axes, and labels on them, in plain values."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auditor.files import Json
from auditor.report import palette
from auditor.report.curves import log_ticks
from auditor.report.safe import label

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_LETTERS = 24
"""Of a label beside an axis; a phone has room for no more."""

FEW_EPOCHS = 10
"""Up to that many, each is labelled; else Plotly would label halves of epochs."""


def frame() -> dict[str, Json]:
    """The layout that all figures share."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": palette.FONT, "size": 13, "color": palette.INK},
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1.08, "yanchor": "bottom"},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": palette.EMPTY, "font": {"color": palette.INK}},
    }


def axis(title: str) -> dict[str, Json]:
    """One axis; its margin grows with its labels."""
    return {
        "title": {
            "text": label(title),
            "font": {"size": 12, "color": palette.MUTED},
            "standoff": 8,
        },
        "automargin": True,
        "gridcolor": palette.GRID,
        "zeroline": False,
        "color": palette.MUTED,
        "exponentformat": "power",
    }


def epoch_axis(audit: "Audit") -> dict[str, Json]:
    """The same epochs in every chart, so that a run that ended early is seen to have."""
    step = {"dtick": 1} if audit.trials.epochs <= FEW_EPOCHS else {}
    return axis("epoch") | {"range": [0.5, audit.trials.epochs + 0.5]} | step


def metric_axis(metric: str) -> dict[str, Json]:
    """Both sides of a metric on one axis, named after what they share."""
    return axis(metric.removeprefix("val_"))


def log_axis(least: float, most: float) -> dict[str, Json]:
    """What makes an axis logarithmic, with whole numbers as its labels."""
    return {"type": "log", **log_ticks(least, most)}


def ticks(levels: Sequence[str]) -> dict[str, Json]:
    """Labels of an axis of places: Plotly would take "1.0" for a number and "2020" for a date."""
    return {"tickvals": list(range(len(levels))), "ticktext": [shortened(name) for name in levels]}


def shortened(text: str, most: int = MOST_LETTERS) -> str:
    """A label of at most so many letters: its begin and its end, where names tend to differ."""
    if len(text) > most:
        text = f"{text[: most // 3]}…{text[len(text) - most + most // 3 + 1 :]}"
    return label(text)
