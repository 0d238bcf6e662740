"""Reruns: trained as the sweep was, kept beside it, and taken up again after an interruption."""

import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from auditor import GridSearch, RandomSearch
from auditor.errors import SearchError
from auditor.readers import read
from auditor.search.confirming import RerunOracle, rerunning
from tests.search.helpers import Values, curve, dummy, fit_arguments

GOOD, BAD = curve(0.69, 0.5, 0.4, 0.35), curve(0.69, math.nan)


def space(hp: keras_tuner.HyperParameters) -> None:
    """18 configurations."""
    hp.Choice("lr", [0.01, 0.1, 1.0])
    hp.Choice("units", [16, 32, 64])
    hp.Choice("activation", ["relu", "tanh"])


def too_fast(values: Values) -> Any:
    return BAD if values["lr"] == 1.0 else GOOD


def tuner(folder: Path, result: Any = too_fast, kind: Any = GridSearch, **more: Any) -> Any:
    fixed = {"directory": folder, "project_name": "sweep", "seed": 0}
    return dummy(kind, result)(space, "val_loss", **fixed, **more)


def contents(folder: Path) -> dict[Path, bytes]:
    """Of all files of a sweep but its reruns."""
    files = [file for file in folder.rglob("*") if "confirm" not in file.parts and file.is_file()]
    return {file: file.read_bytes() for file in files}


def test_a_cause_is_confirmed_and_the_sweep_stays_as_it_is(tmp_path: Path) -> None:
    search = tuner(tmp_path)
    search.search()
    before = contents(tmp_path)
    audit = search.confirm()
    (cause,) = audit.causes
    assert (cause.evidence, cause.confirmation.failing) == ("confirmed", 6)
    assert contents(tmp_path) == before
    assert audit.trials == read(tmp_path / "sweep")
    assert len(search.oracle.trials) == len(audit.leaderboard) == 18


def test_each_rerun_has_a_seed_of_its_own(tmp_path: Path) -> None:
    search = tuner(tmp_path)
    search.search()
    trials = search.confirm().trials
    seeds = [
        recorded.seed for recorded in (*trials.recorded.values(), *trials.reruns.recorded.values())
    ]
    assert len(seeds) == len(set(seeds)) == 18 + 12


def test_called_again_it_trains_nothing(tmp_path: Path) -> None:
    search = tuner(tmp_path)
    search.search()
    first = search.confirm()
    del search.ran[:]
    assert search.confirm().trials == first.trials
    assert search.ran == []


def test_what_is_no_cause_is_withdrawn(tmp_path: Path) -> None:
    """By chance, as it were, all that failed at first had the highest rate."""
    search = tuner(tmp_path)
    search.search()
    after = tuner(tmp_path, lambda values: GOOD)
    audit = after.confirm(verbose=0)
    assert audit.causes == ()
    assert "no cause: withdrawn after reruns: 0 of 6" in audit.attribution.notes[0]


def test_a_cause_of_crashes_is_confirmed(tmp_path: Path) -> None:
    def crash(values: Values) -> Any:
        if values["lr"] == 1.0:
            raise ValueError("no")
        return GOOD

    search = tuner(tmp_path, crash)
    search.search()
    (cause,) = search.confirm().causes
    assert (cause.outcome, cause.evidence) == ("crashed", "confirmed")


def test_a_random_search_trains_neighbours_that_it_never_drew(tmp_path: Path) -> None:
    class Wide(keras_tuner.HyperModel):
        def build(self, hp: keras_tuner.HyperParameters) -> None:
            hp.Float("lr", 1e-4, 1.0, sampling="log")
            hp.Float("dropout", 0.0, 0.5)

    kind = dummy(RandomSearch, lambda values: BAD if values["lr"] > 0.1 else GOOD)
    search = kind(Wide(), "val_loss", 60, 0, directory=tmp_path, project_name="sweep")
    search.search()
    (cause,) = search.confirm().causes
    assert cause.evidence == "confirmed"
    reruns = read(tmp_path / "sweep").reruns
    assert reruns is not None
    drawn = [dict(values) for values in read(tmp_path / "sweep").hyperparameters.values()]
    assert sum(dict(values) not in drawn for values in reruns.hyperparameters.values()) == 6


@pytest.mark.parametrize("begun", [0, 4, 11])
def test_interrupted_reruns_go_on_in_another_tuner(tmp_path: Path, begun: int) -> None:
    search = tuner(tmp_path)
    search.search(verbose=0)
    left = iter(range(begun))

    def interrupted(values: Values) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return too_fast(values)

    with pytest.raises(KeyboardInterrupt):
        tuner(tmp_path, interrupted).confirm(verbose=0)
    again = tuner(tmp_path)
    (cause,) = again.confirm(verbose=0).causes
    assert cause.evidence == "confirmed"
    assert len(again.ran) == 12 - begun


def test_without_arguments_those_of_the_search_are_needed(tmp_path: Path) -> None:
    tuner(tmp_path).search(verbose=0)
    with pytest.raises(SearchError, match=r"give confirm\(\) the arguments of search"):
        tuner(tmp_path).confirm()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"epochs": 3}, "other numbers of epochs"),
        ({"batch_size": 8}, r"other batch sizes \(16, now 8\)"),
        ({"y": np.zeros(32, "float32")}, "other data"),
    ],
)
def test_reruns_are_like_the_sweep(tmp_path: Path, more: Values, words: str) -> None:
    search = tuner(tmp_path)
    search.search(**fit_arguments())
    with pytest.raises(SearchError, match=words):
        search.confirm(**fit_arguments(**more))
    assert not (tmp_path / "sweep" / "confirm").exists()


def test_a_budget_that_is_too_small_trains_nothing(tmp_path: Path) -> None:
    search = tuner(tmp_path)
    search.search()
    (cause,) = search.confirm(budget=11).causes
    assert cause.confirmation is None


def test_a_configuration_is_handed_out_as_often_as_it_is_wanted(tmp_path: Path) -> None:
    one, other = ({"lr": lr, "units": 16, "activation": "relu"} for lr in (0.1, 1.0))
    reruns = rerunning(tuner(tmp_path), [one, other, one])
    assert (isinstance(reruns.oracle, RerunOracle), reruns.oracle.total()) == (True, 3)
    reruns.search()
    assert Counter(values["lr"] for values in reruns.ran) == {0.1: 2, 1.0: 1}
    more = rerunning(tuner(tmp_path), [other, other, one])
    assert more.oracle.total() == 4
    more.search()
    assert [values["lr"] for values in more.ran] == [1.0]
    assert sorted(more.oracle.trials) == ["r0000", "r0001", "r0002", "r0003"]


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    hidden = keras.layers.Dense(hp.Choice("units", [2, 4, 8]), hp.Choice("act", ["tanh", "relu"]))
    model = keras.Sequential([keras.Input((3,)), hidden, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hp.Choice("lr", [0.03, 0.05, 1e6])), "mse")
    return model


def regression() -> Values:
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    rows = {"x": x[:48], "y": x[:48].sum(1), "validation_data": (x[48:], x[48:].sum(1))}
    return {**rows, "epochs": 6, "batch_size": 16, "verbose": 0}


@pytest.mark.slow
@pytest.mark.parametrize("more", [{"lane": "stacked"}, {"lane": "fit"}, {"n_jobs": 2}], ids=str)
def test_a_rate_that_is_far_too_high_is_confirmed_by_training(tmp_path: Path, more: Values) -> None:
    search = GridSearch(build, "val_loss", seed=0, directory=tmp_path, project_name="sweep", **more)
    search.search(**regression())
    audit = search.confirm()
    (cause,) = audit.causes
    assert (cause.conditions[0].value, cause.evidence) == (1e6, "confirmed")
    reruns = audit.trials.reruns
    assert reruns is not None
    if "lane" in more:
        assert set(reruns.context.lane.values()) == {more["lane"]}


KILLED = """
import sys, time
from pathlib import Path
from tests.search.test_confirming import too_fast, tuner

def slow(values):
    time.sleep(0.1)
    return too_fast(values)

tuner(Path(sys.argv[1]), slow).confirm(verbose=0)
"""


@pytest.mark.slow
def test_killed_reruns_go_on_and_nothing_finished_is_lost(tmp_path: Path) -> None:
    tuner(tmp_path).search(verbose=0)
    root = Path(__file__).parents[2]
    folder = tmp_path / "sweep" / "confirm"
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, stdout=subprocess.DEVNULL
    )
    while child.poll() is None and len(list(folder.glob("trial_*/history.csv"))) < 4:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    kept = {file: file.read_bytes() for file in folder.glob("trial_*/history.csv")}
    again = tuner(tmp_path)
    assert again.confirm(verbose=0).causes[0].evidence == "confirmed"
    assert 12 - len(kept) <= len(again.ran) <= 12 - len(kept) + 1
    ended = [f for f in kept if (f.parent / "trial.json").read_text().count('"COMPLETED"')]
    assert all(file.read_bytes() == kept[file] for file in ended)
