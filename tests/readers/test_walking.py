"""Which sweeps there are below a path, and which of them are meant."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.errors import ObjectiveError, ReadError, UnknownFormatError
from auditor.readers import choosing, find
from auditor.readers.gathered import Gathered
from auditor.readers.looking import Look
from auditor.readers.reader import NO_FILE, NO_FOLDER, Match, Reader, Source
from auditor.readers.walking import Walk
from auditor.trials import Run, Trials
from tests.making import sweep


def read(source: Source) -> Trials:
    gathered = Gathered(source)
    for file in source.files or (source.path,):
        gathered.add(Run(file.name))
    return gathered.trials("test")


def ends_in(suffix: str, *parts: str) -> Callable[[Look], Match]:
    def matches(look: Look) -> Match:
        return NO_FILE if look.is_dir else Match(look.suffix == suffix, f"ends in {suffix}", parts)

    return matches


def is_project(look: Look) -> Match:
    return Match("mark" in look.files, "has a mark") if look.is_dir else NO_FOLDER


PROJECT = Reader("A Project", is_project, read)
STORE = Reader("Store", ends_in(".db", "first", "second"), read)
LOG = Reader("Log", ends_in(".log"), read, gathers=True)
READERS = (PROJECT, STORE, LOG)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("p/mark", "p/inside.log", "b10/x.log", "b9/x.log", "c/s.db", ".git/y.log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "c" / "again").symlink_to(tmp_path)
    return tmp_path


def test_folders_stores_and_gathered_files_are_sweeps(folder: Path) -> None:
    found = Walk(folder, READERS).sources()
    assert choosing.names(found, folder) == [
        "a-project p", "store c/s.db first", "store c/s.db second", "log .",
    ]  # fmt: skip
    assert [file.parent.name for file in found[-1].files] == ["b9", "b10"]
    assert all(source.why for source in found)


def test_one_file_is_a_sweep_in_its_folder(folder: Path) -> None:
    (source,) = Walk(folder / "b9" / "x.log", READERS).sources()
    assert source.files == (folder / "b9" / "x.log",)
    assert source.root == folder / "b9"


def test_who_declined_says_why_of_the_first_file(tmp_path: Path) -> None:
    (tmp_path / "a\x1b.txt").write_text("")
    walk = Walk(tmp_path, READERS)
    assert walk.sources() == []
    assert walk.declined == {
        "A Project": "has a mark",
        "Store": r"'a\x1b.txt': ends in .db",
        "Log": r"'a\x1b.txt': ends in .log",
    }


def test_a_walk_ends_after_so_many_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.readers.walking.MOST_PATHS", 2)
    assert len(Walk(folder, READERS).sources()) < 4


@pytest.mark.parametrize(
    ("wanted", "chosen"), [(None, [0, 1, 2, 3]), ("2", [1]), ("s.db", [1, 2]), ("log", [3])]
)
def test_sweeps_are_chosen_by_number_or_part_of_their_name(
    folder: Path, wanted: str | None, chosen: list[int]
) -> None:
    found = Walk(folder, READERS).sources()
    assert choosing.choose(found, folder, wanted) == [found[i] for i in chosen]


@pytest.mark.parametrize("wanted", ["0", "5", "none", "²"])
def test_a_choice_of_nothing_lists_what_there_is(folder: Path, wanted: str) -> None:
    found = Walk(folder, READERS).sources()
    with pytest.raises(ReadError, match=r"1: a-project p; 2: store c/s.db first"):
        choosing.choose(found, folder, wanted)


def test_columns_are_pairs() -> None:
    assert choosing.parse_columns(["loss=a, epoch = b", "x=c=d"]) == {
        "loss": "a", "epoch": "b", "x": "c=d",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "loss", "=a", "loss=", "a=b,"])
def test_columns_that_are_no_pairs_say_how_to_write_them(text: str) -> None:
    with pytest.raises(ReadError, match="write loss=train_loss"):
        choosing.parse_columns([text])


def test_a_stream_is_a_file_while_it_is_read(folder: Path) -> None:
    with choosing.stored(io.BytesIO(b"text")) as path:
        assert path.read_bytes() == b"text"
        trials = choosing.from_standard_input(Source(LOG, path, path.parent).read())
    assert not path.exists()
    assert trials.provenance.path == "standard input"


@pytest.mark.parametrize(
    ("text", "direction"), [("acc", "max"), ("acc:min", "min"), ("val_loss", "min")]
)
def test_another_objective(text: str, direction: str) -> None:
    trials = choosing.with_objective(sweep({"a": {"acc": [0.1], "val_loss": [1.0]}}), text)
    assert (trials.objective.name, trials.objective.direction) == (text.split(":")[0], direction)


@pytest.mark.parametrize(
    ("text", "message"), [("auc", "recorded are acc"), ("acc:up", "not min or max")]
)
def test_an_objective_that_is_not_there_says_what_is(text: str, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        choosing.with_objective(sweep({"a": {"acc": [0.1]}}), text)


def test_links_to_folders_are_not_followed_but_the_path_may_be_one(folder: Path) -> None:
    link = folder / "link"
    link.symlink_to(folder / "b9")
    (source,) = Walk(link, READERS).sources()
    assert source.files == (link / "x.log",)
    shutil.rmtree(folder / "b9")
    assert Walk(link, READERS).sources() == []


def test_a_folder_without_files_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with pytest.raises(UnknownFormatError, match="there is no file below it"):
        find(tmp_path)
