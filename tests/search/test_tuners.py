"""The tuners on real, tiny models: what a user of KerasTuner may rely on, and what we add."""

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

import auditor
from auditor import GridSearch, RandomSearch
from auditor.errors import SearchError
from auditor.trials import Run, Trials
from tests.search.helpers import (
    both,
    build_tiny,
    build_two,
    curve,
    dummy,
    fit_arguments,
    grid_of,
    history,
    statuses,
    stored,
    tiny_model,
    weight_files,
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tuner after four trials of three executions each, ranked by the bare objective."""
    where = tmp_path_factory.mktemp("swept")
    kwargs: dict[str, Any] = {"executions_per_trial": 3, "keep_weights": 2, "gap_penalty": 0}
    tuner = GridSearch(build_tiny, "val_loss", seed=0, directory=where, project_name="s", **kwargs)
    tuner.search(**fit_arguments(epochs=3))
    return tuner


def rows(tuner: Any, trial_id: str) -> list[dict[str, str]]:
    with (Path(tuner.project_dir) / f"trial_{trial_id}" / "history.csv").open() as file:
        return list(csv.DictReader(file))


def val_losses(tuner: Any, trial_id: str) -> list[list[float]]:
    """Per execution, the validation losses by epoch, from the file."""
    table = rows(tuner, trial_id)
    executions = sorted({row["execution"] for row in table})
    return [[float(r["val_loss"]) for r in table if r["execution"] == e] for e in executions]


def best_of(tuner: Any) -> Any:
    return tuner.oracle.get_best_trials(1)[0]


# Executions, scores, weights


def test_each_execution_is_kept_with_all_its_epochs(swept: Any) -> None:
    trials = swept.trials()
    assert len(trials.hyperparameters) == 4
    for trial_id, runs in trials.runs_of.items():
        assert runs == tuple(Run(trial_id, execution) for execution in range(3))
        assert [len(curve) for curve in val_losses(swept, trial_id)] == [3, 3, 3]
        for run in runs:
            expected = val_losses(swept, trial_id)[run.execution]
            np.testing.assert_array_equal(trials.curve(run, "val_loss").values, expected)
    assert {"loss", "val_loss", "accuracy", "val_accuracy"} <= set(trials.metrics)


def test_executions_differ_and_each_has_its_seed(swept: Any) -> None:
    for runs in swept.trials().runs_of.values():
        recorded = [swept.trials().recorded[run] for run in runs]
        assert len({r.seed for r in recorded}) == 3
        assert all(r.seconds is not None and r.seconds > 0 for r in recorded)
    first, second, third = val_losses(swept, "0000")
    assert first != second != third


def test_the_score_of_a_trial_is_the_mean_of_its_executions_at_their_best_epochs(
    swept: Any,
) -> None:
    for trial_id, trial in swept.oracle.trials.items():
        expected = np.mean([min(curve) for curve in val_losses(swept, trial_id)])
        assert trial.score == pytest.approx(expected, rel=1e-12)
        assert trial.metrics.get_best_value("val_loss") == pytest.approx(expected, rel=1e-12)


def test_only_the_best_two_keep_their_weights(swept: Any) -> None:
    best = {trial.trial_id for trial in swept.oracle.get_best_trials(2)}
    assert weight_files(Path(swept.project_dir)) == best


def evaluate(model: Any) -> float:
    x, y = fit_arguments()["validation_data"]
    return float(model.evaluate(x, y, verbose=0, return_dict=True)["loss"])


def test_the_weights_are_of_the_scored_epoch_of_the_best_execution(swept: Any) -> None:
    models = swept.get_best_models(2)
    for model, trial in zip(models, swept.oracle.get_best_trials(2), strict=True):
        expected = min(min(curve) for curve in val_losses(swept, trial.trial_id))
        assert evaluate(model) == pytest.approx(expected, rel=1e-5)


def test_weights_that_were_not_kept_are_asked_for_in_vain(swept: Any) -> None:
    with pytest.raises(SearchError, match="keep_weights"):
        swept.get_best_models(3)


def test_looking_at_a_sweep_removes_no_weights(swept: Any) -> None:
    before = weight_files(Path(swept.project_dir))
    where = {"directory": swept.directory, "project_name": swept.project_name}
    tuner = GridSearch(build_tiny, "val_loss", keep_weights=1, **where)
    assert weight_files(Path(swept.project_dir)) == before
    assert [m.name for m in tuner.get_best_models(2)]


@pytest.mark.parametrize(("keep", "kept"), [(0, 0), (-1, 3)])
def test_all_weights_or_none_may_be_kept(
    keep: int, kept: int, make: Callable[..., Any], path: Path
) -> None:
    def build(hp: Any) -> Any:
        return tiny_model(lr=hp.Choice("lr", [0.01, 0.1, 0.5]))

    make(GridSearch, build, keep_weights=keep).search(**fit_arguments(epochs=1))
    assert len(weight_files(path)) == kept


class RisesAfter(keras.callbacks.Callback):
    """Makes the model worse in the third epoch, so that the best one is not the last."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 2:
            self.model.layers[-1].bias.assign_add([4.0])


def test_the_weights_are_not_those_of_the_last_epoch(make: Callable[..., Any]) -> None:
    tuner = make(GridSearch, build_two, gap_penalty=0)
    tuner.search(**fit_arguments(epochs=4, callbacks=[RisesAfter()]))
    best = best_of(tuner)
    assert best.best_step < 2
    assert evaluate(tuner.get_best_models(1)[0]) == pytest.approx(best.score, rel=1e-5)


def test_regularisation_does_not_count_in_score_or_weights(make: Callable[..., Any]) -> None:
    def build(hp: Any) -> Any:
        model = tiny_model()
        strength = keras.regularizers.L2(hp.Choice("l2", [1.0, 0.0001]))
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(1, "sigmoid", kernel_regularizer=strength)]
        )
        optimizer = keras.optimizers.SGD(0.05)
        model.compile(optimizer, "binary_crossentropy", run_eagerly=True)
        return model

    tuner = make(GridSearch, build, gap_penalty=0)
    tuner.search(**fit_arguments(epochs=3))
    x, y = fit_arguments()["validation_data"]
    for model, trial in zip(tuner.get_best_models(2), tuner.oracle.get_best_trials(2), strict=True):
        output = np.clip(np.asarray(model(x))[:, 0], 1e-7, 1 - 1e-7)
        entropy = -np.mean(y * np.log(output) + (1 - y) * np.log(1 - output))
        assert entropy == pytest.approx(trial.score, rel=1e-4)


# A sweep and its directory


def test_a_sweep_is_what_reading_its_directory_yields(swept: Any, tmp_path: Path) -> None:
    trials = swept.trials()
    assert trials == auditor.read(swept.project_dir)
    trials.save(tmp_path / "saved")
    assert Trials.load(tmp_path / "saved") == trials


def test_what_is_known_of_the_data_and_the_plan_is_recorded(swept: Any) -> None:
    trials = swept.trials()
    assert (trials.context.train_rows, trials.context.validation_rows) == (32, 16)
    assert trials.context.no_skill_loss == pytest.approx(math.log(2), abs=0.1)
    assert (trials.design.sampler, trials.design.seed) == ("grid", 0)
    assert (trials.design.executions, trials.design.epochs) == (3, 3)
    assert trials.objective.name == "val_loss"
    assert {axis.name: axis.values for axis in trials.space} == {"units": (2, 4), "lr": (0.1, 1.0)}
    assert all(len(trials.series(run, "learning_rate").values) == 3 for run in trials.runs)


def test_kerastuner_itself_reloads_the_directory(swept: Any) -> None:
    plain = keras_tuner.GridSearch(
        build_tiny,
        "val_loss",
        executions_per_trial=3,
        directory=swept.directory,
        project_name=swept.project_name,
        overwrite=False,
    )
    assert sorted(plain.oracle.trials) == sorted(swept.oracle.trials)
    for trial_id, trial in plain.oracle.trials.items():
        ours = swept.oracle.trials[trial_id]
        assert (trial.status, trial.score, trial.best_step) == (
            ours.status,
            ours.score,
            ours.best_step,
        )
    best = [hp.values for hp in plain.get_best_hyperparameters(4)]
    assert best == [hp.values for hp in swept.get_best_hyperparameters(4)]
    ours, theirs = swept.get_best_models(2), plain.get_best_models(2)
    for mine, its in zip(ours, theirs, strict=True):
        for one, other in zip(mine.get_weights(), its.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    plain.results_summary()


def test_kerastuner_reloads_a_directory_with_diverged_and_crashed_trials(
    make: Callable[..., Any],
) -> None:
    def result(values: Any) -> Any:
        if values["a"] == 1:
            raise ZeroDivisionError
        return curve(math.nan if values["a"] == 0 else 0.5)

    tuner = make(dummy(GridSearch, result), grid_of(3))
    tuner.search(verbose=0)
    plain = make(dummy(keras_tuner.GridSearch, result), grid_of(3))
    scores = {trial_id: t.score for trial_id, t in plain.oracle.trials.items()}
    assert scores == {"0000": math.inf, "0001": None, "0002": 0.5}
    assert plain.oracle.get_best_trials(2)[0].trial_id == "0002"
    assert "ZeroDivisionError" in plain.oracle.trials["0001"].message


def test_what_kerastuner_prints_works(swept: Any, capsys: pytest.CaptureFixture[str]) -> None:
    swept.results_summary()
    swept.search_space_summary()
    printed = capsys.readouterr().out
    assert "Trial 0000 summary" in printed
    assert "units (Choice)" in printed


# Seeds


def curves_of(make: Callable[..., Any], name: str, seed: int) -> dict[str, Any]:
    def build(hp: Any) -> Any:
        return tiny_model(4, hp.Float("lr", 0.01, 1.0, sampling="log"), eager=False)

    tuner = make(RandomSearch, build, seed=seed, max_trials=2, project_name=name)
    tuner.search(**fit_arguments())
    trials = tuner.trials()
    values = [dict(v) for v in trials.hyperparameters.values()]
    return {"values": values, "curves": trials.matrix("val_loss").values.tolist()}


def test_a_seed_fixes_trials_their_order_and_their_curves_and_zero_is_one(
    make: Callable[..., Any],
) -> None:
    first, second = curves_of(make, "first", 0), curves_of(make, "second", 0)
    assert first == second
    other = curves_of(make, "other", 1)
    assert other["values"] != first["values"]


# What HyperModel.fit and run_trial may do


class TunedFit(keras_tuner.HyperModel):  # type: ignore[misc]
    """Batch size and epochs are hyperparameters that `build` never asks for."""

    seen: list[tuple[int, int]] = []  # noqa: RUF012 - shared on purpose: tuners may copy it

    def build(self, hp: Any) -> Any:
        return tiny_model(hp.Choice("units", [2, 3]))

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        batch, epochs = hp.Choice("batch_size", [8, 16]), hp.Choice("epochs", [1, 2])
        type(self).seen.append((batch, epochs))
        return model.fit(*args, **{**kwargs, "batch_size": batch, "epochs": epochs})


def test_fit_may_tune_batch_size_and_epochs(make: Callable[..., Any]) -> None:
    TunedFit.seen.clear()
    tuner = make(GridSearch, TunedFit())
    arguments = fit_arguments()
    del arguments["batch_size"], arguments["epochs"]
    tuner.search(**arguments)
    assert sorted(TunedFit.seen) == sorted([(b, e) for b in (8, 16) for e in (1, 2)] * 2)
    trials = tuner.trials()
    for trial_id, values in trials.hyperparameters.items():
        assert set(values) == {"units", "batch_size", "epochs"}
        assert len(trials.curve(Run(trial_id), "val_loss").values) == values["epochs"]


class FitReturns(keras_tuner.HyperModel):  # type: ignore[misc]
    def __init__(self, result: Callable[[float], Any]) -> None:
        super().__init__()
        self.result = result

    def build(self, hp: Any) -> Any:
        return tiny_model(lr=hp.Choice("lr", [0.1, 0.2]))

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        model.fit(*args, **kwargs)
        return self.result(hp.get("lr"))


@both()
@pytest.mark.parametrize(
    ("objective", "result", "scores"),
    [
        ("val_loss", lambda lr: 10 * lr, [1.0, 2.0]),
        ("val_loss", lambda lr: {"val_loss": 10 * lr, "other": 7.0}, [1.0, 2.0]),
        ("val_loss", lambda lr: {"val_loss": np.float32(lr)}, [np.float32(0.1), np.float32(0.2)]),
        ("val_loss", lambda lr: [lr, 3 * lr], [0.2, 0.4]),
        (None, lambda lr: -lr, [-0.1, -0.2]),
        (keras_tuner.Objective("auc", "max"), lambda lr: {"auc": lr}, [0.1, 0.2]),
    ],
    ids=["float", "dict", "numpy", "list", "no objective", "own metric"],
)
def test_fit_may_return_numbers_in_place_of_a_history(
    package: Any, objective: Any, result: Any, scores: list[float], make: Callable[..., Any]
) -> None:
    tuner = make(package.GridSearch, FitReturns(result), objective)
    tuner.search(**fit_arguments(epochs=1))
    found = [trial.score for trial in tuner.oracle.trials.values()]
    assert found == pytest.approx(scores, rel=1e-7)
    if package is auditor:
        trials = tuner.trials()
        assert all(trials.recorded[run].authoritative for run in trials.runs)
        assert trials.matrix("val_loss").observed.all()
        ranked = tuner.audit().leaderboard["trial_id"].tolist()
        assert ranked == [t.trial_id for t in tuner.oracle.get_best_trials(2)]


@both()
@pytest.mark.parametrize(
    ("result", "score"),
    [
        (lambda a: 1.0 + a, 1.5),
        (lambda a: {"val_loss": 1.0 + a, "extra": 2.0}, 1.5),
        (lambda a: [1.0 + a, 2.0 + a], 2.0),
        (lambda a: [{"val_loss": 1.0 + a}, {"val_loss": 3.0 + a}], 2.5),
        (lambda a: curve(2.0, 1.0 + a, 3.0), 1.5),
        (lambda a: [curve(2.0, 1.0 + a), curve(4.0, 3.0 + a)], 2.5),
    ],
    ids=["float", "dict", "floats", "dicts", "history", "histories"],
)
def test_run_trial_may_be_overridden_and_return_anything_kerastuner_takes(
    package: Any, result: Any, score: float, make: Callable[..., Any]
) -> None:
    class Overridden(package.GridSearch):  # type: ignore[misc]
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            return result(trial.hyperparameters.Choice("a", [0.5, 0.75]))

    tuner = make(Overridden, None)
    tuner.search(verbose=0)
    assert statuses(tuner) == ["COMPLETED"] * 2
    assert best_of(tuner).score == pytest.approx(score)
    assert best_of(tuner).hyperparameters.values == {"a": 0.5}
    if package is auditor:
        assert tuner.audit().leaderboard["score"].tolist()[0] == pytest.approx(score)


def test_run_trial_may_train_several_times_and_sum_up_by_itself(make: Callable[..., Any]) -> None:
    class CrossValidation(GridSearch):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            for _ in range(3):
                super().run_trial(trial, *args, **kwargs)
            return {"val_loss": trial.hyperparameters.get("lr")}

    tuner = make(CrossValidation, build_two)
    tuner.search(**fit_arguments(epochs=1))
    assert [t.score for t in tuner.oracle.trials.values()] == pytest.approx([0.1, 1.0])
    trials = tuner.trials()
    assert trials.matrix("val_loss").values.shape == (6, 1)
    assert trials == auditor.read(tuner.project_dir)


def test_run_trial_may_report_to_the_oracle_itself(make: Callable[..., Any]) -> None:
    class Reporting(GridSearch):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            value = float(trial.hyperparameters.Choice("a", [2, 1]))
            self.oracle.update_trial(trial.trial_id, {"val_loss": value})

    tuner = make(Reporting, None)
    tuner.search(verbose=0)
    assert [t.score for t in tuner.oracle.trials.values()] == [2.0, 1.0]
    assert tuner.audit().leaderboard["score"].tolist() == [1.0, 2.0]


@both()
def test_several_objectives_give_kerastuners_value(package: Any, make: Callable[..., Any]) -> None:
    objective = ["val_loss", keras_tuner.Objective("val_accuracy", "max")]
    curves = history(loss=[9.0, 9.0, 9.0], val_loss=[0.9, 0.5, 0.4], val_accuracy=[0.5, 0.75, 0.25])
    more = {} if package is keras_tuner else {"gap_penalty": 1.0}
    tuner = make(dummy(package.GridSearch, lambda values: curves), grid_of(1, 2), objective, **more)
    tuner.search(verbose=0)
    assert best_of(tuner).score == pytest.approx(0.5 - 0.75)
    assert best_of(tuner).best_step == 1


# Callbacks


class Counting(keras.callbacks.Callback):
    """Has a state that one training must not hand to the next."""

    finished: list[int] = []  # noqa: RUF012 - shared on purpose: instances are copied

    def __init__(self) -> None:
        super().__init__()
        self.epochs = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs += 1

    def on_train_end(self, logs: Any = None) -> None:
        type(self).finished.append(self.epochs)


def test_every_execution_gets_its_own_copy_of_a_callback(make: Callable[..., Any]) -> None:
    Counting.finished.clear()
    original = Counting()
    tuner = make(GridSearch, build_two, executions_per_trial=2)
    tuner.search(**fit_arguments(callbacks=[original]))
    assert Counting.finished == [2, 2, 2, 2]
    assert original.epochs == 0


def test_early_stopping_that_restores_the_best_weights_ends_each_run_by_itself(
    make: Callable[..., Any],
) -> None:
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    tuner = make(GridSearch, build_two, gap_penalty=0)
    tuner.search(**fit_arguments(epochs=9, callbacks=[RisesAfter(), stop]))
    trials = tuner.trials()
    for run in trials.runs:
        values = trials.curve(run, "val_loss").values
        assert 2 <= len(values) < 9
        assert np.argmin(values) == len(values) - 2
    best = best_of(tuner)
    assert evaluate(tuner.get_best_models(1)[0]) == pytest.approx(best.score, rel=1e-5)


def test_tensorboard_logs_go_where_kerastuner_puts_them(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    tuner = make(GridSearch, build_two, executions_per_trial=2, max_trials=1)
    tuner.search(**fit_arguments(epochs=1, callbacks=[keras.callbacks.TensorBoard(str(logs))]))
    for execution in range(2):
        where = logs / "0" / f"execution{execution}"
        assert list((where / "train").glob("events*"))
        assert list((where / "validation").glob("events*"))
    assert [set(v) for v in tuner.trials().hyperparameters.values()] == [{"lr"}]


def test_a_method_of_a_subclass_that_watches_epochs_is_still_called(
    make: Callable[..., Any],
) -> None:
    class Watching(GridSearch):
        def on_epoch_end(self, trial: Any, model: Any, epoch: int, logs: Any = None) -> None:
            assert isinstance(model, keras.Model)
            calls.append((trial.trial_id, epoch, "val_loss" in logs))

        def on_batch_end(self, trial: Any, model: Any, batch: int, logs: Any = None) -> None:
            batches.append(batch)

    calls: list[Any] = []
    batches: list[int] = []
    make(Watching, build_two).search(**fit_arguments())
    assert calls == [(trial, epoch, True) for trial in ("0000", "0001") for epoch in (0, 1)]
    assert batches == [0, 1] * 4


# Fit arguments


def test_validation_in_every_second_epoch_leaves_the_others_unobserved(
    make: Callable[..., Any],
) -> None:
    tuner = make(GridSearch, build_two, gap_penalty=0)
    tuner.search(**fit_arguments(epochs=4, validation_freq=2))
    trials = tuner.trials()
    assert trials.matrix("val_loss").observed.tolist() == [[False, True, False, True]] * 2
    assert trials.matrix("loss").observed.all()
    best = best_of(tuner)
    assert best.best_step in {1, 3}
    assert evaluate(tuner.get_best_models(1)[0]) == pytest.approx(best.score, rel=1e-5)


def test_one_row_of_validation_data_is_enough(make: Callable[..., Any]) -> None:
    arguments = fit_arguments()
    x, y = arguments["validation_data"]
    tuner = make(GridSearch, build_two)
    tuner.search(**{**arguments, "validation_data": (x[:1], y[:1])})
    assert statuses(tuner) == ["COMPLETED"] * 2
    assert tuner.trials().context.validation_rows == 1
    assert len(tuner.audit().leaderboard) == 2


def test_generators_and_splits_are_taken_as_fit_takes_them(make: Callable[..., Any]) -> None:
    arguments = fit_arguments(validation_split=0.25)
    del arguments["validation_data"]
    tuner = make(GridSearch, build_two)
    x, y = arguments.pop("x"), arguments.pop("y")
    tuner.search(x, y, **arguments)
    assert tuner.trials().context.validation_rows == 8
    assert tuner.trials().matrix("val_loss").observed.all()


# Following a search


def test_progress_is_reported_after_each_trial(make: Callable[..., Any]) -> None:
    def result(values: Any) -> float:
        if values["a"] == 1:
            raise ZeroDivisionError
        return float(values["a"])

    seen: list[Any] = []
    make(dummy(GridSearch, result), grid_of(3), progress=seen.append).search(verbose=0)
    assert [(p.done, p.total, p.trial_id, p.score) for p in seen] == [
        (1, 3, "0000", 0.0),
        (2, 3, "0001", None),
        (3, 3, "0002", 2.0),
    ]
    assert {(p.best_trial_id, p.best_score, p.objective) for p in seen} == {
        ("0000", 0.0, "val_loss")
    }


@pytest.fixture
def penalised(make: Callable[..., Any]) -> Iterator[Callable[[float], Any]]:
    """A search whose lowest validation loss has a wide gap, by weight of the gap."""
    curves = [history(loss=[0.1], val_loss=[0.50]), history(loss=[0.52], val_loss=[0.51])]
    curves += [history(loss=[worse], val_loss=[worse]) for worse in (0.8, 0.9)]

    def search(weight: float) -> Any:
        tuner = make(
            dummy(GridSearch, lambda values: curves[values["a"]]),
            grid_of(4),
            gap_penalty=weight,
            project_name=f"weight {weight}",
        )
        tuner.search(verbose=0)
        return tuner

    return search


def test_the_gap_penalty_decides_between_near_equals_only(
    penalised: Callable[[float], Any],
) -> None:
    bare, some = penalised(0), penalised(0.05)
    assert best_of(bare).trial_id == "0000"
    assert best_of(some).trial_id == "0001"
    trial = some.oracle.trials["0000"]
    assert trial.metrics.get_best_value("val_loss") == 0.5  # the unpenalised value stays
    assert trial.score > 0.5
    table = some.audit().leaderboard.set_index("trial_id")
    for trial_id, trial in some.oracle.trials.items():
        assert table.loc[trial_id, "score"] == trial.score
        assert stored(Path(some.project_dir))[trial_id]["score"] == trial.score


def test_a_diverged_trial_has_the_worst_score_as_soon_as_it_ends(
    make: Callable[..., Any],
) -> None:
    curves = [curve(0.4, math.nan), curve(0.5)]
    seen: list[Any] = []
    tuner_class = dummy(GridSearch, lambda values: curves[values["a"]])
    make(tuner_class, grid_of(2), progress=seen.append).search(verbose=0)
    assert [(p.score, p.best_score) for p in seen] == [(math.inf, math.inf), (0.5, 0.5)]


class Reports(keras.callbacks.Callback):
    """Reports the losses of a plan, by learning rate, in place of those that were measured."""

    def __init__(self, plan: dict[float, list[tuple[float, float]]]) -> None:
        super().__init__()
        self.plan = plan

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        rate = round(float(self.model.optimizer.learning_rate), 3)
        self.model.layers[-1].bias.assign([float(epoch)])
        logs["loss"], logs["val_loss"] = self.plan[rate][epoch]


def test_a_nan_in_the_first_epoch_does_not_keep_its_weights(make: Callable[..., Any]) -> None:
    epochs = [(0.5, math.nan), (0.5, 0.5), (0.5, 0.45), (0.5, 0.6)]
    tuner = make(GridSearch, build_two, max_trials=1)
    tuner.search(**fit_arguments(epochs=4, callbacks=[Reports({0.1: epochs})]))
    assert best_of(tuner).best_step == 2
    (model,) = tuner.get_best_models(1)
    assert model.layers[-1].bias.numpy().tolist() == [2.0]


def test_weights_that_the_final_scores_do_not_want_are_removed(
    make: Callable[..., Any], path: Path
) -> None:
    # The first has the lowest loss, but a gap; the second the lowest score.
    plan = {0.1: [(0.1, 0.500)], 1.0: [(0.51, 0.501)]}
    tuner = make(GridSearch, build_two, keep_weights=1, gap_penalty=0.05)
    tuner.search(**fit_arguments(epochs=1, callbacks=[Reports(plan)]))
    assert weight_files(path) == {"0001"} == {best_of(tuner).trial_id}
