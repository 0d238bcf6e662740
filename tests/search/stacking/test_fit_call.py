"""Data of calls of `fit`: shared where they are the same, never mistaken for others."""

import gc
from typing import Any

import numpy as np

from auditor.search.stacking.fit_call import DataCache, FitCall, fit_call

X = np.arange(12, dtype="float32").reshape(6, 2)
Y = np.arange(6, dtype="float32")


def called(cache: DataCache, x: Any, y: Any = Y, **more: Any) -> FitCall:
    return fit_call({"x": x, "y": y, **more}, cache)


def test_a_buffer_that_is_filled_anew_is_other_data() -> None:
    cache, buffer = DataCache([(X, Y), {}]), np.zeros_like(X)
    calls = []
    for factor in (1, 2):
        buffer[:] = factor * X
        calls.append(called(cache, buffer))
    assert calls[0].key != calls[1].key
    buffer[:] = 0
    for factor, call in zip((1, 2), calls, strict=True):
        np.testing.assert_array_equal(call.train.arrays[0], factor * X)


def test_a_search_sees_what_was_changed_since_the_last() -> None:
    x = X.copy()
    before = called(DataCache([(x, Y), {}]), x)
    x += 1
    assert called(DataCache([(x, Y), {}]), x).key != before.key


def test_arguments_of_search_are_converted_once_and_not_copied() -> None:
    cache = DataCache([(X,), {"y": Y, "validation_data": (X, Y)}])
    first, second = (called(cache, X, validation_data=(X, Y)) for _ in range(2))
    assert first.train is second.train
    assert np.shares_memory(first.train.arrays[0], X)
    assert first.validation is not None
    assert first.validation is second.validation


def test_equal_data_are_shared_while_they_are_in_use() -> None:
    cache = DataCache([(X, Y), {}])
    first, second = called(cache, X / 2), called(cache, X / 2)
    assert first.train is second.train
    del first, second
    gc.collect()
    assert not cache._by_digest
    assert not cache._parts
