"""The figures of an audit. They lay out what others computed, and compute nothing.

Each is made of plain values, so that a page needs no Plotly to hold it; `Audit.figures` makes
Plotly objects of them, for notebooks and for saving as pictures.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.files import Json
from auditor.report import palette
from auditor.report.figures import (
    causes,
    compute,
    effects,
    gap,
    learning_curves,
    luck,
    predictions,
    settings,
    trials,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from auditor.auditing import Audit


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: What pictures in sections call it, and its method of `Figures`.
        draw: From an audit to Plotly's `data` and `layout` as plain values; None where there is
            nothing to draw.
        missing: Why there may be nothing to draw, in words.
    """

    name: str
    draw: Callable[["Audit"], dict[str, Json] | None]
    missing: str


FIGURES = (
    Figure("trials", trials.draw, "fewer than two trials have a curve of the objective"),
    Figure("gap", gap.draw, "fewer than three trials that learned have a generalization gap"),
    Figure("settings", settings.draw, "no hyperparameter differs between three trials or more"),
    Figure("predictions", predictions.draw, "no predictions are known that make a picture"),
    Figure("causes", causes.draw, "no pair of hyperparameters adds to failure in this audit"),
    Figure("effects", effects.draw, "no value goes with more failures than the others"),
    Figure("luck", luck.draw, "how large the noise of the scores is, is not known"),
    Figure("search", luck.draw_search, "no test metric is known for every trial"),
    Figure("compute", compute.draw, "neither an epoch nor a time of training was recorded"),
)


ON_PAPER = {"paper_bgcolor": palette.PAPER, "plot_bgcolor": palette.PAPER}
"""Of its own outside of a page: dark letters cannot be read on a dark notebook."""


def drawn(audit: "Audit") -> dict[str, dict[str, Json]]:
    """Data and layout of every figure that has something to draw, by name."""
    made = ((figure.name, figure.draw(audit)) for figure in FIGURES)
    return {name: picture for name, picture in made if picture is not None}


class Figures:
    """The figures of an audit as Plotly objects: `audit.figures.causes().write_image("c.svg")`.

    Writing pictures needs Kaleido: `pip install "sweep-auditor[pictures]"`. Each method raises
    ValueError where the audit has nothing to draw, and says why.
    """

    def __init__(self, audit: "Audit") -> None:
        self._audit = audit

    def learning_curves(self, trial_ids: Iterable[str], metric: str | None = None) -> "go.Figure":
        """Train and validation curves, one chart per trial, with best epoch and onset marked.

        Args:
            trial_ids: Which trials, at least one.
            metric: Which metric; the objective unless given.

        Raises:
            ValueError: No trial, or one that is not in the audit.
        """
        made = learning_curves.draw(self._audit, trial_ids, metric)
        return made.update_layout(ON_PAPER)

    def trials(self) -> "go.Figure":
        """All trials at once: a strip each, epochs across, the colour its objective."""
        return self._made("trials")

    def gap(self) -> "go.Figure":
        """The generalization gap against the objective, with Pareto's front and the winner."""
        return self._made("gap")

    def settings(self) -> "go.Figure":
        """Settings and score of many trials: an axis per line, a curve per trial across them."""
        return self._made("settings")

    def predictions(self) -> "go.Figure":
        """What the best model says of the validation rows, beside the truth."""
        return self._made("predictions")

    def causes(self) -> "go.Figure":
        """Failing/total for each combination of two hyperparameters, for up to three pairs."""
        return self._made("causes")

    def effects(self) -> "go.Figure":
        """By how much more fail with a value than without: causes, and the strongest values."""
        return self._made("effects")

    def luck(self) -> "go.Figure":
        """The best trials held against the winner, with those that may truly be the best."""
        return self._made("luck")

    def search(self) -> "go.Figure":
        """The best trial so far on validation and on test data, over the trials of the search."""
        return self._made("search")

    def compute(self) -> "go.Figure":
        """What the training was spent on."""
        return self._made("compute")

    def _made(self, name: str) -> "go.Figure":
        import plotly.graph_objects as go

        figure = next(figure for figure in FIGURES if figure.name == name)
        picture = figure.draw(self._audit)
        if picture is None:
            raise ValueError(figure.missing)
        return go.Figure(picture).update_layout(ON_PAPER)
