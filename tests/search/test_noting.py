"""Notes of how far a training is, from one process to another."""

from pathlib import Path

import pytest

from auditor.search import noting
from auditor.search.noting import FILE, Note, NotedDown, read_note


def test_what_is_noted_down_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "EVERY", 0.0)
    notes = NotedDown(tmp_path / "stack")
    assert read_note(tmp_path / "stack") is None
    notes.note_epochs("here", "stack a", epoch=1, epochs=9, runs=4)
    notes.note_epochs("here", "stack a", epoch=2, epochs=9, runs=3)
    assert read_note(tmp_path / "stack") == Note("stack a", 2, 9, 3, trained=7)


def test_notes_are_not_written_all_the_time(tmp_path: Path) -> None:
    notes = NotedDown(tmp_path)
    for epoch in range(1, 5):
        notes.note_epochs("here", "trial 0", epoch, epochs=9)
    assert read_note(tmp_path) == Note("trial 0", 1, 9, 1, trained=1)


@pytest.mark.parametrize("text", ["", "[", "{}", "[]", '["a", 1, 2]', '["a", 1, 2, 3, "x"]', "7"])
def test_a_file_that_is_no_note_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_note(tmp_path) is None
