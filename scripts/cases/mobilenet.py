"""Case "mobilenet": a net with attention that overfits from epoch 12 on; see `_page.py`.

.venv/bin/python scripts/cases/mobilenet.py [--write]

Sixteen trials of 24 epochs; a quarter of an hour on two busy cores, less on idle ones.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from _page import Page, curve, lines, literal, row_of, table

if TYPE_CHECKING:
    from auditor.auditing import Audit

NAME = "mobilenet"
EPOCHS = 24
LIKE_POSTED = {
    "attention": "channels",
    "augmentation": "none",
    "dropout": 0.0,
    "learning_rate": 0.02,
}
"""Of the grid, what was posted: attention, SGD, and nothing known of it against overfitting."""

SHOWN = ("val_loss", "val_accuracy", "val_top3_acc", "val_top5_acc")
PATIENCE = 5
"""Epochs without a better validation loss after which early stopping ends a training."""


def main(arguments: Sequence[str] | None = None) -> None:
    page = Page(NAME, __doc__, arguments)
    page.posted("mobilenet_epochs_10_to_34.log")
    command = f"auditor sweep {NAME} --epochs {EPOCHS} --lane stacked"
    said = page.run(command)
    page.block("verdict", literal(command, lines(said, "VERDICT", "LEADERBOARD")[2:]))
    page.block("values", literal(command, lines(said, "By value", "Runs with")))
    page.block("compute", literal(command, lines(said, "COMPUTE SPENT", "went into")[2:]))
    audit = page.audit(NAME)
    board = audit.leaderboard
    asked, best = row_of(board, LIKE_POSTED)["trial_id"], board.iloc[0]["trial_id"]
    page.block("asked", table(("", *SHOWN), ends(audit, asked)))
    page.block("neighbours", table(("changed", "best val_loss", "outcome"), neighbours(board)))
    page.block("stopped", stopped(audit))
    page.picture(NAME, audit.figures.learning_curves([asked, best]))
    page.picture(f"{NAME}_trials", audit.figures.trials())
    outcome = dict(zip(board["trial_id"], board["outcome"], strict=True))
    page.holds("what was posted overfits here too", outcome[asked] == "overfit")
    bare = board[board["augmentation"] == "none"]["outcome"] == "overfit"
    helped = board[board["augmentation"] != "none"]["outcome"] == "overfit"
    page.holds("augmentation keeps from overfitting", helped.sum() < bare.sum())
    page.close()


def ends(audit: "Audit", trial: str) -> list[tuple[str, ...]]:
    """Validation metrics of a trial in its best epoch and in its last."""
    curves = {name: curve(audit, trial, name) for name in SHOWN}
    best = int(curves["val_loss"].argmin())
    return [
        (name, *(f"{values[at]:.3f}" for values in curves.values()))
        for name, at in ((f"epoch {best + 1}, the best", best), (f"epoch {EPOCHS}", -1))
    ]


def neighbours(board: Any) -> list[tuple[str, ...]]:
    """What the posted values come to with one of them changed."""
    rows = [neighbour("nothing", board, LIKE_POSTED)]
    for name, value in LIKE_POSTED.items():
        others = [other for other in board[name].unique() if other != value]
        rows += [neighbour(f"{name} = {v}", board, LIKE_POSTED | {name: v}) for v in others]
    return rows


def neighbour(what: str, board: Any, values: dict[str, Any]) -> tuple[str, ...]:
    row = row_of(board, values)
    return what, f"{row['objective']:.3f} (epoch {row['best_epoch'] + 1})", row["outcome"]


def stopped(audit: "Audit") -> str:
    """What early stopping would have saved and cost, read off the curves that ran to the end."""
    spent = cost = missed = 0
    for trial in audit.leaderboard["trial_id"]:
        values = curve(audit, trial, "val_loss")
        end = stop(values)
        spent += end
        lost = values[:end].min() - values.min()
        missed += lost > 0
        cost = max(cost, lost)
    total = EPOCHS * len(audit.leaderboard)
    return (
        f"With a patience of {PATIENCE} epochs, {spent} of {total} epochs would have been trained, "
        f"{1 - spent / total:.0%} less. {missed} of {len(audit.leaderboard)} trials would have "
        f"missed a better epoch, by {cost:.3f} of validation loss at most."
    )


def stop(values: Any) -> int:
    """How many epochs early stopping trains."""
    best = 0
    for epoch, value in enumerate(values):
        best = epoch if value < values[best] else best
        if epoch - best >= PATIENCE:
            return epoch + 1
    return len(values)


if __name__ == "__main__":
    main(sys.argv[1:])
