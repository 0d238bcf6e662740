"""TensorBoard event files: their scalars and hyperparameters, without TensorFlow.

Each message of a file is an `Event`: a time, a step, and perhaps a summary of tagged values.
"""

import os
import struct
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.errors import ReadError
from auditor.readers.tensorboard.records import DamagedError, messages

MOST_TAGS = 10_000
"""Different names of scalars that are read of one file."""


@dataclass(frozen=True)
class Scalars:
    """The observations under one tag, in the order of the file.

    Attributes:
        steps: Whatever the program counts: epochs, batches.
        times: Seconds since 1970.
        values: What was logged.
    """

    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class EventFile:
    """What one event file says.

    Attributes:
        scalars: Observations by tag.
        session: Messages of the HParams plugin by their kind: "experiment" (the declared space),
            "session_start_info" (hyperparameters of the run), "session_end_info" (its status).
        records: How many records are good; a file of none says not even that a run began.
        problem: Why reading stopped before the end of the file; None where it did not.
    """

    scalars: Mapping[str, Scalars] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    records: int = 0
    problem: str | None = None


def read_events(path: Path) -> EventFile:
    """Read one event file, up to the first record that is cut off or damaged.

    Raises:
        ReadError: The file cannot be opened.
    """
    taking, problem = _Taking(), None
    try:
        if not path.is_file():  # a pipe or a device would block
            raise ReadError("the file is missing, or not a regular file")
        with path.open("rb", buffering=0) as file:
            for message in messages(file, os.fstat(file.fileno()).st_size):
                taking.take(message)
    except DamagedError as damage:
        problem = str(damage)
    except OSError as error:
        raise ReadError(f"the file cannot be read: {error}") from error
    scalars = {tag: column.arrays() for tag, column in taking.columns.items()}
    return EventFile(scalars, taking.session, taking.records, problem)


class _Columns:
    def __init__(self) -> None:
        self.steps, self.times, self.values = array("q"), array("d"), array("d")

    def add(self, step: int, time: float, value: float) -> None:
        self.steps.append(step)
        self.times.append(time)
        self.values.append(value)

    def arrays(self) -> Scalars:
        return Scalars(np.array(self.steps), np.array(self.times), np.array(self.values))


class _Form(NamedTuple):
    """A summary of one number, by the bytes around that number."""

    before: bytes
    after: bytes
    column: _Columns


class _Taking:
    """Takes messages apart.

    Most differ from an earlier one in their time, step and number only, so the bytes around those
    are remembered: comparing them is several times faster than decoding each message.
    """

    def __init__(self) -> None:
        self.columns: dict[str, _Columns] = {}
        self.session: dict[str, Any] = {}
        self.records = 0
        self._forms: dict[int, list[_Form]] = {}

    def take(self, message: bytes) -> None:
        """Add what one message holds.

        Raises:
            DamagedError: It is no event.
        """
        self.records += 1
        step, end = _step(message)
        summary = message[end:]
        for before, after, column in self._forms.get(len(summary), ()):
            if summary.startswith(before) and summary.endswith(after):
                (time,) = _DOUBLE.unpack_from(message, 1)
                (number,) = _FLOAT.unpack_from(summary, len(before))
                column.add(step, time, number)
                return
        self._decode(message, summary)

    def _decode(self, message: bytes, summary: bytes) -> None:
        event_type, session_type, error_type = protos()
        try:
            event = event_type.FromString(message)
            for value in event.summary.value:
                number = _number(value)
                if number is not None:
                    column = self._column(value.tag)
                    column.add(event.step, event.wall_time, number)
                    if len(event.summary.value) == 1 and value.tensor.dtype in _SINGLE:
                        self._remember(summary, number, column)
                elif value.metadata.plugin_data.plugin_name == "hparams":
                    session = session_type.FromString(value.metadata.plugin_data.content)
                    kind = session.WhichOneof("data")
                    if kind:
                        self.session[kind] = getattr(session, kind)
        except (error_type, UnicodeDecodeError) as error:
            raise DamagedError(
                "holds a record that is no event; what is before it was read"
            ) from error

    def _column(self, tag: str) -> _Columns:
        if tag not in self.columns and len(self.columns) == MOST_TAGS:
            raise DamagedError(f"has more than {MOST_TAGS:,} tags; what is before them was read")
        return self.columns.setdefault(tag, _Columns())

    def _remember(self, summary: bytes, number: float, column: _Columns) -> None:
        forms = self._forms.setdefault(len(summary), [])
        raw = _FLOAT.pack(number)
        at = summary.find(raw)
        unique = at > 0 and at == summary.rfind(raw)
        if unique and summary.startswith(_SUMMARY) and len(forms) < _MOST_FORMS:
            forms.append(_Form(summary[:at], summary[at + len(raw) :], column))


_MOST_FORMS = 16
"""Of one length: with more of them, decoding is as fast."""

_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
_TIME, _STEP, _SUMMARY = b"\x09", b"\x10", b"\x2a"
"""The bytes that these fields of an event begin with; in this order, where they are there."""


def _step(message: bytes) -> tuple[int, int]:
    """The step of an event, and where what follows it begins; its end if the order is unusual."""
    if message[:1] != _TIME:
        return 0, len(message)
    if message[9:10] != _STEP:
        return 0, 9
    step = 0
    for place, byte in enumerate(message[10:14]):
        step |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return step, 11 + place
    return 0, len(message)


_TENSOR_FIELDS = {1: "float_val", 2: "double_val", 3: "int_val", 9: "int64_val"}
_TENSOR_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}
"""TensorFlow's numbers of the types of tensors: float, double, int32, int64, half."""


_SINGLE = (0, 1)
"""No tensor but a `simple_value`, or one of type float: four bytes, wherever they stand."""


def _number(value: Any) -> float | None:
    """The number in a summary, where it holds a single one."""
    if value.HasField("simple_value"):
        return float(value.simple_value)
    if not value.HasField("tensor") or value.metadata.plugin_data.plugin_name == "hparams":
        return None
    tensor = value.tensor
    kind = tensor.dtype
    if kind not in _TENSOR_TYPES or tensor.tensor_shape.dim:
        return None
    size = np.dtype(_TENSOR_TYPES[kind]).itemsize
    if len(tensor.tensor_content) == size:
        return float(np.frombuffer(tensor.tensor_content, _TENSOR_TYPES[kind])[0])
    listed = list(getattr(tensor, _TENSOR_FIELDS.get(kind, ""), ()))
    return float(listed[0]) if len(listed) == 1 else None


@cache
def protos() -> tuple[Any, Any, type[Exception]]:
    """The messages as TensorBoard declares them: `Event`, `HParamsPluginData`; decoding errors.

    No more of TensorBoard is loaded: its own reader of events would load TensorFlow.
    """
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto import event_pb2
    from tensorboard.plugins.hparams import plugin_data_pb2

    return event_pb2.Event, plugin_data_pb2.HParamsPluginData, DecodeError
