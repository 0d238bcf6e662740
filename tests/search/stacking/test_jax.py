"""The tests of stacks once more, on JAX: a process has one backend."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parents[3]
FILES = ("conformance", "conformance_fit", "bits", "randomness", "noise")

pytestmark = pytest.mark.skipif(
    keras.config.backend() == "jax", reason="these tests are what runs on JAX already"
)


def on_jax(*arguments: str) -> None:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1"}
    files = [f"tests/search/stacking/test_{name}.py" for name in FILES]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
    assert " skipped" not in done.stdout


def test_a_stack_trains_as_fit_does_on_jax() -> None:
    on_jax("-k", "overflows")


@pytest.mark.slow
def test_all_that_holds_of_stacks_holds_on_jax() -> None:
    on_jax("--slow")
