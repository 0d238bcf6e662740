"""Sweeps for bench_scoring.py on small real data sets, trained where they are not there yet.

Each is an ordinary grid search by `auditor.GridSearch` with three folds and three seeds, kept as
the directory that it writes: dense nets on scikit-learn's data sets, with few rows to train on and
40 to 100 to validate on. All other rows are for testing: a callback measures them in each epoch,
which nothing but the benchmark looks at.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

FOLDS, SEEDS = 3, 3
EPOCHS, BATCH, UNITS = 30, 16, 32
GRID = {
    "learning_rate": [0.001, 0.003, 0.01, 0.03],
    "dropout": [0.0, 0.25, 0.5],
    "l2": [0.0, 0.003],
}
"""24 trials, 216 runs, in one stack."""


class Data(NamedTuple):
    """A data set: its loader in `sklearn.datasets`, the rows of a fold, and its classes, if any."""

    load: str
    validation_rows: int
    classes: int | None


DATA = {
    "breast cancer": Data("load_breast_cancer", 80, 2),
    "wine": Data("load_wine", 40, 3),
    "digits": Data("load_digits", 100, 10),
    "diabetes": Data("load_diabetes", 75, None),
}


def train(folder, splits):
    """Train what is missing of so many splits of each data set."""
    for split in range(splits):
        for name in DATA:
            path = Path(folder, f"{name_of(name)}-{split}")
            if not path.exists():
                begun = path.with_suffix(".begun")
                shutil.rmtree(begun, ignore_errors=True)
                search(DATA[name], split, begun)
                begun.rename(path)
                print(f"trained {path}", flush=True)


def name_of(name):
    """The name of a data set as the directories have it, which end in the number of the split."""
    return name.replace(" ", "_")


def search(data, split, path):
    """Train the grid on one split of a data set."""
    from auditor import GridSearch

    (x, y), (x_test, y_test) = rows_of(data, split)
    tuner = GridSearch(
        builder(x.shape[1], data.classes), "val_loss", seed=split, executions_per_trial=SEEDS,
        cross_validation=FOLDS, stratify=data.classes is not None, keep_weights=0, check_data=False,
        lane="stacked", directory=path.parent, project_name=path.name,
    )  # fmt: skip
    measure = testing(x_test, y_test, data.classes)
    tuner.search(x, y, epochs=EPOCHS, batch_size=BATCH, callbacks=[measure], verbose=0)


def rows_of(data, split):
    """Rows to train and validate on, and those to test on; scaled by the former's statistics."""
    from sklearn import datasets

    x, y = getattr(datasets, data.load)(return_X_y=True)
    order = np.random.default_rng(split).permutation(len(x))
    seen, unseen = np.split(order, [FOLDS * data.validation_rows])
    x = (x - x[seen].mean(axis=0)) / np.maximum(x[seen].std(axis=0), 1e-6)
    if data.classes is None:
        y = (y - y[seen].mean()) / y[seen].std()
    x = x.astype("float32").clip(-5, 5)
    y = y.astype("int32" if data.classes else "float32")
    return (x[seen], y[seen]), (x[unseen], y[unseen])


def builder(inputs, classes):
    """What builds the models: two hidden layers with dropout."""

    def build(hp):
        import keras

        rate = hp.Choice("learning_rate", GRID["learning_rate"])
        dropout = hp.Choice("dropout", GRID["dropout"])
        l2 = keras.regularizers.L2(hp.Choice("l2", GRID["l2"]))
        hidden = [
            layer
            for _ in range(2)
            for layer in (
                keras.layers.Dense(UNITS, activation="relu", kernel_regularizer=l2),
                keras.layers.Dropout(dropout),
            )
        ]
        last = keras.layers.Dense(classes or 1, activation="softmax" if classes else None)
        model = keras.Sequential([keras.Input((inputs,)), *hidden, last])
        loss, metrics = (
            ("sparse_categorical_crossentropy", ["accuracy"]) if classes else ("mse", [])
        )
        model.compile(keras.optimizers.Adam(rate), loss, metrics=metrics)
        return model

    return build


def testing(x, y, classes):
    """A callback that adds the metrics on rows for testing to the logs of each epoch."""
    import keras

    class Testing(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs.update(tested(self.model.get_weights(), x, y, classes))

    return Testing()


def tested(weights, x, y, classes):
    """The loss of the net with these weights, and its accuracy where there are classes."""
    *hidden, last = zip(weights[::2], weights[1::2], strict=True)
    for kernel, bias in hidden:
        x = np.maximum(x @ kernel + bias, 0)
    answers = x @ last[0] + last[1]
    if classes is None:
        return {"test_loss": float(np.mean((answers[:, 0] - y) ** 2))}
    answers -= answers.max(axis=1, keepdims=True)
    right = answers[np.arange(len(y)), y] - np.log(np.exp(answers).sum(axis=1))
    # As Keras does: probabilities are kept from 0.
    losses = -np.maximum(right, np.log(1e-7))
    return {
        "test_loss": float(losses.mean()),
        "test_accuracy": float(np.mean(answers.argmax(axis=1) == y)),
    }
