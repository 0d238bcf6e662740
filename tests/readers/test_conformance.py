"""What every reader owes, whatever the tool: one template, run over all of them.

A new format gets an entry in `EXAMPLES`: a real directory, its files of single trials, and which
reader must take it.
"""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import AuditorError, ReadError, UnknownFormatError
from auditor.readers import READERS, find, read
from auditor.readers.looking import Look
from auditor.trials import Trials
from tests.readers.sweeps import write_sweep

DATA = Path(__file__).parents[1] / "data"


class Example(NamedTuple):
    """A directory that a reader must read, and the file of one trial in it."""

    reader: str
    make: Callable[[Path], Path]
    trial: str
    file: str


def copy_of(name: str) -> Callable[[Path], Path]:
    return lambda target: Path(shutil.copytree(DATA / name, target))


EXAMPLES = {
    "grid": Example("KerasTuner", copy_of("keras_tuner-1.4.8/grid"), "0001", "trial.json"),
    "random": Example("KerasTuner", copy_of("keras_tuner-1.4.8/random"), "6", "trial.json"),
    "hyperband": Example(
        "KerasTuner", copy_of("keras_tuner-1.4.8/hyperband"), "0001", "trial.json"
    ),
    "bayesian": Example("KerasTuner", copy_of("keras_tuner-1.4.8/bayesian"), "1", "trial.json"),
    "first generation": Example(
        "KerasTuner",
        copy_of("keras_tuner-1.0.2/random"),
        "9a1cf0f2c8e74dd5a2ea9a4a6b1de0c3",
        "trial.json",
    ),
    "ours": Example("auditor", write_sweep, "0001", "trial.json"),
}

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


@pytest.fixture(params=EXAMPLES.values(), ids=EXAMPLES)
def example(request: pytest.FixtureRequest) -> Example:
    return request.param


@pytest.fixture
def folder(example: Example, tmp_path: Path) -> Path:
    return example.make(tmp_path / "search")


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [folder, *sorted(folder.rglob("*"))]
    }


def rows(trials: Trials) -> set[tuple[str, ...]]:
    """The observations, where a NaN equals a NaN."""
    return set(trials.curves.astype(str).itertuples(index=False, name=None))


def trial_file(folder: Path, example: Example) -> Path:
    return folder / f"trial_{example.trial}" / example.file


def test_every_reader_has_an_example() -> None:
    assert {reader.name for reader in READERS} == {example.reader for example in EXAMPLES.values()}


def test_the_right_reader_takes_it(example: Example, folder: Path) -> None:
    (source,) = find(folder)
    assert source.reader.name == example.reader
    assert source.why


def test_a_whole_directory_has_no_problems(folder: Path) -> None:
    trials = read(folder)
    assert len(trials.hyperparameters) > 1
    assert trials.provenance.problems == ()
    assert all((folder / file).is_file() for file in trials.provenance.files)


def test_reading_changes_nothing_below_the_path(folder: Path) -> None:
    before = snapshot(folder)
    read(folder)
    assert snapshot(folder) == before


def test_a_read_only_directory_can_be_read(folder: Path) -> None:
    expected = read(folder)
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        assert read(folder) == expected
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_what_was_read_survives_saving(folder: Path, tmp_path: Path) -> None:
    trials = read(folder)
    trials.save(tmp_path / "saved")
    assert Trials.load(tmp_path / "saved") == trials


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_bad_file_is_named_and_the_rest_is_kept(
    example: Example, folder: Path, content: bytes
) -> None:
    whole = read(folder)
    trial_file(folder, example).write_bytes(content)
    trials = read(folder)
    assert set(trials.hyperparameters) == set(whole.hyperparameters) - {example.trial}
    (problem,) = trials.provenance.problems
    assert problem.trial_id == example.trial
    assert problem.file == f"trial_{example.trial}/{example.file}"
    kept = {run: recorded for run, recorded in whole.recorded.items() if run[0] != example.trial}
    assert repr(dict(trials.recorded)) == repr(kept)


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_bad_file_of_the_whole_search_loses_no_trial(folder: Path, content: bytes) -> None:
    whole = read(folder)
    for path in folder.glob("*.json"):
        good = path.read_bytes()
        path.write_bytes(content)
        trials = read(folder)
        assert set(trials.hyperparameters) == set(whole.hyperparameters)
        # A sweep.json that says it is another tool's leaves KerasTuner's files.
        assert rows(trials) == rows(whole) or trials.provenance.tool == "keras-tuner"
        path.write_bytes(good)


def test_a_trial_that_is_not_there_is_named(example: Example, folder: Path) -> None:
    trial_file(folder, example).unlink()
    trials = read(folder)
    assert [problem.trial_id for problem in trials.provenance.problems] == [example.trial]
    assert example.trial not in trials.hyperparameters


def test_a_huge_file_is_left_unread(
    example: Example, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.readers.contents.MOST_BYTES", 100)
    assert all("bytes" in problem.message for problem in read(folder).provenance.problems)
    assert read(folder).hyperparameters == {}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_links_in_circles_and_pipes_do_not_stop_it(example: Example, folder: Path) -> None:
    whole = read(folder)
    (folder / "trial_self").symlink_to(folder / "trial_self")
    (folder / "trial_above").symlink_to(folder)
    trial_file(folder, example).unlink()
    os.mkfifo(trial_file(folder, example))
    trials = read(folder)
    assert set(trials.hyperparameters) == set(whole.hyperparameters) - {example.trial}
    assert {problem.trial_id for problem in trials.provenance.problems} == {"above", example.trial}


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_file_cut_anywhere_never_invents_an_observation(
    data: st.DataObject, example: Example, folder: Path
) -> None:
    whole = read(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files), label="file")
    content = path.read_bytes()
    cut = data.draw(st.integers(0, max(len(content) - 1, 0)), label="length")
    path.write_bytes(content[:cut])
    try:
        trials = read(folder)
    except AuditorError:
        return
    finally:
        path.write_bytes(content)
    assert set(trials.hyperparameters) <= set(whole.hyperparameters)
    assert rows(trials) <= rows(whole)


def test_an_unknown_folder_lists_each_reader_and_why_it_declined(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError) as error:
        read(tmp_path)
    for reader in READERS:
        assert f"{reader.name}: {reader.matches(Look(tmp_path)).why}" in str(error.value)


def test_the_folder_above_a_search_finds_it(example: Example, tmp_path: Path) -> None:
    below = example.make(tmp_path / "first")
    assert read(tmp_path).hyperparameters == read(below).hyperparameters


def test_several_sweeps_are_listed_and_each_can_be_read(example: Example, tmp_path: Path) -> None:
    for name in ("one", "two"):
        example.make(tmp_path / name)
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
