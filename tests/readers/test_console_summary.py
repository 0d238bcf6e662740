"""What a printed summary tells of a model, and of whose."""

from pathlib import Path

import pytest

from auditor.readers import read
from auditor.readers.console.summary import facts
from tests.diagnosis.asking import found
from tests.making import CASES

KERAS_3 = """\
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━┓
┃ Layer (type)                ┃ Output Shape       ┃  Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━┩
│ input_1 (InputLayer)        │ (None, 9)          │        0 │
│ dense (Dense)               │ (None, 4)          │       40 │
│ a_name_that_takes_a_line_o… │ (None, 4)          │        0 │
│ (BatchNormalization)        │                    │          │
│ gaussian_noise              │ (None, 4)          │        0 │
│ (GaussianNoise)             │                    │          │
│ random_flip (RandomFlip)    │ (None, 4)          │        0 │
└─────────────────────────────┴────────────────────┴──────────┘
 Total params: 40 (160.00 B)
"""
PLAIN = """\
Layer (type)                 Output Shape              Param #
=================================================================
dense (Dense)                (None, 1)                 10
=================================================================
Total params: 10
"""
EPOCHS = """\
Epoch 1/2
4/4 [==============================] - 1s 2ms/step - loss: 0.6000 - val_loss: 0.7000
Epoch 2/2
4/4 [==============================] - 1s 2ms/step - loss: 0.5000 - val_loss: 0.6000
"""


@pytest.mark.parametrize(
    ("text", "layers", "regularisers"),
    [
        (
            KERAS_3,
            {"Dense": 1, "BatchNormalization": 1, "GaussianNoise": 1, "RandomFlip": 1},
            {"batch normalisation", "noise", "augmentation"},
        ),
        (PLAIN, {"Dense": 1}, set()),
        ("Layer (type) Output____spatialdropout2d_1 (SpatialDropo (None, 3)", None, {"dropout"}),
    ],
)
def test_layers_and_what_regularises(
    text: str, layers: dict[str, int] | None, regularisers: set[str]
) -> None:
    told = facts(text.encode())
    assert told is not None
    assert layers is None or told.layers == layers
    assert set(told.regularisers) == regularisers
    # Whose a class is, and which penalties weights have, stands in no summary.
    assert told.custom == tuple(told.layers)


def test_a_head_without_layers_tells_nothing() -> None:
    assert facts(b"Layer (type)   Output Shape (None, 3)") is None


def test_a_summary_is_of_the_run_that_follows_it(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(PLAIN + EPOCHS + EPOCHS + KERAS_3 + EPOCHS.replace("0.6", "0.8"), "utf-8")
    models = read(log).context.models
    assert {trial: len(model.layers) for trial, model in models.items()} == {
        "train#1": 1,
        "train#3": 4,
    }


def test_dropout_explains_the_published_validation_below_training() -> None:
    finding = found("AUD020", read(CASES / "steering_val_below_train.log"))
    assert finding.sentence.endswith(
        "its dropout, which acts only in training, would explain that: not alarming"
    )
    assert "0.0128 against 0.0292 in the first epoch, 0.0098 against 0.0151" in finding.sentence
    assert (finding.severity, finding.confidence) == ("tip", "medium")
