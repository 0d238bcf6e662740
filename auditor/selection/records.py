"""What the audit of a selection says, as plain records."""

from dataclasses import dataclass
from typing import Literal

Source = Literal["rows", "executions", "folds"]


@dataclass(frozen=True)
class Estimate:
    """A number and how sure it is.

    Attributes:
        value: The best guess, in units of the objective.
        interval: From where to where it is with 95 % confidence; None where that is not known.
    """

    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Standing:
    """One trial held against the winner.

    Attributes:
        trial_id: Which trial.
        behind: By how much its score is worse than the winner's, in units of the objective; what
            picking the best epoch owes to luck is taken off both.
        interval: Of `behind`: joint with 95 % confidence for all trials.
    """

    trial_id: str
    behind: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Luck:
    """What luck of one kind did to the choice of the winner.

    Attributes:
        of: Whose luck it is. "rows": which rows the validation set happens to have, for the models
            as they were trained. "executions": initial weights and order of the training rows, on
            the validation rows as they are. "folds": both, as far as folds show it.
        candidates: Trials that were compared.
        units: Independent parts that it was measured on: parts of the validation rows (of all
            folds), rows, executions of a trial (the fewest), or folds.
        rows: Validation rows behind these parts; None where not known.
        corrected: What the winner's objective is expected to be without that luck.
        optimism: By how much the winner's objective looks better than it is; positive is too good.
        regret: By how much the winner is worse than the truly best of the trials; None where it
            was not measured.
        could_be_best: Trials that may be the truly best one, best first, with 95 % confidence.
        tied: From how many to how many they might have been, were the data drawn again; None where
            that was not measured.
        tells: The smallest difference that would have been told, in units of the objective: a
            median over those that could be best, and None where there is only one.
        overfitting_probability: How often, of two halves of the parts, the winner on one is worse
            than the median trial on the other; None where it was not measured.
        standings: The best trials held against the winner, best first, itself left out.
    """

    of: Source
    candidates: int
    units: int
    rows: int | None
    corrected: float
    optimism: Estimate
    regret: Estimate | None
    could_be_best: tuple[str, ...]
    tied: tuple[int, int] | None = None
    tells: float | None = None
    overfitting_probability: float | None = None
    standings: tuple[Standing, ...] = ()


@dataclass(frozen=True)
class OnTest:
    """The winner on rows that no choice was made by.

    Attributes:
        metric: Its name on test data, such as "test_loss".
        value: The winner's, a mean over its runs.
        optimism: By how much it is worse there than on validation data; the interval is for other
            test rows, None where their number is not known.
        rows: Test rows; None where not known.
        winners: Winners that were evaluated on these rows so far; None where not known.
    """

    metric: str
    value: float
    optimism: Estimate
    rows: int | None = None
    winners: int | None = None


@dataclass(frozen=True)
class Overtuning:
    """What the search gained and lost on test data as it went on.

    Attributes:
        metric: Of the test data, known for every trial at its chosen epoch.
        trials: After so many trials, in the order of the search.
        validation: Objective of the trial that was best until then.
        test: Its test metric.
        expected: Test metric of the best of so many trials in a random order.
        overtuning: By how much the winner is worse on test data than an earlier best trial was; 0
            where it is the best of them.
        regret: By how much it is worse there than the best trial in hindsight.
        optimism: By how much it is worse on test data than on validation data.
    """

    metric: str
    trials: tuple[int, ...]
    validation: tuple[float, ...]
    test: tuple[float, ...]
    expected: tuple[float, ...]
    overtuning: float
    regret: float
    optimism: float


@dataclass(frozen=True)
class Selection:
    """What picking the best of many does to its score, as far as the records tell.

    Attributes:
        candidates: Trials that the winner was picked from: those that learned and did not fail.
        winner: The best of them.
        objective: Its objective as it was observed.
        what_if: By how many standard deviations of the noise the best of so many looks better than
            it is, were all equally good: the expected maximum.
        luck: What is known of the noise, by its source; empty where nothing is.
        on_test: The winner on test data; None where it has not been evaluated there.
        overtuning: The whole search on test data; None where they are not known for all trials.
        notes: What limits all this, in sentences.
    """

    candidates: int
    winner: str
    objective: float
    what_if: float
    luck: tuple[Luck, ...] = ()
    on_test: OnTest | None = None
    overtuning: Overtuning | None = None
    notes: tuple[str, ...] = ()

    @property
    def could_be_best(self) -> tuple[str, ...]:
        """Trials that some known luck leaves in the running, best first; empty where none is."""
        every = [trial for luck in self.luck for trial in luck.could_be_best]
        return tuple(dict.fromkeys(every))
