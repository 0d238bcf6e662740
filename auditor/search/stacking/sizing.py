"""How a group of runs is trained: compiled or not, in how many rows, in how many stacks at once."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from auditor.search.launching.devices import CORES
from auditor.search.stacking.layers import CONVOLUTIONS, RECURRENT, has

MOST_ROWS = {"cpu": 32, "gpu": 4096}
"""Runs that train at once on a device at most. On a core a step of a small dense net takes .046 ms
per run in stacks of 4 and .029 to .035 in stacks of 18 to 36 (docs/performance.md): more rows only
take memory from one another."""

MEMORY_SHARE = 0.25
"""Share of the free memory that all stacks together may take, by estimate."""

COPIES = 6
"""How often a stack holds the weights: themselves, their gradients, two slots of an optimizer, the
best so far, and one copy on the way in or out."""

FLOAT_BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
"""Bytes of a number, by `keras.config.floatx()`; NumPy does not know all of them."""

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux tells the limits of a container: version 2 here, version 1 in folders below."""


def device() -> str:
    """What stacks train on: "cpu" or "gpu"."""
    if keras.config.backend() == "jax":
        import jax

        return "cpu" if jax.default_backend() == "cpu" else "gpu"
    import tensorflow as tf

    return "gpu" if tf.config.get_visible_devices("GPU") else "cpu"  # It may have hidden some.


def cores(cgroup: Path = CGROUP) -> int:
    """Processor cores that this process may use, rounded down where a container limits its time.

    An executor uses the share that its launcher has given it.
    """
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(CORES, "")
    limit = int(share) if share.isdigit() else math.inf
    return int(max(1, min(own, _core_limit(cgroup), limit)))


def sharing() -> int:
    """Devices that train each stack together: on JAX all, on TensorFlow one."""
    if keras.config.backend() != "jax":
        return 1
    from auditor.search.stacking.backends.jax import devices

    return len(devices())


def stacks_at_once(where: str) -> int:
    """One stack per core: a program of small models uses one core and a bit. Devices run one."""
    return cores() if where == "cpu" and sharing() == 1 else 1


@dataclass(frozen=True)
class Machine:
    """What stacks train on.

    Attributes:
        where: "cpu" or "gpu".
        at_once: Stacks that train at once.
        is_here: Whether this process trains them, and so knows the memory there is.
    """

    where: str
    at_once: int
    is_here: bool = False

    def most_rows(self, model: Any, batch_size: int) -> int:
        """Rows of a stack: what trains it somewhere else takes as many of them as fit there."""
        here = self.is_here
        return most_rows(model, batch_size, self.where) if here else MOST_ROWS[self.where]


def this_machine() -> Machine:
    """What this process sees."""
    where = device()
    return Machine(where, stacks_at_once(where), is_here=True)


def is_compiled(model: Any, where: str) -> bool:
    """Whether XLA should compile a structure.

    Not recurrent layers, whose loops it refuses, and no convolutions on a CPU, where it takes ten
    times as long as TensorFlow's own (28 x 28 images, two layers, batch of 32, 16 runs: 26 to 30 ms
    a step and run, against 2.9). JAX has nothing else.
    """
    if keras.config.backend() == "jax":
        return True
    if has(model, RECURRENT):
        return False
    return where != "cpu" or not has(model, CONVOLUTIONS)


def most_rows(model: Any, batch_size: int, where: str) -> int:
    """Runs of a structure that fit into memory at once, and no more than are useful."""
    per_run = _bytes_per_run(model, batch_size)
    free = _free_memory() if where == "cpu" else _device_memory()
    share = MEMORY_SHARE * free / stacks_at_once(where)
    on_each = min(MOST_ROWS[where], int(share // max(per_run * sharing(), 1)))
    return max(1, on_each) * sharing()


def even_rows(rows: int) -> int:
    """So many rows, and as many more as it takes for all devices to have the same number."""
    return -(-rows // sharing()) * sharing()


def _bytes_per_run(model: Any, batch_size: int) -> int:
    """An estimate: the weights, several times, and the outputs of all layers for a batch, twice."""
    numbers = sum(math.prod(variable.shape) for variable in model.variables)
    layers = model._flatten_layers(include_self=False)
    outputs = sum(size for layer in layers for size in _output_sizes(layer))
    size = FLOAT_BYTES[keras.config.floatx()] * (COPIES * numbers + 2 * batch_size * outputs)
    return int(size)


def _output_sizes(layer: Any) -> list[int]:
    """Numbers per row in the outputs of a layer; none where that is not known."""
    try:
        outputs = keras.tree.flatten(layer.output)
    except (AttributeError, ValueError):
        return []
    return [math.prod(length or 1 for length in output.shape[1:]) for output in outputs]


def _free_memory(cgroup: Path = CGROUP) -> int:
    """Bytes of free main memory, or a guess where the system does not tell."""
    try:
        free = int(os.sysconf("SC_AVPHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        free = 4 << 30
    return int(max(0, min(free, _memory_limit(cgroup))))


def _core_limit(cgroup: Path) -> float:
    """Whole cores' worth of time that a container has; infinite without a limit."""
    older = cgroup / "cpu"
    words = _words(cgroup / "cpu.max")
    words = words or _words(older / "cpu.cfs_quota_us") + _words(older / "cpu.cfs_period_us")
    try:
        quota, period = map(int, words)
    except ValueError:  # no such files, or "max"
        return math.inf
    return quota // period if quota > 0 and period > 0 else math.inf  # -1 is no limit


def _memory_limit(cgroup: Path) -> float:
    """Bytes that the limit of a container leaves; infinite without one.

    Files that the system keeps in memory count as used there, but those long unread are dropped
    when memory is wanted.
    """
    older = cgroup / "memory"
    for limit, used, cached in (
        (cgroup / "memory.max", cgroup / "memory.current", "inactive_file"),
        (older / "memory.limit_in_bytes", older / "memory.usage_in_bytes", "total_inactive_file"),
    ):
        stat = _words(limit.parent / "memory.stat")
        try:
            (most,), (taken,) = map(int, _words(limit)), map(int, _words(used))
            return most - taken + int(dict(zip(stat[::2], stat[1::2], strict=True)).get(cached, 0))
        except ValueError:  # no such files, or "max"
            continue
    return math.inf


def _words(path: Path) -> list[str]:
    """The words of a file; none where it cannot be read."""
    try:
        return path.read_text().split()
    except (OSError, ValueError):
        return []


def _device_memory() -> int:
    """Bytes of the accelerators that share a stack, or a guess."""
    if keras.config.backend() == "jax":
        from auditor.search.stacking.backends.jax import devices

        every = [device.memory_stats() or {} for device in devices()]
        free = [int(one.get("bytes_limit", 4 << 30)) - one.get("bytes_in_use", 0) for one in every]
        return len(free) * int(min(free))
    from tensorflow.python.client import device_lib  # nothing public tells

    limits = [d.memory_limit for d in device_lib.list_local_devices() if d.device_type == "GPU"]
    return int(limits[0]) if limits else 4 << 30
