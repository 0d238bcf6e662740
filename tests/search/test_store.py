"""The directory of a sweep."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from auditor.errors import DirectoryError
from auditor.search import store


def test_many_may_look_at_one_moment_whether_a_directory_can_be_written(path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(store.prepare, [path] * 400)) == [None] * 400
    assert list(path.iterdir()) == []


def test_a_directory_that_cannot_be_written_is_said_so(path: Path) -> None:
    path.write_text("")
    with pytest.raises(DirectoryError, match=r"cannot write .*choose another `directory`"):
        store.prepare(path)
