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
from auditor.trials import Confusion, Deviations, Predictions

if TYPE_CHECKING:
    from auditor.auditing import Audit

MATRIX = 380
"""Pixels that the cells of a matrix of classes take in all, within the bounds of one cell."""

CELL_LEAST, CELL_MOST = 30, 84
"""Pixels of one cell."""

MISTAKEN = 0.25
"""Share of the rows of a class, in one kind of mistake, that has the full colour of mistakes."""

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
            figure.update_yaxes(type="log", **picture["ticks"], row=1, col=i)
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


def predictions(audit: "Audit") -> go.Figure:
    """What the best model says of the validation rows, beside the truth.

    Raises:
        ValueError: No predictions are known, or there are too many classes for a picture.
    """
    found = comparison(audit.trials.context.predictions)
    if found is None:
        raise ValueError("no predictions are known that make a picture")
    return go.Figure(found)


def comparison(found: Predictions | None) -> dict[str, Json] | None:
    """Data and layout of the picture of predictions, as plain values; None where there is none."""
    if found is not None and found.classes is not None and found.classes.counts:
        return _matrix(found.classes)
    if found is not None and found.numbers is not None:
        return _scatter(found.numbers)
    return None


def _matrix(confusion: Confusion) -> dict[str, Json]:
    """Rows by true class: what is right in one colour, mistakes in another."""
    names = [label(name) for name in confusion.classes]
    size = len(names)
    cell = max(CELL_LEAST, min(CELL_MOST, MATRIX // size))
    fixed = {"showgrid": False, "constrain": "domain", "fixedrange": True}
    across = axis("told by the model") | _ticks(confusion.classes) | fixed
    down = axis("true class") | _ticks(confusion.classes) | fixed
    layout = frame() | {
        "height": 80 + size * cell,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": across | {"constraintoward": "left"},
        "yaxis": down | {"autorange": "reversed", "scaleanchor": "x", "constraintoward": "top"},
    }
    cells = {
        "type": "heatmap",
        "x": list(range(size)),
        "y": list(range(size)),
        "texttemplate": "%{text}",
        "customdata": [
            [
                f"class {name} told {other}: {n:,} of {sum(row):,}"
                for other, n in zip(names, row, strict=True)
            ]
            for name, row in zip(names, confusion.counts, strict=True)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "hoverongaps": False,
        "zmin": 0,
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
    }
    colours = {True: palette.TRAIN, False: palette.VALIDATION}
    traces = [
        cells | _part(confusion, right) | {"colorscale": [[0, palette.EMPTY], [1, colour]]}
        for right, colour in colours.items()
    ]
    return {"data": traces, "layout": layout}


def _part(confusion: Confusion, right: bool) -> dict[str, Json]:
    """Shares of the rows of each class, of what is right or of the mistakes alone."""
    shares: list[list[float | None]] = []
    texts = []
    for place, row in enumerate(confusion.counts):
        own = [(at == place) == right for at in range(len(row))]
        total = sum(row) or 1
        shares.append([n / total if is_own else None for n, is_own in zip(row, own, strict=True)])
        # Both parts would write into a cell, one over the other.
        texts.append([f"{n:,}" if n and is_own else "" for n, is_own in zip(row, own, strict=True)])
    largest = max((share or 0.0 for row in shares for share in row), default=0.0)
    return {"z": shares, "text": texts, "zmax": 1 if right else max(MISTAKEN, largest)}


def _scatter(numbers: Deviations) -> dict[str, Json]:
    """A point per row, and the line on which prediction and truth are equal."""
    truth, said = ([float(f"{n:.5g}") for n in side] for side in zip(*numbers.pairs, strict=True))
    low, high = min(*truth, *said), max(*truth, *said)
    room = (high - low) * 0.04 or 1.0
    ends = [low - room, high + room]
    line = {
        "type": "scatter", "mode": "lines", "x": ends, "y": ends, "hoverinfo": "skip",
        "line": {"color": palette.MUTED, "width": 1.5, "dash": "dash"},
    }  # fmt: skip
    points = {
        "type": "scatter",
        "mode": "markers",
        "x": truth,
        "y": said,
        "marker": {"color": palette.TRAIN, "size": 6, "opacity": 0.55},
        "hovertemplate": "truth %{x}, prediction %{y}<extra></extra>",
    }
    same = {"range": ends, "constrain": "domain", "minexponent": 6, "separatethousands": True}
    layout = frame() | {
        "height": 460,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "showlegend": False,
        "xaxis": axis("truth") | same | {"constraintoward": "left"},
        "yaxis": axis("prediction") | same | {"scaleanchor": "x", "constraintoward": "top"},
    }
    return {"data": [line, points], "layout": layout}


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


def _ticks(levels: tuple[str, ...]) -> dict[str, Json]:
    return {"tickvals": list(range(len(levels))), "ticktext": [label(level) for level in levels]}
