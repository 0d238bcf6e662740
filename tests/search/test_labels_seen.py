"""Whether the labels that `search` was given are those that the models saw."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pytest

from auditor.files import Json
from auditor.search import store
from auditor.search.sweep_file import SweepFile
from auditor.search.tuners import GridSearch
from tests.search.helpers import tiny_data, tiny_model

X, Y = tiny_data()
GIVEN = {"y": Y, "validation_split": 0.25}
CUT = 36
Change = Callable[[dict[str, Any]], dict[str, Any]]


class OwnFit(keras_tuner.HyperModel):  # type: ignore[misc]
    def fit(self, *args: Any, **kwargs: Any) -> None:
        """Whatever the user does."""


def opened(folder: Path, **more: Any) -> SweepFile:
    oracle = GridSearch(
        lambda hp: tiny_model(lr=hp.Choice("lr", [0.1, 1.0])),
        "val_loss",
        directory=folder,
        project_name="p",
    ).oracle
    file = SweepFile(folder / "p", oracle, 0.0)
    file.open((X,), {**GIVEN, **more}, 1)
    file.note_loss(tiny_model())
    return file


def written(folder: Path) -> Json:
    return json.loads((folder / "p" / store.SWEEP_FILE).read_text())


SAME: dict[str, Change] = {
    "as_given": lambda given: given,
    "of_another_type": lambda given: given | {"y": Y.astype("int64")},
    "in_a_column": lambda given: given | {"y": Y.reshape(-1, 1)},
    "split_by_hand": lambda given: {"y": Y[:CUT], "validation_data": (X[CUT:], Y[CUT:])},
}
OTHER: dict[str, Change] = {
    "scaled": lambda given: given | {"y": Y * 100},
    "one_hot": lambda given: given | {"y": np.eye(2)[Y.astype(int)]},
    "fewer": lambda given: given | {"y": Y[:20]},
    "another_split": lambda given: given | {"validation_split": 0.5},
    "other_validation": lambda given: given | {"validation_data": (X[:9], Y[:9])},
    "class_weight": lambda given: given | {"class_weight": {0: 1.0, 1: 9.0}},
    "sample_weight": lambda given: given | {"sample_weight": Y},
    "no_validation": lambda given: {"y": Y},
    "stream": lambda given: {"x": iter([(X, Y)])},
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_labels_that_were_seen_are_known(change: Change, tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.see_fit({"x": X, **change(GIVEN)})
    file.end_fit(OwnFit())
    assert file.context.no_skill_loss is not None
    assert written(tmp_path)["labels_seen"] is True


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_other_labels_make_those_of_the_search_unknown(change: Change, tmp_path: Path) -> None:
    file = opened(tmp_path)
    assert file.context.no_skill_loss is not None
    file.see_fit({"x": X, **change(GIVEN)})
    for _ in range(2):
        context = file.context
        assert (context.no_skill_loss, context.untrained_loss) == (None, None)
        assert context.label_counts == {}
        stored = written(tmp_path)
        assert stored["labels_seen"] is False
        assert stored["context"]["no_skill_loss"] is None
        file.see_fit(GIVEN)  # one of the trials saw others all the same


def test_labels_changed_in_place_are_other_labels(tmp_path: Path) -> None:
    y = Y.copy()
    file = opened(tmp_path, y=y)
    y *= 100
    file.see_fit({"x": X, **GIVEN, "y": y})
    assert file.context.no_skill_loss is None


def test_what_nobody_could_watch_may_have_had_any_labels(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.end_fit(keras_tuner.HyperModel())
    assert file.context.no_skill_loss is not None
    file.see_fit({"x": X, **GIVEN})
    file.end_fit(OwnFit())
    assert file.context.no_skill_loss is not None
    file.end_fit(OwnFit())
    assert file.context.no_skill_loss is None


def test_labels_stay_forgotten_when_the_search_goes_on(tmp_path: Path) -> None:
    opened(tmp_path).see_fit({"x": X, **GIVEN, "y": Y * 100})
    ended = tmp_path / "p" / "trial_0000"
    ended.mkdir()
    (ended / store.HISTORY_FILE).touch()
    assert opened(tmp_path).context.no_skill_loss is None
    assert written(tmp_path)["labels_seen"] is False
