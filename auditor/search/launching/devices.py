"""Which devices there are, and the environment that shows an executor one. Loads no framework."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import loky

DRIVER = Path("/proc/driver/nvidia/gpus")
"""Where NVIDIA's driver lists its devices on Linux."""

SMI_SECONDS = 30.0
"""How long nvidia-smi may take: after a start without its daemon it loads the driver first."""

JAX_MEMORY = 0.9
"""Share of a GPU's memory that the JAX processes on it may take together; each has overheads."""

THREADS = (
    "MKL_NUM_THREADS",
    "NPROC",  # the thread pool of XLA on CPUs
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
"""What libraries read when they are loaded. A smaller number that the user has set stays."""

CORES = "AUDITOR_CORES"
"""How many cores an executor may use, for this package itself."""

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
"""XLA's kernels run on the thread that calls them."""


@dataclass(frozen=True)
class Device:
    """What one executor runs on.

    Attributes:
        name: For a person.
        environment: Variables that its process has from the start, as pairs.
    """

    name: str
    environment: tuple[tuple[str, str], ...]


def gpus(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    return _installed() if visible is None else visible_gpus(visible)


def visible_gpus(visible: str) -> tuple[str, ...]:
    """What a value of CUDA_VISIBLE_DEVICES makes visible: all before the first that is none."""
    names = []
    for name in (part.strip() for part in visible.split(",")):
        if not re.fullmatch(r"\d+|(GPU|MIG)-.+", name):
            break
        names.append(name)
    return tuple(names)


def _installed() -> tuple[str, ...]:
    """All GPUs, from NVIDIA's tool or driver; of a GPU that is divided its parts."""
    try:
        command = ["nvidia-smi", "-L"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SMI_SECONDS)
        return listed_gpus(done.stdout) if done.returncode == 0 else ()
    except (OSError, subprocess.TimeoutExpired):
        found = len(list(DRIVER.iterdir())) if DRIVER.is_dir() else 0
        return tuple(str(number) for number in range(found))


def listed_gpus(text: str) -> tuple[str, ...]:
    """The names in what `nvidia-smi -L` prints."""
    parts = re.findall(r"^\s+MIG .*\(UUID: (MIG-[^)]+)\)", text, re.MULTILINE)
    return tuple(parts or re.findall(r"^GPU (\d+):", text, re.MULTILINE))


def count(n_jobs: int, available: int) -> int:
    """How many jobs a number means, as in joblib: -1 for all, -2 for all but one."""
    return n_jobs if n_jobs > 0 else max(1, available + 1 + n_jobs)


def device_list(
    n_jobs: int, workers_per_gpu: int = 1, found: Sequence[str] = (), cores: int | None = None
) -> list[Device]:
    """The devices of the executors of this machine.

    Args:
        n_jobs: How many; see `count`. There are never more on GPUs than these have places for.
        workers_per_gpu: How many share a GPU.
        found: The GPUs.
        cores: Processor cores to share; None for those that this process may use.
    """
    cores = _cores() if cores is None else cores
    # The first worker of each GPU before the second of any.
    places = [(gpu, turn) for turn in range(workers_per_gpu) for gpu in found]
    jobs = min(count(n_jobs, len(places)), len(places)) if found else count(n_jobs, cores)
    share = max(1, cores // jobs)
    if not found:
        environment = cpu_environment(share)
        return [_device(f"CPU worker {number + 1}", environment) for number in range(jobs)]
    environment = cpu_environment(share) | gpu_environment(workers_per_gpu)
    return [
        _device(
            f"GPU {gpu}" + (f" worker {turn + 1}" if workers_per_gpu > 1 else ""),
            environment | {"CUDA_VISIBLE_DEVICES": gpu},
        )
        for gpu, turn in places[:jobs]
    ]


def _device(name: str, environment: Mapping[str, str]) -> Device:
    # A backend that was chosen in this process after an executor has started is for it, too.
    chosen = {key: os.environ[key] for key in ("KERAS_BACKEND",) if key in os.environ}
    return Device(name, tuple(sorted((chosen | dict(environment)).items())))


def _cores() -> int:
    """Cores that this process may use, which may be an executor itself."""
    own = os.environ.get(CORES, "")
    available = int(loky.cpu_count())
    return min(available, int(own)) if own.isdigit() and int(own) else available


def cpu_environment(share: int, user: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What keeps an executor from using more than its share of the cores."""
    environment = {CORES: str(share)}
    for name in THREADS:
        own = user.get(name, "")
        environment[name] = str(min(share, int(own)) if own.isdigit() and int(own) else share)
    flags = user.get("XLA_FLAGS", "")
    if share == 1 and "xla_cpu_multi_thread_eigen" not in flags:
        environment["XLA_FLAGS"] = f"{flags} {ONE_THREAD}".strip()
    return environment


def gpu_environment(workers_per_gpu: int, user: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What lets executors share a GPU with each other, and with whatever else runs on it."""
    environment = {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # the order in which nvidia-smi counts
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{JAX_MEMORY / workers_per_gpu:.3f}",
    }
    return {name: user.get(name, value) for name, value in environment.items()}


def one_gpu_each(visible: Sequence[Sequence[str]]) -> list[str | None]:
    """One GPU for each worker of a machine, from what each sees: the first that is least taken.

    Args:
        visible: Per worker its GPUs, the preferred one first.
    """
    taken: dict[str, int] = {}
    chosen: list[str | None] = []
    for names in visible:
        gpu = min(names, key=lambda name: taken.get(name, 0), default=None)
        if gpu is not None:
            taken[gpu] = taken.get(gpu, 0) + 1
        chosen.append(gpu)
    return chosen
