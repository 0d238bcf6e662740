"""Settings of one process reach another."""

from collections.abc import Iterator
from dataclasses import replace

import keras
import pytest

from auditor.errors import SearchError
from auditor.search.settings import Settings


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = Settings.here()
    yield
    before.apply()


def test_settings_are_applied_as_they_were() -> None:
    keras.config.set_floatx("float64")
    keras.config.set_epsilon(1e-5)
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_bfloat16")
    there = Settings.here()
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    there.apply()
    assert Settings.here() == there
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_another_backend_is_refused() -> None:
    with pytest.raises(SearchError, match="KERAS_BACKEND=numpy"):
        replace(Settings.here(), backend="numpy").apply()
