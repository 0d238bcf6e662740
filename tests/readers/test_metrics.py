"""Names of metrics as Keras writes them, and which of them ranks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.readers.metrics import choose_objective, direction_of, keras_name

NAMES = {
    "loss": "loss",
    "val_loss": "val_loss",
    "train_loss": "loss",
    "Train Loss": "loss",
    "training/acc": "acc",
    "loss/train": "loss",
    "Loss/val": "val_loss",
    "valid_loss": "val_loss",
    "validation.accuracy": "val_accuracy",
    "test_loss": "test_loss",
    "epoch_loss": "loss",
    "epoch_val_loss": "val_loss",
    "lr": "learning_rate",
    "epoch_learning_rate": "learning_rate",
    "mean_squared_error": "mean_squared_error",
    "top_5_accuracy": "top_5_accuracy",
    "va_loss": "val_loss",
    "train_losses": "loss",
    "val_accuracies": "val_accuracy",
    "losses": "loss",
    "Val Acc (%)": "val_acc",
    "accuracy [%]": "accuracy",
    "valid_acc_%": "val_acc",
    "%": "%",
    "val_dense_1_loss": "val_dense_1_loss",
    "evaluation": "evaluation",
    "train": "train",
    " loss ": "loss",
    "": "",
    "/": "/",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_keras_name(name: str, expected: str) -> None:
    assert keras_name(name) == expected


@given(st.text())
def test_a_keras_name_stays_one(name: str) -> None:
    once = keras_name(name)
    assert keras_name("val_" + once.removeprefix("val_")).startswith("val") or not once


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("val_loss", "min"), ("val_accuracy", "max"), ("acc", "max"), ("val_auc_1", "max"),
        ("binary_accuracy", "max"), ("val_f1_score", "max"), ("mae", "min"), ("error", "min"),
        ("top5_acc", "max"), ("val_precision_2", "max"), ("accuracy_loss", "min"), ("mape", "min"),
        ("val_mean_io_u", "max"), ("val_f1_macro", "max"), ("specificity", "max"),
        ("sensitivity_at_specificity", "max"), ("true_positives_1", "max"),
        ("val_io_u_loss", "min"),
        ("val_neg_log_loss", "max"), ("neg_mean_squared_error", "max"), ("false_positives", "min"),
        ("Acc (%)", "max"), ("val_precision %", "max"), ("error [%]", "min"),
    ],
)  # fmt: skip
def test_direction_of(metric: str, direction: str) -> None:
    assert direction_of(metric) == direction


@pytest.mark.parametrize(
    ("metrics", "name", "direction"),
    [
        (["loss", "val_loss", "val_accuracy"], "val_loss", "min"),
        (["loss", "accuracy", "val_accuracy"], "val_accuracy", "max"),
        (["loss", "accuracy"], "loss", "min"),
        (["mae", "val_mae"], "val_mae", "min"),
        (["accuracy", "test_loss"], "accuracy", "max"),
        (["test_loss"], "test_loss", "min"),
        ([], "val_loss", "min"),
    ],
)
def test_choose_objective(metrics: list[str], name: str, direction: str) -> None:
    objective = choose_objective(metrics)
    assert (objective.name, objective.direction) == (name, direction)
    assert objective.known_from.startswith("assumed: ")
