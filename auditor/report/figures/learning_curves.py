"""Train and validation curves of a few trials side by side, for notebooks and pictures."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from auditor.report import curves
from auditor.report.figures.frame import epoch_axis, frame, metric_axis

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from auditor.auditing import Audit


def draw(audit: "Audit", trial_ids: Iterable[str], metric: str | None = None) -> "go.Figure":
    """Train and validation curves, one chart per trial, with best epoch and onset marked.

    Args:
        audit: The audit.
        trial_ids: Which trials, at least one.
        metric: Which metric; the objective unless given.

    Raises:
        ValueError: No trial, or one that is not in the audit.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

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
