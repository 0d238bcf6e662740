"""The probability of ending worse covers the truth, also where all end alike."""

import numpy as np
import pytest

from auditor.attribution.ends import worse
from auditor.attribution.intervals import Z

OK, OVERFIT, DIVERGED = np.eye(3)


def test_equal_ends_count_half():
    found, *_ = worse(np.array([[2.0, 1.0, 1.0]]), np.array([[3.0, 1.0, 0.0]]), Z)
    # Of 16 pairs: 3 + 4 are worse, 6 + 1 equal.
    assert found == pytest.approx((3 + 4 + (6 + 1) / 2) / 16)


@pytest.mark.parametrize(("more", "less", "found"), [(OK, OK, 0.5), (DIVERGED, OK, 1.0)])
def test_an_interval_holds_where_all_end_alike(more, less, found):
    wide, narrow = (worse(n * more[None], n * less[None], Z) for n in (10.0, 100.0))
    for middle, low, high in (wide, narrow):
        assert middle == found
        assert low < found <= high <= 1
    assert wide[1] < narrow[1]


def test_groups_of_one_side_count_alike_whatever_their_size():
    more = np.stack([20 * DIVERGED, 5 * OK])
    assert worse(more, 9 * OK[None], Z)[0] == pytest.approx((1 + 0.5) / 2)


@pytest.mark.parametrize(
    "ends",
    [
        [[0.9, 0.05, 0.05], [0.9, 0.05, 0.05]],
        [[0.2, 0.4, 0.4], [0.8, 0.1, 0.1]],
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
    ],
)
@pytest.mark.parametrize("sizes", [(8, 30), (20, 20)])
def test_it_covers(ends, sizes):
    random = np.random.default_rng(0)
    draws = [random.multinomial(n, p, 4000)[None] * 1.0 for n, p in zip(sizes, ends, strict=True)]
    truth = worse(np.array(ends[:1]), np.array(ends[1:]), Z)[0]
    _, low, high = worse(*draws, Z)
    assert np.mean((low <= truth) & (truth <= high)) >= 0.93
