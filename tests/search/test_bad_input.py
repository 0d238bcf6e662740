"""Bad input: one clear error or finding, and nothing completed is lost."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pytest

from auditor import GridSearch, RandomSearch
from auditor.errors import DirectoryError, ObjectiveError, SearchError
from tests.search.helpers import (
    build_two,
    curve,
    dummy,
    fit_arguments,
    grid_of,
    statuses,
    stored,
    tiny_model,
)

# Crashes


def crashes_at(*wrong: int) -> Callable[[Any], Any]:
    def result(values: Any) -> Any:
        if values["a"] in wrong:
            raise ValueError(f"units={-values['a']} is not positive")
        return curve(float(values["a"]))

    return result


def test_a_crash_while_building_is_a_failed_trial_and_the_search_goes_on(
    make: Callable[..., Any], path: Path
) -> None:
    def build(hp: Any) -> Any:
        units = hp.Choice("units", [2, -1, 3])
        return tiny_model(units)

    tuner = make(GridSearch, build)
    tuner.search(**fit_arguments(epochs=1))
    assert statuses(tuner) == ["COMPLETED", "FAILED", "COMPLETED"]
    message = stored(path)["0001"]["message"]
    assert message.startswith("Traceback")
    assert "units" in message
    assert "-1" in message
    audit = tuner.audit()
    crashed = [trial for trial, o in audit.outcomes.by_trial.items() if str(o) == "crashed"]
    assert crashed == ["0001"]
    assert audit.leaderboard["trial_id"].tolist()[-1] == "0001"


class FailsInEpoch(keras.callbacks.Callback):
    """Crashes in the third epoch where the learning rate is 1."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 2 and float(self.model.optimizer.learning_rate) == 1.0:
            raise RuntimeError("out of memory")


def test_epochs_before_a_crash_are_kept(make: Callable[..., Any]) -> None:
    tuner = make(GridSearch, build_two)
    tuner.search(**fit_arguments(epochs=4, callbacks=[FailsInEpoch()]))
    assert statuses(tuner) == ["COMPLETED", "FAILED"]
    observed = tuner.trials().matrix("val_loss").observed
    assert observed.sum(axis=1).tolist() == [4, 2]
    assert str(tuner.audit().outcomes.by_trial["0001"]) == "crashed"


def test_a_search_in_which_every_trial_crashes_ends_after_ten_and_names_the_error(
    make: Callable[..., Any], path: Path
) -> None:
    tuner = make(dummy(GridSearch, crashes_at(*range(50))), grid_of(50))
    with pytest.raises(SearchError, match="units=-9 is not positive") as caught:
        tuner.search(verbose=0)
    assert "trial 0009" in str(caught.value)
    assert [state["status"] for state in stored(path).values()] == ["FAILED"] * 10


def test_a_hopeless_search_goes_on_after_the_code_was_mended(make: Callable[..., Any]) -> None:
    broken = True

    def result(values: Any) -> Any:
        return crashes_at(*(range(50) if broken else ()))(values)

    tuner = make(dummy(GridSearch, result), grid_of(12))
    with pytest.raises(SearchError):
        tuner.search(verbose=0)
    broken = False
    tuner.search(verbose=0)
    assert statuses(tuner) == ["FAILED"] * 10 + ["COMPLETED"] * 2
    assert len(tuner.oracle.end_order) == 12


def test_crashes_in_a_row_do_not_end_a_search_that_has_completed_something(
    make: Callable[..., Any],
) -> None:
    tuner = make(dummy(GridSearch, crashes_at(*range(1, 14))), grid_of(15))
    tuner.search(verbose=0)
    assert statuses(tuner) == ["COMPLETED", *["FAILED"] * 13, "COMPLETED"]


def test_a_limit_of_crashes_in_a_row_is_honoured_and_divergence_is_no_crash(
    make: Callable[..., Any], path: Path
) -> None:
    def result(values: Any) -> Any:
        return curve(math.nan) if values["a"] < 4 else crashes_at(4, 5, 7, 8, 9)(values)

    kwargs = {"max_consecutive_failed_trials": 3}
    tuner = make(dummy(GridSearch, result), grid_of(12), **kwargs)
    with pytest.raises(SearchError, match="3 trials in a row crashed"):
        tuner.search(verbose=0)
    expected = ["COMPLETED"] * 4 + ["FAILED"] * 2 + ["COMPLETED"] + ["FAILED"] * 3
    assert [state["status"] for state in stored(path).values()] == expected
    again = make(dummy(GridSearch, result), grid_of(12), **kwargs)
    again.search(verbose=0)
    assert statuses(again) == [*expected, "COMPLETED", "COMPLETED"]


def test_a_crashed_trial_is_retried_as_often_as_allowed(make: Callable[..., Any]) -> None:
    attempts: dict[int, int] = {}

    def result(values: Any) -> Any:
        a = values["a"]
        attempts[a] = attempts.get(a, 0) + 1
        if a == 0 or (a == 1 and attempts[a] < 3):
            raise ConnectionError("the data did not come")
        return curve(1.0)

    tuner = make(dummy(GridSearch, result), grid_of(3), max_retries_per_trial=2)
    tuner.search(verbose=0)
    assert attempts == {0: 3, 1: 3, 2: 1}
    assert statuses(tuner) == ["FAILED", "COMPLETED", "COMPLETED"]
    retried = tuner.oracle.trials["0001"]
    assert (retried.score, retried.message) == (1.0, None)
    trials = tuner.trials()
    assert [r.status for r in trials.recorded.values()] == ["failed", "completed", "completed"]


def test_a_trial_that_says_that_it_failed_is_not_retried(make: Callable[..., Any]) -> None:
    def result(values: Any) -> Any:
        if values["a"] == 0:
            raise keras_tuner.errors.FailedTrialError("infeasible")
        return curve(1.0)

    tuner = make(dummy(GridSearch, result), grid_of(2), max_retries_per_trial=2)
    tuner.search(verbose=0)
    assert len(tuner.ran) == 2
    assert statuses(tuner) == ["FAILED", "COMPLETED"]


def test_a_model_above_the_size_limit_is_a_failed_trial(make: Callable[..., Any]) -> None:
    def build(hp: Any) -> Any:
        return tiny_model(hp.Choice("units", [2, 200]))

    tuner = make(GridSearch, build, max_model_size=100)
    tuner.search(**fit_arguments(epochs=1))
    assert statuses(tuner) == ["COMPLETED", "FAILED"]
    assert "Oversized model: 1001 parameters" in tuner.oracle.trials["0001"].message
    assert str(tuner.audit().outcomes.by_trial["0001"]) == "crashed"


# Misuse


def test_an_objective_that_is_not_in_the_logs_names_trial_metrics_and_remedy(
    make: Callable[..., Any],
) -> None:
    tuner = make(GridSearch, build_two)
    arguments = fit_arguments(epochs=1)
    del arguments["validation_data"]
    with pytest.raises(ObjectiveError, match="val_loss is not among the metrics") as caught:
        tuner.search(**arguments)
    assert "accuracy, loss" in str(caught.value)
    assert "validation_split" in str(caught.value)
    assert "trial 0000" in caught.value.__notes__[0]
    tuner.search(**fit_arguments(epochs=1))
    assert statuses(tuner) == ["COMPLETED"] * 2


def test_an_unknown_metric_as_objective_says_where_to_name_it(make: Callable[..., Any]) -> None:
    tuner = make(GridSearch, build_two, keras_tuner.Objective("val_auc", "max"))
    with pytest.raises(ObjectiveError, match=r"val_auc.*val_accuracy, val_loss.*compile"):
        tuner.search(**fit_arguments(epochs=1))


@pytest.mark.parametrize("tuner_class", [GridSearch, RandomSearch])
def test_a_model_without_hyperparameters_is_refused(
    tuner_class: Any, make: Callable[..., Any]
) -> None:
    with pytest.raises(SearchError, match=r"nothing to search.*hp\.Choice"):
        make(tuner_class, lambda hp: tiny_model())


def test_a_space_that_only_fit_or_run_trial_knows_is_not_taken_for_empty(
    make: Callable[..., Any],
) -> None:
    class OnlyFit(keras_tuner.HyperModel):  # type: ignore[misc]
        def build(self, hp: Any) -> Any:
            return tiny_model()

        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            return float(hp.Choice("batch_size", [8, 16]))

    tuner = make(GridSearch, OnlyFit())
    tuner.search(**fit_arguments())
    assert [t.score for t in tuner.oracle.trials.values()] == [8.0, 16.0]


def test_a_model_that_cannot_be_built_at_all_is_named_before_any_trial(
    make: Callable[..., Any], path: Path
) -> None:
    def build(hp: Any) -> Any:
        return tiny_model(hp.Choice("units", [-3, 2]))

    with pytest.raises(SearchError, match=r"could not be built.*ValueError.*-3"):
        make(GridSearch, build)
    assert stored(path) == {}


def test_a_model_that_cannot_be_built_any_more_leaves_a_directory_as_it_was(
    make: Callable[..., Any], path: Path
) -> None:
    make(dummy(GridSearch), grid_of(3)).search(verbose=0)
    before = stored(path)

    def build(hp: Any) -> Any:
        raise NameError("name 'tpyo' is not defined")

    with pytest.raises(SearchError, match="tpyo"):
        make(GridSearch, build)
    assert stored(path) == before


def test_a_file_in_place_of_the_directory_is_named(make: Callable[..., Any], path: Path) -> None:
    path.write_text("not a directory")
    with pytest.raises(DirectoryError, match=r"sweep.*choose another `directory`"):
        make(GridSearch, build_two)
    assert path.read_text() == "not a directory"


def test_a_directory_that_vanishes_is_made_again(make: Callable[..., Any], path: Path) -> None:
    tuner = make(dummy(GridSearch), grid_of(2))
    for file in sorted(path.rglob("*"), reverse=True):
        file.unlink()
    path.rmdir()
    tuner.search(verbose=0)
    assert len(stored(path)) == 2


@pytest.mark.parametrize("weight", [-0.1, math.nan])
def test_a_gap_penalty_that_is_no_weight_is_refused(
    weight: float, make: Callable[..., Any]
) -> None:
    with pytest.raises(ValueError, match="gap_penalty must be"):
        make(GridSearch, build_two, gap_penalty=weight)


def test_a_build_that_returns_no_model_ends_the_search_as_in_kerastuner(
    make: Callable[..., Any],
) -> None:
    tuner = make(GridSearch, grid_of(2))
    with pytest.raises(keras_tuner.errors.FatalTypeError, match="valid Keras Model"):
        tuner.search(**fit_arguments())


def test_callbacks_that_cannot_be_copied_are_refused_as_in_kerastuner(
    make: Callable[..., Any],
) -> None:
    class Uncopyable(keras.callbacks.Callback):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("holds a lock")

    tuner = make(GridSearch, build_two)
    with pytest.raises(keras_tuner.errors.FatalValueError, match="deep-copyable"):
        tuner.search(**fit_arguments(callbacks=[Uncopyable()]))
