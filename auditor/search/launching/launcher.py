"""Which executors a search has: from `n_jobs`, joblib's configuration and the devices there are."""

from collections.abc import Generator, Iterable
from typing import Any, Protocol

from joblib.parallel import BACKENDS, get_active_backend, register_parallel_backend

from auditor.errors import SearchError
from auditor.search.launching.devices import device_list, gpus
from auditor.search.launching.local import local_launcher
from auditor.search.launching.tasks import Event, Task

LOCAL = ("LokyBackend", "MultiprocessingBackend", "ThreadingBackend")
CLUSTERS = ("DaskDistributedBackend", "RayBackend")


class Launcher(Protocol):
    """Runs tasks on executors that stay as long as possible."""

    @property
    def executors(self) -> tuple[str, ...]:
        """Their names for a person: "GPU 0", "CPU worker 1", "dask tcp://10.0.0.5:39911"."""

    @property
    def on_gpus(self) -> bool:
        """Whether they have GPUs."""

    def run(self, tasks: Iterable[Task], tick: float = 1.0) -> Generator[Event, None, None]:
        """Run tasks, one at a time on each executor.

        Closing the iterator, or an exception, stops what runs; the launcher can be used again.

        Args:
            tasks: A list is run by size, the largest first. Any other iterable is asked for a task
                only when an executor is free for it, and not again after its end.
            tick: After so many seconds without news comes a `Tick`.

        Yields:
            What happens. A task whose executor dies is tried once more.
        """

    def close(self) -> None:
        """Stop the executors. Without it they wait for the next search of this process."""


def launcher(n_jobs: int | None, workers_per_gpu: int = 1) -> Launcher | None:
    """What a search runs on.

    Args:
        n_jobs: How many executors; -1 for one per GPU (times `workers_per_gpu`), or per core where
            there is no GPU, -2 for one less. None: as `joblib.parallel_config` says. Its backends
            "dask" and "ray" are used, too; what it passes on (`resources`, `ray_remote_args`)
            goes with each task.
        workers_per_gpu: How many executors share a GPU.

    Returns:
        The launcher, or None where this process should do the work: one job without a GPU, or
        no `n_jobs` at all.

    Raises:
        ValueError: One of the numbers is not accepted.
        SearchError: The cluster has no workers, or none with what is asked for.
    """
    backend, configured = get_active_backend()
    jobs = configured if n_jobs is None else n_jobs
    check_count("workers_per_gpu", workers_per_gpu, least=1)
    if jobs is not None:
        check_count("n_jobs", jobs)
    kind = type(backend).__name__
    if kind == "DaskDistributedBackend":
        from auditor.search.launching.dask_cluster import dask_launcher

        return dask_launcher(backend, -1 if jobs is None else jobs, workers_per_gpu)
    if kind == "RayBackend":
        from auditor.search.launching.ray_cluster import ray_launcher

        return ray_launcher(backend, -1 if jobs is None else jobs, workers_per_gpu)
    if kind == "SequentialBackend" or jobs is None:
        return None
    if kind not in LOCAL:
        raise SearchError(
            f"joblib.parallel_config has {kind} in force; a search runs on 'loky' (processes of "
            "this machine), 'dask' and 'ray'"
        )
    found = gpus()
    devices = device_list(jobs, workers_per_gpu, found)
    return local_launcher(devices) if found or len(devices) > 1 else None


def leaves_gpus_alone(n_jobs: int | None) -> bool:
    """Whether a search that begins now would leave the GPUs to executors; asks no cluster."""
    backend, configured = get_active_backend()
    kind = type(backend).__name__
    jobs = configured if n_jobs is None else n_jobs
    return kind in CLUSTERS or (kind in LOCAL and jobs is not None and bool(gpus()))


def check_count(name: str, value: Any, least: int | None = None) -> None:
    """Refuse what is no number of executors."""
    accepted = "an integer from 1" if least else "a positive integer, or -1 for all"
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if not is_integer or value == 0 or (least is not None and value < least):
        raise ValueError(f"{name}={value!r} is not accepted; give {accepted}")


def _ray_backend(**options: Any) -> Any:
    """Joblib's Ray backend: what `ray.util.joblib.register_ray` would register."""
    try:
        from ray.util.joblib.ray_backend import RayBackend
    except ImportError as error:
        raise ImportError(
            'parallel_config("ray") needs Ray, which is not installed; run '
            "pip install 'sweep-auditor[ray]'"
        ) from error
    return RayBackend(**options)


# As joblib does for Dask: nobody has to know that Ray's has to be registered.
if "ray" not in BACKENDS:
    register_parallel_backend("ray", _ray_backend)
