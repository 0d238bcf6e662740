"""Whole searches, in stacks and by `Model.fit`; run by `test_jax.py`, in a process with JAX."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from auditor import GridSearch
from tests.search.helpers import fit_arguments, statuses, tiny_model
from tests.search.stacking.conforming import floats


@pytest.fixture(autouse=True)
def doubles() -> Iterator[None]:
    with floats("float64"):
        yield


def build(hp: Any) -> Any:
    return tiny_model(3, hp.Choice("lr", [2.0**-6, 2.0**-5, 2.0**-4]), eager=False)


def arguments(**more: Any) -> dict[str, Any]:
    return fit_arguments(**{"shuffle": False, "epochs": 3, **more})


class Watched(keras_tuner.HyperModel):
    """Its runs stop early, lower their rates, and write logs into a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def build(self, hp: Any) -> Any:
        return build(hp)

    def fit(self, hp: Any, model: Any, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
        own = [
            keras.callbacks.EarlyStopping(
                "val_loss", patience=2, min_delta=2.0**-7, restore_best_weights=True
            ),
            keras.callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=2.0**-7),
            keras.callbacks.CSVLogger(str(self.folder / f"{hp.get('lr')}.csv")),
        ]
        return model.fit(*args, **kwargs, callbacks=[*callbacks, *own])


def searched(
    lane: str, folder: Path, given: dict[str, Any], space: Any = build, **options: Any
) -> Any:
    fixed = {"seed": 0, "directory": folder, "project_name": lane, "lane": lane}
    tuner = GridSearch(space, "val_loss", **fixed, **options)
    tuner.search(**given)
    assert statuses(tuner) == ["COMPLETED"] * 3
    assert set(tuner.trials().context.lane.values()) == {lane}
    return tuner.trials()


def assert_agree(one: Any, other: Any, within: float = 1e-8) -> None:
    assert one.runs == other.runs
    assert set(one.metrics) == set(other.metrics)
    for run in other.runs:
        for metric in other.metrics:
            mine, its = (trials.curve(run, metric).values for trials in (one, other))
            np.testing.assert_allclose(mine, its, within, within, err_msg=f"{run} {metric}")


def test_a_search_in_stacks_is_that_of_fit(tmp_path: Path) -> None:
    assert_agree(*(searched(lane, tmp_path, arguments()) for lane in ("stacked", "fit")))


def test_folds_in_stacks_are_those_of_fit(tmp_path: Path) -> None:
    given = arguments()
    del given["validation_data"]
    stacked, fit = (
        searched(lane, tmp_path, given, cross_validation=3) for lane in ("stacked", "fit")
    )
    assert {run.fold for run in stacked.runs} == {0, 1, 2}
    assert_agree(stacked, fit)


def test_callbacks_in_stacks_do_what_they_do_in_fit(tmp_path: Path) -> None:
    found, logs = {}, {}
    for lane in ("stacked", "fit"):
        folder = tmp_path / f"logs of {lane}"
        folder.mkdir()
        found[lane] = searched(lane, tmp_path, arguments(epochs=8), Watched(folder))
        logs[lane] = {file.name: np.genfromtxt(file, delimiter=",") for file in folder.iterdir()}
    stacked, fit = found.values()
    assert min(len(fit.curve(run, "loss").values) for run in fit.runs) < 8, "none stopped early"
    assert_agree(stacked, fit)
    rates = [
        {run: trials.series(run, "learning_rate").values for run in fit.runs}
        for trials in (stacked, fit)
    ]
    for run, expected in rates[1].items():
        np.testing.assert_array_equal(rates[0][run], expected)
    assert any(len({*values}) > 1 for values in rates[1].values()), "no rate was lowered"
    assert len(logs["fit"]) == 3
    for name, log in logs["fit"].items():
        np.testing.assert_allclose(logs["stacked"][name], log, rtol=1e-8, err_msg=name)
