"""TensorBoard's folders: which files make a run, which steps are epochs, what is left out."""

import os
from pathlib import Path

import pytest

from auditor.readers import find
from auditor.readers.tensorboard.runs import metric_name
from auditor.trials import Run, Trials
from tests.readers.event_files import NAME, curve, write

DATA = Path(__file__).parents[1] / "data"
KERAS, OLD = DATA / "tensorboard-2.21.0", DATA / "tensorboard-1.15.5"
PYTORCH = DATA / "tensorboardX-2.6.5"
REAL = os.environ.get("AUDITOR_TEST_DATA")
needs_real = pytest.mark.skipif(not REAL, reason="AUDITOR_TEST_DATA is not set")


def read(path: Path) -> Trials:
    (source,) = find(path, "tensorboard")
    return source.read()


def points(trials: Trials, trial: str, metric: str, execution: int = 0) -> dict[int, float]:
    epochs, values = trials.curve(Run(trial, execution), metric)
    return dict(zip(epochs.tolist(), values.tolist(), strict=True))


@pytest.mark.parametrize(
    ("tag", "prefix", "name"),
    [
        ("epoch_loss", "", "loss"),
        ("epoch_loss", "val_", "val_loss"),
        ("epoch_val_acc", "", "val_acc"),
        ("epoch_learning_rate", "", "learning_rate"),
        ("epoch_lr", "val_", None),
        ("val_loss", "", "val_loss"),
        ("Loss/train", "", "loss"),
        ("loss/val", "", "val_loss"),
        ("train_loss_epoch", "", "loss"),
        ("train_loss_step", "", None),
        ("lr-Adam", "", "learning_rate"),
        ("train/learning_rate", "", "learning_rate"),
        ("eval/accuracy", "", "val_accuracy"),
        ("ray/tune/val_loss", "", "val_loss"),
        ("batch_loss", "", None),
        ("evaluation_loss_vs_iterations", "val_", None),
        ("epoch_steps_per_second", "", None),
        ("hp_metric", "", None),
    ],
)
def test_tags_as_keras_would_name_them(tag: str, prefix: str, name: str | None) -> None:
    assert metric_name(tag, prefix) == name


def test_a_sweep_of_keras_has_curves_hyperparameters_status_and_space() -> None:
    trials = read(KERAS / "hparams")
    assert {k: dict(v) for k, v in trials.hyperparameters.items()} == {
        "run-0": {"units": 2, "learning_rate": 0.01},
        "run-1": {"units": 4, "learning_rate": 1e38},
        "run-2": {"units": 4, "learning_rate": 0.01},
    }
    assert isinstance(trials.hyperparameters["run-0"]["units"], int)
    assert [r.status for r in trials.recorded.values()] == ["completed", "completed", "unknown"]
    assert trials.metrics == ("loss", "mae", "val_loss", "val_mae")
    assert list(points(trials, "run-0", "val_loss")) == [0, 1, 2]
    assert list(points(trials, "run-2", "val_loss")) == [0]
    assert "inf" in map(str, points(trials, "run-1", "loss").values())
    units, rate = trials.space
    assert (units.name, units.values) == ("units", (2, 4))
    assert (rate.name, rate.low, rate.high) == ("learning_rate", 0.001, 1e38)


def test_trainings_that_share_a_folder_are_told_apart() -> None:
    trials = read(KERAS / "one_folder")
    assert list(trials.hyperparameters) == ["one_folder#1", "one_folder#2", "one_folder#3"]
    losses = [points(trials, trial, "val_loss") for trial in trials.hyperparameters]
    assert [list(loss) for loss in losses] == [[0, 1]] * 3
    assert len({loss[0] for loss in losses}) == 3
    assert any("began anew" in sentence for sentence in trials.provenance.missing)


def test_old_keras_logs_all_into_one_folder() -> None:
    trials = read(OLD)
    assert {k: dict(v) for k, v in trials.hyperparameters.items()} == {
        "lr_0.01": {"lr": 0.01},
        "lr_0.1": {"lr": 0.1},
    }
    assert list(points(trials, "lr_0.1", "val_loss")) == [0, 1, 2]
    assert list(points(trials, "lr_0.1", "loss")) == [0, 1, 2]


def test_steps_from_one_are_epochs_from_zero_and_hparams_belong_to_the_run_around_them() -> None:
    trials = read(PYTORCH / "epochs")
    assert points(trials, "run_a", "loss") == pytest.approx({i: 1 / (1 + i) for i in range(6)})
    assert dict(trials.hyperparameters["run_a"]) == {"lr": 0.1, "units": 32}
    assert trials.recorded[Run("run_a")].metrics == {"best_val_loss": 0.5}


def test_folders_of_add_scalars_are_one_run() -> None:
    trials = read(PYTORCH / "epochs")
    assert list(points(trials, "run_b", "loss")) == [0, 1, 2, 3]
    assert points(trials, "run_b", "val_loss")[3] == 0.5
    assert not [trial for trial in trials.hyperparameters if "Loss" in trial]


def test_what_a_resumed_training_logs_again_counts() -> None:
    trials = read(PYTORCH / "epochs")
    assert points(trials, "resumed", "loss") == pytest.approx(
        {0: 1, 1: 1 / 2, 2: 1 / 3, 3: 1 / 7, 4: 1 / 8, 5: 1 / 9, 6: 1 / 10, 7: 1 / 11}
    )
    (problem,) = trials.provenance.problems
    assert (problem.trial_id, problem.message[:2]) == ("resumed", "4 ")


def test_steps_that_are_batches_are_epochs_between_validations_and_that_is_said() -> None:
    trials = read(PYTORCH / "batches")
    assert list(points(trials, "run", "val_loss")) == [0, 1, 2, 3]
    mean = sum(1 / (1 + step) for step in range(50, 100)) / 50
    assert points(trials, "run", "loss")[1] == pytest.approx(mean)
    assert any("count something else" in sentence for sentence in trials.provenance.missing)


def test_lightning_says_which_epoch_a_step_belongs_to(tmp_path: Path) -> None:
    rows: list[tuple[str, int, float]] = []
    for epoch in range(3):
        middle, end = 50 * epoch + 24, 50 * epoch + 49
        rows += [("train_loss", middle, 3.0), ("epoch", middle, epoch), ("loss_step", middle, 9.0)]
        rows += [("val_loss", end, 1.0 + epoch), ("epoch", end, epoch)]
    write(tmp_path / "version_0" / NAME, rows)
    (tmp_path / "version_0" / "hparams.yaml").write_text("lr: 0.1\n")
    trials = read(tmp_path)
    assert points(trials, "version_0", "loss") == {0: 3.0, 1: 3.0, 2: 3.0}
    assert points(trials, "version_0", "val_loss") == {0: 1.0, 1: 2.0, 2: 3.0}
    assert dict(trials.hyperparameters["version_0"]) == {"lr": 0.1}
    assert not [text for text in trials.provenance.missing if text.startswith("Epochs")]


def test_transformers_log_how_much_of_the_epochs_is_done(tmp_path: Path) -> None:
    rows: list[tuple[str, int, float]] = []
    for half in range(1, 7):
        rows += [("train/loss", 50 * half, float(half)), ("train/epoch", 50 * half, half / 2)]
        rows += [("eval/loss", 50 * half, half / 10)] if half % 2 == 0 else []
    write(tmp_path / "a" / NAME, rows)
    trials = read(tmp_path)
    assert points(trials, "a", "val_loss") == pytest.approx({0: 0.2, 1: 0.4, 2: 0.6})
    assert points(trials, "a", "loss") == {0: 1.5, 1: 3.5, 2: 5.5}
    rows += [("eval/loss", 50 * half, half / 10) for half in (1, 3, 5)]
    write(tmp_path / "a" / NAME, sorted(rows, key=lambda row: row[1]))
    assert list(points(read(tmp_path), "a", "val_loss")) == list(range(6))


def test_steps_that_return_time_and_again_are_no_trainings(tmp_path: Path) -> None:
    write(tmp_path / "a" / NAME, curve("loss", [0, 1] * 1_100))
    trials = read(tmp_path)
    assert list(points(trials, "a", "loss")) == list(range(2_200))


def test_validation_every_few_epochs_leaves_epochs_unobserved(tmp_path: Path) -> None:
    write(tmp_path / "a" / NAME, [*curve("loss", range(10)), *curve("val_loss", (4, 9))])
    trials = read(tmp_path)
    assert list(points(trials, "a", "loss")) == list(range(10))
    assert list(points(trials, "a", "val_loss")) == [4, 9]


def test_batches_that_begin_anew_in_each_epoch_are_no_trainings(tmp_path: Path) -> None:
    batches = [("loss/batch", step, 1.0) for _ in range(5) for step in range(40)]
    write(tmp_path / "a" / NAME, [*batches, *curve("val_loss", range(5))])
    trials = read(tmp_path)
    assert list(trials.hyperparameters) == ["a"]
    assert list(points(trials, "a", "val_loss")) == list(range(5))


def test_epochs_of_keras_are_kept_where_a_training_begins_late(tmp_path: Path) -> None:
    write(tmp_path / "a" / "train" / NAME, curve("epoch_loss", [7]))
    assert points(read(tmp_path), "a", "loss") == {7: 1.0}


def test_values_logged_without_a_step_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "a" / NAME, curve("loss", [0, 0, 0]))
    assert points(read(tmp_path), "a", "loss") == {0: 1.0, 1: 2.0, 2: 3.0}


def test_two_programs_that_write_into_one_folder_at_once_are_two_runs(tmp_path: Path) -> None:
    write(tmp_path / "a" / f"{NAME}.1", curve("loss", range(5)), began=1000)
    write(tmp_path / "a" / f"{NAME}.2", curve("loss", range(2, 7), 7.0), began=1002)
    trials = read(tmp_path)
    assert points(trials, "a#1", "loss") == {i: 1.0 + i for i in range(5)}
    assert points(trials, "a#2", "loss") == {i: 5.0 + i for i in range(2, 7)}


def test_a_file_without_a_single_number_is_a_run_of_which_nothing_is_known(tmp_path: Path) -> None:
    write(tmp_path / "a" / NAME, curve("loss", range(3)))
    write(tmp_path / "b" / NAME, [("batch_loss", 0, 1.0)])
    trials = read(tmp_path)
    assert trials.coverage(Run("b")) == "nothing"


def test_an_empty_file_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "a" / NAME, curve("loss", range(3)))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / NAME).touch()
    trials = read(tmp_path)
    assert list(trials.hyperparameters) == ["a"]
    assert [(p.trial_id, p.file) for p in trials.provenance.problems] == [("b", f"b/{NAME}")]


def test_steps_beyond_all_epochs_do_not_fill_memory(tmp_path: Path) -> None:
    write(tmp_path / "a" / NAME, curve("epoch_loss", [0, 2**62]))
    write(tmp_path / "b" / NAME, curve("loss", [0, 2**62]))
    trials = read(tmp_path)
    assert points(trials, "a", "loss") == {0: 1.0}
    assert points(trials, "b", "loss") == {0: 1.0, 1: 2.0}


@needs_real
def test_a_strangers_keras_logs() -> None:
    trials = read(Path(REAL or "") / "real_dirs" / "tb_mlflow_deepcnn" / "artifacts")
    assert len(trials.hyperparameters) == 15
    assert [trials.coverage(run) for run in trials.runs].count("curves") == 9
    assert trials.metrics == ("accuracy", "loss", "val_accuracy", "val_loss")
    assert trials.epochs == 1


@needs_real
def test_a_strangers_results_one_file_per_trial_are_no_curve() -> None:
    trials = read(Path(REAL or "") / "real_dirs" / "optuna_eeg_gat" / "tracking")
    assert len(trials.hyperparameters) == 20
    assert trials.curves.empty
    assert {trials.coverage(run) for run in trials.runs} == {"objective"}
