"""Random numbers that cost little inside a compiled step: a keyed hash of a counter.

XLA's own generators cost a processor ten times the training step that they serve, and TensorFlow
cannot vectorise random operations. So each word is a hash of its position and a key, in plain
integer operations: the same bits in XLA, in graph mode and eagerly, on either backend, and wherever
a run stands in its stack.

The design is that of counter-based generators (Salmon et al., "Parallel random numbers: as easy as
1, 2, 3", SC 2011). The mixer is `lowbias32` of Chris Wellons's hash-prospector
(https://github.com/skeeto/hash-prospector), a bijection of 32-bit words. For noise, not secrets.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

# The shifts and odd multipliers of lowbias32, in the order in which they apply.
SHIFTS = (16, 15, 16)
MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
# 2^32 divided by the golden ratio. The mixer leaves 0 as it is, and small numbers are common.
OFFSET = 0x9E3779B9
# Bits of a word that a mask compares with its rate: those of a float32, so that 1 fits as well.
RATE_BITS = 24
# Bits of a normal number's probability; one more is that of a float32's steps just below 1.
NORMAL_BITS = 23
# Bits that a number below 1 can have in each type, at most those of one word.
FRACTION_BITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 32}


def run_key(seed: int, epoch: int) -> np.ndarray:
    """The key of one run in one epoch, made on the host by NumPy's own mixing of seeds.

    Args:
        seed: The run's seed, not negative, of any size.
        epoch: The epoch, not negative.

    Returns:
        Two unsigned 32-bit words.
    """
    return np.random.SeedSequence(seed, spawn_key=(epoch,)).generate_state(2, np.uint32)


def run_keys(seeds: Sequence[int], epochs: Sequence[int]) -> np.ndarray:
    """The keys of many runs, each in an epoch of its own.

    Returns:
        Shape (runs, 2); each row is `run_key` of that run.
    """
    keys = [run_key(seed, epoch) for seed, epoch in zip(seeds, epochs, strict=True)]
    return np.array(keys, np.uint32).reshape(-1, 2)


def fold_in(key: Any, number: Any) -> Any:
    """A new key from a key and a number, such as that of a step, or of a call within the step.

    A key gives different keys for all numbers, and a number different keys for all keys.

    Args:
        key: Two unsigned 32-bit words.
        number: An integer, traced or not, of which 32 bits count.

    Returns:
        A key.
    """
    first, second = _words(key)
    # Mixed first: keys and numbers one bit apart would cancel.
    second = _mix(_xor(second, _mix(ops.add(_word(number), _word(OFFSET)))))
    first = _mix(ops.add(first, second))
    second = _mix(_xor(second, first))
    return ops.stack([first, second])


def bits(key: Any, shape: Sequence[int]) -> Any:
    """Random words: two rounds of the mixer on the position, keyed before, between and within.

    Args:
        key: Two unsigned 32-bit words.
        shape: Static, of less than 2^31 elements.

    Returns:
        Unsigned 32-bit words of that shape.
    """
    first, second = _words(key)
    # Without the third word, keys with the same second word would hash overlapping positions to
    # the same words. For one second word it is a bijection of the first.
    third = _mix(ops.add(first, _mix(ops.add(second, _word(OFFSET)))))
    # XLA has no unsigned range.
    position = ops.cast(ops.arange(math.prod(shape), dtype="int32"), "uint32")
    mixed = _xor(_mix(_xor(position, first)), second)
    return ops.reshape(_mix(mixed, within=third), shape)


def keep_mask(key: Any, shape: Sequence[int], rate: Any) -> Any:
    """Which elements dropout keeps: each by itself, with probability 1 - rate.

    The probability is exact to 2^-24; rate 0 keeps all, rate 1 none.

    Args:
        key: Two unsigned 32-bit words.
        shape: Static.
        rate: The part to drop, from 0 to 1; a Python number or a traced scalar.

    Returns:
        Booleans of that shape.
    """
    # Half as many words, each for two elements, cost twice as much: joining them is what costs.
    words = ops.right_shift(bits(key, shape), _word(32 - RATE_BITS))
    threshold = ops.multiply(ops.cast(rate, "float32"), 2.0**RATE_BITS)
    return ops.greater_equal(words, ops.cast(threshold, "uint32"))


def uniform(key: Any, shape: Sequence[int], dtype: str) -> Any:
    """Numbers of equal probability from 0 to below 1, each a multiple of 2 to a negative power.

    Args:
        key: Two unsigned 32-bit words.
        shape: Static.
        dtype: One of `FRACTION_BITS`, which says how fine the numbers are.
    """
    fraction = FRACTION_BITS[dtype]
    words = ops.right_shift(bits(key, shape), _word(32 - fraction))
    return ops.cast(ops.multiply(ops.cast(words, _wide(dtype)), 2.0**-fraction), dtype)


def normal(key: Any, shape: Sequence[int], dtype: str) -> Any:
    """Normal numbers of mean 0 and standard deviation 1, of at most 5.3 in size.

    The inverse of the distribution function; frameworks take it from Giles, "Approximating the
    erfinv function", GPU Computing Gems, 2011. Box and Muller's method costs three times as much,
    for the cosines.

    Args:
        key: Two unsigned 32-bit words.
        shape: Static.
        dtype: One of `FRACTION_BITS`; what is narrower than float32 is drawn in it, then rounded.
    """
    wide = _wide(dtype)
    words = ops.cast(ops.right_shift(bits(key, shape), _word(32 - NORMAL_BITS)), wide)
    # Between -1 and 1 in equal steps, and at most half a step from either: both would be infinite.
    odds = ops.subtract(ops.multiply(ops.add(words, 0.5), 2.0 ** (1 - NORMAL_BITS)), 1.0)
    return ops.cast(ops.multiply(ops.erfinv(odds), math.sqrt(2.0)), dtype)


def _wide(dtype: str) -> str:
    """The type to compute in: float32, unless more is asked for."""
    return "float64" if dtype == "float64" else "float32"


def _mix(word: Any, within: Any = None) -> Any:
    """lowbias32, with a further key word between its two halves if one is given."""
    word = ops.multiply(_shift_xor(word, SHIFTS[0]), _word(MULTIPLIERS[0]))
    if within is not None:
        word = _xor(word, within)
    word = ops.multiply(_shift_xor(word, SHIFTS[1]), _word(MULTIPLIERS[1]))
    return _shift_xor(word, SHIFTS[2])


def _shift_xor(word: Any, shift: int) -> Any:
    return _xor(word, ops.right_shift(word, _word(shift)))


def _xor(one: Any, other: Any) -> Any:
    return ops.bitwise_xor(one, other)


def _words(key: Any) -> tuple[Any, Any]:
    key = ops.convert_to_tensor(key, "uint32")
    return key[0], key[1]


def _word(number: Any) -> Any:
    """An integer, traced or not, as an unsigned 32-bit word; higher bits are cut off."""
    if isinstance(number, int | np.integer):
        return ops.convert_to_tensor(np.uint32(int(number) % 2**32))
    return ops.cast(number, "uint32")
