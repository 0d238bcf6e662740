"""Quiet searches, each in a directory of its own."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True, scope="package")
def quick_collection() -> Iterator[None]:
    """Keep the million objects of TensorFlow out of garbage collections, between searches too."""
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "unfreeze", lambda: None)
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
