"""Small searches: spaces without a model, trials without training, and one tiny model."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

Values = dict[str, Any]


def mended(why: str, raises: Any = AssertionError) -> pytest.MarkDecorator:
    """Run a test on both packages; plain KerasTuner must fail it, in the expected way."""
    import auditor

    defect = pytest.mark.xfail(strict=True, raises=raises, reason=f"KerasTuner 1.4.8: {why}")
    plain = pytest.param(keras_tuner, id="plain_kerastuner", marks=defect)
    return pytest.mark.parametrize("package", [pytest.param(auditor, id="ours"), plain])


def both() -> pytest.MarkDecorator:
    """Run a test on both packages: here they must agree."""
    import auditor

    ours, plain = pytest.param(auditor, id="ours"), pytest.param(keras_tuner, id="plain_kerastuner")
    return pytest.mark.parametrize("package", [ours, plain])


def grid_of(*sizes: int) -> Callable[[keras_tuner.HyperParameters], None]:
    """A space of hyperparameters a, b, ... that count from 0."""

    def space(hp: keras_tuner.HyperParameters) -> None:
        for name, size in zip("abcdef", sizes, strict=False):
            hp.Choice(name, list(range(size)))

    return space


def layers_and_units(hp: keras_tuner.HyperParameters) -> None:
    """The idiom of most users: which names are read depends on a value. 2 + 4 + 8 = 14 models."""
    for i in range(hp.Int("layers", 1, 3)):
        hp.Choice(f"units_{i}", [8, 16])


def dummy(tuner_class: Any, result: Callable[[Values], Any] = lambda values: 1.0) -> Any:
    """A tuner class whose trials read the space, train nothing and return `result(values)`.

    Its instances list the values of the trials they ran, in order, as `ran`.
    """

    class Dummy(tuner_class):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.ran: list[Values] = []
            super().__init__(*args, **kwargs)

        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            self.hypermodel.build(trial.hyperparameters)
            values = dict(trial.hyperparameters.values)
            self.ran.append(values)
            return result(values)

    return Dummy


def history(**curves: list[float]) -> keras.callbacks.History:
    """What `fit` returns."""
    made = keras.callbacks.History()
    made.history = dict(curves)
    made.epoch = list(range(max(map(len, curves.values()))))
    return made


def curve(*val_loss: float) -> keras.callbacks.History:
    """A history whose training loss equals its validation loss, so that there is no gap."""
    return history(loss=list(val_loss), val_loss=list(val_loss))


def replace_writer(patch: pytest.MonkeyPatch, write: Callable[[Any, str | bytes], None]) -> None:
    """Put a function in place of `write_whole` wherever the search uses it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("auditor.search.") and hasattr(module, "write_whole"):
            patch.setattr(module, "write_whole", write)


def statuses(tuner: Any) -> list[str]:
    return [trial.status for trial in tuner.oracle.trials.values()]


def keys(values: Any) -> list[str]:
    """Configurations in a form that can be compared and sorted."""
    return sorted(json.dumps(dict(v), sort_keys=True) for v in values)


def stored(path: Path) -> dict[str, Any]:
    """All readable trial.json files of a directory, by trial id."""
    found = {}
    for file in sorted(path.glob("trial_*/trial.json")):
        with suppress(json.JSONDecodeError):
            found[file.parent.name.removeprefix("trial_")] = json.loads(file.read_text())
    return found


def weight_files(path: Path) -> set[str]:
    """Ids of the trials that have a weight file."""
    files = path.glob("trial_*/checkpoint.weights.h5")
    return {file.parent.name.removeprefix("trial_") for file in files}


def tiny_data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 3)).astype("float32")
    y = (x[:, 0] + 0.5 * rng.normal(size=48) > 0).astype("float32")
    return x, y


def tiny_model(units: int = 2, lr: float = 0.1, eager: bool = True) -> keras.Model:
    """A net of two layers. Eager by default: to compile it takes longer than to train it."""
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(units, activation="tanh"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], run_eagerly=eager)
    return model


def build_tiny(hp: keras_tuner.HyperParameters) -> keras.Model:
    return tiny_model(hp.Choice("units", [2, 4]), hp.Choice("lr", [0.1, 1.0]), eager=False)


def build_two(hp: keras_tuner.HyperParameters) -> keras.Model:
    return tiny_model(lr=hp.Choice("lr", [0.1, 1.0]))


class Twice:
    """Builds no model once the search has ended."""

    def __init__(self) -> None:
        self.left = 4

    def __call__(self, hp: Any) -> Any:
        self.left -= 1
        if not self.left:
            raise RuntimeError("no more")
        return build_two(hp)


def fit_arguments(**more: Any) -> dict[str, Any]:
    """Arguments of `search`: 32 rows to train, 16 to validate, two epochs."""
    x, y = tiny_data()
    fixed = {"x": x[:32], "y": y[:32], "validation_data": (x[32:], y[32:])}
    return {**fixed, "epochs": 2, "batch_size": 16, "verbose": 0, **more}
