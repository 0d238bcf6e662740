"""Makes tests/data/tensorboard-*: event files as Keras and PyTorch's users write them.

Run it once per tool, each in an environment of its own:

    tensorflow==2.21.0 tensorboard==2.21.0                                   Python 3.11
    tensorflow==1.15.5 keras==2.2.5 "protobuf<3.21" "h5py<3"                 Python 3.7
    tensorboardX==2.6.5 (PyTorch's writer, without PyTorch)                  Python 3.11

    python scripts/make_fixture_tensorboard.py

Keras: a sweep with HParams, in which one run diverges and one is killed; one folder for all trials
of a loop; Keras 2.2's single folder. tensorboardX: steps that are batches, `add_scalars`,
`add_hparams`, a training that is resumed. The name of this machine is cut from names of files.
"""

import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

DATA = Path(__file__).parents[1] / "tests" / "data"


def data():
    """Sixteen rows of a linear target."""
    x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    return x, x.sum(1)


def model(keras, units, rate):
    """A model of few weights; at 1e38 its first step overflows them."""
    layers = keras.layers
    made = keras.Sequential([layers.Dense(units, input_shape=(3,)), layers.Dense(1)])
    made.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"])
    return made


class KilledError(Exception):
    """Stands for a kill."""


def keras_2(folder):
    """TensorFlow 2: train and validation folders, HParams beside; a folder shared by a loop."""
    import keras
    import tensorflow as tf
    from tensorboard.plugins.hparams import api as hp

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KilledError

    keras.utils.set_random_seed(0)
    x, y = data()
    units = hp.HParam("units", hp.Discrete([2, 4]))
    rate = hp.HParam("learning_rate", hp.RealInterval(1e-3, 1e38))
    with tf.summary.create_file_writer(str(folder / "hparams")).as_default():
        hp.hparams_config(hparams=[units, rate], metrics=[hp.Metric("epoch_loss")])
    for number, (many, size) in enumerate(((2, 0.01), (4, 1e38), (4, 0.01))):
        values = {units: many, rate: size}
        log = folder / "hparams" / f"run-{number}"
        callbacks = [
            keras.callbacks.TensorBoard(str(log), write_graph=False),
            hp.KerasCallback(str(log), values),
            *([Kill()] if number == 2 else []),
        ]
        made = model(keras, many, size)
        with suppress(KilledError):
            made.fit(x, y, validation_split=0.25, epochs=3, verbose=0, callbacks=callbacks)
    for _ in range(3):
        callbacks = [keras.callbacks.TensorBoard(str(folder / "one_folder"), write_graph=False)]
        made = model(keras, 2, 0.01)
        made.fit(x, y, validation_split=0.25, epochs=2, verbose=0, callbacks=callbacks)


def keras_1(folder):
    """Keras 2.2 on TensorFlow 1: everything in the folder of the run."""
    import keras

    x, y = data()
    for rate in (0.01, 0.1):
        log = folder / f"lr_{rate}"
        callback = keras.callbacks.TensorBoard(str(log), write_graph=False)
        made = model(keras, 2, rate)
        made.fit(x, y, validation_split=0.25, epochs=3, verbose=0, callbacks=[callback])


def pytorch(folder):
    """What users of PyTorch's SummaryWriter do."""
    from tensorboardX import SummaryWriter

    def losses(epoch):
        return 1 / (1 + epoch), 0.5 + abs(epoch - 3) / 10

    with SummaryWriter(str(folder / "epochs" / "run_a")) as writer:
        for epoch in range(6):
            train, validation = losses(epoch)
            writer.add_scalar("Loss/train", train, epoch + 1)
            writer.add_scalar("Loss/val", validation, epoch + 1)
            writer.add_histogram("weights", np.arange(10.0), epoch + 1)
        writer.add_hparams({"lr": 0.1, "units": 32}, {"best_val_loss": 0.5})
    with SummaryWriter(str(folder / "epochs" / "run_b")) as writer:
        for epoch in range(4):
            train, validation = losses(epoch)
            writer.add_scalars("Loss", {"train": train, "val": validation}, epoch)
    for start, end in ((0, 5), (3, 8)):  # killed in epoch 5, resumed from a checkpoint of epoch 3
        time.sleep(1.1)  # files are named by the second
        with SummaryWriter(str(folder / "epochs" / "resumed")) as writer:
            for epoch in range(start, end):
                train, validation = losses(epoch + start)
                writer.add_scalar("train_loss", train, epoch)
                writer.add_scalar("val_loss", validation, epoch)
    with SummaryWriter(str(folder / "batches" / "run")) as writer:
        for step in range(200):
            writer.add_scalar("train/loss", 1 / (1 + step), step)
            if step % 50 == 49:
                writer.add_scalar("val/loss", losses(step // 50)[1], step)


def copy_without_host(source, target):
    """Copy a folder without the name of this machine, and with steady times in names of files."""
    shutil.rmtree(target, ignore_errors=True)
    name = re.compile(rf"tfevents\.\d+\.{re.escape(os.uname().nodename)}")
    for number, file in enumerate(sorted(path for path in source.rglob("*tfevents*"))):
        copy = target / file.relative_to(source)
        copy = copy.with_name(name.sub(f"tfevents.{1_600_000_000 + number}.host", file.name))
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())


def main():
    """Make what this environment's tool can."""
    try:
        import tensorflow as tf

        name = f"tensorboard-{tf.__version__}"
        make = keras_1 if tf.__version__ < "2" else keras_2
    except ImportError:
        import tensorboardX

        name, make = f"tensorboardX-{tensorboardX.__version__}", pytorch
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(scratch))
        copy_without_host(Path(scratch), DATA / name)


if __name__ == "__main__":
    main()
