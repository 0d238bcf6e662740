"""Case "the winner of a grid": lr = 1 with sigmoid, batch 10, and a test set; see `_page.py`.

.venv/bin/python scripts/cases/grid_winner.py [--write]

Four sweeps: the grid of 72, validated and then once more on test rows, with the same seeds and so
the same weights; and the best trials again, several times, on rows shuffled before they were split.
Two minutes on two cores that do nothing else.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from _page import Page, lines, literal, row_of, table

NAME = "grid_winner"
EPOCHS = 20
SEEDS = 5
"""Trainings of one configuration, to tell hyperparameters from luck."""

QUESTION = {
    "activation": "sigmoid",
    "initializer": "random_uniform",
    "learning_rate": 1.0,
    "batch_size": 10,
}
"""The values that were posted as the best."""

CAREFUL = {"learning_rate": 0.01, "batch_size": 50}
"""What is trained beside the winner: the same net with a fifth of the steps."""


def main(arguments: Sequence[str] | None = None) -> None:
    page = Page(NAME, __doc__, arguments)
    page.posted("grid_winner_20_epochs.txt")
    audit = grid(page)
    test = on_test_rows(page, audit)
    asked(page, audit)
    choices(page, audit, test)
    again(page, audit)
    page.close()


def grid(page: Page) -> Any:
    """The sweep as the reader would run it."""
    command = f"auditor sweep {NAME} --epochs {EPOCHS} --lane stacked"
    start = time.perf_counter()
    said = page.run(command)
    print(f"{time.perf_counter() - start:.0f} s")
    page.block("verdict", literal(command, lines(said, "VERDICT", "LEADERBOARD")[2:]))
    page.block("values", literal(command, lines(said, "By value", "Runs with")))
    return page.audit(NAME)


def asked(page: Page, audit: Any) -> None:
    """What the audit says of the trial with the values that were posted."""
    board = audit.leaderboard
    row = row_of(board, QUESTION)
    trial = row["trial_id"]
    about = [f"{f.code} {f.sentence}" for f in audit.findings if f.trials == (trial,)]
    rank = f"Trial {trial}, rank {row['rank']} of {len(board)}, {row['outcome']}:"
    page.block("asked", "\n".join([rank, "", *(f"- {sentence}" for sentence in about)]))
    best = board.iloc[0]
    page.picture(NAME, audit.figures.learning_curves([best["trial_id"], trial]))
    page.holds("the posted values overfit", row["outcome"] == "overfit")
    page.holds("they are not the best", row["rank"] > 1)
    page.holds("the best trial has a learning rate below 1", best["learning_rate"] < 1)
    causes = [cause for cause in audit.causes if "learning_rate" in cause.sentence]
    page.holds("a cause names the learning rate", bool(causes))


def on_test_rows(page: Page, audit: Any) -> Any:
    """The curves of the same trainings on test rows, which decided nothing: same seeds and plan."""
    from search_spaces.grid_winner import load_data

    train, _, test = load_data()
    trials = searched(page, "on_test_rows", train, test)
    apart = np.abs(curves(trials, "loss") - curves(audit.trials, "loss")).max(axis=1)
    page.holds("but for rounding, these are the trainings of the grid", np.median(apart) < 1e-4)
    return trials


def searched(page: Page, name: str, train: Any, held_out: Any, **options: Any) -> Any:
    """The trials of a grid, trained as `auditor sweep --lane stacked` does."""
    from auditor import GridSearch, read
    from auditor.sweeping import VALIDATION_BATCH
    from search_spaces import load_space

    if not page.is_kept(name):
        tuner = GridSearch(
            load_space(NAME).hypermodel(),
            objective="val_loss",
            seed=0,
            lane="stacked",
            directory=str(page.options.out),
            project_name=name,
            overwrite=True,
            progress=lambda now: None,
            **options,
        )
        tuner.search(
            *train,
            validation_data=held_out,
            epochs=EPOCHS,
            batch_size=32,
            validation_batch_size=VALIDATION_BATCH,
            verbose=0,
        )
    return read(page.options.out / name)


def curves(trials: Any, metric: str) -> Any:
    """A metric of all runs; (run, epoch)."""
    return trials.matrix(metric).values


def choices(page: Page, audit: Any, test: Any) -> None:
    """What each way to choose picks, and what that comes to on test rows."""
    ids = [run.trial_id for run in audit.trials.runs]
    names = ("val_loss", "val_accuracy")
    loss, right = (curves(audit.trials, name) for name in names)
    test_loss, test_right = (curves(test, name) for name in names)
    finite = np.where(np.isfinite(loss), loss, np.inf)
    best = audit.leaderboard.iloc[0]
    picked = {
        "highest val_accuracy after 20 epochs": (int(right[:, -1].argmax()), EPOCHS - 1),
        "lowest val_loss after 20 epochs": (int(finite[:, -1].argmin()), EPOCHS - 1),
        "highest val_accuracy of any epoch": np.unravel_index(right.argmax(), right.shape),
        "this audit: val_loss of the best epoch": (
            ids.index(best["trial_id"]),
            int(best["best_epoch"]),
        ),
    }
    rows = []
    for how, (trial, epoch) in picked.items():
        values = audit.trials.hyperparameters[ids[trial]]
        place = (trial, epoch)
        rows.append(
            (
                how,
                ", ".join(map(str, values.values())),
                epoch + 1,
                *(f"{found[place]:.3f}" for found in (loss, test_loss, right, test_right)),
            )
        )
    head = (
        "chosen by",
        "values",
        "epoch",
        "val_loss",
        "test loss",
        "val_accuracy",
        "test accuracy",
    )
    page.block("choices", table(head, rows))


def again(page: Page, audit: Any) -> None:
    """The winner and a careful neighbour with new seeds, on rows as they stood and shuffled."""
    from search_spaces.grid_winner import VALIDATION_ROWS, load_data

    train, validation, test = load_data()
    winner = dict(audit.trials.hyperparameters[audit.leaderboard.iloc[0]["trial_id"]])
    order = np.random.default_rng(0).permutation(len(train[0]) + VALIDATION_ROWS)
    mixed = [
        np.concatenate([one, other])[order][: len(one)]
        for one, other in zip(train, validation, strict=True)
    ]
    rows = []
    for source, name in ((train, "as they stood"), (mixed, "shuffled")):
        for values in (winner, winner | CAREFUL):
            folder = f"again_{len(rows)}"
            options = {"hyperparameters": fixed(values), "executions_per_trial": SEEDS}
            trials = searched(page, folder, source, test, **options)
            rows.append(row(name, values, curves(trials, "val_loss")))
    page.holds("shuffling gains more than a tenth", float(rows[2][2]) < 0.9 * float(rows[0][2]))
    head = (
        "rows",
        "values",
        f"test loss of the best epoch: mean of {SEEDS} seeds",
        "least to greatest",
        "of the last",
    )
    page.block("again", table(head, rows))


def fixed(values: dict[str, Any]) -> Any:
    """Hyperparameters that leave nothing to search."""
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    for name, value in values.items():
        hp.Fixed(name, value)
    return hp


def row(name: str, values: dict[str, Any], losses: Any) -> tuple[Any, ...]:
    best = losses.min(axis=1)
    spread = f"{best.min():.3f} to {best.max():.3f}"
    shown = ", ".join(map(str, values.values()))
    return name, shown, f"{best.mean():.3f}", spread, f"{losses[:, -1].mean():.3f}"


if __name__ == "__main__":
    main(sys.argv[1:])
