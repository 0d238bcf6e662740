"""What the training of a sweep was spent on: time, or epochs where time was not recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.files import to_json
from auditor.outcomes import Outcome, Outcomes
from auditor.scoring import Scores
from auditor.trials import Curve, Run, Trials, twin

Use = Literal[
    "to the best epoch",
    "after the best epoch",
    "after divergence",
    "never learned",
    "repeated",
    "crashed",
    "outside epochs",
    "not known",
]
"""What a part of the training went into. Each epoch counts once: an epoch of a run that repeats an
earlier configuration as "repeated", whatever else became of it, and so on up this list."""

USES: tuple[Use, ...] = Use.__args__  # type: ignore[attr-defined]

_LEAST_OUTSIDE = 0.005
"""Share of all training below which time outside epochs is left out: it would be told as 0 %."""


class Part(NamedTuple):
    """What went into one use.

    Attributes:
        amount: In the unit of the whole.
        runs: How many runs spent it.
    """

    amount: float
    runs: int


@dataclass(frozen=True)
class Spending:
    """Where the training of a sweep went.

    Attributes:
        unit: "s" where the time of every run that trained is known, else "epochs".
        parts: By use, in the order of `USES`; only uses that took anything.
        spread: Runs whose time is known in all but not by epoch, so that each epoch is taken to
            have lasted as long as the others.
        shared: Runs that trained in a stack with others and are charged their share of its time.
        untimed: Runs that trained and whose time is not known.
    """

    unit: Literal["s", "epochs"]
    parts: Mapping[Use, Part]
    spread: int = 0
    shared: int = 0
    untimed: int = 0

    @property
    def total(self) -> float:
        """All of it, in its unit."""
        return sum(part.amount for part in self.parts.values())

    def share(self, use: Use) -> float:
        """What part of the whole went into a use; 0 where nothing did."""
        return self.parts[use].amount / self.total if use in self.parts else 0.0


class _Cost(NamedTuple):
    """What a run took: its epochs, the seconds of each, and seconds beside them.

    `by_epoch` is None where no time is known; `is_spread` where only its sum is.
    """

    epochs: NDArray[np.intp]
    by_epoch: NDArray[np.float64] | None
    beside: float
    is_spread: bool


def find_spending(trials: Trials, outcomes: Outcomes, scores: Scores) -> Spending | None:
    """Where the training went; None where neither an epoch nor a time was recorded."""
    costs = {run: _cost(trials, run) for run in trials.runs}
    untimed = sum(len(c.epochs) > 0 and c.by_epoch is None for c in costs.values())
    timed = not untimed and any(c.by_epoch is not None or c.beside for c in costs.values())
    repeats = repeated(trials)
    amounts: dict[Use, list[float]] = {use: [] for use in USES}
    for run, cost in costs.items():
        ends = _ends(run, cost.epochs, outcomes, scores, run.trial_id in repeats)
        spent = cost.by_epoch if timed else np.ones(len(cost.epochs))
        for use, epochs in ends.items():
            amounts[use].append(float(spent[epochs].sum()) if spent is not None else 0.0)
        if timed and cost.beside:
            use = "outside epochs" if len(cost.epochs) else _whole(run, outcomes, repeats)
            amounts[use].append(cost.beside)
    known = {use: [n for n in parts if n > 0] for use, parts in amounts.items()}
    parts = {use: Part(sum(spent), len(spent)) for use, spent in known.items() if spent}
    if not parts:
        return None
    beside = parts.get("outside epochs")
    if beside and beside.amount < _LEAST_OUTSIDE * sum(part.amount for part in parts.values()):
        del parts["outside epochs"]
    spread = sum(c.is_spread for c in costs.values()) if timed else 0
    stacked = [run for run, lane in trials.context.lane.items() if lane == "stacked"]
    return Spending("s" if timed else "epochs", parts, spread, len(stacked) * timed, untimed)


def repeated(trials: Trials) -> frozenset[str]:
    """Trials whose configuration an earlier one had; those of which nothing is known are none."""
    seen: set[str] = set()
    found = set()
    for trial, values in trials.hyperparameters.items():
        key = to_json(dict(sorted(values.items())))
        if values and key in seen:
            found.add(trial)
        seen.add(key)
    return frozenset(found)


def _cost(trials: Trials, run: Run) -> _Cost:
    objective = trials.objective.name
    names = dict.fromkeys((objective, twin(objective), "loss", "val_loss"))
    # A metric that is validated every few epochs has fewer points than there were epochs.
    epochs = max((trials.curve(run, name).epochs for name in names), key=len)
    whole = trials.recorded[run].seconds
    timed = trials.series(run, "seconds")
    if len(epochs) and _covers(timed, epochs):
        by_epoch = timed.values[np.searchsorted(timed.epochs, epochs)]
        beside = 0.0 if whole is None else max(0.0, whole - float(by_epoch.sum()))
        return _Cost(epochs, by_epoch, beside, False)
    if whole is None or not len(epochs):
        return _Cost(epochs, None, whole or 0.0, False)
    return _Cost(epochs, np.full(len(epochs), whole / len(epochs)), 0.0, True)


def _covers(timed: Curve, epochs: NDArray[np.intp]) -> bool:
    return bool(np.isin(epochs, timed.epochs).all() and np.isfinite(timed.values).all())


def _ends(
    run: Run, epochs: NDArray[np.intp], outcomes: Outcomes, scores: Scores, is_repeat: bool
) -> dict[Use, NDArray[np.bool_]]:
    """Which epochs of a run went into which use."""
    verdict, best = outcomes.by_run[run], scores.by_run[run].best_epoch
    everything = np.ones(len(epochs), bool)
    if is_repeat:
        return {"repeated": everything}
    if verdict.outcome == Outcome.CRASHED:
        return {"crashed": everything}
    if verdict.outcome == Outcome.NEVER_LEARNED:
        return {"never learned": everything}
    lost = np.zeros(len(epochs), bool)
    if verdict.outcome == Outcome.DIVERGED and verdict.bad_epochs:
        lost = epochs >= verdict.bad_epochs[0]
    if best is None:
        return {"after divergence": lost, "not known": ~lost}
    return {
        "to the best epoch": (epochs <= best) & ~lost,
        "after the best epoch": (epochs > best) & ~lost,
        "after divergence": lost,
    }


def _whole(run: Run, outcomes: Outcomes, repeats: frozenset[str]) -> Use:
    """The use of a run of which no epoch is recorded."""
    ended = outcomes.by_run[run].outcome
    if run.trial_id in repeats:
        return "repeated"
    uses: dict[Outcome, Use] = {Outcome.CRASHED: "crashed", Outcome.NEVER_LEARNED: "never learned"}
    return uses.get(ended, "not known")
