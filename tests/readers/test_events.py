"""Event files: every kind of scalar, damage of every kind, and bounded memory."""

import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import ReadError
from auditor.readers.tensorboard import events, records
from auditor.readers.tensorboard.events import protos, read_events
from tests.readers.event_files import NAME, curve, record, scalar, write

DATA = Path(__file__).parents[1] / "data"


def tensor(dtype: int, **fields: object) -> bytes:
    """A record of one tensor."""
    event = protos()[0](wall_time=1.0, step=3)
    event.summary.value.add(tag="t", tensor={"dtype": dtype, "tensor_shape": {}, **fields})
    return record(event.SerializeToString())


@pytest.mark.parametrize(
    ("dtype", "fields", "value"),
    [
        (1, {"tensor_content": struct.pack("<f", 0.5)}, 0.5),
        (1, {"float_val": [0.5]}, 0.5),
        (2, {"tensor_content": struct.pack("<d", 0.1)}, 0.1),
        (2, {"double_val": [0.1]}, 0.1),
        (3, {"int_val": [7]}, 7.0),
        (9, {"tensor_content": struct.pack("<q", -7)}, -7.0),
        (19, {"tensor_content": np.float16(0.5).tobytes()}, 0.5),
        (1, {"float_val": [0.5, 1.0]}, None),
        (1, {"float_val": [0.5], "tensor_shape": {"dim": [{"size": 1}]}}, None),
        (1, {"tensor_content": b"123"}, None),
        (7, {"string_val": [b"text"]}, None),
    ],
)
def test_a_tensor_of_one_number_is_a_scalar(
    tmp_path: Path, dtype: int, fields: dict[str, object], value: float | None
) -> None:
    path = tmp_path / NAME
    path.write_bytes(tensor(dtype, **fields) * 2)
    found = read_events(path)
    assert found.problem is None
    if value is None:
        assert found.scalars == {}
    else:
        assert found.scalars["t"].values.tolist() == [value, value]
        assert found.scalars["t"].steps.tolist() == [3, 3]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "loss", "a longer tag"]),
        st.integers(-(2**40), 2**40) | st.integers(0, 300),
        st.floats(width=32, allow_nan=False),
    ),
    max_size=40,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_what_was_written_is_read(tmp_path: Path, rows: list[tuple[str, int, float]]) -> None:
    found = read_events(write(tmp_path / NAME, rows))
    assert found.records == len(rows)
    for tag in {tag for tag, *_ in rows}:
        expected = [(step, value) for t, step, value in rows if t == tag]
        scalars = found.scalars[tag]
        got = zip(scalars.steps.tolist(), scalars.values.tolist(), strict=True)
        assert list(got) == expected


def test_nan_and_infinity_are_observed(tmp_path: Path) -> None:
    values = [float("nan"), float("inf"), float("nan"), -float("inf")]
    path = write(tmp_path / NAME, [("loss", i, v) for i, v in enumerate(values)])
    assert repr(read_events(path).scalars["loss"].values.tolist()) == repr(values)


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_cut_record_costs_itself_only(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / NAME, curve("loss", range(5)))
    path.write_bytes(path.read_bytes()[:-cut])
    found = read_events(path)
    assert found.scalars["loss"].steps.tolist() == list(range(5 - 1 - (cut > 38)))
    assert found.problem is not None
    assert "cut off" in found.problem


@pytest.mark.parametrize("bit", [0, 7, 9, 13, 20, 37])
def test_a_damaged_byte_ends_the_file_there_and_is_named(tmp_path: Path, bit: int) -> None:
    good = b"".join(scalar("loss", i, 1.0) for i in range(3))
    bad = bytearray(scalar("loss", 3, 1.0))
    bad[bit % len(bad)] ^= 4
    path = tmp_path / NAME
    path.write_bytes(good + bytes(bad) + scalar("loss", 4, 1.0))
    found = read_events(path)
    assert found.scalars["loss"].steps.tolist() == [0, 1, 2]
    assert found.problem is not None
    assert f"byte {len(good):,}" in found.problem or "cut off" in found.problem


@pytest.mark.parametrize("size", [5, 1023, 1024, 1025, 4096, 60_000])
def test_long_messages_are_checked_too(tmp_path: Path, size: int) -> None:
    event = protos()[0](wall_time=1.0, graph_def=b"x" * size)
    message = record(event.SerializeToString())
    path = tmp_path / NAME
    path.write_bytes(message + scalar("loss", 0, 1.0))
    assert read_events(path).problem is None
    path.write_bytes(message[:-9] + b"y" + message[-8:] + scalar("loss", 0, 1.0))
    assert read_events(path).records == 0


def test_images_are_stepped_over_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / NAME
    image = bytes(30 * 2**20)
    header = struct.pack("<Q", len(image))
    whole = record(header)  # only to have the checksum of the same eight bytes
    large = header + whole[12 + 8 : 12 + 8 + 4] + image + bytes(4)
    path.write_bytes(scalar("loss", 0, 1.0) + large + scalar("loss", 1, 2.0))
    del image, large
    read_events(path)
    tracemalloc.start()
    found = read_events(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.scalars["loss"].steps.tolist() == [0, 1]
    assert peak < 10 * 2**20


def test_small_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / NAME, curve("loss", range(500)))
    monkeypatch.setattr(records, "MOST_RECORD_BYTES", 64)
    monkeypatch.setattr(records, "_BLOCK_BYTES", 100)
    found = read_events(path)
    assert found.problem is None
    assert found.scalars["loss"].steps.tolist() == list(range(500))


def test_more_tags_than_a_program_has_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_TAGS", 3)
    path = write(tmp_path / NAME, [(f"tag {i}", 0, 1.0) for i in range(9)])
    found = read_events(path)
    assert len(found.scalars) == 3
    assert found.problem is not None


def test_what_is_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        read_events(tmp_path)


def test_tensorflow_stays_out() -> None:
    (path, *_) = sorted((DATA / "tensorboard-2.21.0").rglob("*tfevents*"))
    code = (
        "import sys; from pathlib import Path; "
        "from auditor.readers.tensorboard.events import read_events; "
        f"assert read_events(Path({str(path)!r})).session; "
        "sys.exit(bool({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
