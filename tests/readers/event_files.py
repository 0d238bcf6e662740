"""Event files written by hand, for what no tool writes on purpose."""

import struct
from collections.abc import Iterable
from pathlib import Path

from auditor.readers.tensorboard.events import protos

NAME = "events.out.tfevents.1600000000.host"


def record(message: bytes) -> bytes:
    """A message with its length and checksums, as TensorBoard itself computes them."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    length = struct.pack("<Q", len(message))
    sums = [struct.pack("<I", masked_crc32c(part)) for part in (length, message)]
    return length + sums[0] + message + sums[1]


def scalar(tag: str, step: int, value: float, time: float = 1e9) -> bytes:
    """A record of one number."""
    event = protos()[0](wall_time=time, step=step)
    event.summary.value.add(tag=tag, simple_value=value)
    return record(event.SerializeToString())


def write(path: Path, rows: Iterable[tuple[str, int, float]], began: float = 1e9) -> Path:
    """A file of numbers (tag, step, value), a second apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(scalar(*row, began + i) for i, row in enumerate(rows)))
    return path


def curve(tag: str, steps: Iterable[int], first: float = 1.0) -> list[tuple[str, int, float]]:
    """Rows of one tag whose values count up from `first`."""
    return [(tag, step, first + i) for i, step in enumerate(steps)]
