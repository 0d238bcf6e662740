"""Case "stuck at chance": a net that stays at ln 2, and what gets it off; see `_page.py`.

.venv/bin/python scripts/cases/stuck_at_chance.py [--write]

One training that is validated on its own training rows, and a sweep of 48; a minute on two cores.
"""

import json
import sys
from collections.abc import Sequence

import numpy as np
from _page import Page, fresh, lines, literal, row_of, table

NAME = "stuck_at_chance"
QUESTION = {
    "activation": "relu",
    "initializer": "random_normal",
    "optimizer": "sgd",
    "learning_rate": 0.001,
}
"""Of the grid, what goes about as the posted training did."""

MOVING = 0.1
"""A learning rate at which losses differ from epoch to epoch within the digits shown."""

EPOCHS = 10
CHANCE = float(np.log(2))
LEARNED = 0.5
"""A validation loss below which nobody asks."""


def main(arguments: Sequence[str] | None = None) -> None:
    page = Page(NAME, __doc__, arguments)
    page.posted("stuck_at_chance.txt")
    same_rows(page)
    sweep(page)
    page.close()


def same_rows(page: Page) -> None:
    """Validation on the training rows, in one batch: what it looks like."""
    import keras
    import keras_tuner

    from auditor.sweeping import import_framework
    from search_spaces import load_space

    import_framework()
    space = load_space(NAME)
    data, hp = space.load_data(), keras_tuner.HyperParameters()
    for name, value in (QUESTION | {"learning_rate": MOVING}).items():
        hp.Fixed(name, value)
    keras.utils.set_random_seed(0)
    found = space.build(hp).fit(
        data.x,
        data.y,
        validation_data=(data.x, data.y),
        epochs=5,
        batch_size=len(data.x),
        verbose=0,
    )
    losses, again = found.history["loss"], found.history["val_loss"]
    rows = [(epoch + 1, f"{losses[epoch]:.7f}", f"{again[epoch]:.7f}") for epoch in range(5)]
    page.block("same_rows", table(("epoch", "loss", "val_loss"), rows))
    page.holds(
        "on the same rows val_loss is the loss of the next epoch, not of this one",
        np.allclose(again[:-1], losses[1:], atol=1e-6) and losses != again,
    )
    folder = fresh(page.options.out / "same_rows")
    (folder / "history.json").write_text(json.dumps(found.history))
    arrays = {"x_train": data.x, "y_train": data.y, "x_val": data.x, "y_val": data.y}
    np.savez(folder / "arrays.npz", **arrays)
    said = page.run(f"auditor check-data {folder / 'arrays.npz'}")
    page.block("check_data", literal("auditor check-data arrays.npz", lines(said, "AUD031", "")))


def sweep(page: Page) -> None:
    """The grid: what learns and what does not."""
    command = f"auditor sweep {NAME} --epochs {EPOCHS} --lane stacked"
    said = page.run(command)
    page.block("verdict", literal(command, lines(said, "VERDICT", "AUD")[2:]))
    page.block("causes", literal(command, lines(said, "By value", "Runs with")))
    audit = page.audit(NAME)
    board = audit.leaderboard
    asked = row_of(board, QUESTION)
    page.block("neighbours", neighbours(board, asked))
    best = board.iloc[0]
    figure = audit.figures.learning_curves([best["trial_id"], asked["trial_id"]])
    page.picture(NAME, figure)
    page.holds("what was asked about stays at chance", asked["objective"] > 0.95 * CHANCE)
    page.holds("the best trial learned", best["objective"] < 0.3)
    page.holds("most of the grid learned", (board["objective"] < LEARNED).mean() > 0.4)


def neighbours(board, asked) -> str:
    """What the trial that was asked about comes to with one value changed."""
    names, rows = list(QUESTION), []
    for name in names:
        others = [other for other in names if other != name]
        alike = (board[others] == asked[others]).all(axis=1) & (board[name] != asked[name])
        rows += [
            (f"{name} = {row[name]}", f"{row['objective']:.4f}", row["outcome"])
            for _, row in board[alike].sort_values("objective").iterrows()
        ]
    first = ("nothing", f"{asked['objective']:.4f}", asked["outcome"])
    return table(("changed", "best val_loss", "outcome"), [first, *rows])


if __name__ == "__main__":
    main(sys.argv[1:])
