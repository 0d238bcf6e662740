"""From the steps of scalars to trainings and epochs.

TensorBoard numbers observations by a step: an epoch with Keras, whatever the user counts with
PyTorch. A folder can hold a training that was resumed, or several that began anew.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from auditor.readers.gathered import MOST_EPOCHS
from auditor.readers.metrics import choose_objective
from auditor.readers.tensorboard.events import Scalars
from auditor.trials import is_series, role

MOST_BETWEEN = 10
"""Training observations per validation up to which steps may be epochs: people validate every few
epochs, or after hundreds of batches."""

MOST_TRAININGS = 1_000
"""In one file; steps that return more often count batches."""

Curves = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]

BY_VALIDATION = (
    "Epochs: the steps of these runs count something else, such as batches. An epoch is here what "
    "lies between two validations; a metric that was logged more often is its mean there"
)
BY_RANK = (
    "Epochs: the steps of these runs count something else, such as batches. An epoch is here one "
    "logged step"
)


def trainings(tags: Mapping[str, Sequence[Scalars]]) -> tuple[list[dict[str, Scalars]], int]:
    """The trainings in one folder, and how many observations of them a resumed one replaced.

    A file that begins after the first step of an earlier one resumes it: from there on the later
    observations count. One that begins at that step, or before the other has ended, is a training
    of its own, and so is what follows where the steps of a file return to their first one.

    Args:
        tags: Per metric its observations, one entry per file.
    """
    if is_one_value_each(tags):
        return [{tag: piece} for tag, pieces in tags.items() for piece in pieces], 0
    runs = _without_batches({tag: _runs(pieces) for tag, pieces in tags.items()})
    if not runs:
        return [], 0
    most = max(runs.values(), key=len)
    starts = np.array([pieces[0].times[0] for pieces in most])
    parts: list[dict[str, list[Scalars]]] = [{} for _ in most]
    for tag, members in runs.items():
        for number, pieces in enumerate(members):
            middle = (pieces[0].times[0] + pieces[-1].times[-1]) / 2
            among = number if len(members) == len(most) else _place(starts, middle)
            parts[among].setdefault(tag, []).extend(pieces)
    found = [{tag: _latest(pieces) for tag, pieces in part.items()} for part in parts]
    before = sum(len(p.steps) for members in runs.values() for pieces in members for p in pieces)
    after = sum(len(scalars.steps) for training in found for scalars in training.values())
    return found, before - after


def is_one_value_each(tags: Mapping[str, Sequence[Scalars]]) -> bool:
    """Whether each of several files holds a single number: results of trials, not a curve."""
    if len(tags) != 1:
        return False
    (pieces,) = tags.values()
    return len(pieces) > 1 and all(len(piece.steps) == 1 for piece in pieces)


def _without_batches(runs: dict[str, list[list[Scalars]]]) -> dict[str, list[list[Scalars]]]:
    """The tags without those whose steps count batches, from 0 again in each epoch."""
    ranking = choose_objective(runs).name
    if ranking not in runs:
        return runs
    many = sum(len(piece.steps) for pieces in runs[ranking] for piece in pieces)
    return {
        tag: members
        for tag, members in runs.items()
        if len(members) <= len(runs[ranking])
        or sum(len(p.steps) for pieces in members for p in pieces) <= MOST_BETWEEN * many
    }


def _runs(pieces: Sequence[Scalars]) -> list[list[Scalars]]:
    """The observations under one tag, by training; of a resumed training several pieces."""
    runs: list[list[Scalars]] = []
    for piece in sorted((part for p in pieces for part in _split(p)), key=lambda p: p.times[0]):
        last = runs[-1] if runs else None
        if last and piece.steps[0] > last[0].steps[0] and piece.times[0] >= last[-1].times[-1]:
            last.append(piece)
        else:
            runs.append([piece])
    return runs


def _split(scalars: Scalars) -> list[Scalars]:
    """The parts of one file, cut where its steps return to the first one.

    Where all steps are the same, or return time and again, they say nothing but the order.
    """
    steps = scalars.steps
    returns = np.flatnonzero(steps[1:] <= steps[0]) + 1
    without_step = len(steps) > 1 and len(returns) == len(steps) - 1
    if without_step or len(returns) > MOST_TRAININGS:
        return [Scalars(np.arange(len(steps)), scalars.times, scalars.values)]
    cuts = [0, *returns, len(steps)]
    return [Scalars(steps[a:b], scalars.times[a:b], scalars.values[a:b]) for a, b in pairwise(cuts)]


def _place(starts: NDArray[np.float64], time: float) -> int:
    return max(int(np.searchsorted(starts, time, "right")) - 1, 0)


def _latest(pieces: Sequence[Scalars]) -> Scalars:
    """One training, without what was observed again later."""
    steps = np.concatenate([piece.steps for piece in pieces])
    following = np.minimum.accumulate(steps[::-1])[::-1]
    kept = np.append(steps[:-1] < following[1:], True)
    times = np.concatenate([piece.times for piece in pieces])[kept]
    return Scalars(steps[kept], times, np.concatenate([piece.values for piece in pieces])[kept])


def keras_epochs(metrics: Mapping[str, Scalars]) -> Curves:
    """The metrics of a training by Keras, whose steps are epochs from 0; others are damage."""
    possible = {n: (s.steps >= 0) & (s.steps < MOST_EPOCHS) for n, s in metrics.items()}
    return {n: (s.steps[possible[n]], s.values[possible[n]]) for n, s in metrics.items()}


def by_epoch(metrics: Mapping[str, Scalars], epoch: Scalars | None) -> tuple[Curves, str | None]:
    """The metrics of one training by epoch, from 0; and what had to be assumed for that.

    Args:
        metrics: Per metric its observations, at increasing steps.
        epoch: What was logged under "epoch": Lightning says so which epoch a step belongs to.
    """
    told = [s.steps for name, s in metrics.items() if not is_series(name, metrics)]
    if not told:
        return {}, None
    steps = np.unique(np.concatenate(told))
    if epoch is not None and np.isin(steps, epoch.steps).all():
        ends, numbers = _told_epochs(epoch)
        validated = [s.steps for name, s in metrics.items() if role(name) == "validation"]
        places = [numbers[np.searchsorted(ends, at)] for at in validated]
        if all(len(np.unique(place)) == len(place) for place in places):
            return _in_bins(metrics, ends, numbers), None
    if _are_epochs(steps, metrics):
        first = 1 if steps[0] == 1 else 0
        at = {name: np.isin(s.steps, steps) for name, s in metrics.items()}
        return {n: (s.steps[at[n]] - first, s.values[at[n]]) for n, s in metrics.items()}, None
    ranking = choose_objective(name for name in metrics if not is_series(name, metrics)).name
    if ranking in metrics and role(ranking) == "validation":
        ends, note = metrics[ranking].steps, BY_VALIDATION
    else:
        ends, note = steps, BY_RANK
    ends = ends[:MOST_EPOCHS]
    return _in_bins(metrics, ends, np.arange(len(ends))), note


def _told_epochs(epoch: Scalars) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps, increasing, and the epoch of each, as Lightning or Transformers log it.

    Lightning counts from 0. Transformers log the part of all epochs that is done: 0.5, 1.0, 1.5.
    """
    ends, first = np.unique(epoch.steps, return_index=True)
    values = np.nan_to_num(epoch.values[first], posinf=0.0)
    done = values.min() > 0
    numbers = np.clip(np.ceil(values) - 1 if done else values, 0, MOST_EPOCHS - 1)
    return ends, np.maximum.accumulate(numbers.astype(np.int64))


def _are_epochs(steps: NDArray[np.int64], metrics: Mapping[str, Scalars]) -> bool:
    """Whether steps follow each other like epochs, none left out."""
    if steps[0] < 0 or steps[-1] >= MOST_EPOCHS or not (np.diff(steps) == 1).all():
        return False
    if len(steps) == 1 and steps[0] > 1:
        return False
    validations = [len(s.steps) for name, s in metrics.items() if role(name) == "validation"]
    return not validations or len(steps) <= MOST_BETWEEN * max(validations)


def _in_bins(
    metrics: Mapping[str, Scalars], ends: NDArray[np.int64], epochs: NDArray[np.int64]
) -> Curves:
    """The mean of each metric in each epoch.

    Args:
        metrics: Their observations.
        ends: Steps, increasing: each observation belongs to the first of these that is not before.
        epochs: The epoch of each of these steps.
    """
    curves: Curves = {}
    for name, scalars in metrics.items():
        at = np.searchsorted(ends, scalars.steps, "left")
        known = at < len(ends)  # what follows the last end belongs to an epoch that did not end
        numbers, members = np.unique(epochs[at[known]], return_inverse=True)
        with np.errstate(invalid="ignore"):  # infinity less infinity
            sums = np.bincount(members, scalars.values[known], len(numbers))
        curves[name] = numbers, sums / np.bincount(members, minlength=len(numbers))
    return curves
