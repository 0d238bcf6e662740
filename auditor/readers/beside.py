"""Hyperparameters in files beside a run: `params.json`, `config.yaml` and the like."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.contents import load_json, load_yaml
from auditor.readers.gathered import Gathered, file_name
from auditor.readers.looking import Look

_WORDS = ("config", "params", "parameters", "hparams", "hyperparams", "hyperparameters")
_FILE = re.compile(rf"(?:(?P<run>.+)[_.-])?(?:{'|'.join(_WORDS)})\.(?P<kind>json|ya?ml)")
"""Names of such files; `run_1_params.json` is of one run among several in a folder."""

MOST_BYTES = 2**20
MOST_VALUES = 1_000
"""Of one file, with lists counted by their entries. What is larger is data, not a setting."""

MOST_DEPTH = 10
"""Of nested settings; what is deeper is left out."""


class Beside:
    """What the files beside runs say, each read once.

    A folder's files hold for all runs in and below it; the closer file counts where two give a
    value, and one that is named after a run holds for that run alone.

    Attributes:
        files: The files that were used.
        problems: A file that could not be used, and why.
    """

    def __init__(self, root: Path) -> None:
        """Nothing is read yet; folders above `root` are never looked at."""
        self.files: list[Path] = []
        self.problems: list[tuple[Path, str]] = []
        self._root = root
        self._folders: dict[Path, tuple[Mapping[str, Json], Mapping[str, Mapping[str, Json]]]] = {}

    def hyperparameters(self, file: Path) -> dict[str, Json]:
        """The hyperparameters of the run that a file holds."""
        shared, of_runs = self._folder(file.parent)
        if not of_runs:
            return dict(shared)
        stem = file.name.split(".csv")[0].split(".json")[0]
        return {**shared, **of_runs.get(stem, of_runs.get(file.stem, {}))}

    def note_in(self, found: Gathered) -> None:
        """Add the files and problems to those of a sweep."""
        found.files += [file_name(path, self._root) for path in self.files]
        for path, message in self.problems:
            found.problem(message, path)

    def _folder(self, folder: Path) -> tuple[Mapping[str, Json], Mapping[str, Mapping[str, Json]]]:
        """What holds for all below a folder, and for its single runs."""
        above: Mapping[str, Json] = {}
        inside = folder.relative_to(self._root).parts if folder.is_relative_to(self._root) else ()
        for at in [*(self._root.joinpath(*inside[:n]) for n in range(len(inside))), folder]:
            if at not in self._folders:
                self._folders[at] = self._looked_into(at, above)
            above, _ = self._folders[at]
        return self._folders[folder]

    def _looked_into(
        self, folder: Path, above: Mapping[str, Json]
    ) -> tuple[Mapping[str, Json], Mapping[str, Mapping[str, Json]]]:
        shared, of_runs = dict(above), {}
        for name in Look(folder).files:
            if match := _FILE.fullmatch(name.lower()):
                values = self._read(folder / name, match["kind"])
                if match["run"]:
                    of_runs[name[: match.end("run")]] = values
                else:
                    shared |= values
        return shared, of_runs

    def _read(self, path: Path, kind: str) -> dict[str, Json]:
        try:
            content = (load_json if kind == "json" else load_yaml)(path, MOST_BYTES)
            content = {} if content is None else content  # an empty YAML file
            if not isinstance(content, dict):
                raise ReadError(f"the file holds a {type(content).__name__}, not names and values")
            values = flat(content)
        except ReadError as error:
            self.problems.append((path, f"{error}; no hyperparameters are taken from it"))
            return {}
        self.files += [path] if values else []
        return values


def flat(content: Mapping[str, Json]) -> dict[str, Json]:
    """Nested settings as one level, joined by "/" as Ray Tune does.

    Settings that say `{value: 1, desc: ...}`, as Weights & Biases writes them, are their value. A
    saved Keras model is no setting at all.

    Raises:
        ReadError: There are more than `MOST_VALUES` values.

    Example:
        >>> flat({"lr": 0.1, "model": {"units": [8, 4]}, "seed": {"value": 1, "desc": None}})
        {'lr': 0.1, 'model/units': [8, 4], 'seed': 1}
    """
    if "class_name" in content and "config" in content:
        return {}
    found: dict[str, Json] = {}
    count = 0
    for name, value in _leaves(content, "", 0):
        count += len(value) if isinstance(value, list) else 1
        if count > MOST_VALUES:
            raise ReadError(f"the file holds more than {MOST_VALUES:,} values")
        found[name] = value
    return found


def _leaves(content: Mapping[str, Json], prefix: str, depth: int) -> Iterator[tuple[str, Json]]:
    for name, value in content.items():
        if name.startswith("_"):  # of the tool, such as Weights & Biases' own
            continue
        if isinstance(value, dict) and "value" in value and value.keys() <= {"value", "desc"}:
            value = value["value"]
        if isinstance(value, dict):
            if depth < MOST_DEPTH and not ("class_name" in value and "config" in value):
                yield from _leaves(value, f"{prefix}{name}/", depth + 1)
        elif not isinstance(value, list) or all(_is_plain(item) for item in value):
            yield prefix + name, value


def _is_plain(value: Json) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
