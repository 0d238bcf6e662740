"""What often does not fail is narrowed by one more condition that tells when it does."""

import pytest

from tests.attribution.planted import diverging, named, random_configurations


@pytest.mark.parametrize("threshold", [0.02, 0.03, 0.06])
def test_a_range_narrows_a_pair_wherever_its_threshold_lies(threshold):
    """Between two quarters of the values, less than 80 % of those above the lower cut may fail."""
    values = random_configurations(300, seed=1)
    fails = lambda v: (v["lr"] >= threshold, v["activation"], v["c0"]) == (True, "sigmoid", "a")  # noqa: E731
    (name,) = named(diverging(fails, values, "random"))
    assert sorted(part.split()[0] for part in name.split(" & ")) == ["activation", "c0", "lr"]
