"""Case "the dip at epoch 8": a dip that comes and goes, and a softmax too many; see `_page.py`.

.venv/bin/python scripts/cases/dip_at_epoch_8.py [--write]

One sweep of 12, with the second softmax and without; a minute on two cores.
"""

import math
import sys
from collections.abc import Sequence
from typing import Any

from _page import Page, curve, lines, literal, table

NAME = "dip_at_epoch_8"
FLOOR = math.log1p(8 / math.e)
"""Cross-entropy of nine classes after two softmaxes, all rows right, nats."""

AXES = ["momentum", "learning_rate"]


def main(arguments: Sequence[str] | None = None) -> None:
    page = Page(NAME, __doc__, arguments)
    page.posted("dip_at_epoch_8.log")
    command = f"auditor sweep {NAME} --epochs 12 --batch-size 8"
    said = page.run(command)
    page.block("verdict", literal(command, lines(said, "VERDICT", "LEADERBOARD")[2:]))
    audit = page.audit(NAME)
    softmaxes(page, audit)
    dips(page, audit)
    page.close()


def softmaxes(page: Page, audit: Any) -> None:
    """Each configuration with one softmax and with two."""
    page.block("findings", said_of(audit, ("AUD022", "AUD023")))
    board = audit.leaderboard
    board["right"] = [curve(audit, trial, "val_accuracy").max() for trial in board["trial_id"]]
    rows = []
    for values, pair in board.groupby(AXES):
        twice, once = (pair[pair["softmax"] == which].iloc[0] for which in ("twice", "once"))
        numbers = [
            number
            for one in (twice, once)
            for number in (f"{one['objective']:.3f}", f"{one['right']:.3f}")
        ]
        rows.append((*values, *numbers))
    head = (*AXES, "val_loss, twice", "val_accuracy, twice", "val_loss, once", "val_accuracy, once")
    page.block("pairs", table(head, rows))
    twice, once = (board[board["softmax"] == which] for which in ("twice", "once"))
    page.holds("no loss is below the floor with two", twice["objective"].min() > FLOOR)
    page.holds("losses are below it with one", once["objective"].median() < FLOOR)
    page.holds("the best trial has one softmax", board.iloc[0]["softmax"] == "once")
    found = [f for f in audit.findings if f.code == "AUD022"]
    page.holds("the audit finds the second softmax", bool(found))


def dips(page: Page, audit: Any) -> None:
    """How far validation accuracy falls between two epochs and comes back, in each trial."""
    falls = {trial: fall(curve(audit, trial, "val_accuracy")) for trial in audit.scores.by_trial}
    board = audit.leaderboard.set_index("trial_id")
    board["fall"] = [falls[trial] for trial in board.index]
    found = board.groupby([*AXES, "softmax"])["fall"].max().unstack()
    rows = [(*at, f"{row['twice']:.2f}", f"{row['once']:.2f}") for at, row in found.iterrows()]
    page.block("falls", table((*AXES, "largest fall, twice", "largest fall, once"), rows))
    page.block("dips", said_of(audit, ("AUD016", "AUD017")) or "The audit names none.")
    deepest = max(falls, key=lambda trial: falls[trial])
    values = [f"{value:.2f}" for value in curve(audit, deepest, "val_accuracy")]
    page.block("deepest", f"Trial {deepest}, val_accuracy by epoch: {', '.join(values)}.")
    shown = [deepest, audit.leaderboard.iloc[0]["trial_id"]]
    page.picture(NAME, audit.figures.learning_curves(shown, "accuracy"))
    page.holds("accuracy falls by a tenth and comes back", falls[deepest] > 0.1)


def fall(values: Any) -> float:
    """The largest fall below an earlier epoch that a later one makes good."""
    dips = [
        min(values[:at].max(), values[at + 1 :].max()) - values[at]
        for at in range(1, len(values) - 1)
    ]
    return max(0.0, *dips)


def said_of(audit: Any, codes: Sequence[str]) -> str:
    """The sentences of findings, in Markdown."""
    return "\n".join(f"- {f.code} {f.sentence}" for f in audit.findings if f.code in codes)


if __name__ == "__main__":
    main(sys.argv[1:])
