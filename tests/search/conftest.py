"""Quiet searches, each in a directory of its own."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True, scope="package")
def quick_collection() -> Iterator[None]:
    """KerasTuner collects garbage twice per trial: spare it the million objects of TensorFlow."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Any]:
    """Make a tuner in this test's directory; a second one made so takes up the same search."""

    def make(tuner_class: Any, space: Any, objective: Any = "val_loss", **kwargs: Any) -> Any:
        kwargs = {"directory": str(tmp_path), "project_name": "sweep", "seed": 1, **kwargs}
        return tuner_class(space, objective, **kwargs)

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where `make` puts the sweep."""
    return tmp_path / "sweep"
