"""Which run an event file belongs to, and what Keras would call its tags."""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from auditor.readers.contents import clean
from auditor.readers.metrics import keras_name
from auditor.readers.tensorboard.events import EventFile, Scalars
from auditor.readers.tensorboard.steps import (
    Curves,
    by_epoch,
    is_one_value_each,
    keras_epochs,
    trainings,
)
from auditor.trials import role

_SIDES = {
    **dict.fromkeys(("train", "training"), ""),
    **dict.fromkeys(("validation", "val", "valid", "eval", "dev"), "val_"),
    **dict.fromkeys(("test", "testing"), "test_"),
}
"""Folders inside that of a run, and what Keras puts before the metrics in them."""

_EPOCH = {"epoch", "train/epoch"}
"""Tags of Lightning and of Transformers that say which epoch a step belongs to."""

_LEFT_OUT = re.compile(
    r"batch_.*|evaluation_.*_vs_iterations|.*steps_per_second|global_step.*|hp_metric|.*[_/]step|"
    r"auditor/.*"
)
"""Tags that are no metric by epoch: of batches, speeds, placeholders; what our audits measured."""

_RATE = re.compile(r"(.*[/_])?(lr|learning[_ ]?rate)([-/].*)?", re.DOTALL)
_HPARAMS_FOLDER = re.compile(r"\d{9,}\.\d+")
"""PyTorch's `add_hparams` makes a folder named by the time inside that of the run."""


_FILE = re.compile(r"(^|\.)tfevents\.\d")


def is_event_file(name: str) -> bool:
    """Whether a file of this name should hold events; the marks of TensorFlow's profiler do not."""
    return bool(_FILE.search(name.lower())) and not name.endswith("profile-empty")


@dataclass
class Logged:
    """What the event files of one run say.

    Attributes:
        tags: Observations by metric, one entry per file.
        epochs: Which epoch a step belongs to, where that was logged.
        results: Single values that go with the hyperparameters, by metric.
        session: Messages of the HParams plugin.
        by_epoch: Whether Keras has logged it, whose steps are epochs for certain.
    """

    tags: dict[str, list[Scalars]] = field(default_factory=dict)
    epochs: list[Scalars] = field(default_factory=list)
    results: dict[str, float] = field(default_factory=dict)
    session: dict[str, Any] = field(default_factory=dict)
    by_epoch: bool = False

    def add(self, events: EventFile, at: "Place") -> None:
        """Add one file."""
        self.session.update(events.session)
        names: dict[str, Scalars] = {}
        for tag, scalars in events.scalars.items():
            self.by_epoch |= tag.startswith("epoch_")
            if tag.lower() in _EPOCH:
                self.epochs.append(scalars)
            elif name := metric_name(f"{tag}/{at.below}" if at.below else tag, at.prefix):
                names[name if name not in names else str(clean(tag))] = scalars
        for name, scalars in names.items():
            self.tags.setdefault(name, []).append(scalars)

    def trainings(self) -> tuple[list["Training"], list[str]]:
        """What was trained; and, in words, what of it was replaced."""
        found, replaced = trainings(self.tags)
        epoch = max(self.epochs, key=lambda s: len(s.steps), default=None)
        if self.by_epoch:
            made = [Training(keras_epochs(metrics), {}) for metrics in found]
        elif is_one_value_each(self.tags):
            made = [Training({}, {n: float(s.values[0]) for n, s in t.items()}) for t in found]
        else:
            made = [_training(metrics, epoch, bool(self.session)) for metrics in found]
        for training in made if len(made) == 1 else ():
            training.results.update(self.results)
        notes = []
        if replaced:
            notes.append(
                f"{replaced} observations were logged again when the training was resumed; the "
                "later ones count: look whether they are of the same training"
            )
        return made or [Training({}, dict(self.results))], notes


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        curves: Epochs and values by metric.
        results: Single values by metric.
        assumed: What had to be assumed of its epochs, in words; None where nothing had to.
    """

    curves: Curves
    results: dict[str, float]
    assumed: str | None = None


def _training(metrics: Mapping[str, Scalars], epoch: Scalars | None, tuned: bool) -> Training:
    """One training. With HParams, metrics that were logged once may be its results, not curves.

    They are beside those that were logged more often, or where all are at one step other than 0.
    """
    once = {name: s for name, s in metrics.items() if len(s.steps) == 1}
    has_results = len(once) < len(metrics) or all(s.steps[0] > 0 for s in once.values())
    results = {n: float(s.values[0]) for n, s in once.items()} if tuned and has_results else {}
    curves, assumed = by_epoch({n: s for n, s in metrics.items() if n not in results}, epoch)
    return Training(curves, results, assumed)


class Place(NamedTuple):
    """Where a file belongs.

    Attributes:
        folder: The folder of its run.
        prefix: What Keras puts before the metrics in it: "val_" in a folder "validation".
        below: What PyTorch's `add_scalars` has put behind its tag.
    """

    folder: Path
    prefix: str = ""
    below: str = ""


def place(file: Path, tags: Iterable[str], root: Path, folders: Container[Path]) -> Place:
    """Where a file belongs.

    Args:
        file: An event file.
        tags: The tags in it.
        root: The folder that all runs are in; a run is never above it.
        folders: All folders that hold event files.
    """
    folder = file.parent
    only = next(iter(tags), None)
    if folder != root and only is not None and list(tags) == [only]:
        # `add_scalars` makes a folder in that of the run: "Loss_val"; tensorboardX "Loss/val".
        start = only.replace("/", "_") + "_"
        if folder.name.startswith(start) and folder.parent in folders:
            return Place(folder.parent, "", folder.name.removeprefix(start))
        if folder.parent.name == only.split("/")[-1] and folder.parent.parent in folders:
            return Place(folder.parent.parent, "", folder.name)
    prefix = _SIDES.get(folder.name.lower())
    if prefix is None:
        return Place(folder)
    return Place(folder.parent if folder != root else folder, prefix)


def merge_hparams(logged: dict[Path, Logged]) -> None:
    """Give what PyTorch's `add_hparams` has put into a folder of its own to its run."""
    inside: dict[Path, list[Path]] = {}
    for folder, run in logged.items():
        if _HPARAMS_FOLDER.fullmatch(folder.name) and "session_start_info" in run.session:
            inside.setdefault(folder.parent, []).append(folder)
    for parent, folders in inside.items():
        if parent in logged and len(folders) == 1:
            run = logged.pop(folders[0])
            logged[parent].session.update(run.session)
            for name, pieces in run.tags.items():
                logged[parent].results[name] = float(pieces[-1].values[-1])


def metric_name(tag: str, prefix: str) -> str | None:
    """What Keras would call a tag; None for what is no metric by epoch.

    Example:
        >>> metric_name("epoch_loss", "val_"), metric_name("Loss/train", "")
        ('val_loss', 'loss')
    """
    tag = str(clean(tag)).removeprefix("ray/tune/")
    if _LEFT_OUT.fullmatch(tag.lower()):
        return None
    if _RATE.fullmatch(tag.lower()):
        return None if prefix else "learning_rate"
    name = keras_name(re.sub(r"[_/]epoch$", "", tag))
    return prefix + name if role(name) == "train" else name
