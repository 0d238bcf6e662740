"""What `Model.fit` was asked to do, in the form that a stack can do it."""

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

import keras
import numpy as np
from keras import tree
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils
from keras.src.trainers.data_adapters.array_data_adapter import (
    ArrayDataAdapter,
    can_convert_arrays,
)

from auditor.search.structure import NotShareable

BATCH_SIZE = 32
"""Keras's own where none is given."""

_UNSUPPORTED = {
    "steps_per_epoch": None,
    "validation_steps": None,
    "initial_epoch": 0,
}
"""Arguments of `fit` that a stack does not take, with the values that change nothing."""


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of (x, y, sample weight), as arrays of what Keras would make of them.

    Attributes:
        arrays: Those that are there, rows along the first axis.
        layout: The nested structure they are packed into, None where there is nothing.
        digest: A hash of everything.
    """

    arrays: list[np.ndarray]
    layout: Any
    digest: str

    def __len__(self) -> int:
        """Rows."""
        return len(self.arrays[0])

    def pack(self, arrays: Sequence[Any]) -> Any:
        """(x, y, sample weight) of the arrays of a batch."""
        given = iter(arrays)
        flat = [None if leaf is None else next(given) for leaf in tree.flatten(self.layout)]
        return tree.pack_sequence_as(self.layout, flat)

    def head(self, rows: int = 2) -> Any:
        """A few rows, packed."""
        return self.pack([array[:rows] for array in self.arrays])


@dataclass(frozen=True)
class FitCall:
    """One call of `Model.fit`.

    Attributes:
        train, validation: Data.
        epochs: How many at most.
        batch_size, validation_batch_size: Rows per step.
        shuffle: Whether the training rows are shuffled in every epoch.
        validation_freq: As in `fit`.
        callbacks: Those given, in order.
        has_class_weight: Whether the sample weights of the training data stand for class weights.
    """

    train: Part
    validation: Part | None
    epochs: int
    batch_size: int
    validation_batch_size: int
    shuffle: bool
    validation_freq: Any
    callbacks: tuple[Any, ...]
    has_class_weight: bool = False

    @property
    def key(self) -> str:
        """What two calls must have in common to run in one stack: not epochs, nor callbacks."""
        validation = self.validation.digest if self.validation else ""
        sizes = (self.batch_size, self.validation_batch_size, self.shuffle)
        return f"{self.train.digest} {validation} {sizes}"

    def validates(self, epoch: int) -> bool:
        """Whether `fit` would validate after an epoch, which counts from 0."""
        if self.validation is None:
            return False
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq


class DataCache:
    """Data that were converted already: most trials are given the same arrays.

    Arrays are told apart by their ids only where they are arguments of `search`: a HyperModel's own
    `fit` may fill one buffer anew for each trial, or make arrays that only live as long as it runs.
    What it passes is converted each time, and shared while some run holds the same data.
    """

    def __init__(self, known: Any = ()) -> None:
        """Start with no data; `known` are the arguments of `search`, in any nested structure."""
        leaves = [leaf for leaf in tree.flatten(known) if leaf is not None]
        # What is kept keeps its id.
        self._known = {id(leaf): leaf for leaf in leaves}
        self._parts: dict[tuple[str, ...], tuple[Part, Part | None]] = {}
        self._by_digest: WeakValueDictionary[str, Part] = WeakValueDictionary()

    def parts(self, arguments: Mapping[str, Any]) -> tuple[Part, Part | None]:
        """Training and validation data of a call of `fit`.

        Raises:
            NotShareable: They are not in arrays.
        """
        names = ("x", "y", "sample_weight", "validation_data", "class_weight")
        given = [arguments.get(name) for name in names]
        split = arguments.get("validation_split") or 0.0
        leaves = [leaf for leaf in tree.flatten(given[:-1]) if leaf is not None]
        if not all(self._known.get(id(leaf)) is leaf for leaf in leaves):
            return self._shared(_convert(given, split), owned=False)
        key = (repr(tree.map_structure(id, given[:-1])), repr(given[-1]), repr(split))
        if key not in self._parts:
            self._parts[key] = self._shared(_convert(given, split), owned=True)
        return self._parts[key]

    def _shared(self, parts: tuple[Part, Part | None], owned: bool) -> tuple[Part, Part | None]:
        train, validation = parts
        other = None if validation is None else self._share(validation, owned)
        return self._share(train, owned), other

    def _share(self, part: Part, owned: bool) -> Part:
        """The part that has these contents; a new one is copied where others may change it."""
        found = self._by_digest.get(part.digest)
        if found is None:
            arrays = part.arrays if owned else [np.array(array) for array in part.arrays]
            found = self._by_digest[part.digest] = replace(part, arrays=arrays)
        return found


def fit_call(arguments: Mapping[str, Any], cache: DataCache) -> FitCall:
    """Read the arguments of a call of `fit`, by name.

    Raises:
        NotShareable: A stack cannot do what they ask for.
    """
    for name, harmless in _UNSUPPORTED.items():
        if arguments.get(name, harmless) != harmless:
            raise NotShareable(f"fit is called with {name}")
    shuffle = arguments.get("shuffle", True)
    if not isinstance(shuffle, bool):
        raise NotShareable(f"fit is called with shuffle={shuffle!r}")
    train, validation = cache.parts(arguments)
    batch_size = int(arguments.get("batch_size") or BATCH_SIZE)
    callbacks = arguments.get("callbacks") or ()
    if isinstance(callbacks, keras.callbacks.CallbackList):
        raise NotShareable("fit is given a CallbackList")
    return FitCall(
        train=train,
        validation=validation,
        epochs=int(arguments.get("epochs", 1)),
        batch_size=batch_size,
        validation_batch_size=int(arguments.get("validation_batch_size") or batch_size),
        shuffle=shuffle,
        validation_freq=arguments.get("validation_freq", 1),
        callbacks=tuple(callbacks) if isinstance(callbacks, list | tuple) else (callbacks,),
        has_class_weight=arguments.get("class_weight") is not None,
    )


def captured(model: Any, call: Callable[[], Any]) -> dict[str, Any]:
    """The arguments, by name, that some code passes to the `fit` of a model.

    The code is left there: it ends with an exception of ours.

    Raises:
        NotShareable: It does not call `fit`.
    """

    def stand_in(*args: Any, **kwargs: Any) -> None:
        raise _Called(inspect.signature(keras.Model.fit).bind(model, *args, **kwargs).arguments)

    if type(model).fit is not keras.Model.fit:
        raise NotShareable(f"{type(model).__name__} has a fit of its own")
    # Not by assignment: Keras would track it as a part of the model.
    vars(model)["fit"] = stand_in
    try:
        call()
    except _Called as called:
        return called.arguments
    finally:
        vars(model).pop("fit", None)
    raise NotShareable("HyperModel.fit does not call model.fit")


class _Called(BaseException):
    """`fit` was called; no code of the user's mistakes it for an error."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        super().__init__()
        self.arguments = arguments


def _convert(given: list[Any], split: float) -> tuple[Part, Part | None]:
    x, y, sample_weight, validation, class_weight = given
    _check_arrays((x, y, sample_weight), "fit")
    if split and validation is None:
        (x, y, sample_weight), validation = array_slicing.train_validation_split(
            (x, y, sample_weight), validation_split=split
        )
        x, y, sample_weight, *validation = [
            None if part is None else tree.map_structure(_whole, part)
            for part in (x, y, sample_weight, *validation)
        ]
    train = _part(x, y, sample_weight, class_weight)
    if validation is None:
        return train, None
    if not isinstance(validation, tuple | list):
        raise NotShareable(f"validation_data is a {type(validation).__name__}, not arrays")
    parts = data_adapter_utils.unpack_x_y_sample_weight(tuple(validation))
    _check_arrays(parts, "validation_data")
    return train, _part(*parts)


def _check_arrays(parts: tuple[Any, ...], where: str) -> None:
    leaves = [leaf for leaf in tree.flatten(parts) if leaf is not None]
    if not leaves or parts[0] is None or not can_convert_arrays(parts):
        kind = type(parts[0]).__name__
        raise NotShareable(f"the data of {where} are not in arrays ({kind})")


def _whole(sliceable: Any) -> Any:
    return None if sliceable is None else getattr(sliceable, "array", sliceable)


def _part(x: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> Part:
    adapter = ArrayDataAdapter(x, y, sample_weight=sample_weight, class_weight=class_weight)
    inputs = data_adapter_utils.unpack_x_y_sample_weight(adapter._inputs)
    layout = tree.map_structure(_plain, inputs)
    arrays = [leaf for leaf in tree.flatten(layout) if leaf is not None]
    digest = hashlib.blake2b(digest_size=16)
    for leaf in tree.flatten(layout):
        digest.update(b"-" if leaf is None else f"{leaf.shape}{leaf.dtype}".encode())
        digest.update(b"" if leaf is None else np.ascontiguousarray(leaf).data)
    layout = tree.map_structure(lambda leaf: None if leaf is None else True, layout)
    digest.update(repr(layout).encode())
    return Part(arrays, layout, digest.hexdigest())


def _plain(leaf: Any) -> np.ndarray | None:
    """A leaf as `fit` would hand it to the model; refuses what is no plain array."""
    if leaf is None:
        return None
    sliceable = array_slicing.convert_to_sliceable(leaf, target_backend="numpy")
    array = np.asarray(sliceable.convert_to_numpy(sliceable[0 : len(leaf)]))
    if array.dtype.kind not in "fiub" or not array.ndim:
        raise NotShareable(f"the data are of the type {array.dtype}")
    return array
