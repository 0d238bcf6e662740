"""What the best model says of the validation rows, beside the truth."""

from typing import TYPE_CHECKING

from auditor.files import Json
from auditor.report import palette
from auditor.report.figures.frame import axis, frame, ticks
from auditor.report.safe import label
from auditor.trials import Confusion, Deviations

if TYPE_CHECKING:
    from auditor.auditing import Audit

MATRIX = 380
"""Pixels that the cells of a matrix of classes take in all, within the bounds of one cell."""

CELL_LEAST, CELL_MOST = 30, 84
"""Pixels of one cell."""

MISTAKEN = 0.25
"""Share of the rows of a class, in one kind of mistake, that has the full colour of mistakes."""


def draw(audit: "Audit") -> dict[str, Json] | None:
    """Data and layout; None where no predictions are known, or classes are too many."""
    found = audit.trials.context.predictions
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
    across = axis("told by the model") | ticks(confusion.classes) | fixed
    down = axis("true class") | ticks(confusion.classes) | fixed
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
        "textfont": {"color": palette.INK},
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
    colours = {True: palette.RIGHT, False: palette.FAILING}
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
