"""The loss of each validation row at the best epoch of a run, for searches that ask for it.

A pass over the validation data of its own, once per run, with the weights of its best epoch.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from auditor.files import Json
from auditor.scoring import UNREGULARISED
from auditor.search.by_row import ByRow, NotByRow, batch_size, is_mean, validation_rows
from auditor.search.fit import build_by_input
from auditor.search.recorder import Execution
from auditor.search.row_values import LOSS
from auditor.search.stacking.rows import StackedRun

if TYPE_CHECKING:
    from auditor.search.stacking.lifting import Slot


class FitLosses:
    """Measures runs that were trained by `Model.fit`."""

    def __init__(self) -> None:
        """Know of no data yet."""
        self._seen: dict[int, Mapping[str, Any]] = {}

    def see_fit(self, arguments: Mapping[str, Any]) -> None:
        """Take note of the arguments of `Model.fit`, by name, with the model as "self"."""
        self._seen[id(arguments["self"])] = arguments  # which keeps the model, and so its id

    def measure(self, execution: Execution) -> None:
        """Note the losses in a run that has ended, or why there are none."""
        model = execution.model
        if execution.best_weights is None:
            return
        given = self._seen.get(id(model))
        if given is None:
            execution.why_no_losses = "nobody saw what the model was validated on"
            return
        with _own_weights(model):
            _note(execution, ByRow(model), given)


class StackLosses:
    """Measures the runs of one stack."""

    def __init__(self) -> None:
        """Build no model yet."""
        self._models: dict[tuple[Any, ...], ByRow] = {}

    def measure(self, run: StackedRun) -> None:
        """Note the losses in a run that has ended, or why there are none."""
        execution, validation = run.execution, run.call.validation
        if execution.best_weights is None:
            return
        if validation is None:
            execution.why_no_losses = "there are no validation data"
            return
        arrays, mine = validation.arrays, run.validation_rows
        x, y, weights = validation.pack(arrays if mine is None else [a[mine] for a in arrays])
        data = (x, y) if weights is None else (x, y, weights)
        size = run.call.validation_batch_size
        try:
            model = self._model(run, x)
        except Exception as error:  # Code of the user's, which builds the model once more.
            execution.why_no_losses = _words(error)
            return
        _note(execution, model, {"validation_data": data, "batch_size": size})

    def _model(self, run: StackedRun, x: Any) -> ByRow:
        """A model that does with the weights of a run what the run does; most share one."""
        key = tuple(_activations(run.held))
        if key not in self._models:
            model = run.build()
            build_by_input(model, x)
            self._models[key] = ByRow(model)
        return self._models[key]


def of_losses(execution: Execution, epoch: int | None) -> dict[str, Json]:
    """What `trial.json` says of the losses of a run: how many, or why there are none.

    Args:
        execution: The run.
        epoch: Its best epoch.
    """
    losses, why = execution.losses, execution.why_no_losses
    if losses is not None and epoch is not None:
        row = execution.epochs[epoch]
        recorded = row.get(UNREGULARISED, row.get("val_loss"))
        if recorded is None:
            why = "there is no val_loss in that epoch"
        elif is_mean(losses, recorded):
            return {"losses": len(losses)}
        else:
            mean = float(np.mean(losses, dtype=np.float64))
            why = f"their mean is {mean:.4g}, and the val_loss of that epoch {recorded:.4g}"
    return {} if why is None else {"why_no_losses": why}


def _note(execution: Execution, by_row: ByRow, given: Mapping[str, Any]) -> None:
    held = given.get("validation_data")
    try:
        x, y = validation_rows(given)
        if len(held or ()) == 3 or (held is None and given.get("sample_weight") is not None):
            raise NotByRow("the validation rows have weights")
        by_row.model.set_weights(execution.best_weights)
        execution.losses = by_row.values(x, y, batch_size(given))[LOSS]
    except NotByRow as reason:
        execution.why_no_losses = str(reason)
    except Exception as error:  # Models and losses may be code of anybody's.
        execution.why_no_losses = _words(error)


def _words(error: Exception) -> str:
    return f"of {type(error).__name__}: {str(error)[:200]}"


@contextmanager
def _own_weights(model: Any) -> Iterator[None]:
    """Leave a model as it was."""
    kept = model.get_weights()
    try:
        yield
    finally:
        model.set_weights(kept)


def _activations(held: "Mapping[Slot, float | str]") -> Iterator[tuple[int, str]]:
    """What runs of one stack may do differently with the same weights."""
    for slot, value in held.items():
        if slot.kind == "activation":
            yield slot.where, str(value)
