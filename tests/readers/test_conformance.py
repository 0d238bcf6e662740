"""What every reader owes, whatever the tool: one template, run over all of `EXAMPLES`."""

import os
import random
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import AuditorError, ReadError, UnknownFormatError
from auditor.readers import READERS, Source, find, read
from auditor.readers.looking import Look
from auditor.trials import Trials
from tests.readers.examples import EXAMPLES, Example
from tests.readers.mutating import mutate

DAMAGE = {
    "empty": b"",
    "cut off": b'{"trial_id": "1", "hyperparameters": {"space": [',
    "binary": bytes(range(256)) * 4,
    "nested deeply": b"[" * 100_000,
    "nested deeply and whole": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "another type": b"[1, 2]",
    "another object": b'{"hello": "world"}',
    "a number too long": b'{"hyperparameters": {"values": {"a": ' + b"9" * 5000 + b"}}}",
    "NaN in the wrong place": b'{"hyperparameters": NaN}',
    "lone surrogate": b'{"hyperparameters": "\\ud800"}',
}


WITH_FILES = {name: example for name, example in EXAMPLES.items() if example.file}
ONE_EACH = {example.reader: example for example in EXAMPLES.values()}
MUTATIONS = 25
"""Per format; ten thousand over all of them are for scripts/fuzz_readers.py."""


@pytest.fixture(params=EXAMPLES.values(), ids=EXAMPLES)
def example(request: pytest.FixtureRequest) -> Example:
    return request.param


@pytest.fixture
def path(example: Example, tmp_path: Path) -> Path:
    return example.make(tmp_path / "search")


def snapshot(path: Path) -> dict[str, tuple[int, int, bytes]]:
    folder = path if path.is_dir() else path.parent
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [folder, *sorted(folder.rglob("*"))]
    }


def files_of(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def first(path: Path) -> Source:
    """The sweep at a path; of several in one file the first."""
    return find(path)[0]


def rows(trials: Trials) -> set[tuple[str, ...]]:
    """The observations, where a NaN equals a NaN."""
    return set(trials.curves.astype(str).itertuples(index=False, name=None))


def test_every_reader_has_an_example() -> None:
    assert {reader.name for reader in READERS} == {example.reader for example in EXAMPLES.values()}


def test_the_right_reader_takes_it(example: Example, path: Path) -> None:
    for source in find(path):
        assert source.reader.name == example.reader
        assert source.why


def test_a_whole_sweep_has_no_problems(path: Path) -> None:
    trials = first(path).read()
    assert len(trials.hyperparameters) > 0
    assert trials.provenance.problems == ()
    root = path if path.is_dir() else path.parent
    assert trials.provenance.files
    assert all((root / file).is_file() for file in trials.provenance.files)


def test_reading_changes_nothing_below_the_path(path: Path) -> None:
    before = snapshot(path)
    first(path).read()
    assert snapshot(path) == before


def test_a_read_only_directory_can_be_read(path: Path) -> None:
    expected = first(path).read()
    folder = path if path.is_dir() else path.parent
    paths = [folder, *folder.rglob("*")]
    for below in paths:
        below.chmod(below.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        assert first(path).read() == expected
    finally:
        for below in paths:
            below.chmod(below.stat().st_mode | stat.S_IWUSR)


def test_what_was_read_survives_saving(path: Path, tmp_path: Path) -> None:
    trials = first(path).read()
    trials.save(tmp_path / "saved")
    assert Trials.load(tmp_path / "saved") == trials


@pytest.mark.parametrize("example", WITH_FILES.values(), ids=WITH_FILES, indirect=True)
@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_bad_file_is_named_and_the_rest_is_kept(
    example: Example, path: Path, content: bytes
) -> None:
    source = first(path)
    whole = source.read()
    (path / example.file).write_bytes(content)
    trials = source.read()
    assert set(trials.hyperparameters) == set(whole.hyperparameters) - {example.trial}
    (problem,) = trials.provenance.problems
    assert problem.trial_id == example.trial
    assert problem.file == example.file
    kept = {run: recorded for run, recorded in whole.recorded.items() if run[0] != example.trial}
    assert repr(dict(trials.recorded)) == repr(kept)


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_bad_files_all_over_are_a_clear_error_or_problems(path: Path, content: bytes) -> None:
    source = first(path)
    for file in files_of(path):
        file.write_bytes(content)
    with suppress(ReadError):
        trials = source.read()
        assert trials.provenance.problems or not rows(trials)


@pytest.mark.parametrize("example", WITH_FILES.values(), ids=WITH_FILES, indirect=True)
def test_a_trial_that_is_not_there_is_named(example: Example, path: Path) -> None:
    source = first(path)
    (path / example.file).unlink()
    trials = source.read()
    assert [problem.trial_id for problem in trials.provenance.problems] == [example.trial]
    assert example.trial not in trials.hyperparameters


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("example", WITH_FILES.values(), ids=WITH_FILES, indirect=True)
def test_links_in_circles_and_pipes_do_not_stop_it(example: Example, path: Path) -> None:
    source = first(path)
    whole = source.read()
    (path / "self").symlink_to(path / "self")
    (path / "above").symlink_to(path)
    (path / example.file).unlink()
    os.mkfifo(path / example.file)
    trials = source.read()
    assert set(trials.hyperparameters) == set(whole.hyperparameters) - {example.trial}
    assert {problem.trial_id for problem in trials.provenance.problems} == {example.trial}
    assert {s.reader.name for s in find(path)} == {example.reader}


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_file_cut_anywhere_never_invents_an_observation(
    data: st.DataObject, example: Example, path: Path
) -> None:
    source = first(path)
    whole = source.read()
    file = data.draw(st.sampled_from(files_of(path)), label="file")
    content = file.read_bytes()
    cut = data.draw(st.integers(0, max(len(content) - 1, 0)), label="length")
    file.write_bytes(content[:cut])
    try:
        trials = source.read()
    except AuditorError:
        return
    finally:
        file.write_bytes(content)
    assert set(trials.hyperparameters) <= set(whole.hyperparameters)
    assert len(rows(trials) - rows(whole)) <= example.values_at_cut


@pytest.mark.parametrize("example", ONE_EACH.values(), ids=ONE_EACH, indirect=True)
def test_mutated_files_never_end_in_another_error(example: Example, path: Path) -> None:
    dice = random.Random(0)
    files = files_of(path)
    for _ in range(MUTATIONS):
        file = dice.choice(files)
        content = file.read_bytes()
        file.write_bytes(mutate(content, dice))
        with suppress(AuditorError):
            for source in find(path):
                source.read()
        file.write_bytes(content)


def test_an_unknown_folder_lists_each_reader_and_why_it_declined(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"\0")
    with pytest.raises(UnknownFormatError) as error:
        read(tmp_path)
    for reader in READERS:
        looks = (Look(tmp_path), Look(tmp_path / "weights"))
        assert any(reader.matches(look).why in str(error.value) for look in looks)
        assert f"\n  {reader.name}: " in str(error.value)


def test_the_folder_above_a_search_finds_it(example: Example, tmp_path: Path) -> None:
    below = example.make(tmp_path / "first")
    expected = [len(source.read().hyperparameters) for source in find(below)]
    assert [len(source.read().hyperparameters) for source in find(tmp_path)] == expected


def test_several_sweeps_are_listed_and_each_can_be_read(tmp_path: Path) -> None:
    for name in ("one", "two"):
        EXAMPLES["grid"].make(tmp_path / name)
    with pytest.raises(ReadError, match=f"2 sweeps.*{tmp_path / 'one'}"):
        read(tmp_path)
    assert [source.path.name for source in find(tmp_path)] == ["one", "two"]


def test_a_name_that_acts_is_shown_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m\nb").write_text("hello")
    with pytest.raises(UnknownFormatError) as error:
        read(tmp_path)
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize("name", ["missing", "file.txt", "nul\0byte"])
def test_a_path_without_a_directory_is_one_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("hello")
    with pytest.raises(ReadError):
        read(tmp_path / name)
