"""What is said of the luck of a search, by what was recorded of it."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from auditor.auditing import Audit, audit
from auditor.files import to_json
from auditor.report import render
from auditor.selection import Selection, expected_luck
from auditor.trials import Chunks, Objective, Run, Trials
from tests.making import sweep


def made(
    values: Any, objective: str = "val_loss", direction: Any = "min", folds: bool = False
) -> Trials:
    """Trials by seeds; a run of a trial ends at each value."""
    curves = {}
    for trial, row in enumerate(values):
        for seed, end in enumerate(row):
            run = Run(f"{trial:02d}", 0, seed) if folds else Run(f"{trial:02d}", seed)
            line = [end + step if direction == "min" else end - step for step in (0.3, 0.2, 0.1, 0)]
            curves[run] = {objective: line, objective.removeprefix("val_"): line}
    return sweep(curves, Objective(objective, direction))


def chunked(
    losses: Any, objective: str = "val_loss", direction: Any = "min", left: Sequence[str] = ()
) -> Trials:
    """Trials whose last epoch has these values on parts of the rows; (trial, part)."""
    sign = 1 if direction == "min" else -1
    curves, parts = {}, {}
    for i, row in enumerate(np.asarray(losses, float)):
        run, steps = Run(f"{i:02d}"), np.array([0.6, 0.4, 0.2, 0])[:, None]
        by_epoch = row + sign * steps
        curves[run] = {
            name: by_epoch.mean(axis=1).tolist()
            for name in (objective, objective.removeprefix("val_"))
        }
        if run.trial_id not in left:
            parts[run] = {objective: by_epoch.astype(np.float32)}
    chunks = Chunks({0: (10,) * len(np.asarray(losses)[0])}, parts)
    return sweep(curves, Objective(objective, direction), chunks=chunks)


def noisy(trials: int, parts: int = 16, gain: float = 0.0, scale: float = 0.1) -> Any:
    """Losses about .5, the first trial better by so much."""
    rng = np.random.default_rng(3)
    shared = rng.normal(0, 2 * scale, parts)
    losses = 0.5 + shared - shared.mean() + rng.normal(0, scale, (trials, parts))
    losses[0] -= gain
    return losses


def measured(trials: Trials) -> Selection:
    found = audit(trials).selection
    assert found is not None
    return found


def text(audited: Audit) -> str:
    """The section as the terminal has it, in one line."""
    shown = render(audited, "terminal").split("LUCK OF THE SEARCH")[1].split("COMPUTE SPENT")[0]
    return " ".join(shown.split())


@pytest.mark.parametrize(
    "trials",
    [made([[0.5], [0.4], [0.3]]), made([[0.5, 0.4], [0.3]]), made([[0.5, 0.4]] * 3, folds=True)],
    ids=["one run", "one of one", "two folds"],
)
def test_a_bare_table_gives_no_number(trials: Trials) -> None:
    audited = audit(trials)
    record = json.loads(to_json(audited.record))["selection"]
    assert record["luck"] == []
    assert record["on_test"] is record["overtuning"] is None
    assert not any("optimism" in key or "regret" in key for key in record)
    for shown in (text(audited), render(audited, "html")):
        assert "no number is given" in shown
        assert "to expect" not in shown
        assert "is to be expected" not in shown
    assert f"{expected_luck(len(trials.hyperparameters)):.2g} standard deviations" in text(audited)


def test_a_single_trial_was_not_picked() -> None:
    assert audit(made([[0.5, 0.4]])).selection is None


@pytest.mark.parametrize(("objective", "direction"), [("val_loss", "min"), ("val_accuracy", "max")])
def test_clear_and_unclear_winners_by_executions(objective: str, direction: Any) -> None:
    sign = 1 if direction == "min" else -1
    near = np.array([[0.40, 0.42], [0.41, 0.43], [0.60, 0.62]])
    far = near - np.array([[0.1], [0], [0]])
    found = measured(made(0.7 + sign * (near - 0.5), objective, direction))
    (luck,) = found.luck
    assert luck.of == "executions"
    assert luck.could_be_best == ("00", "01")
    assert 0 < sign * (luck.corrected - found.objective) == pytest.approx(luck.optimism.value)
    assert luck.regret is not None
    assert luck.regret.interval is not None
    assert luck.regret.interval[1] > 0.02
    clear = measured(made(0.7 + sign * (far - 0.5), objective, direction))
    assert clear.could_be_best == ("00",)
    assert clear.luck[0].optimism.value == pytest.approx(0, abs=1e-3)


def test_folds_are_corrected_by_the_best_of_each() -> None:
    table = np.array([[0.40, 0.44, 0.42], [0.43, 0.41, 0.45], [0.70, 0.71, 0.72]])
    (luck,) = measured(made(table, folds=True)).luck
    assert luck.of == "folds"
    assert luck.optimism.value == pytest.approx((0 + 0.03 + 0) / 3)
    assert luck.optimism.interval is luck.regret is None
    assert luck.could_be_best == ("00", "01")


@pytest.mark.parametrize(("objective", "direction"), [("val_loss", "min"), ("val_accuracy", "max")])
def test_rows_tell_a_clear_winner_and_not_an_unclear_one(objective: str, direction: Any) -> None:
    sign = 1 if direction == "min" else -1
    unclear, clear = noisy(12), noisy(12, gain=0.3)
    (luck,) = measured(chunked(sign * unclear, objective, direction)).luck
    assert (luck.of, luck.units, luck.rows, luck.candidates) == ("rows", 16, 160, 12)
    assert len(luck.could_be_best) > 6
    assert luck.optimism.value > 0.01
    assert luck.optimism.interval is not None
    assert luck.tied is not None
    assert luck.overfitting_probability is not None
    assert luck.overfitting_probability > 0.2
    found = measured(chunked(sign * clear, objective, direction))
    assert found.winner == "00"
    (luck,) = found.luck
    assert luck.could_be_best == ("00",)
    assert abs(luck.optimism.value) < 0.005
    assert luck.overfitting_probability == 0
    assert len(luck.standings) == 11 or luck.standings == ()


def test_an_objective_that_is_no_mean_over_rows_has_no_luck_with_them() -> None:
    losses = noisy(6)
    trials = chunked(losses, "val_loss")
    auc = {
        run: {"val_auc": (1 - trials.curve(run, "val_loss").values).tolist()} for run in trials.runs
    }
    found = measured(
        sweep(auc, Objective("val_auc", "max"), chunks=trials.context.chunks)
    )  # fmt: skip
    assert found.luck == ()
    assert "val_auc is not recorded on parts" in found.notes[0]


def test_trials_without_parts_are_left_out_and_said_so() -> None:
    found = measured(chunked(noisy(6, gain=0.3), left=("03",)))
    assert found.luck[0].candidates == 5
    assert found.notes == ("Left out are 1 of 6 trials, of which no parts are recorded.",)
    nothing = measured(chunked(noisy(6, gain=0.3), left=("00",)))
    assert nothing.luck == ()
    assert "not of the best one" in nothing.notes[0]


@pytest.mark.parametrize("parts", [1, 4])
def test_few_parts_give_no_number(parts: int) -> None:
    found = measured(chunked(noisy(6, parts)))
    assert found.luck == ()
    assert f"recorded in {parts} of the 5 parts that are needed" in found.notes[0]


def test_a_part_weighs_as_much_as_it_has_rows() -> None:
    rng = np.random.default_rng(1)
    rows = np.array([1, 1, 1, 1, 2, 4, 10, 80])
    losses = [0.5 + gain + rng.normal(0, 0.1, rows.sum()) for gain in (-0.05, 0, 0, 0)]
    means = [[part.mean() for part in np.split(row, rows.cumsum()[:-1])] for row in losses]
    curves = {f"{i}": {"val_loss": [row.mean()] * 2} for i, row in enumerate(losses)}
    parts = {Run(f"{i}"): {"val_loss": np.array([row] * 2)} for i, row in enumerate(means)}
    trials = sweep(curves, chunks=Chunks({0: tuple(rows.tolist())}, parts))
    (luck,) = measured(trials).luck
    assert luck.could_be_best == ("0",)
    assert luck.overfitting_probability == 0


def test_few_parts_leave_far_trials_in_the_running() -> None:
    losses = 0.5 + np.random.default_rng(0).normal(0, 0.1, (200, 5))
    losses += 0.5 - losses.mean(axis=1, keepdims=True)
    losses[1:] += 0.5
    (luck,) = measured(chunked(losses)).luck
    apart = losses - losses[0]
    errors = apart.mean(axis=1) / np.maximum(1e-9, apart.std(axis=1, ddof=1) / np.sqrt(5))
    kept = [int(trial) for trial in luck.could_be_best]
    assert errors[kept].max() > 8, "10.3 standard errors tell one of 200 apart by 5 parts"


def test_losses_of_rows_are_finer_than_parts() -> None:
    trials = chunked(noisy(4))
    rng = np.random.default_rng(0)
    losses = {run: rng.normal(0.5, 0.1, 160).astype(np.float32) for run in trials.runs}
    curves = {
        run: {name: trials.curve(run, name).values.tolist() for name in trials.metrics}
        for run in trials.runs
    }
    found = measured(sweep(curves, chunks=trials.context.chunks, losses=losses))
    assert found.luck[0].units == 160


def test_the_report_tells_each_kind_of_luck() -> None:
    told = text(audit(made([[0.40, 0.42], [0.41, 0.43], [0.60, 0.62]])))
    assert "It cannot be told from 1 other with 95 % confidence: 01." in told
    assert "the luck with these is not seen between executions" in told
    told = text(audit(chunked(noisy(12))))
    assert "on other rows like its 160 validation rows" in told
    assert "the probability of backtest overfitting" in told


def test_the_picture_shows_which_trials_may_be_the_best() -> None:
    losses = noisy(8)
    losses[5:] += 0.17
    audited = audit(chunked(losses))
    traces = {trace.name: trace for trace in audited.figures.luck().data}
    assert set(traces) == {
        "may be the best", "worse beyond luck", "winner as it looks", "winner without luck",
    }  # fmt: skip
    (luck,) = audited.selection.luck  # type: ignore[union-attr]
    assert len(traces["may be the best"].x) == len(luck.could_be_best) - 1
    assert 0 < len(traces["worse beyond luck"].x) <= 8 - len(luck.could_be_best)
    with pytest.raises(ValueError, match="how large the noise of the scores is"):
        audit(made([[0.5], [0.4], [0.3]])).figures.luck()


def test_the_penalty_is_part_of_the_score_that_picks() -> None:
    losses, trials = noisy(2, gain=0.02, scale=0.001), ("00", "01")
    parts = {
        Run(t): {"val_loss": np.array([row, row], np.float32)}
        for t, row in zip(trials, losses, strict=True)
    }
    chunks = Chunks({0: (10,) * 16}, parts)
    curves = {
        t: {"val_loss": [float(row.mean())] * 2, "loss": [gap] * 2}
        for t, row, gap in zip(trials, losses, (0.0, 0.49), strict=True)
    }
    trials_made = sweep(curves, chunks=chunks, no_skill_loss=1.0)
    assert audit(trials_made, 0).selection.could_be_best == ("00",)  # type: ignore[union-attr]
    assert audit(trials_made, 1).selection.could_be_best == ("01",)  # type: ignore[union-attr]
