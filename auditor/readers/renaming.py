"""Metrics of a tool under the names that Keras would give them."""

from collections.abc import Iterable, Mapping

from auditor.readers.metrics import keras_name


def keras_names(names: Iterable[str]) -> Mapping[str, str]:
    """Which metrics to read, and as what: the tool's name -> Keras's.

    Where several mean the same, the one that has Keras's name is read, else the first by its name.

    Example:
        >>> keras_names(["validation_loss", "val_loss", "train_acc"])
        {'val_loss': 'val_loss', 'train_acc': 'acc'}
    """
    chosen: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (keras_name(name) != name, name)):
        chosen.setdefault(keras_name(name), name)
    return {name: ours for ours, name in chosen.items()}
