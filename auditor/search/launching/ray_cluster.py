"""Executors as Ray actors: on joblib's Ray backend, results come only when all tasks are done."""

import pickle
from collections.abc import Collection, Sequence
from typing import Any

import ray

from auditor.errors import SearchError
from auditor.search.launching.by_value import packed
from auditor.search.launching.devices import count, cpu_environment, gpu_environment
from auditor.search.launching.running import Death, PoolLauncher
from auditor.search.launching.worker import call


class RayWorkers:
    """Actors that hold their resources, and what they have loaded, until they are closed."""

    def __init__(self, n_workers: int, options: dict[str, Any]) -> None:
        """Start nothing yet: an actor starts with its first task."""
        self._names = tuple(f"ray {number + 1}" for number in range(n_workers))
        self._options = options
        self._actor_class = ray.remote(_runner())
        self._call = packed(call)
        self._actors: dict[str, Any] = {}
        self._busy: dict[Any, str] = {}  # by what will hold the result

    def names(self) -> Sequence[str]:
        """As many as the cluster has place for."""
        return self._names

    @property
    def on_gpus(self) -> bool:
        """Whether each asks for one, or a part of one."""
        return bool(self._options["num_gpus"])

    def start(self, name: str, payload: bytes) -> None:
        """Send a call to an actor, which is started if there is none."""
        if name not in self._actors:
            self._actors[name] = self._actor_class.options(**self._options).remote(self._call)
        self._busy[self._actors[name].run.remote(payload)] = name

    def wait(self, seconds: float) -> list[tuple[str, bytes | Death]]:
        """Wait until busy actors have answered or died, at most for a time."""
        refs = list(self._busy)
        ready, _ = ray.wait(refs, num_returns=1, timeout=seconds)
        if ready:
            ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        news: list[tuple[str, bytes | Death]] = []
        for ref in ready:
            name = self._busy.pop(ref)
            try:
                news.append((name, bytes(ray.get(ref))))
            except ray.exceptions.RayError as error:
                del self._actors[name]
                news.append((name, Death(f"Ray has lost the actor: {error}")))
        return news

    def stop(self, names: Collection[str]) -> None:
        """Kill actors."""
        self._busy = {ref: name for ref, name in self._busy.items() if name not in names}
        for name in names:
            if name in self._actors:
                ray.kill(self._actors.pop(name))

    def close(self) -> None:
        """Kill all actors: the cluster has their resources back."""
        if ray.is_initialized():
            self.stop(list(self._actors))


_warm: dict[Any, PoolLauncher] = {}


def ray_launcher(backend: Any, n_jobs: int, workers_per_gpu: int) -> PoolLauncher:
    """Executors on the Ray cluster of this process, which is started if there is none.

    Args:
        backend: Joblib's. Its `ray_remote_args` go to each actor.
        n_jobs: See `launcher`.
        workers_per_gpu: Actors per GPU, where the cluster has some and `ray_remote_args` does not
            say how many an actor needs.

    Raises:
        SearchError: The cluster lacks what an actor needs.
    """
    if not ray.is_initialized():
        ray.init()
    total = ray.cluster_resources()  # type: ignore[no-untyped-call]
    options = _options(dict(backend.ray_remote_args or {}), total, workers_per_gpu)
    needed = {"CPU": options["num_cpus"], "GPU": options["num_gpus"], **options["resources"]}
    fits = min(int(total.get(key, 0) / amount) for key, amount in needed.items() if amount)
    if fits < 1:
        raise SearchError(
            f"an executor needs {needed}, and the Ray cluster has {total}; ask for less in "
            'parallel_config("ray", ray_remote_args=...), or add nodes'
        )
    context = ray.get_runtime_context()
    instance = context.get_job_id(), context.get_node_id()
    n_workers = min(count(n_jobs, fits), fits)
    key = instance, n_workers, repr(options)
    if key not in _warm or _warm[key].is_running:
        for (earlier, *_), old in _warm.items():
            if earlier == instance and not old.is_running:
                old.close()
        _warm.clear()
        _warm[key] = PoolLauncher(RayWorkers(n_workers, options))
    return _warm[key]


def _options(
    given: dict[str, Any], total: dict[str, float], workers_per_gpu: int
) -> dict[str, Any]:
    """What each actor is started with."""
    options = {
        "num_cpus": 1,
        "num_gpus": 1 / workers_per_gpu if total.get("GPU") else 0,
        "resources": {},
        **given,
        "max_restarts": 0,
    }
    environment = cpu_environment(max(1, int(options["num_cpus"] or 1)), {})
    if options["num_gpus"]:
        environment |= gpu_environment(max(1, int(1 / options["num_gpus"])), {})
    runtime = dict(given.get("runtime_env") or {})
    options["runtime_env"] = runtime | {"env_vars": environment | runtime.get("env_vars", {})}
    return options


def _runner() -> Any:
    """A class that is sent as code; see `worker`."""

    class Executor:
        def __init__(self, packed: bytes) -> None:
            self._call = pickle.loads(packed)

        def run(self, payload: bytes) -> bytes:
            return bytes(self._call(payload))

    return Executor
