"""Random bits: each statistic passes ours, and is shown to reject a generator that is too weak."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import ops
from scipy import stats

from auditor.search.stacking import randomness
from auditor.search.stacking.randomness import (
    FRACTION_BITS,
    fold_in,
    keep_mask,
    normal,
    run_key,
    run_keys,
    uniform,
)
from tests.search.stacking.judging_bits import (
    as_bits,
    counter,
    lowbias32,
    one_round,
    p_of_bits,
    p_of_bytes,
    p_of_independence,
    positions,
    two_words,
    xorshift,
)
from tests.search.stacking.vectorizing import WAYS, doubles, vectorize

KEY = run_key(7, 3)
# Keys and numbers are fixed, so nothing here fails by chance from one day to the next.
GOOD = 1e-4  # a p-value that ours stays above, in every test
BAD = 1e-9  # and one that a weak generator stays below
Bits = Callable[[Any, Any], np.ndarray]


def ours(key: Any, shape: Any) -> np.ndarray:
    return np.asarray(randomness.bits(np.asarray(key, np.uint32), shape))


def test_the_bits_are_those_of_the_definition() -> None:
    first, second = KEY[:1], KEY[1:]
    third = lowbias32(first + lowbias32(second + np.uint32(0x9E3779B9)))
    mixed = lowbias32(positions((5, 70)) ^ first) ^ second
    np.testing.assert_array_equal(ours(KEY, (5, 70)), lowbias32(mixed, within=third))


@pytest.mark.parametrize("statistic", [p_of_bytes, p_of_bits])
@pytest.mark.parametrize("key", [KEY, (0, 0), (1, 0), (0, 1), (2**32 - 1, 2**32 - 1)])
def test_all_bytes_and_bits_are_as_frequent(statistic: Any, key: Any) -> None:
    assert statistic(ours(key, (2**16,))) > GOOD


@pytest.mark.parametrize("statistic", [p_of_bytes, p_of_bits])
@pytest.mark.parametrize("weak", [counter, xorshift])
def test_frequencies_reject_a_weak_generator(statistic: Any, weak: Bits) -> None:
    assert statistic(weak((3, 5), (2**16,))) < BAD


def pairs(bits: Bits) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Words that must have nothing to do with each other."""
    shape = (2**14,)
    words = bits(KEY, shape)

    def step(number: int) -> np.ndarray:
        return np.asarray(fold_in(KEY, number))

    return {
        "elements": (words[:-1], words[1:]),
        "rows": (words[:-64], words[64:]),
        "far": (words[: 2**13], words[2**13 :]),
        "runs": (bits(run_key(0, 0), shape), bits(run_key(1, 0), shape)),
        "epochs": (bits(run_key(0, 0), shape), bits(run_key(0, 1), shape)),
        "swapped": (bits(run_key(0, 1), shape), bits(run_key(1, 0), shape)),
        "steps": (bits(step(0), shape), bits(step(1), shape)),
        "calls": (bits(fold_in(step(3), 0), shape), bits(fold_in(step(3), 1), shape)),
        "order": (bits(fold_in(step(1), 2), shape), bits(fold_in(step(2), 1), shape)),
        "folded": (words, bits(step(0), shape)),
        "next first": (words, bits(KEY + np.array([1, 0], np.uint32), shape)),
        "next second": (words, bits(KEY + np.array([0, 1], np.uint32), shape)),
        "words swapped": (words, bits(KEY[::-1], shape)),
    }


def test_runs_epochs_steps_calls_and_neighbours_are_independent() -> None:
    p = {name: p_of_independence(*pair) for name, pair in pairs(ours).items()}
    assert min(p.values()) > GOOD, p


@pytest.mark.parametrize("weak", [counter, xorshift])
def test_independence_rejects_a_weak_generator(weak: Bits) -> None:
    p = {name: p_of_independence(*pair) for name, pair in pairs(weak).items()}
    assert max(p.values()) < BAD, p


def avalanche(bits: Bits) -> float:
    """The largest z, over one bit flipped in key or position, of an output bit's flipping."""
    size = 2**13
    words = bits(KEY, (size,))
    flipped = [
        bits(KEY ^ np.eye(2, dtype=np.uint32)[word] << np.uint32(bit), (size,))
        for word in (0, 1)
        for bit in range(32)
    ]
    flipped += [words[np.arange(size) ^ 2**bit] for bit in range(13)]
    # Flipping a position's bit meets each pair of words twice: z by the number of pairs.
    z = [(as_bits(words ^ other).mean(0) - 0.5) * 2 * math.sqrt(size / 2) for other in flipped]
    return float(np.abs(z).max())


def test_one_bit_of_key_or_position_flips_half_the_bits() -> None:
    # 77 x 32 normal numbers exceed 5 once in 700.
    assert avalanche(ours) < 5


@pytest.mark.parametrize("weak", [counter, xorshift, one_round])
def test_avalanche_rejects_a_weak_generator(weak: Bits) -> None:
    assert avalanche(weak) > 50


def shared(bits: Bits) -> int:
    """How many words recur among 64 keys that differ little, for 4,096 positions each."""
    first, second = (int(word) for word in KEY)
    keys = [(first ^ 64 * number, second) for number in range(32)]
    keys += [(first, (second + number) % 2**32) for number in range(1, 33)]
    words = np.concatenate([bits(np.array(key, np.uint32), (4096,)) for key in keys])
    return words.size - np.unique(words).size


def test_windows_of_different_keys_do_not_overlap() -> None:
    # By chance 2^18 words of 32 bits hold 8 pairs.
    assert 0 < shared(ours) < 25


@pytest.mark.parametrize("weak", [counter, xorshift, two_words])
def test_an_overlap_is_seen(weak: Bits) -> None:
    assert shared(weak) > 4096


fold_rows = vectorize(fold_in, WAYS[0])


def fold(keys: Any, numbers: Any) -> np.ndarray:
    return np.asarray(fold_rows(keys.astype(np.uint32), numbers.astype(np.int32)))


def added(keys: Any, numbers: Any) -> np.ndarray:
    """A weak way to fold."""
    return (keys + numbers[:, None]).astype(np.uint32)


def fold_avalanche(fold: Callable[[Any, Any], np.ndarray]) -> float:
    keys, numbers = run_keys(range(2000), [0] * 2000), np.arange(2000)
    before = fold(keys, numbers)
    flips = [
        fold(keys ^ np.eye(2, dtype=np.uint32)[word] << np.uint32(bit), numbers)
        for word in (0, 1)
        for bit in (0, 1, 7, 15, 16, 24, 31)
    ]
    flips += [fold(keys, numbers ^ 2**bit) for bit in (0, 1, 5, 16, 30)]
    z = [
        (as_bits(before[:, word] ^ after[:, word]).mean(0) - 0.5) * 2 * math.sqrt(2000 / 2)
        for after in flips
        for word in (0, 1)
    ]
    return float(np.abs(z).max())


def test_one_bit_of_key_or_number_flips_half_of_the_folded_key() -> None:
    assert fold_avalanche(fold) < 5


def test_avalanche_rejects_adding_a_number_to_a_key() -> None:
    assert fold_avalanche(added) > 25


def test_numbers_give_different_keys() -> None:
    numbers = np.arange(2**16) - 2**15
    keys = fold(np.tile(KEY, (numbers.size, 1)), numbers)
    assert np.unique(keys, axis=0).shape == keys.shape
    assert min(p_of_bytes(keys[:, 0]), p_of_bits(keys[:, 1])) > GOOD
    assert p_of_independence(keys[:, 0], keys[:, 1]) > GOOD


def test_numbers_and_keys_that_differ_alike_do_not_cancel() -> None:
    second, numbers = np.divmod(np.arange(2**12), 2**6)
    keys = np.stack([np.full_like(second, KEY[0]), second], axis=1)
    folded = fold(keys, numbers)
    assert np.unique(folded, axis=0).shape == folded.shape


@pytest.mark.parametrize("number", [0, 5, -1, 2**31 - 1])
def test_python_numbers_fold_as_traced_ones_do(number: int) -> None:
    assert (
        np.asarray(fold_in(KEY, number)).tolist() == fold(KEY[None], np.array([number]))[0].tolist()
    )


def test_run_keys_are_those_of_each_run() -> None:
    seeds, epochs = [0, 1, 2**32, 2**64 + 1], [5, 0, 0, 1]
    each = [run_key(seed, epoch) for seed, epoch in zip(seeds, epochs, strict=True)]
    np.testing.assert_array_equal(run_keys(seeds, epochs), each)
    assert run_keys([], []).shape == (0, 2)


def test_no_two_runs_and_epochs_share_a_key() -> None:
    seeds = [seed for seed in (*range(40), 2**32, 2**32 + 1, 2**64) for _ in range(40)]
    keys = run_keys(seeds, [*range(40)] * 43)
    assert np.unique(keys, axis=0).shape == keys.shape


@pytest.mark.parametrize("rate", [0.0005, 0.1, 0.25, 1 / 3, 0.5, 0.9, 0.9995])
def test_a_mask_keeps_with_the_probability_asked_for(rate: float) -> None:
    mask = np.asarray(keep_mask(KEY, (2**10, 2**9), rate))
    assert stats.binomtest(int((~mask).sum()), mask.size, rate).pvalue > GOOD


def test_the_rate_of_a_mask_rejects_one_of_bytes() -> None:
    words = ours(KEY, (2**19,)) >> 24
    dropped = int((words < round(0.0005 * 256)).sum())
    assert stats.binomtest(dropped, words.size, 0.0005).pvalue < BAD


def test_rate_0_keeps_all_and_rate_1_none(monkeypatch: pytest.MonkeyPatch) -> None:
    extremes = np.array([0, 1, 2**31, 2**32 - 1], np.uint32)
    monkeypatch.setattr(randomness, "bits", lambda key, shape: ops.convert_to_tensor(extremes))
    for way in WAYS:
        masks = vectorize(lambda key, rate: keep_mask(key, (4,), rate), way)
        kept = masks(run_keys([1, 2], [0, 0]), np.array([0, 1], np.float32))
        assert kept.all(1).tolist() == [True, False]
        assert kept.any(1).tolist() == [True, False]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_and_normal_numbers_are_distributed_so(dtype: str) -> None:
    with doubles():
        flat, bell = (np.asarray(draw(KEY, (256, 256), dtype)) for draw in (uniform, normal))
    assert flat.dtype == bell.dtype == dtype
    assert stats.kstest(flat.ravel(), "uniform").pvalue > GOOD
    assert stats.kstest(bell.ravel(), "norm").pvalue > GOOD
    assert abs(stats.kurtosistest(bell.ravel()).statistic) < 4
    # Tails: beyond 3 lie 0.27 percent.
    beyond = int((np.abs(bell) > 3).sum())
    assert stats.binomtest(beyond, bell.size, 2 * stats.norm.sf(3)).pvalue > GOOD


def test_the_distributions_reject_near_misses() -> None:
    flat = np.asarray(uniform(KEY, (4, 65536), "float32"))
    assert stats.kstest(flat[0] ** 1.05, "uniform").pvalue < BAD
    assert stats.kstest((flat[:2].sum(0) - 1) * math.sqrt(6), "norm").pvalue < BAD
    assert stats.kurtosistest((flat.sum(0) - 2) * math.sqrt(3)).statistic < -15


@pytest.mark.parametrize("dtype", list(FRACTION_BITS))
def test_the_outermost_words_give_finite_numbers(
    monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    extremes = np.array([0, 1, 2**31, 2**32 - 2, 2**32 - 1], np.uint32)
    monkeypatch.setattr(randomness, "bits", lambda key, shape: ops.convert_to_tensor(extremes))
    with doubles():
        flat, bell = (
            np.asarray(draw(KEY, (5,), dtype)).astype(float) for draw in (uniform, normal)
        )
    assert flat[0] == 0
    assert flat.max() < 1
    assert np.isfinite(bell).all()
    assert bell[0] == -bell[-1] < -5


def all_kinds(key: Any, number: Any, rate: Any) -> Any:
    key = fold_in(key, number)
    numbers = ops.stack([uniform(key, (33,), "float32"), normal(key, (33,), "float32")])
    return randomness.bits(key, (3, 11)), keep_mask(key, (3, 11), rate), numbers


@pytest.mark.parametrize("way", WAYS)
def test_a_run_draws_the_same_compiled_or_not_and_wherever_it_stands(way: str) -> None:
    keys, numbers = run_keys(range(6), [4] * 6), np.arange(6, dtype=np.int32)
    rates = np.linspace(0, 1, 6, dtype=np.float32)
    stacked = vectorize(all_kinds, way)
    together = stacked(keys, numbers, rates)
    order = [4, 2, 5]
    moved = stacked(keys[order], numbers[order], rates[order])
    for row in range(6):
        alone = all_kinds(keys[row], numbers[row], rates[row])
        for one, other in zip(together[:2], alone[:2], strict=True):
            np.testing.assert_array_equal(one[row], np.asarray(other))
        # Compilers round functions differently in the last place.
        np.testing.assert_allclose(together[2][row], np.asarray(alone[2]), rtol=2e-6, atol=1e-6)
    for one, other in zip(together, moved, strict=True):
        np.testing.assert_array_equal(one[order], other)
