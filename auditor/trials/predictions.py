"""What the best model of a sweep says of validation rows, beside the truth."""

from dataclasses import dataclass

MOST_CLASSES = 20
"""Classes that a matrix is kept for; of more only the most frequent mistakes are."""


@dataclass(frozen=True)
class Mistake:
    """Rows of one class that were taken for another.

    Attributes:
        truth, prediction: The classes.
        rows: How many.
        of_rows: Rows of the true class.
    """

    truth: str
    prediction: str
    rows: int
    of_rows: int


@dataclass(frozen=True)
class Confusion:
    """Classes: which were taken for which.

    Attributes:
        classes: Their names, in order; empty where there are more than `MOST_CLASSES`.
        counts: Rows, by true class and then by what was predicted.
        mistakes: The most frequent ones first.
        accuracy: Share of rows that are right.
        majority: Share of rows of the most frequent class: what a constant gets right.
        number_of_classes: How many there are.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...]
    accuracy: float
    majority: float
    number_of_classes: int


@dataclass(frozen=True)
class Deviations:
    """Numbers: how far off they are.

    Attributes:
        pairs: Truth and prediction of some rows, evenly spaced.
        r2: Share of the variance that is explained; None where the truth is constant.
        rmse: Root of the mean squared error, in units of the target.
        mae: Mean absolute error, in units of the target.
        rmse_of_mean: The root of the mean squared error of answering the mean for every row.
    """

    pairs: tuple[tuple[float, float], ...]
    r2: float | None
    rmse: float
    mae: float
    rmse_of_mean: float


@dataclass(frozen=True)
class Predictions:
    """Predictions of validation rows by the best trial, with its best weights.

    Attributes:
        trial_id: The trial.
        rows: Rows that were predicted.
        of_rows: Rows of the validation data.
        classes: Where it tells classes apart.
        numbers: Where it answers numbers.
    """

    trial_id: str
    rows: int
    of_rows: int
    classes: Confusion | None = None
    numbers: Deviations | None = None
