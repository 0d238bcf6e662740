"""Runs collected from files into `Trials`."""

import math
from pathlib import Path

import pytest

from auditor.readers.gathered import Gathered, file_name, trial_ids
from auditor.readers.looking import Look
from auditor.readers.reader import Match, Reader, Source
from auditor.trials import Recorded, Run, Trials

ROOT = Path("s")


def gathered() -> Gathered:
    def matches(look: Look) -> Match:
        raise AssertionError

    def read(source: Source) -> Trials:
        raise AssertionError

    return Gathered(Source(Reader("x", matches, read), ROOT, ROOT))


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        (["a/log.csv", "b/log.csv"], ["a", "b"]),
        (["a/1.csv", "a/2.csv", "b/1.csv"], ["a/1", "a/2", "b"]),
        (["log.csv"], ["log"]),
        (["log.csv", "a/log.csv"], ["log", "a"]),
        (["a/b/c/log.csv.gz"], ["a/b/c"]),
        (["x.csv.gz"], ["x"]),
        (["a/x.csv", "a/x.log"], ["a/x.csv", "a/x.log"]),
    ],
)
def test_trial_ids_are_folders_or_names(files: list[str], ids: list[str]) -> None:
    assert trial_ids([ROOT / file for file in files], ROOT) == ids


def test_names_of_files_are_text_below_the_root() -> None:
    assert file_name(ROOT / "a\udcff", ROOT) == "a?"
    assert file_name(Path("elsewhere"), ROOT) == "elsewhere"


def test_curves_and_series_are_told_apart() -> None:
    it = gathered()
    curve = ([0, 2], [1.0, math.nan])
    it.add(Run("a"), {"loss": curve, "val_loss": curve, "learning_rate": curve}, None, {"lr": 0.1})
    it.add(Run("a", 1), {"loss": ([], [])})
    it.problem("it is cut off", ROOT / "a", "a")
    trials = it.trials("tool", version="1")
    assert it.metrics == {"loss", "val_loss"}
    assert trials.metrics == ("loss", "val_loss")
    assert trials.hyperparameters["a"] == {"lr": 0.1}
    assert trials.runs == (Run("a"), Run("a", 1))
    assert trials.objective.name == "val_loss"
    assert trials.curve(Run("a"), "loss").epochs.tolist() == [0, 2]
    assert trials.series(Run("a"), "learning_rate").epochs.tolist() == [0, 2]
    assert trials.provenance.problems[0].file == "a"


def test_a_run_without_curves_has_what_was_recorded() -> None:
    it = gathered()
    it.add(Run("a"), recorded=Recorded("failed", metrics={"acc": 1.0}))
    it.add(Run("a"))
    assert it.trials("tool").recorded[Run("a")].status == "failed"
    assert it.metrics == {"acc"}


@pytest.mark.parametrize(
    ("rates", "named", "told"),
    [
        ({"a": [0.1, 0.1], "b": [0.01, 0.01]}, {}, {"a": 0.1, "b": 0.01}),
        ({"a": [0.10000000149011612], "b": [0.009999999776482582]}, {}, {"a": 0.1, "b": 0.01}),
        ({"a": [0.1, 0.05], "b": [0.01, 0.01]}, {}, {}),
        ({"a": [0.1], "b": [0.1]}, {}, {}),
        ({"a": [0.1], "b": [0.2]}, {"lr": 1}, {}),
        ({"a": [0.1], "b": []}, {}, {}),
        ({"a": [0.1], "b": [math.nan]}, {}, {}),
    ],
)
def test_a_logged_learning_rate_that_differs_between_trials_is_a_hyperparameter(
    rates: dict[str, list[float]], named: dict[str, float], told: dict[str, float]
) -> None:
    it = gathered()
    for trial, values in rates.items():
        it.add(Run(trial), {"learning_rate": (range(len(values)), values)}, None, named)
    known = it.trials("tool").hyperparameters
    assert {t: v["learning_rate"] for t, v in known.items() if "learning_rate" in v} == told
