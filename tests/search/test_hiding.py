"""A process whose executors train on GPUs keeps off these."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from auditor import GridSearch
from auditor.errors import SearchError
from auditor.search import hiding, parallel_search, recording_tuner
from auditor.search.stacking import sizing
from tests.search.helpers import build_two, fit_arguments

Make = Callable[..., Any]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two GPUs that are not there, and what happens."""
    found: list[str] = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(recording_tuner, "hide_gpus", lambda: found.append("hidden"))
    return found


@pytest.mark.parametrize(("n_jobs", "expected"), [(2, ["hidden", "built"]), (None, ["built"])])
def test_gpus_are_hidden_before_the_first_model_is_built(
    make: Make, happened: list[str], n_jobs: int | None, expected: list[str]
) -> None:
    def build(hp: Any) -> Any:
        happened.append("built")
        return build_two(hp)

    make(GridSearch, build, n_jobs=n_jobs)
    assert happened[: len(expected)] == expected
    assert happened.count("hidden") == expected.count("hidden")


def test_a_search_warns_of_gpus_that_could_not_be_hidden(
    make: Make, happened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def enough(*_: Any) -> None:
        raise SearchError("enough")

    monkeypatch.setattr(parallel_search, "hide_gpus", lambda: "it holds memory")
    monkeypatch.setattr(parallel_search, "Executors", enough)
    tuner = make(GridSearch, build_two, n_jobs=2)
    with pytest.warns(UserWarning, match="it holds memory"), pytest.raises(SearchError):
        tuner.search(**fit_arguments())


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="what TensorFlow says")
def test_it_says_what_works_where_it_is_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    monkeypatch.setattr("tensorflow.config.set_visible_devices", refuse)
    words = hiding.hide_gpus() or ""
    assert "make the tuner first" in words
    assert 'tf.config.set_visible_devices([], "GPU")' in words


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="JAX has one list of devices")
@pytest.mark.parametrize(("visible", "expected"), [([], "cpu"), (["a GPU"], "gpu")])
def test_a_gpu_that_is_hidden_is_none_to_train_on(
    monkeypatch: pytest.MonkeyPatch, visible: list[str], expected: str
) -> None:
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: ["a GPU"])
    monkeypatch.setattr("tensorflow.config.get_visible_devices", lambda kind: visible)
    assert sizing.device() == expected


SCRIPT = """
from auditor.search.hiding import hide_gpus
import keras
if backend == "jax":
    import jax
    if late:
        jax.default_backend = lambda: "gpu"
    print(hide_gpus(), jax.config.jax_platforms)
else:
    import tensorflow as tf
    from tensorflow.python.eager import context
    print(hide_gpus(), context.context()._initialized or "")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "late", "said"),
    [("jax", False, "None cpu"), ("jax", True, "jax has used a GPU"), ("tensorflow", 0, "None")],
)
def test_backends_hide_gpus_without_using_them(backend: str, late: bool, said: str) -> None:
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    code = f"backend, late = {backend!r}, {late}\n{SCRIPT}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().startswith(said), done.stderr
