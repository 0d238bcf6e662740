"""Plotly figures of an audit. They lay out what others computed, and compute nothing.

Needs no network: figures are Plotly objects, for notebooks and for saving as pictures.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from auditor.files import Json
from auditor.report import curves, palette
from auditor.report.counts import PairCounts, top_pair
from auditor.report.safe import label

if TYPE_CHECKING:
    from auditor.auditing import Audit

FEW_EPOCHS = 10
"""Up to that many, each is labelled; else Plotly would label halves of epochs."""


def learning_curves(
    audit: "Audit", trial_ids: Iterable[str], metric: str | None = None
) -> go.Figure:
    """Train and validation curves, one chart per trial, with best epoch and onset marked.

    Args:
        audit: The audit.
        trial_ids: Which trials, at least one.
        metric: Which metric; the objective unless given.

    Raises:
        ValueError: No trial, or one that is not in the audit.
    """
    trials = tuple(trial_ids)
    unknown = [trial for trial in trials if trial not in audit.trials.hyperparameters]
    if not trials or unknown:
        raise ValueError(f"trial_ids must name trials of the audit, got {unknown or trials}")
    metric = metric or next(iter(curves.metrics(audit)), audit.trials.objective.name)
    pictures = [curves.picture(audit, trial, metric) for trial in trials]
    figure = make_subplots(1, len(trials), subplot_titles=[p["title"] for p in pictures])
    for i, picture in enumerate(pictures, 1):
        for trace in picture["traces"]:
            style = curves.STYLES[trace["style"]]
            plain = {name: value for name, value in trace.items() if name != "style"}
            figure.add_trace(go.Scatter({**style, **plain}, showlegend=i == 1), row=1, col=i)
        for shape in picture["shapes"]:
            figure.add_shape(**{**shape, "yref": "y domain"}, row=1, col=i)
        if picture["log"]:
            figure.update_yaxes(type="log", dtick=picture["dtick"], row=1, col=i)
    figure.update_layout(frame())
    figure.update_xaxes(epoch_axis(audit))
    figure.update_yaxes(metric_axis(metric))
    return figure


def causes(audit: "Audit") -> go.Figure:
    """Failing/total for each combination of the two hyperparameters that go with failure most.

    Raises:
        ValueError: The audit looked at no pair, or none adds anything.
    """
    counts = top_pair(audit)
    if counts is None:
        raise ValueError("no pair of hyperparameters adds to failure in this audit")
    return go.Figure(heatmap(counts))


def heatmap(counts: PairCounts) -> dict[str, Json]:
    """Data and layout of the picture of a pair, as plain values."""
    cells = [list(zip(*row, strict=True)) for row in zip(counts.failing, counts.total, strict=True)]
    across, up = counts.levels
    data = {
        "type": "heatmap",
        # Places, not words: Plotly would take "1.0" for a number and "2020" for a date.
        "x": list(range(len(across))),
        "y": list(range(len(up))),
        "z": [[k / n if n else None for k, n in row] for row in cells],
        "text": [[f"{k}/{n}" if n else "–" for k, n in row] for row in cells],
        "texttemplate": "%{text}",
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
        "zmin": 0,
        "zmax": 1,
        "xgap": 2,
        "ygap": 2,
        "colorscale": [[0, palette.EMPTY], [1, palette.VALIDATION]],
        "showscale": False,
    }
    layout = frame() | {
        "height": 80 + 44 * len(up),
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": axis(counts.names[0]) | _ticks(across) | {"showgrid": False},
        "yaxis": axis(counts.names[1]) | _ticks(up) | {"showgrid": False, "autorange": "reversed"},
    }
    return {"data": [data], "layout": layout}


def frame() -> dict[str, Json]:
    """The layout that all figures share."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": palette.FONT, "size": 13, "color": palette.INK},
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
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


def _ticks(levels: tuple[str, ...]) -> dict[str, Json]:
    return {"tickvals": list(range(len(levels))), "ticktext": [label(level) for level in levels]}
