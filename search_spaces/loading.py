"""From the name of a search space to something that trains."""

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from auditor.errors import DataError, SearchError

if TYPE_CHECKING:
    from auditor.sweep_data import Data

HERE = Path(__file__).parent

ROLES = ("rows train", "validate", "test the winner alone")
"""What the pairs that `load_data` returns are for."""


@dataclass(frozen=True)
class Space:
    """A search space.

    Attributes:
        name: Its short name, used for folders.
        module: Where its functions are.
    """

    name: str
    module: ModuleType

    @property
    def title(self) -> str:
        """The first line of its docstring."""
        return (self.module.__doc__ or "").strip().partition("\n")[0]

    @property
    def has_data(self) -> bool:
        """Whether it brings data of its own."""
        return hasattr(self.module, "load_data")

    def load_data(self) -> "Data":
        """Its own data.

        Raises:
            DataError: It has none, or `load_data` returns something else than two pairs of arrays,
                or three with one of test data.
        """
        import numpy as np

        from auditor.sweep_data import Data

        if not self.has_data:
            raise DataError(f"{self.name} has no load_data(); give --data FILE --target COLUMN")
        loaded = self.module.load_data()
        if isinstance(loaded, Data):
            return loaded
        try:
            (x, y), (x_validation, y_validation), *test = loaded
            pairs = [(x, y), (x_validation, y_validation), *((one, other) for one, other in test)]
        except (TypeError, ValueError) as error:
            raise DataError(
                f"load_data() of {self.name} must return (x, y), (x_validation, y_validation) and "
                f"perhaps (x_test, y_test), got {type(loaded).__name__}"
            ) from error
        arrays = [(np.asarray(one), np.asarray(other)) for one, other in pairs]
        if len(arrays) > 3 or any(len(one) != len(other) for one, other in arrays):
            raise DataError(
                f"load_data() of {self.name}: two or three pairs x, y with the same number of rows "
                f"are needed, got {[(len(one), len(other)) for one, other in arrays]}"
            )
        counts = [f"{len(one)} {what}" for (one, _), what in zip(arrays, ROLES, strict=False)]
        return Data(
            *arrays[0],
            *arrays[1],
            sentences=(f"load_data() of {self.name}: {', '.join(counts)}",),
            test=arrays[2] if len(arrays) == 3 else None,
        )

    def build(self, hp: Any, data: "Data | None" = None) -> Any:
        """A compiled model."""
        takes_data = "data" in inspect.signature(self.module.build_model).parameters
        return self.module.build_model(hp, data=data) if takes_data else self.module.build_model(hp)

    def grid_size(self) -> int:
        """Number of combinations, as `GridSearch` tries them."""
        import keras_tuner

        from auditor.search.space import count_combinations, grid_values

        hp = keras_tuner.HyperParameters()
        model = self.build(hp)
        if hasattr(self.module, "fit"):
            model.fit = lambda *args, **kwargs: None  # it may declare hyperparameters of its own
            self.module.fit(hp, model)
        return count_combinations(hp.space, grid_values, limit=10**6)

    def hypermodel(self, data: "Data | None" = None) -> Any:
        """A `keras_tuner.HyperModel` of it, for data of this shape."""
        import keras_tuner

        space = self

        class SpaceHyperModel(keras_tuner.HyperModel):  # type: ignore[misc]
            def build(self, hp: Any) -> Any:
                return space.build(hp, data)

        fit: Callable[..., Any] | None = getattr(self.module, "fit", None)
        if fit is not None:
            # Only where there is one: a tuner may do better where the plain fit is used.
            SpaceHyperModel.fit = staticmethod(fit)
        return SpaceHyperModel(name=self.name)


def space_names() -> list[str]:
    """Names of the search spaces that come with auditor."""
    names = [module.name for module in pkgutil.iter_modules([str(HERE)])]
    return [name for name in names if name != Path(__file__).stem]


def load_space(name: str) -> Space:
    """Load a search space.

    Args:
        name: A name from `space_names`, a dotted module name, or the path of a Python file.

    Raises:
        SearchError: There is no such module, it fails while loading, or has no `build_model`.
    """
    try:
        module = _module(name)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise SearchError(
            f"{name} fails while loading: {type(error).__name__}: {error} "
            f"({where.filename}, line {where.lineno})"
        ) from error
    if module is None:
        raise SearchError(
            f"no search space {name!r}: it is neither a Python file nor a module; known by name "
            f"are {', '.join(space_names())}"
        )
    if not callable(getattr(module, "build_model", None)):
        raise SearchError(f"{name} has no function build_model(hp) that returns a compiled model")
    return Space(module.__name__.rpartition(".")[2], module)


def _module(name: str) -> ModuleType | None:
    path = Path(name)
    if path.suffix == ".py":
        return _module_of_file(path) if path.is_file() else None
    if name in space_names():
        return importlib.import_module(f"search_spaces.{name}")
    # As `python -m` does: a module in the current folder counts.
    sys.path.insert(0, str(Path.cwd()))
    try:
        if not all(part.isidentifier() for part in name.split(".")):
            return None
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and name.startswith(error.name):
            return None
        raise
    finally:
        sys.path.remove(str(Path.cwd()))


def _module_of_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its folder, as if it were run: it may import a neighbour.
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module
