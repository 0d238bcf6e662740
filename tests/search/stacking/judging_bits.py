"""Statistics of random words, and generators that are too weak for them."""

import math
from typing import Any

import numpy as np
from scipy import stats


def lowbias32(x: np.ndarray, within: Any = 0) -> np.ndarray:
    x = ((x ^ (x >> 16)) * np.uint32(0x7FEB352D)) ^ np.uint32(within)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def positions(shape: Any) -> np.ndarray:
    return np.arange(math.prod(shape), dtype=np.uint32).reshape(shape)


def counter(key: Any, shape: Any) -> np.ndarray:
    return positions(shape) + np.uint32(key[0]) + np.uint32(key[1])


def xorshift(key: Any, shape: Any) -> np.ndarray:
    x = positions(shape) ^ np.uint32(key[0]) ^ np.uint32(key[1])
    x ^= x << 13
    x ^= x >> 17
    return x ^ (x << 5)


def one_round(key: Any, shape: Any) -> np.ndarray:
    return lowbias32(positions(shape) ^ np.uint32(key[0])) ^ np.uint32(key[1])


def two_words(key: Any, shape: Any) -> np.ndarray:
    """Ours, but without the third key word."""
    return lowbias32(lowbias32(positions(shape) ^ np.uint32(key[0])) ^ np.uint32(key[1]))


def as_bits(words: np.ndarray) -> np.ndarray:
    """Shape (words, 32), lowest bit first."""
    return (words.reshape(-1, 1) >> np.arange(32, dtype=np.uint32) & 1).astype(np.float32)


def both_sides(p: float) -> float:
    """Too even is not random either: a counter's bits are balanced exactly."""
    return 2 * min(p, 1 - p)


def p_of_bytes(words: np.ndarray) -> float:
    counts = [np.bincount(words.ravel() >> shift & 255, minlength=256) for shift in (0, 8, 16, 24)]
    return min(both_sides(stats.chisquare(count).pvalue) for count in counts)


def p_of_bits(words: np.ndarray) -> float:
    z = (as_bits(words) * 2 - 1).sum(0) / math.sqrt(words.size)
    return both_sides(stats.chi2.sf((z**2).sum(), 32))


def p_of_independence(one: np.ndarray, other: np.ndarray) -> float:
    """Of every bit of one from every bit of the other."""
    z = (as_bits(one) * 2 - 1).T @ (as_bits(other) * 2 - 1) / math.sqrt(one.size)
    return both_sides(stats.chi2.sf((z.astype(float) ** 2).sum(), 32 * 32))
