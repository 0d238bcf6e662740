"""Executors as the workers of a Dask cluster, which `joblib.parallel_config("dask")` names."""

import contextlib
import os
import queue
import time
from collections.abc import Collection, Sequence
from typing import Any

from auditor.errors import SearchError
from auditor.search.launching.devices import (
    count,
    cpu_environment,
    gpu_environment,
    one_gpu_each,
    visible_gpus,
)
from auditor.search.launching.running import Death, PoolLauncher

LOOK_SECONDS = 1.0
"""How often the scheduler is asked which workers are left."""

FETCH_SECONDS = 60.0
"""How long a finished result may take to arrive; its worker may have died just then."""

NAME = "dask "


class DaskWorkers:
    """Workers of a Dask cluster; each gets one task at a time, whatever its threads."""

    def __init__(
        self, client: Any, n_jobs: int, workers_per_gpu: int, submit_kwargs: dict[str, Any]
    ) -> None:
        """Find the workers that can do what is asked for."""
        self._client = client
        self._n_jobs = n_jobs
        self._workers_per_gpu = workers_per_gpu
        self._kwargs = dict(submit_kwargs)
        self._wanted = self._kwargs.pop("workers", None)
        self._environments: dict[str, dict[str, str] | None] = {}  # None: lacks what is asked for
        self._busy: dict[str, Any] = {}
        self._done: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._looked = 0.0
        self._look()

    def names(self) -> Sequence[str]:
        """The workers that are there, and have what is asked for."""
        fit = [name for name, found in self._environments.items() if found is not None]
        free = [name for name in fit if name not in self._busy]
        return ([*self._busy, *free])[: count(self._n_jobs, len(fit))]

    @property
    def on_gpus(self) -> bool:
        """Whether they have GPUs."""
        return any("CUDA_VISIBLE_DEVICES" in (e or {}) for e in self._environments.values())

    def start(self, name: str, payload: bytes) -> None:
        """Send a call to a worker."""
        future = self._client.submit(
            _calling(),
            tuple(sorted((self._environments[name] or {}).items())),
            payload,
            workers=[name.removeprefix(NAME)],
            pure=False,
            **self._kwargs,
        )
        self._busy[name] = future
        future.add_done_callback(lambda ended: self._done.put((name, ended)))

    def wait(self, seconds: float) -> list[tuple[str, bytes | Death]]:
        """Wait until busy workers have answered or left, at most for a time."""
        ended = []
        with contextlib.suppress(queue.Empty):
            ended.append(self._done.get(timeout=seconds))
            while True:
                ended.append(self._done.get_nowait())
        news: list[tuple[str, bytes | Death]] = []
        for name, future in ended:
            if self._busy.get(name) is future:
                del self._busy[name]
                news.append((name, _outcome(future)))
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look()
            for name in [name for name in self._busy if name not in self._environments]:
                self._busy.pop(name).cancel()
                news.append((name, Death("the worker has left the Dask cluster, or was killed")))
        return news

    def stop(self, names: Collection[str]) -> None:
        """Cancel tasks, and restart the workers that run them, where a nanny can."""
        for name in names:
            if name in self._busy:
                self._busy.pop(name).cancel()
        addresses = [name.removeprefix(NAME) for name in names]
        # Without a nanny a task runs to its end, and the worker is free after that.
        with contextlib.suppress(ValueError):
            self._client.restart_workers(addresses, raise_for_error=False)
        self._look()

    def close(self) -> None:
        """Cancel what runs; the workers are the cluster's."""
        if self._busy:
            self.stop(list(self._busy))

    def _look(self) -> None:
        """Ask which workers there are; those that are new, what they have."""
        self._looked = time.monotonic()
        there = [NAME + address for address in self._client.nthreads()]
        for name in set(self._environments).difference(there):
            del self._environments[name]
        if any(name not in self._environments for name in there):
            self._environments = self._inspected()

    def _inspected(self) -> dict[str, dict[str, str] | None]:
        found = self._client.run(_inspection(), on_error="ignore")
        needed = self._kwargs.get("resources") or {}
        hosts: dict[str, list[str]] = {}
        for address, facts in found.items():
            hosts.setdefault(facts["host"], []).append(address)
        gpu: dict[str, str | None] = {}
        for addresses in hosts.values():
            # Those that have taken theirs, and see no other, before those that can choose.
            addresses.sort(key=lambda address: len(visible_gpus(found[address]["visible"])))
            visible = [visible_gpus(found[address]["visible"]) for address in addresses]
            gpu |= dict(zip(addresses, one_gpu_each(visible), strict=True))
        environments: dict[str, dict[str, str] | None] = {}
        for address, facts in found.items():
            has_all = all(facts["resources"].get(key, 0) >= least for key, least in needed.items())
            is_wanted = self._wanted is None or {address, facts["name"]} & set(self._wanted)
            environment = cpu_environment(facts["threads"], {}) | _gpu(
                gpu[address], self._workers_per_gpu
            )
            environments[NAME + address] = environment if has_all and is_wanted else None
        return environments


def dask_launcher(backend: Any, n_jobs: int, workers_per_gpu: int) -> PoolLauncher:
    """Executors on the cluster of joblib's Dask backend.

    Raises:
        SearchError: It has no workers, or none with what is asked for.
    """
    with contextlib.suppress(TimeoutError):
        backend.client.wait_for_workers(1, timeout=backend.wait_for_workers_timeout)
    workers = DaskWorkers(backend.client, n_jobs, workers_per_gpu, backend.submit_kwargs)
    if not workers.names():
        raise SearchError(
            f"no worker of the Dask cluster {backend.client.scheduler.address} can run a task with "
            f"{backend.submit_kwargs or 'no request'}; start workers (dask worker ADDRESS), with "
            "the resources that are asked for (--resources 'GPU=1')"
        )
    return PoolLauncher(workers)


def _gpu(gpu: str | None, workers_per_gpu: int) -> dict[str, str]:
    if gpu is None:
        return {}
    return gpu_environment(workers_per_gpu, {}) | {"CUDA_VISIBLE_DEVICES": gpu}


def _outcome(future: Any) -> bytes | Death:
    if future.status != "finished":
        return Death(f"Dask has given the task up: {future.exception() or future.status}")
    try:
        return bytes(future.result(timeout=FETCH_SECONDS))
    except Exception as error:
        return Death(f"the result did not arrive from the Dask worker: {error!r}")


def _calling() -> Any:
    """A function that is sent as code, like all that are made inside of others."""

    def run(environment: tuple[tuple[str, str], ...], payload: bytes) -> bytes:
        from auditor.search.launching.local import call_in_own_process

        return call_in_own_process(environment, payload)

    return run


def _inspection() -> Any:
    """A function that tells what a worker has."""

    def inspect(dask_worker: Any) -> dict[str, Any]:
        return {
            "host": dask_worker.address.rpartition(":")[0],
            "name": dask_worker.name,
            "threads": dask_worker.state.nthreads,
            "resources": dict(dask_worker.state.total_resources),
            "visible": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        }

    return inspect
