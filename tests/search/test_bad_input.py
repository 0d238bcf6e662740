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
    history,
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
    # The code was broken, not the ten trials that crashed: they are run again.
    assert statuses(tuner) == ["COMPLETED"] * 12
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


def test_a_crash_before_a_value_is_read_makes_no_duplicates(make: Callable[..., Any]) -> None:
    def build(hp: Any) -> Any:
        lr = hp.Choice("lr", [0.1, 0.2, 0.3])
        if lr == 0.1 and "units" in hp.values:
            raise ValueError("lr is bad")
        hp.Choice("units", [2, 3])
        return tiny_model()

    class Trained(dummy(GridSearch)):  # type: ignore[misc]
        def _populate_initial_space(self) -> None:
            hp = keras_tuner.HyperParameters()
            hp.Choice("lr", [0.1, 0.2, 0.3])
            hp.Choice("units", [2, 3])
            self.oracle.update_space(hp)

    tuner = make(Trained, build)
    tuner.search(verbose=0)
    assert len(tuner.oracle.trials) == 6
    failed = [t for t in tuner.oracle.trials.values() if t.status == "FAILED"]
    assert sorted(t.hyperparameters.values["units"] for t in failed) == [2, 3]
    assert all("units" in values for values in tuner.trials().hyperparameters.values())


def test_a_training_that_ends_before_it_is_validated_does_not_end_the_search(
    make: Callable[..., Any],
) -> None:
    def result(values: Any) -> Any:
        return history(loss=[0.5]) if values["a"] == 1 else curve(0.6, 0.5)

    tuner = make(dummy(GridSearch, result), grid_of(3))
    tuner.search(verbose=0)
    assert statuses(tuner) == ["COMPLETED"] * 3
    assert tuner.oracle.trials["0001"].score == math.inf
    assert tuner.oracle.trials["0001"].message == "no epoch has a finite val_loss"


def test_a_first_trial_that_diverges_before_it_is_validated_is_a_result(
    make: Callable[..., Any],
) -> None:
    tuner = make(dummy(GridSearch, lambda values: history(loss=[math.nan])), grid_of(2))
    tuner.search(verbose=0)
    assert statuses(tuner) == ["COMPLETED"] * 2
    assert "diverged" in tuner.oracle.trials["0000"].message


def test_a_disk_that_fills_up_does_not_make_a_crashed_trial(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tuner = make(dummy(GridSearch, lambda values: curve(1.0)), grid_of(3))

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("auditor.search.keeper.store.write_history", full)
        with pytest.raises(DirectoryError, match=r"No space left.*call search\(\) again"):
            tuner.search(verbose=0)
    assert "FAILED" not in statuses(tuner)
    again = make(dummy(GridSearch, lambda values: curve(1.0)), grid_of(3))
    again.search(verbose=0)
    assert statuses(again) == ["COMPLETED"] * 3


def test_one_crashed_execution_leaves_the_result_of_the_others(make: Callable[..., Any]) -> None:
    class CrashesThird(GridSearch):
        def _build_and_fit_model(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            if len(self._executions) == 3:
                raise RuntimeError("out of memory")
            return super()._build_and_fit_model(trial, *args, **kwargs)

    tuner = make(CrashesThird, build_two, executions_per_trial=3, max_trials=1)
    tuner.search(**fit_arguments(epochs=1))
    (trial,) = tuner.oracle.trials.values()
    assert trial.status == "COMPLETED"
    assert "execution 3 crashed" in trial.message
    board = tuner.audit().leaderboard
    assert board["score"].tolist() == [pytest.approx(trial.score)]
    assert len(tuner.get_best_models(1)) == 1


@pytest.mark.parametrize("change", [{"epochs": 3}, {"executions_per_trial": 2}])
def test_trials_of_other_length_are_not_mixed_into_a_sweep(
    make: Callable[..., Any], change: dict[str, int]
) -> None:
    make(GridSearch, build_two, max_trials=1).search(**fit_arguments(epochs=1))
    executions = change.get("executions_per_trial", 1)
    again = make(GridSearch, build_two, executions_per_trial=executions)
    with pytest.raises(DirectoryError, match="another number of"):
        again.search(**fit_arguments(epochs=change.get("epochs", 1)))


def test_a_copied_trial_folder_does_not_replace_the_trial(
    make: Callable[..., Any], path: Path
) -> None:
    make(dummy(GridSearch, lambda values: curve(1.0)), grid_of(2)).search(verbose=0)
    copy = path / "trial_0001_backup"
    copy.mkdir()
    text = (path / "trial_0001" / "trial.json").read_text()
    (copy / "trial.json").write_text(text.replace("COMPLETED", "RUNNING"))
    (path / "trial_0002").mkdir()
    outside = text.replace('"0001"', '"0002/../../victim"').replace("COMPLETED", "RUNNING")
    (path / "trial_0002" / "trial.json").write_text(outside)
    again = make(dummy(GridSearch, lambda values: curve(1.0)), grid_of(2))
    again.search(verbose=0)
    assert statuses(again) == ["COMPLETED"] * 2
    assert again.ran == []
    assert not (path.parent / "victim").exists()


def test_a_log_named_like_a_column_of_the_history_costs_no_curve(make: Callable[..., Any]) -> None:
    result = history(loss=[1.0, 0.9], val_loss=[1.0, 0.9], epoch=[1.0, 2.0], seconds=[5.0, 5.0])
    tuner = make(dummy(GridSearch, lambda values: result), grid_of(1))
    tuner.search(verbose=0)
    trials = tuner.trials()
    assert trials.curve(trials.runs[0], "val_loss").epochs.tolist() == [0, 1]
    assert trials.curve(trials.runs[0], "logged_epoch").values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("weight", [-0.1, math.inf, math.nan])
def test_an_unusable_penalty_is_refused_at_once(make: Callable[..., Any], weight: float) -> None:
    with pytest.raises(ValueError, match="gap_penalty must be a finite number"):
        make(dummy(GridSearch), grid_of(2), gap_penalty=weight)
