"""What a search shows before its end: pages that follow it in every lane, and curves so far."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from auditor import GridSearch
from auditor.report import live
from auditor.report.live import LiveReport
from auditor.search.recorder import Execution
from auditor.search.so_far import audit_so_far, with_training
from auditor.trials import Recorded, Run
from tests.making import sweep
from tests.search.helpers import build_two, dummy, fit_arguments, grid_of

Row = dict[str, float]


def training(*epochs: Row) -> Execution:
    return Execution(0, 7, "2026-01-01T00:00:00", epochs=list(epochs))


def test_a_trial_that_trains_shows_its_epochs_and_is_not_judged_by_them() -> None:
    stored = sweep(
        {"a": {"val_loss": [0.5, 0.4]}, "b": {}, "c": {}},
        recorded={"b": Recorded("unfinished"), "c": Recorded("unfinished")},
    )
    row = {"loss": 0.6, "val_loss": 0.7, "learning_rate": 0.1}
    now = with_training(stored, {"b": [training(row, row)], "c": [training()]})
    assert list(now.hyperparameters) == ["a", "b"]  # Of c there is nothing to see.
    assert now.recorded[Run("b")].status == "unfinished"
    assert now.curve(Run("b"), "val_loss").values.tolist() == [0.7, 0.7]
    assert now.series(Run("b"), "learning_rate").values.tolist() == [0.1, 0.1]
    assert now.curve(Run("a"), "val_loss").values.tolist() == [0.5, 0.4]


def test_a_trial_that_has_ended_meanwhile_is_taken_from_the_directory() -> None:
    stored = sweep({"a": {"val_loss": [0.5, 0.4]}})
    assert with_training(stored, {"a": [training({"val_loss": 9.0})]}) is stored


def test_trials_of_an_ended_search_stay_as_they_are(make: Callable[..., Any]) -> None:
    tuner = make(GridSearch, build_two, lane="fit")
    tuner.search(**fit_arguments())
    assert audit_so_far(tuner).trials == tuner.trials()


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the pages of searches say of where they stand, in the order of their writing."""
    written: list[str] = []

    def keep(path: Path, page: str) -> None:
        found = re.search(r"(Still running|Interrupted): [^<]* ended", page)
        written.append(found.group() if found else "ended")

    monkeypatch.setattr(live, "write_whole", keep)
    monkeypatch.setattr(live, "COSTS", 0)
    monkeypatch.setattr(LiveReport.__init__, "__defaults__", (0.01,))
    return written


class Waits(keras.callbacks.Callback):
    """Begins a second epoch only when a page has shown the first one."""

    pages: list[str]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for _ in range(3000):
            if epoch == 0 or self.pages:
                return
            live.time.sleep(0.01)
        raise AssertionError("no page in 30 s")

    def __deepcopy__(self, memo: Any) -> "Waits":
        return self


def test_pages_follow_a_search_from_its_first_epoch(
    make: Callable[..., Any], pages: list[str], tmp_path: Path
) -> None:
    wait = Waits()
    wait.pages = pages
    tuner = make(GridSearch, build_two, lane="fit", report=tmp_path / "live.html")
    tuner.search(**fit_arguments(callbacks=[wait]))
    assert pages[0] == "Still running: 0 of 2 trials have ended"
    assert "Still running: 1 of 2 trials has ended" in pages
    assert pages[-1] == "ended"


@pytest.mark.slow
@pytest.mark.parametrize("more", [{"lane": "stacked"}, {"lane": "fit", "n_jobs": 2}], ids=str)
def test_pages_follow_stacks_and_other_processes(
    more: dict[str, Any], make: Callable[..., Any], pages: list[str], tmp_path: Path
) -> None:
    tuner = make(GridSearch, build_two, report=tmp_path / "live.html", **more)
    tuner.search(**fit_arguments(epochs=30))
    assert any(page.startswith("Still running") for page in pages)
    assert pages[-1] == "ended"


def test_an_interrupted_search_says_so_on_its_page(
    make: Callable[..., Any], pages: list[str], tmp_path: Path
) -> None:
    def result(values: Any) -> float:
        if values["a"] == 2:
            raise KeyboardInterrupt
        return 1.0

    tuner = make(dummy(GridSearch, result), grid_of(4), report=tmp_path / "live.html")
    with pytest.raises(KeyboardInterrupt):
        tuner.search(verbose=0)
    assert pages[-1] == "Interrupted: 2 of 4 trials have ended"


def test_reruns_leave_the_page_of_the_sweep_alone(
    make: Callable[..., Any], pages: list[str], tmp_path: Path
) -> None:
    from auditor.search.confirming import rerunning

    tuner = make(GridSearch, build_two, lane="fit", report=tmp_path / "live.html")
    tuner.search(**fit_arguments())
    pages.clear()
    rerunning(tuner, [{"lr": 0.1}]).search(**fit_arguments())
    assert pages == []
