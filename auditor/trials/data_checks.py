"""What the data themselves showed, where they were at hand: counts and statistics, no judgement."""

from dataclasses import dataclass
from typing import Literal

NEAR = 0.1
"""Share of a row's distance to its tenth neighbour below which its nearest one is near to it. In
ten dimensions and more that hardly happens by chance: (1/10)^10 per neighbour."""

MOST_NOT_FINITE = 20
"""Features with numbers that are not finite that are named."""


@dataclass(frozen=True)
class Repeats:
    """Validation rows whose inputs are, to the last bit of float32, those of a training row.

    Attributes:
        rows: Validation rows that were looked up.
        train_rows: Training rows that they were looked up in.
        shared: How many were found there.
        within_train: Share of the training rows that repeat another training row.
        by_chance: Share of rows found that are put together of two training rows, the first columns
            of one and the last of the other: rows of few different values coincide so.
    """

    rows: int
    train_rows: int
    shared: int
    within_train: float
    by_chance: float


@dataclass(frozen=True)
class Neighbours:
    """Validation rows that nearly are a training row; see `NEAR`.

    Attributes:
        rows: Validation rows that were compared; none that repeats a training row exactly.
        train_rows: Training rows that they were compared with.
        near: How many have a near one there.
        near_in_train: How many of `own_rows` training rows have another near one there.
        own_rows: Training rows that were compared with the other training rows.
        by_chance: Share of near ones to be expected from the distances of the other neighbours.
    """

    rows: int
    train_rows: int
    near: int
    near_in_train: int
    own_rows: int
    by_chance: float


@dataclass(frozen=True)
class LabelShift:
    """How the labels of both sides differ.

    Attributes:
        kind: "classes": chi-square test; "numbers": two-sample Kolmogorov-Smirnov test.
        rows: Validation rows.
        train_rows: Training rows.
        effect: Of classes Cramér's V, as it were with equally many rows on both sides; of numbers
            the largest difference D between both cumulative distributions. 0 to 1.
        p: Of the test that both sides come from one population.
        most: The class that differs most, or the number where D is reached.
        train_share: Share of the training rows of that class, or at most that number.
        validation_share: The same of the validation rows.
        unseen: Validation rows of a class that no training row has.
    """

    kind: Literal["classes", "numbers"]
    rows: int
    train_rows: int
    effect: float
    p: float
    most: str
    train_share: float
    validation_share: float
    unseen: int = 0


@dataclass(frozen=True)
class Separation:
    """How well a classifier tells validation rows from training rows by their inputs.

    Attributes:
        rows: Validation rows it was tested on.
        train_rows: Training rows it was tested on.
        auc: Probability that it takes the validation row of a pair for the one; 0.5 is guessing.
        low, high: Its 95 % interval.
        features: Those that tell most, with their own AUC, the most telling first.
    """

    rows: int
    train_rows: int
    auc: float
    low: float
    high: float
    features: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Scale:
    """The scale of the training inputs, on a sample of their rows.

    Attributes:
        rows: Rows of the sample.
        features: Numbers per row.
        constant: Features with one value only.
        largest_deviation: Largest standard deviation of a feature.
        widest: Which feature that is.
        largest_offset: Largest |mean| of a feature, in its standard deviations or in 1 where that
            is more.
        farthest: Which feature that is.
        lowest, highest: Smallest and largest value.
        are_codes: Whether the values may be numbers of words or categories: whole, in one flat
            array of integers.
    """

    rows: int
    features: int
    constant: int
    largest_deviation: float
    widest: str
    largest_offset: float
    farthest: str
    lowest: float
    highest: float
    are_codes: bool = False


@dataclass(frozen=True)
class Constant:
    """What a model reaches that answers the same for every validation row.

    Attributes:
        rows: Validation rows.
        accuracy: With the commonest class of the training rows; None where there are no classes.
        answer: That class.
        rmse: With the mean of the training targets; None where there are classes.
    """

    rows: int
    accuracy: float | None = None
    answer: str = ""
    rmse: float | None = None


@dataclass(frozen=True)
class Order:
    """How the last rows of a table differ from those before, in the order of the file.

    Attributes:
        rows: The last rows: as many as validate.
        before: The rows before these.
        labels: How their labels differ.
        separation: How well a classifier tells them by their inputs; features that rise or fall
            with each row, as row numbers do, are left out.
    """

    rows: int
    before: int
    labels: LabelShift | None
    separation: Separation | None


@dataclass(frozen=True)
class DataChecks:
    """What comparing training and validation data showed; None where it could not be measured.

    Attributes:
        train_rows, validation_rows: Rows there are; each part says how many it looked at.
        train_not_finite, validation_not_finite: Rows with NaN or infinite inputs.
        not_finite: The features that hold these, those in most rows first, with the number of rows
            on both sides; at most `MOST_NOT_FINITE`.
        repeats, neighbours, labels, separation, scale, constant: See their classes.
        order: Where both sides come out of one table: whether its order matters.
        notes: What could not be measured and why, in sentences.
    """

    train_rows: int
    validation_rows: int
    train_not_finite: int = 0
    validation_not_finite: int = 0
    not_finite: tuple[tuple[str, int], ...] = ()
    repeats: Repeats | None = None
    neighbours: Neighbours | None = None
    labels: LabelShift | None = None
    separation: Separation | None = None
    scale: Scale | None = None
    constant: Constant | None = None
    order: Order | None = None
    notes: tuple[str, ...] = ()
