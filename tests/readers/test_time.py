"""Files made to take long: whatever is in them, reading ends soon."""

import time
from contextlib import suppress
from pathlib import Path

import pytest

from auditor.errors import AuditorError
from auditor.readers import find

MOST_SECONDS = 3.0
"""Of processor time; each takes some tenths of it, and took minutes."""

LONG = 60_000
DIGITS = "1" * 4 * LONG

FILES = {
    "blanks.json": " " * LONG + '"epoch" loss',
    "blanks.jsonl": " " * LONG + '{"epoch" loss' + '"' * 5_000,
    "lines.txt": "\n" * LONG,
    "returns.log": "\r" * LONG,
    "digits.txt": "{'loss': [0.5, " + DIGITS + "x",
    "printed.txt": "   loss  val_loss\n0  0.5  0.4\n1  0.4  " + DIGITS + "x\n2  0.3  0.2\n",
    "one_name.csv": "trial_id,epoch,loss" + ",a" * 9_990 + "\n" + "1," * 9_992 + "1\n",
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_made_to_take_long_does_not(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name].encode())
    begun = time.process_time()
    with suppress(AuditorError):
        for source in find(path):
            source.read()
    assert time.process_time() - begun < MOST_SECONDS
