"""How rows are dealt out to cross-validation folds."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.search.folds import folds, row_count, take

SIZES = st.tuples(st.integers(2, 9), st.integers(0, 60)).map(lambda t: (t[0], t[0] + t[1]))


@st.composite
def dealt(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], int, int, bool]:
    """Labels, a number of folds that they allow, a seed, and whether to stratify."""
    count, rows = draw(SIZES)
    y = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    return np.array(y), count, draw(st.integers(0, 9)), draw(st.booleans())


@given(dealt())
def test_all_folds_have_one_size_and_each_row_but_the_rest_is_validated_once(drawn: Any) -> None:
    y, count, seed, stratify = drawn
    made = folds(y, count, seed, stratify)
    assert [len(fold.validation) for fold in made] == [len(y) // count] * count
    for fold in made:
        np.testing.assert_array_equal(np.union1d(fold.train, fold.validation), np.arange(len(y)))
        assert len(fold.train) + len(fold.validation) == len(y)
        assert all(np.all(np.diff(rows) > 0) for rows in (fold.train, fold.validation))
    validated = np.concatenate([fold.validation for fold in made])
    assert len(set(validated.tolist())) == len(validated)


@given(dealt())
def test_stratified_folds_have_the_same_share_of_each_class(drawn: Any) -> None:
    y, count, seed, _ = drawn
    counts = np.array(
        [np.bincount(y[f.validation], minlength=4) for f in folds(y, count, seed, stratify=True)]
    )
    assert np.all(np.ptp(counts, axis=0) <= 1)


@given(dealt())
def test_folds_depend_on_the_seed_alone(drawn: Any) -> None:
    y, count, seed, stratify = drawn
    first, second = folds(y, count, seed, stratify), folds(y.copy(), count, seed, stratify)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.validation, other.validation)


def test_another_seed_makes_other_folds() -> None:
    y = np.arange(40)
    assert set(folds(y, 2, 0)[0].validation) != set(folds(y, 2, 1)[0].validation)


LABELS = np.arange(30) % 3


@pytest.mark.parametrize(
    "y",
    [LABELS.reshape(-1, 1), LABELS.astype("float32"), np.eye(3)[LABELS], pd.Series(LABELS)],
    ids=["column", "float", "one_hot", "pandas"],
)
def test_classes_may_come_in_any_form_that_keras_takes(y: Any) -> None:
    for one, other in zip(folds(y, 5, 0, True), folds(LABELS, 5, 0, True), strict=True):
        np.testing.assert_array_equal(one.validation, other.validation)


@pytest.mark.parametrize("count", [-1, 0, 1, 7])
def test_a_number_of_folds_that_the_rows_do_not_allow_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} folds of 6 rows.*from 2 to the number of rows"):
        folds(np.zeros(6), count, 0)


@pytest.mark.parametrize(
    "y",
    [np.linspace(0, 1, 6), np.ones((6, 2)), np.array(list("aabbcc")), {"a": np.zeros(6)},
     np.array([0, 1, np.nan] * 2), np.eye(2)[[0, 1] * 3] * 2],
    ids=["fractions", "multi_hot", "text", "nested", "nan", "not_one_hot"],
)  # fmt: skip
def test_only_classes_are_stratified_by(y: Any) -> None:
    with pytest.raises(ValueError, match=r"takes one array of classes.*leave stratify out"):
        folds(y, 2, 0, stratify=True)


@pytest.mark.parametrize("y", [None, 3.0, "text", iter([1, 2]), [1, 0, 1], np.float64(1)])
def test_what_has_no_rows_is_refused(y: Any) -> None:
    with pytest.raises(ValueError, match=r"got \w+; convert the data with numpy.asarray"):
        folds(y, 2, 0)


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"same number of rows are needed, got \[2, 3\]"):
        row_count({"a": np.zeros(3), "b": np.zeros(2)})


def test_rows_are_taken_of_every_array_in_a_structure() -> None:
    frame = pd.DataFrame({"c": [1, 2, 3]}, index=[7, 8, 9])
    taken = take({"a": np.arange(6).reshape(3, 2), "b": [frame, frame["c"]]}, np.array([0, 2]))
    np.testing.assert_array_equal(taken["a"], [[0, 1], [4, 5]])
    assert isinstance(taken["b"][0], pd.DataFrame)
    assert [part.index.tolist() for part in taken["b"]] == [[7, 9], [7, 9]]
