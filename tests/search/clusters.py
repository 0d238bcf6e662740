"""Clusters of this machine, which leave no traces in the process that starts them."""

import logging
import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from auditor.search.launching.devices import THREADS


@contextmanager
def dask_workers(**options: Any) -> Iterator[None]:
    """Two workers of a Dask cluster, and a client as joblib finds it."""
    distributed = pytest.importorskip("distributed")
    quiet = {"dashboard_address": ":0", "silence_logs": logging.CRITICAL}
    with (
        _environment_restored(),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, **quiet, **options) as cluster,
        distributed.Client(cluster),
    ):
        yield


@contextmanager
def local_ray(**options: Any) -> Iterator[None]:
    """An instance of Ray with two cores."""
    ray = pytest.importorskip("ray")
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    # Without one Ray writes one to the home; it reads it only once in a process.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    handler = signal.getsignal(signal.SIGTERM)
    with _environment_restored():
        ray.init(num_cpus=2, **quiet, **options)
        yield
        ray.shutdown()
    signal.signal(signal.SIGTERM, handler)


@contextmanager
def _environment_restored() -> Iterator[None]:
    """Both set numbers of threads, for good."""
    before = {name: os.environ.get(name) for name in THREADS}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
