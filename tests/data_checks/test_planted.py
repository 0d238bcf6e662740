"""What is planted in data is found, and random splits of healthy data are silent."""

from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.model_selection import train_test_split

from auditor import check_data

ON_SPLITS = {"AUD031", "AUD032", "AUD033", "AUD034", "AUD037"}
SEEDS = 100


def found(*sides: Any) -> dict[str, str]:
    """Severities by code."""
    return {finding.code: finding.severity for finding in check_data(*sides).findings}


def normal(rows: int = 300, features: int = 12, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).astype("float32")
    return x, (x[:, 0] + rng.normal(size=rows) > 0).astype(int)


X, Y = normal(400)
RNG = np.random.default_rng(1)
HEALTHY = (X[:300], Y[:300], X[300:], Y[300:])


@pytest.mark.parametrize("shape", [(12,), (3, 4), (2, 3, 2), (12, 1)])
def test_healthy_data_of_any_shape_are_silent(shape: tuple[int, ...]) -> None:
    x = X.reshape(-1, *shape)
    assert found(x[:300], Y[:300], x[300:], Y[300:]) == {}


@pytest.mark.parametrize("kind", ["float32", "float64", "images", "tokens", "table", "two inputs"])
@pytest.mark.parametrize(("copies", "severity"), [(10, "warning"), (60, "error")])
def test_shared_rows_are_found(kind: str, copies: int, severity: str) -> None:
    pd = pytest.importorskip("pandas")
    x = {
        "float32": X,
        "float64": X.astype("float64"),
        "images": RNG.integers(0, 256, (400, 6, 6, 1)).astype("uint8"),
        "tokens": RNG.integers(0, 5_000, (400, 20)),
        "table": X,
        "two inputs": X,
    }[kind]
    other = x[300:].copy()
    other[:copies] = x[:copies]
    sides: tuple[Any, Any] = x[:300], other
    if kind == "table":
        sides = tuple(pd.DataFrame(side) for side in sides)
    if kind == "two inputs":
        sides = tuple([side[:, :4], {"b": side[:, 4:]}] for side in sides)
    codes = found(sides[0], Y[:300], sides[1], Y[300:])
    assert codes.pop("AUD031") == severity
    codes.pop("AUD035", None)  # grey levels
    assert codes == {}


def test_few_shared_rows_are_no_pattern() -> None:
    other = X[300:].copy()
    other[:4] = X[:4]
    assert found(X[:300], Y[:300], other, Y[300:]) == {}


@pytest.mark.parametrize(
    ("name", "copies"),
    [("digits", 0.08), ("breast_cancer", 0.35), ("iris", 1.0), ("wine", 1.0), ("iris", 4.0)],
)
def test_copies_made_before_a_random_split_are_a_leak(name: str, copies: float) -> None:
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    rng = np.random.default_rng(0)
    again = rng.integers(0, len(x), int(copies * len(x)))
    x, y = np.r_[x, x[again]], np.r_[y, y[again]]
    a, b, ya, yb = train_test_split(x, y, test_size=0.25, random_state=0)
    findings = {f.code: f for f in check_data(a, ya, b, yb).findings}
    assert findings["AUD031"].severity == ("error" if copies > 0.2 else "warning")
    assert "drop duplicates before splitting" in findings["AUD031"].sentence


@pytest.mark.parametrize(
    "x",
    [
        RNG.integers(0, 3, (400, 5)),
        RNG.integers(0, 9, (400, 1)),
        np.eye(5)[RNG.integers(0, 5, (400, 3))].reshape(400, -1),
    ],
    ids=["few values", "one column", "three codes"],
)
def test_rows_of_few_different_values_coincide(x: Any) -> None:
    facts = check_data(x[:300], Y[:300], x[300:], Y[300:]).data.repeats
    assert facts is not None
    assert facts.shared > 10
    assert found(x[:300], Y[:300], x[300:], Y[300:]) == {}


@pytest.mark.parametrize("noise", [1e-4, 1e-2])
def test_jittered_copies_are_near(noise: float) -> None:
    other = X[:100] + noise * RNG.normal(size=(100, 12)).astype("float32")
    assert "AUD032" in found(X[:300], Y[:300], other, Y[:100])


def test_jittered_images_are_near() -> None:
    x = RNG.integers(0, 256, (300, 28, 28)).astype("uint8")
    other = np.clip(x[:80].astype(int) + RNG.integers(-3, 4, (80, 28, 28)), 0, 255).astype("uint8")
    codes = found(x, Y[:300], other, Y[:80])
    assert codes["AUD032"] == "warning"
    assert "AUD031" not in codes


def test_sorted_labels_differ() -> None:
    order = np.argsort(Y, kind="stable")
    codes = found(X[order[:300]], Y[order[:300]], X[order[300:]], Y[order[300:]])
    assert codes["AUD033"] == "warning"


def test_a_class_that_training_never_shows_is_an_error() -> None:
    y = np.repeat(np.arange(4), 100)
    assert found(X[:300], y[:300], X[300:], y[300:])["AUD033"] == "error"
    one_hot = np.eye(4)[y]
    assert found(X[:300], one_hot[:300], X[300:], one_hot[300:])["AUD033"] == "error"


def test_targets_of_a_later_time_differ() -> None:
    y = np.cumsum(0.1 + RNG.normal(size=400))
    assert "AUD033" in found(X[:300], y[:300], X[300:], y[300:])


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x + np.eye(12)[3] * 1.5,
        lambda x: x * np.where(np.arange(12) == 3, 4, 1),
        lambda x: x + 0.5,
    ],
    ids=["one mean", "one scale", "all means"],
)
def test_rows_from_elsewhere_are_told_apart(change: Any) -> None:
    report = check_data(X[:300], Y[:300], change(X[300:]).astype("float32"), Y[300:])
    (finding,) = (f for f in report.findings if f.code == "AUD034")
    assert finding.severity == "warning"


def test_the_feature_that_tells_most_is_named() -> None:
    x = np.c_[X, np.arange(400)]
    names = [*"abcdefghijkl", "row number"]
    report = check_data(x[:300], Y[:300], x[300:], Y[300:], names)
    (finding,) = (f for f in report.findings if f.code == "AUD034")
    assert "most telling: row number (AUC 1, higher in validation)" in finding.sentence


def test_inputs_that_are_not_numbers_are_counted() -> None:
    x = X.copy()
    x[[1, 350, 399], 2] = np.nan, np.inf, np.nan
    report = check_data(x[:300], Y[:300], x[300:], Y[300:])
    assert (report.data.train_not_finite, report.data.validation_not_finite) == (1, 2)
    assert report.data.not_finite == (("x[:, 2]", 3),)
    assert {f.code for f in report.findings} == {"AUD037"}


def in_order(x: Any, y: Any, seed: int = 0) -> str | None:
    """How AUD038 judges the order of a table that is split at random."""
    sides = train_test_split(x, y, test_size=0.25, random_state=seed)
    a, b, ya, yb = sides
    findings = check_data(a, ya, b, yb, table=(x, y)).findings
    return next((f.severity for f in findings if f.code == "AUD038"), None)


def test_the_order_of_a_table_is_looked_at() -> None:
    order = np.argsort(Y, kind="stable")
    assert in_order(X[order], Y[order]) == "warning"
    assert in_order(X[order], X[order, 0]) == "warning"
    by_feature = np.argsort(X[:, 3].round(1))
    assert in_order(X[by_feature].round(1), RNG.permutation(Y)) == "tip"
    assert in_order(X, Y) is None
    assert in_order(np.c_[X, np.arange(400)], Y) is None


def test_the_last_rows_are_held_against_those_before() -> None:
    found = check_data(*HEALTHY, table=(X, np.arange(400) >= 300)).data.order
    assert found is not None
    assert (found.before, found.rows) == (300, 100)
    assert found.labels is not None
    assert (found.labels.train_share, found.labels.validation_share) == (1, 0)


def test_a_shuffled_table_is_in_no_order() -> None:
    for seed in range(20):
        x, y = normal(200, 6, seed)
        assert in_order(x, y, seed) is None


@pytest.mark.parametrize(
    ("x", "speaks"),
    [
        (X * 9, False),
        (X * 20, True),
        (X + 2_000, True),
        (X / 100 + 1, False),
        (RNG.integers(0, 256, (400, 6, 6)).astype("uint8"), True),
        (RNG.integers(0, 5_000, (400, 12)), False),
        (np.eye(12)[RNG.integers(0, 12, 400)], False),
    ],
)
def test_unscaled_inputs(x: Any, speaks: bool) -> None:
    assert ("AUD035" in found(x[:300], Y[:300], x[300:], Y[300:])) == speaks


def test_too_few_rows_say_nothing() -> None:
    assert found(X[:29], np.zeros(29), X[29:49] + 1, np.ones(20)) == {}


def test_many_rows_make_no_small_difference_matter() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(40_000) < 0.5).astype(int), (rng.random(40_000) < 0.53).astype(int)
    x = rng.normal(size=(80_000, 2))
    report = check_data(x[:40_000], y[0], x[40_000:], y[1])
    assert report.data.labels is not None
    assert report.data.labels.p < 1e-6
    assert report.findings == ()


def silent_share(x: Any, y: Any, seeds: int) -> float:
    silent = 0
    for seed in range(seeds):
        a, b, ya, yb = train_test_split(x, y, test_size=0.2, random_state=seed)
        silent += not ON_SPLITS & set(found(a, ya, b, yb))
    return silent / seeds


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris", "diabetes"])
def test_random_splits_of_real_data_are_silent(name: str) -> None:
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    assert silent_share(x, y, 5) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine", "iris", "diabetes"])
def test_no_false_alarm_in_many_random_splits_of_real_data(name: str) -> None:
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    assert silent_share(x, y, SEEDS if name != "digits" else 20) == 1


@pytest.mark.slow
def test_false_alarms_are_rare_in_data_of_nothing() -> None:
    alarms = 0
    for seed in range(SEEDS):
        x, y = normal(200, 6, seed)
        alarms += bool(found(x[:150], y[:150], x[150:], y[150:]))
    assert alarms <= 1


def test_real_data_as_they_come_are_not_scaled() -> None:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    assert found(x[:400], y[:400], x[400:], y[400:]).get("AUD035") == "tip"


def test_the_same_data_give_the_same_facts() -> None:
    assert check_data(*HEALTHY).data == check_data(*HEALTHY).data
