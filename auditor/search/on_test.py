"""The winner of a search on test data: evaluated once the search has ended, and nothing else is.

    <sweep>/test.json   which winners were evaluated on which data, and what came of it

A search that goes on may find another winner, which then looks at the same data a second time: that
is counted. The same winner never looks twice.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras_tuner
import numpy as np

from auditor.errors import ReadError, SearchError
from auditor.files import Json, read_json, to_json, write_whole
from auditor.outcomes import Outcome, judge
from auditor.readers.ours.on_test import FILE, SCHEMA
from auditor.scoring import score
from auditor.search import facts, store
from auditor.search.by_row import (
    ByRow,
    NotByRow,
    batch_size,
    is_mean,
    is_same,
    validation_rows,
)
from auditor.search.folds import Fold, row_count
from auditor.search.recorder import regularisation, scalars
from auditor.search.row_values import LOSS
from auditor.search.runs import arguments_of
from auditor.search.training_tuner import TrainingTuner
from auditor.trials import Run, Trials

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner


@dataclass(frozen=True)
class HeldOut:
    """Rows that nothing in a search may depend on.

    Attributes:
        x: Inputs, in arrays.
        y: Targets, in arrays.
    """

    x: Any
    y: Any

    @classmethod
    def of(cls, given: Any) -> "HeldOut":
        """The argument `test_data` of a search.

        Raises:
            SearchError: It is no pair of arrays with the same rows.
        """
        try:
            x, y = given
            row_count((x, y))
        except (TypeError, ValueError) as error:
            raise SearchError(
                f"test_data is a pair (x_test, y_test) of arrays, got {type(given).__name__} "
                f"({error}); give inputs and targets as arrays with the same number of rows"
            ) from error
        return cls(x, y)

    @property
    def digest(self) -> str | None:
        """A hash that tells other data from these."""
        return facts.fingerprint((self.x, self.y), {})

    def __len__(self) -> int:
        """Rows."""
        return row_count((self.x, self.y))


def without_test_data(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Model.fit` among those of `search`, by name."""
    return {name: value for name, value in kwargs.items() if name != "test_data"}


def keep_on_test(
    tuner: "RecordingTuner",
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    folds: Sequence[Fold],
    data: HeldOut,
) -> None:
    """Evaluate the winner on test data, unless that was done.

    Args:
        tuner: Its search has ended.
        args: Of `Model.fit`, by place.
        kwargs: Those by name.
        folds: Of the training data.
        data: The test data.

    Raises:
        OSError: What came of it cannot be written.
    """
    path = Path(tuner.project_dir) / FILE
    evaluated = _evaluated_so_far(path)
    trials = tuner.trials()
    scores = score(trials, judge(trials), tuner.gap_penalty).by_trial
    winner = next(iter(scores), None)
    this = {"data": data.digest, "trial_id": winner}
    state: dict[str, Json] = {"schema": SCHEMA, "winner": this}
    if not any(this.items() <= entry.items() for entry in evaluated):
        try:
            number = scores[winner].score if winner is not None else None
            if winner is None or number is None or not math.isfinite(number):
                raise NotByRow("no trial has a finite score")
            found = _Evaluation(tuner, args, kwargs, folds, data, trials, winner).entry()
            when = datetime.now(UTC).isoformat(timespec="seconds")
            evaluated.append({**this, **found, "when": when})
        except NotByRow as reason:
            state["why_not"] = str(reason)
        except Exception as error:  # Code of the user's, which builds the model once more.
            state["why_not"] = f"of {type(error).__name__}: {str(error)[:200]}"
    write_whole(path, to_json({**state, "evaluated": evaluated}, indent=1))


def _evaluated_so_far(path: Path) -> list[dict[str, Json]]:
    if not path.exists():
        return []
    try:
        entries = read_json(path)["evaluated"]
        return [entry for entry in entries if isinstance(entry, dict)]
    except (ReadError, KeyError, TypeError):
        return []


class _Evaluation:
    """One winner on test data."""

    def __init__(
        self,
        tuner: "RecordingTuner",
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        folds: Sequence[Fold],
        data: HeldOut,
        trials: Trials,
        winner: str,
    ) -> None:
        self._tuner, self._data, self._trials = tuner, data, trials
        self._fit, self._folds = (args, kwargs), folds
        self._trial = tuner.oracle.trials[winner]
        self._size = batch_size(facts.by_name(args, kwargs))

    def entry(self) -> dict[str, Json]:
        """What is written down of it.

        Raises:
            NotByRow: It cannot be evaluated.
        """
        files = dict(self._weights())
        if not files or not (self._folder / store.WEIGHTS_FILE).exists():
            raise NotByRow("the weights of its best epoch were not kept (keep_weights)")
        with warnings.catch_warnings():
            # A fresh optimizer has no state yet to load the saved one into; nothing is trained.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            model = self._tuner.load_model(self._trial)
            by_row = ByRow(model)
            runs, measured, rows = [], [], []
            for run, file in files.items():
                model.load_weights(str(file))
                self._check(model, run)
                metrics, values = self._measured(by_row)
                measured.append(metrics)
                runs.append({"execution": run.execution, "fold": run.fold, "metrics": metrics})
                rows.append(values)
        names = [name for name in measured[0] if all(name in one for one in measured)]
        return {
            "rows": len(self._data),
            "metrics": {name: float(np.mean([one[name] for one in measured])) for name in names},
            "errors": {
                name: _standard_error(np.mean([values[name] for values in rows], axis=0))
                for name in names
                if len(self._data) > 1 and all(name in values for values in rows)
            },
            "runs": runs,
        }

    @property
    def _folder(self) -> Path:
        return Path(self._tuner.project_dir) / f"trial_{self._trial.trial_id}"

    def _weights(self) -> Iterator[tuple[Run, Path]]:
        """The runs that count, with the files of their weights."""
        outcomes, name = judge(self._trials).by_run, self._trial.trial_id
        notes_of_runs = self._tuner.oracle.details.get(name, {}).get("runs", [])
        default = store.WEIGHTS_FILE if len(notes_of_runs) == 1 else ""
        for notes in notes_of_runs:
            run = Run(name, notes["execution"], notes["fold"])
            file = self._folder / Path(notes.get("weights", default)).name
            fails = outcomes[run].outcome in (Outcome.CRASHED, Outcome.DIVERGED)
            if file.is_file() and not fails:
                yield run, file

    def _check(self, model: Any, run: Run) -> None:
        """See that these weights give the validation loss that was recorded, on the same data.

        Raises:
            NotByRow: They do not; or nobody knows, and code of the user's may have changed the
                data on their way to the model: then test data cannot go the same way.
        """
        args, kwargs = self._fit
        if self._folds:
            args, kwargs = arguments_of(self._folds[run.fold], args, kwargs)
        given = facts.by_name(args, kwargs)
        recorded = self._trials.recorded[run].metrics.get("val_loss")
        held = given.get("validation_data")
        split_weights = held is None and given.get("sample_weight") is not None
        try:
            x, y = validation_rows(given)
            if recorded is None or given.get("validation_steps") or split_weights:
                raise NotByRow("the validation loss is not known")
        except NotByRow:
            if self._is_own_code:
                raise NotByRow("code around fit may have given the model other data") from None
            return
        weights = held[2] if held is not None and len(held) == 3 else None
        loss = self._evaluate(model, x, y, weights)[LOSS]
        if not is_same(loss, recorded):
            raise NotByRow(
                f"with its weights the validation loss is {loss:.4g}, and {recorded:.4g} was "
                "recorded: the data went another way in training"
            )

    @property
    def _is_own_code(self) -> bool:
        own = type(self._tuner.hypermodel).fit is not keras_tuner.HyperModel.fit
        return own or type(self._tuner).run_trial is not TrainingTuner.run_trial

    def _measured(self, by_row: ByRow) -> tuple[dict[str, float], dict[str, Any]]:
        """The test metrics, and the values of single rows of those that are means over them."""
        model, x, y = by_row.model, self._data.x, self._data.y
        metrics = self._evaluate(model, x, y)
        try:
            values = by_row.values(x, y, self._size)
        except Exception:  # Without them there is no standard error, and no more is lost.
            return metrics, {}
        means = {**metrics, LOSS: metrics.get(LOSS, math.nan) - (regularisation(model) or 0.0)}
        known = {name: row for name, row in values.items() if name in metrics}
        return metrics, {name: row for name, row in known.items() if is_mean(row, means[name])}

    def _evaluate(self, model: Any, x: Any, y: Any, weights: Any = None) -> dict[str, float]:
        found = scalars(
            model.evaluate(
                x, y, sample_weight=weights, batch_size=self._size, verbose=0, return_dict=True
            )
        )
        return {LOSS: found.pop(LOSS), **found} if LOSS in found else found


def _standard_error(values: Any) -> float:
    return float(np.std(values, ddof=1, dtype=np.float64) / math.sqrt(len(values)))
