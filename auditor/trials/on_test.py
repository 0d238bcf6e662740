"""What the winner of a search showed on test data, which nothing else in the search has seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.trials.records import VALIDATION_PREFIX, Recorded, Run


@dataclass(frozen=True)
class RunOnTest:
    """One training of the winner, with the weights of its best epoch.

    Attributes:
        execution, fold: Which one.
        metrics: By the names that `Model.evaluate` gives them: "loss", "accuracy".
    """

    execution: int
    fold: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class WinnerOnTest:
    """The winner of a search on test data: nothing is chosen by these, no other trial sees them.

    Attributes:
        trial_id: The winner at that time; a search that went on may have found another one since.
        rows: Test rows.
        metrics: Means over the runs that were evaluated.
        errors: Standard errors of these over the test rows, as if other rows had been drawn; only
            of metrics that are means over rows.
        runs: Each run that was evaluated: those whose weights were kept, less what crashed or
            diverged.
        winners: How many winners of this sweep, this one included, were evaluated on these data so
            far. From the second on they are a little less untouched.

    Example:
        >>> found = trials.context.on_test
        >>> found.metrics["loss"], found.errors["loss"]
        (0.412, 0.018)
    """

    trial_id: str
    rows: int
    metrics: Mapping[str, float]
    errors: Mapping[str, float] = field(default_factory=dict)
    runs: tuple[RunOnTest, ...] = ()
    winners: int = 1

    def minus_validation(self, recorded: Mapping[Run, Recorded]) -> dict[str, float]:
        """How far test metrics are from those on validation data, a mean over the runs.

        For a loss positive means that validation looked better. Penalties of the model are in both
        numbers, and leave the difference. What validation showed is known exactly, so the standard
        error of a difference is that of the test metric, in `errors`.

        Args:
            recorded: `Trials.recorded`.
        """
        found: dict[str, list[float]] = {}
        for run in self.runs:
            notes = recorded.get(Run(self.trial_id, run.execution, run.fold), Recorded())
            for name, value in run.metrics.items():
                seen = notes.metrics.get(VALIDATION_PREFIX + name)
                if seen is not None:
                    found.setdefault(name, []).append(value - seen)
        return {
            name: sum(differences) / len(differences)
            for name, differences in found.items()
            if len(differences) == len(self.runs)
        }
