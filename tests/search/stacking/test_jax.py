"""The tests of stacks once more, on JAX: a process has one backend."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parents[3]
FOLDER = "tests/search/stacking"
FILES = ("conformance", "conformance_fit", "bits", "engine", "randomness", "noise")

pytestmark = pytest.mark.skipif(
    keras.config.backend() == "jax", reason="these tests are what runs on JAX already"
)


def on_jax(*arguments: str, **variables: str) -> None:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1", **variables}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
    assert " skipped" not in done.stdout


def on_four_devices(*arguments: str) -> None:
    on_jax(*arguments, XLA_FLAGS="--xla_force_host_platform_device_count=4")


def test_a_stack_trains_as_fit_does_on_jax() -> None:
    on_jax(f"{FOLDER}/test_conformance.py", "-k", "overflows")


def test_a_search_on_jax_is_that_of_fit() -> None:
    on_jax(f"{FOLDER}/searching.py", "-k", "test_a_search_in_stacks")


def test_devices_share_a_stack() -> None:
    chosen = "share_of_the_runs and 8 or counted or chosen"
    on_four_devices(f"{FOLDER}/on_devices.py", "-k", chosen)


@pytest.mark.slow
def test_all_that_holds_of_stacks_holds_on_jax() -> None:
    on_jax(*[f"{FOLDER}/test_{name}.py" for name in FILES], "--slow")


@pytest.mark.slow
def test_searches_on_jax_are_those_of_fit() -> None:
    on_jax(f"{FOLDER}/searching.py")


@pytest.mark.slow
def test_what_devices_share_is_what_one_trains() -> None:
    on_four_devices(f"{FOLDER}/on_devices.py", f"{FOLDER}/searching.py")
