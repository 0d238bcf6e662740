"""Code that is sent as code, not by the name of its module: who receives it cannot import that."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from types import ModuleType
from typing import Any

import cloudpickle


@contextmanager
def by_value(*modules: ModuleType) -> Iterator[None]:
    """While this lasts, code of some modules is pickled with its uses."""
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def packed(function: Callable[..., Any]) -> bytes:
    """A function, pickled such that unpickling it does not import its module."""
    with by_value(sys.modules[function.__module__]):
        return bytes(cloudpickle.dumps(function))


def hidden_modules(*given: Any) -> list[ModuleType]:
    """The modules that an executor cannot import, of functions, classes and objects."""
    names = {getattr(one, "__module__", None) for one in (*given, *map(type, given))}
    return [sys.modules[name] for name in names if name in sys.modules and _is_hidden(name)]


def _is_hidden(name: str) -> bool:
    """Whether a module was loaded from a file that its name does not lead to."""
    if name == "__main__":  # cloudpickle does that by itself.
        return False
    path, spec = None, None
    for part in accumulate(name.split("."), "{}.{}".format):
        # Not importlib.util.find_spec: it believes in what is loaded already.
        spec = next((s for finder in sys.meta_path if (s := finder.find_spec(part, path))), None)
        if spec is None:
            return True
        path = spec.submodule_search_locations
    here = getattr(sys.modules[name], "__file__", None)
    return spec is None or (here is not None and spec.origin != here)
