from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.readers.names import hyperparameters_in, hyperparameters_in_path


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "loss_mse__epoch_50000__lr_0.1": {"loss": "mse", "epoch": 50000, "lr": 0.1},
        "lr=0.1,units=32": {"lr": 0.1, "units": 32},
        "lr=0.1_units=32": {"lr": 0.1, "units": 32},
        "lr=1e-3-bs=32": {"lr": 0.001, "bs": 32},
        "opt=adam_hidden_units=32": {"opt": "adam", "hidden_units": 32},
        "act=leaky_relu_lr=0.1": {"act": "leaky_relu", "lr": 0.1},
        "use_bn=True,act=relu": {"use_bn": True, "act": "relu"},
        "train_ab_00001_1_lr=0.1000,units=32_2024-01-01_12-00-00": {"lr": 0.1, "units": 32},
        "lr-0.01_bs-32": {"lr": 0.01, "bs": 32},
        "lr0.001_bs32": {"lr": 0.001, "bs": 32},
        "lr_1e-3-wd1e-4": {"lr": 0.001, "wd": 0.0001},
        "optimizer_adam_learning-rate-0.01": {"optimizer": "adam", "learning-rate": 0.01},
        "dropout_0.5_run_3": {"dropout": 0.5},
        "dropout_1_lr_0.1": {"dropout": 1, "lr": 0.1},
        "units_32_dropout_60": {"units": 32},
        "sgd_lr_10": {"lr": 10},
        "batch_size_16_epochs_10_fold3": {"batch_size": 16, "epochs": 10},
        "seed=3,lr=.5": {"lr": 0.5},
        "lr=0p01": {"lr": 0.01},
        "lr=0.1,opt=adam_run_3": {"lr": 0.1, "opt": "adam"},
        "optimizer__learning_rate=0.01,units=2": {"optimizer__learning_rate": 0.01, "units": 2},
        "loss=mse__model__units=4": {"loss": "mse", "model__units": 4},
        "run__lr=0.1": {"lr": 0.1},
        "lr_0.1__alpha_2__fold_3": {"lr": 0.1, "alpha": 2},
    }.items(),
)
def test_what_a_name_says_is_found(name: str, expected: dict) -> None:
    found = hyperparameters_in(name)
    assert found == expected
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in expected.items()
    }


ORDINARY = """
    run_3 iter_8 fold_2 seed_1 log_dir log epoch_30 batch_2 layer_2 version_0 v1.2 2024-01-31
    20240131-101010 resnet50 vgg16 conv2d_3 cnn_64x64 model_0.5 trial_0008 grid_winner_20_epochs
    0008 val_loss lr_schedule alr_0.1 opt_2 l2_3 units_32_64 lr_0_001 loss_mse run_3__fold_2
    seed=1 = a==b 1=2=3= adam_0.001 digits_dropout_60 dropout50 beta_1_9
    lr_1e5 adam_lr1e4
"""


@pytest.mark.parametrize("name", ORDINARY.split())
def test_an_ordinary_name_says_nothing(name: str) -> None:
    assert {k: v for k, v in hyperparameters_in(name).items() if k not in "ab123"} == {}


def test_the_closest_name_counts_and_the_end_of_a_file_is_no_value(tmp_path: Path) -> None:
    root = tmp_path / "lr_0.5"
    file = root / "lr_0.1_bs_8" / "run_1" / "bs_16.csv.gz"
    assert hyperparameters_in_path(file, root) == {"lr": 0.1, "bs": 16}


def test_a_number_with_zeros_before_it_stays_text() -> None:
    assert hyperparameters_in("lr=001") == {"lr": "001"}


@given(st.text(alphabet="lr=_-,.;0123456789ebsadm \n\ud800%é", max_size=60))
def test_any_name_has_plain_values(name: str) -> None:
    for key, value in hyperparameters_in(name).items():
        assert key.encode()
        assert isinstance(value, str | int | float | bool)
