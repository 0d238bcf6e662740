"""What is read once is not read again, and is never taken for what it is not."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.readers import Source, cache, find
from auditor.readers.cache import cached
from auditor.trials import Trials
from tests.readers.sweeps import write_sweep


class Counted:
    """A sweep of ours that counts how often it is read."""

    def __init__(self, folder: Path) -> None:
        self.times = 0
        (source,) = find(write_sweep(folder))
        self._read = source.reader.read
        self.source = replace(source, reader=replace(source.reader, read=self.read))

    def read(self, source: Source) -> Trials:
        self.times += 1
        return self._read(source)


@pytest.fixture(autouse=True)
def keep_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LEAST_SECONDS", 0)


@pytest.fixture
def sweep(tmp_path: Path) -> Counted:
    return Counted(tmp_path / "sweep")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def entries(store: Path) -> list[Path]:
    return sorted((store / "auditor" / "trials").glob("*"))


def test_a_second_time_nothing_is_read(sweep: Counted, store: Path) -> None:
    first, second = cached(sweep.source, folder=store), cached(sweep.source, folder=store)
    assert sweep.times == 1
    assert second == first


def test_a_file_with_another_time_and_the_same_bytes_is_the_same(
    sweep: Counted, store: Path
) -> None:
    cached(sweep.source, folder=store)
    os.utime(sweep.source.path / "trial_0000" / "history.csv")
    cached(sweep.source, folder=store)
    assert sweep.times == 1


def change(path: Path) -> None:
    file = path / "trial_0000" / "history.csv"
    before = file.stat()
    file.write_text(file.read_text().replace("0.70", "0.60"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def add(path: Path) -> None:
    (path / "trial_0003").mkdir()


def remove(path: Path) -> None:
    (path / "trial_0000" / "history.csv").unlink()


def damage(path: Path) -> None:
    (path / "trial_0001" / "trial.json").write_text("{")


@pytest.mark.parametrize("act", [change, add, remove, damage])
def test_what_has_changed_is_read_anew_and_takes_the_old_place(
    act: object, sweep: Counted, store: Path
) -> None:
    cached(sweep.source, folder=store)
    assert callable(act)
    act(sweep.source.path)
    assert cached(sweep.source, folder=store) == sweep.read(sweep.source)
    assert cached(sweep.source, folder=store).provenance == sweep.read(sweep.source).provenance
    assert sweep.times == 4
    assert len(entries(store)) == 1


def test_a_file_that_could_not_be_read_is_looked_at_again(sweep: Counted, store: Path) -> None:
    damage(sweep.source.path)
    cached(sweep.source, folder=store)
    (sweep.source.path / "trial_0001" / "trial.json").write_text("[]")
    cached(sweep.source, folder=store)
    assert sweep.times == 2


@pytest.mark.parametrize("name", ["files.json", "trials.json", "curves.parquet"])
@pytest.mark.parametrize("content", [None, b"", b"[" * 100_000, b"\0", b'{"a": 1}', b"7"])
def test_a_damaged_cache_is_made_again(
    name: str, content: bytes | None, sweep: Counted, store: Path
) -> None:
    first = cached(sweep.source, folder=store)
    file = entries(store)[0] / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert cached(sweep.source, folder=store) == first
    assert cached(sweep.source, folder=store) == first
    assert sweep.times == 2


def test_a_cache_that_cannot_be_written_stops_nothing(sweep: Counted, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cached(sweep.source, folder=tmp_path / "file")
    cached(sweep.source, folder=tmp_path / "file")
    assert sweep.times == 2


def test_nothing_is_written_below_the_path(sweep: Counted, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    cached(sweep.source, folder=sweep.source.path / "trial_0000")
    cached(sweep.source, path=tmp_path, folder=tmp_path / "cache")
    assert sorted(tmp_path.rglob("*")) == before


def test_folders_that_a_reader_joins_count(sweep: Counted, store: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    (logs / "0000").mkdir(parents=True)
    reader = replace(sweep.source.reader, joins=lambda path: [path.parent / "logs"])
    source = replace(sweep.source, reader=reader)
    cached(source, folder=store)
    cached(source, folder=store)
    assert sweep.times == 1
    (logs / "0000" / "events").touch()
    cached(source, folder=store)
    assert sweep.times == 2


def test_a_cache_beside_a_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,loss,val_loss\n0,1,2\n1,1,2\n")
    (source,) = find(tmp_path / "log.csv")
    trials = cached(source, folder=tmp_path / "cache")
    assert entries(tmp_path / "cache")
    again = replace(source, reader=replace(source.reader, read=None))  # type: ignore[arg-type]
    assert cached(again, folder=tmp_path / "cache") == trials


def test_what_was_not_used_for_longest_is_dropped(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = [Counted(tmp_path / name) for name in "abc"]
    for sweep in sweeps[:2]:
        cached(sweep.source, folder=store)
    first, second = sorted(entries(store), key=lambda entry: entry.stat().st_mtime_ns)
    os.utime(first, (2, 2))
    os.utime(second, (1, 1))
    size = sum(file.stat().st_size for file in first.iterdir())
    monkeypatch.setattr(cache, "MOST_BYTES", 2.5 * size)
    cached(sweeps[2].source, folder=store)
    assert first in entries(store)
    assert second not in entries(store)
    assert len(entries(store)) == 2


def test_what_is_read_at_once_is_not_kept(
    sweep: Counted, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LEAST_SECONDS", 60)
    cached(sweep.source, folder=store)
    assert not store.exists()


def test_files_that_change_while_they_are_read_are_not_kept(store: Path, tmp_path: Path) -> None:
    sweep = Counted(tmp_path / "sweep")

    def read(source: Source) -> Trials:
        trials = sweep.read(source)
        change(source.path)
        add(source.path)
        return trials

    cached(replace(sweep.source, reader=replace(sweep.source.reader, read=read)), folder=store)
    assert not store.exists()


def test_links_in_circles_end(sweep: Counted, store: Path) -> None:
    (sweep.source.path / "around").symlink_to(sweep.source.path, target_is_directory=True)
    (sweep.source.path / "self").symlink_to(sweep.source.path / "self")
    cached(sweep.source, folder=store)
    cached(sweep.source, folder=store)
    assert sweep.times == 1


def test_a_relative_folder_in_the_environment_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert cache.cache_folder() == Path.home() / ".cache"
