"""What the callbacks of a run remember of its training, so that another process can go on with it.

Only plain values are written down: counters, best values, weights. All else must be as it was when
the training began, or be made anew at its beginning, like the functions by which Keras compares
metrics. A callback that keeps something else, such as an open file, cannot be taken up in the
middle of a training.
"""

import hashlib
import pickle
import types
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from auditor.search.plain import NotPlainError, encoded
from auditor.search.stacking.run_model import RunModel, RunOptimizer

_CODE = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    type,
)
"""What has a name, and no state that a training would change. What a function closes over belongs
to the code of the user's, which all runs share."""


class NotResumable(Exception):  # noqa: N818 - not a mistake of anybody's
    """A run cannot go on from what is known of its callbacks: it starts again."""


class Memory:
    """The attributes of the callbacks of one run, and of what they see of it."""

    def __init__(self, callbacks: Sequence[Any], model: RunModel) -> None:
        """Look at them before the training begins."""
        self._callbacks = callbacks
        self._model = model
        self._before = [dict(attributes) for attributes in self._attributes()]
        self._begun: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Look at them when `on_train_begin` has been called."""
        self._begun = [
            {name: _look(value) for name, value in attributes.items()}
            for attributes in self._attributes()
        ]

    def state(self) -> list[dict[str, Any]]:
        """What has changed since the training began.

        Raises:
            NotResumable: Something that cannot be written down has.
        """
        found: list[dict[str, Any]] = []
        for attributes, begun, before in zip(
            self._attributes(), self._begun, self._before, strict=True
        ):
            if begun.keys() - attributes.keys():
                raise NotResumable("a callback has lost an attribute")
            values, code = {}, {}
            for name, value in attributes.items():
                now = _look(value)
                if is_plain(value):
                    if name not in begun or now != begun[name]:
                        values[name] = value
                elif (described := _described(value)) is not None:
                    if name not in begun or now != begun[name]:
                        code[name] = described
                elif value is not before.get(name) or now != begun[name]:
                    raise NotResumable(f"a callback keeps a {type(value).__name__}")
            found.append({"values": values, "code": code})
        return found

    def resume(self, state: Sequence[dict[str, Any]]) -> None:
        """Bring back what `state` gave, after `on_train_begin`.

        Raises:
            NotResumable: The callbacks are others than those of then.
        """
        every = self._attributes()
        if len(every) != len(state):
            raise NotResumable("there are more or fewer callbacks now")
        for attributes, one in zip(every, state, strict=True):
            for name, described in one["code"].items():
                if _described(attributes.get(name)) != described:
                    raise NotResumable(f"a callback has another {name} now")
        for owner, one in zip([*self._callbacks, self._model], state, strict=True):
            for name, value in one["values"].items():
                setattr(owner, name, value)

    def _attributes(self) -> list[dict[str, Any]]:
        """Of each callback; of the model those that callbacks may set."""
        own = vars(self._model).items()
        seen = {name: v for name, v in own if not name.startswith("_") and name != "history"}
        return [*(vars(callback) for callback in self._callbacks), seen]


def is_plain(value: Any) -> bool:
    """Whether a value can be written down."""
    try:
        encoded(value, [])
    except NotPlainError:
        return False
    return True


def _described(value: Any) -> str | None:
    """What a value is called that is code, or the view of a run; None for anything else."""
    kind = type(value)  # Not `isinstance`: a RunModel would take itself for a model.
    if kind in (RunModel, RunOptimizer):
        return kind.__name__
    if kind is types.MethodType:
        return _described(value.__func__)
    if not issubclass(kind, _CODE):
        return None
    line = getattr(getattr(value, "__code__", None), "co_firstlineno", 0)
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    return f"{getattr(value, '__module__', '')}.{name}:{line}"


def _look(value: Any) -> Any:
    """Something that changes where the value does, as far as can be told."""
    digest = hashlib.blake2b(digest_size=16)
    with suppress(Exception):  # Some objects cannot be looked into: they have but an identity.
        _Look(digest).dump(value)
        return digest.digest()
    return id(value)


class _Look(pickle.Pickler):
    """Goes through a value and all that it holds. What it writes is hashed, and kept nowhere."""

    def __init__(self, digest: Any) -> None:
        self.write = digest.update
        super().__init__(self, protocol=5)

    def persistent_id(self, value: Any) -> str | None:
        """Code and views of runs are not looked into."""
        return _described(value)
