"""Case "steering": validation loss below training loss, in a regression; see `_page.py`.

.venv/bin/python scripts/cases/steering.py [--write]

Six trials held out, then the same six on four folds; a quarter of an hour on two busy cores.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from _page import Page, curve, lines, literal, row_of, table

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from auditor.auditing import Audit

NAME = "steering"
LIKE_POSTED = {"dropout": 0.1, "learning_rate": 0.003}
"""The trial whose losses are shown."""

POSTED_EPOCHS = 5
FOLDS = 4
SHOWN = (1, 2, 3, 5, 8, 12, 16, 20)


def main(arguments: Sequence[str] | None = None) -> None:
    page = Page(NAME, __doc__, arguments)
    page.posted("steering_val_below_train.log")
    held_out(page)
    in_folds(page)
    page.close()


def held_out(page: Page) -> None:
    """300 pictures held out, and training losses measured again without dropout."""
    command = f"auditor sweep {NAME} --epochs {SHOWN[-1]} --clean-train-metrics --lane stacked"
    said = page.run(command)
    page.block("verdict", literal(command, lines(said, "VERDICT", "LEADERBOARD")[2:]))
    page.block("predictions", literal(command, lines(said, "PREDICTIONS", "- These")[2:]))
    audit = page.audit(NAME)
    told = audit.trials.context.predictions
    page.holds(
        "the best is far better than a constant",
        told.numbers.rmse < 0.3 * told.numbers.rmse_of_mean,
    )
    page.picture(NAME, audit.figures.predictions(), 560, 480)
    board = audit.leaderboard
    trial = row_of(board, LIKE_POSTED)["trial_id"]
    loss, validation = (curve(audit, trial, metric) for metric in ("loss", "val_loss"))
    clean = audit.trials.series(*audit.trials.runs_of[trial], "clean_loss").values
    rows = [
        (epoch, *(f"{values[epoch - 1]:.4f}" for values in (loss, validation, clean)))
        for epoch in SHOWN
    ]
    head = ("epoch", "loss", "val_loss", "loss again, without dropout")
    page.block("losses", table(head, rows))
    late = slice(POSTED_EPOCHS, None)
    page.holds("late, validation is below training", (validation < loss)[late].all())
    page.holds("and above training without dropout", (validation > clean)[late].mean() > 0.9)
    page.picture(f"{NAME}_losses", with_clean(audit.figures.learning_curves([trial]), clean))
    page.block(
        "short",
        table(
            ("dropout", "learning rate", f"after {POSTED_EPOCHS} epochs", f"best of {SHOWN[-1]}"),
            shorter(audit),
        ),
    )


def with_clean(figure: "go.Figure", clean: np.ndarray) -> "go.Figure":
    """Learning curves of a trial, and its training loss without dropout."""
    epochs = np.arange(len(clean)) + 1
    name = "loss again, without dropout"
    return figure.add_scatter(x=epochs, y=clean, mode="lines", name=name, line={"dash": "dot"})


def shorter(audit: "Audit") -> list[tuple[object, ...]]:
    """Best validation losses of all trials, had they ended as early as the posted training."""
    rows = []
    for _, row in audit.leaderboard.iterrows():
        values = curve(audit, row["trial_id"], "val_loss")
        early = f"{values[:POSTED_EPOCHS].min():.4f}"
        best = f"{values.min():.4f} (epoch {values.argmin() + 1})"
        rows.append((row["dropout"], row["learning_rate"], early, best))
    return rows


def in_folds(page: Page) -> None:
    """The same trials on folds: are the 300 pictures easier than others?"""
    command = f"auditor sweep {NAME} --epochs 10 --folds {FOLDS} --lane stacked --out folds"
    said = page.run(command)
    page.block("folds_verdict", literal(command, lines(said, "VERDICT", "LEADERBOARD")[2:]))
    audit = page.audit(f"folds/{NAME}")
    rows, below = [], []
    for _, row in audit.leaderboard.iterrows():
        own = audit.trials.runs_of[row["trial_id"]]
        best = [audit.trials.curve(run, "val_loss").values for run in own]
        at = [values.argmin() for values in best]
        shares = [
            values[epoch] / audit.trials.curve(run, "loss").values[epoch]
            for run, values, epoch in zip(own, best, at, strict=True)
        ]
        below.append(shares)
        each = (f"{values.min():.4f}" for values in best)
        rows.append((row["dropout"], row["learning_rate"], *each, f"{np.mean(shares):.2f}"))
    head = ("dropout", "learning rate", *(f"fold {n + 1}" for n in range(FOLDS)), "val_loss / loss")
    page.block("folds", table(head, rows))
    dropped = [
        shares
        for shares, dropout in zip(below, audit.leaderboard["dropout"], strict=True)
        if dropout
    ]
    page.holds("with dropout, validation is below training in every fold", np.max(dropped) < 1)


if __name__ == "__main__":
    main(sys.argv[1:])
