"""How fast runs learn, and whether they were stopped while they still did."""

from typing import Any

import numpy as np
import pytest

import auditor
from auditor.diagnosis.slowness import SLOW_RUNS, SLOW_SHARE
from auditor.diagnosis.stopping import ENDED_SHARE
from auditor.trials import Design, ModelFacts, Objective, Recorded, Run, Trials
from tests.diagnosis.asking import diagnosed, evidence, found
from tests.diagnosis.examples.example import LN2
from tests.making import CASES, Curves, sweep

PACE = ("AUD005", "AUD014", "AUD015")


def both(values: Any) -> Curves:
    return {"loss": np.asarray(values) - 0.01, "val_loss": values}


def learning(epochs: int = 40, fall: float = 0.4, noise: float = 0.0, seed: int = 0) -> Any:
    values = 0.7 - fall + fall * 0.93 ** np.arange(epochs)
    return values + noise * np.random.default_rng(seed).standard_normal(epochs)


def crawling(share: float, epochs: int = 40) -> Any:
    """A straight fall by that share of .4."""
    return 0.7 - 0.4 * share * np.arange(epochs) / (epochs - 1)


def converged(runs: int = SLOW_RUNS) -> dict[str, Curves]:
    values = 0.3 + 0.4 * 0.5 ** np.arange(40)
    return {f"b{i}": both(values) for i in range(runs)}


def said(trials: Trials, trial: str = "a") -> list[str]:
    return [f.code for f in diagnosed(trials)[0] if f.code in PACE and f.trials == (trial,)]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("dip_at_epoch_8.log", "its last 2 validated epochs are on average 0.04735 (3.2 %)"),
        ("steering_val_below_train.log", "on average 0.0018 (15 %) better than any 2 before"),
    ],
)
def test_published_runs_were_too_short(name: str, part: str) -> None:
    trials = auditor.read(CASES / name)
    assert part in found("AUD005", trials).sentence
    assert said(trials, trials.runs[0].trial_id) == ["AUD005"]


def test_a_published_run_at_chance_is_said_once() -> None:
    trials = auditor.read(CASES / "stuck_at_chance.txt")
    assert said(trials, trials.runs[0].trial_id) == []
    assert found("AUD004", trials)


@pytest.mark.parametrize(("training", "speaks"), [(0.65, True), (0.6, False)])
def test_a_training_loss_that_a_constant_has_is_not_held_up(training: float, speaks: bool) -> None:
    stuck = {"loss": [0.61, 0.6, 0.6, 0.6], "val_loss": [0.7, 0.7, 0.7, 0.7]}
    known = {"no_skill_loss": 0.693, "training_no_skill_loss": training}
    assert (
        "training got to 0.6" in found("AUD004", sweep({"a": stuck}, **known)).sentence
    ) is speaks


@pytest.mark.parametrize("length", [5, 8, 10, 20, 50, 200])
@pytest.mark.parametrize("noise", [0.02, 0.1])
@pytest.mark.parametrize("kind", ["flat", "converged"])
def test_a_run_that_does_not_improve_is_rarely_said_to(
    length: int, noise: float, kind: str
) -> None:
    random = np.random.default_rng(0)
    course = np.exp(-12 * np.arange(length) / length) if kind == "converged" else 0.0
    curves = {
        str(i): both(0.5 * (1 + course + noise * random.standard_normal(length)))
        for i in range(200)
    }
    spoken = sum(f.code in PACE for f in diagnosed(sweep(curves))[0])
    # Of five epochs of an exponential fall the last two are still on its slope.
    assert spoken <= (20 if length == 5 and kind == "converged" else 8)


@pytest.mark.parametrize(("noise", "least"), [(0.0, 50), (0.005, 45), (0.02, 30)])
def test_a_run_that_improves_is_said_to(noise: float, least: int) -> None:
    curves = {
        str(i): {"loss": learning(), "val_loss": learning(noise=noise, seed=i)} for i in range(50)
    }
    findings = diagnosed(sweep(curves))[0]
    assert sum(f.code == "AUD005" for f in findings) >= least


@pytest.mark.parametrize(("after", "speaks"), [(2, True), (3, False)])
def test_a_run_whose_best_epoch_is_well_before_its_end_has_stopped_improving(
    after: int, speaks: bool
) -> None:
    values = learning(30)
    values[-after - 1] = values.min() - 0.001
    assert ("AUD005" in said(sweep({"a": both(values)}))) == speaks


@pytest.mark.parametrize(("right", "speaks"), [(0.97, False), (0.79, True)])
def test_a_run_that_answers_right_learned_whatever_its_loss(right: float, speaks: bool) -> None:
    values = np.full(20, 0.69)
    values[[3, 7]] = 0.68
    curves = both(values) | {"val_accuracy": np.full(20, right)}
    assert ("AUD014" in said(sweep({"a": curves}, no_skill_loss=LN2))) == speaks


@pytest.mark.parametrize(("right", "speaks"), [(0.93, False), (0.88, True)])
def test_a_slow_loss_with_an_accuracy_near_the_best_of_the_sweep_is_no_slow_learning(
    right: float, speaks: bool
) -> None:
    others = {t: c | {"val_accuracy": np.full(40, 0.97)} for t, c in converged().items()}
    slow = both(crawling(0.09)) | {"val_accuracy": np.full(40, right)}
    assert ("AUD014" in said(sweep({"a": slow} | others))) == speaks


def test_a_rate_that_is_too_large_is_not_to_be_raised() -> None:
    model = ModelFacts(optimizer="Adam", learning_rate=1.0)
    finding = found("AUD014", sweep({"a": both(crawling(0.02))}, models={"a": model}))
    assert finding.remedy.startswith("Lower the learning rate")


def test_what_only_comes_back_from_worse_does_not_improve() -> None:
    values = [0.7, 0.5, 0.4, 0.4, 0.6, 0.8, 0.8, 0.7, 0.6, 0.5, 0.45, 0.42]
    assert "AUD005" not in said(sweep({"a": both(values)}))


@pytest.mark.parametrize("dip", [20, 24, 34])
def test_a_dip_is_no_part_of_a_gain(dip: int) -> None:
    smooth, dipping = learning(40, noise=0.001), learning(40, noise=0.001)
    dipping[dip] *= 1.5
    gains = [
        evidence(found("AUD005", sweep({"a": both(values)})))["gain of val_loss"]
        for values in (smooth, dipping)
    ]
    assert gains[0] == pytest.approx(gains[1], abs=0.003)


@pytest.mark.parametrize("epochs", [60, 100, 200])
def test_what_a_decaying_rate_has_given_is_not_to_be_had_again(epochs: int) -> None:
    noise = np.random.default_rng(epochs).normal(0, 0.001, epochs)
    settled = 0.5 + 0.4 * np.minimum(1, np.maximum(0, (0.9 - np.arange(epochs) / epochs) / 0.3))
    assert said(sweep({"a": both(settled + noise)})) == []
    assert said(sweep({"a": both(crawling(0.9, epochs) + noise)})) == ["AUD005"]


@pytest.mark.parametrize(("end", "codes"), [(0.02, ["AUD005"]), (0.005, [])])
def test_a_rate_that_is_as_good_as_0_ends_all_improvement(end: float, codes: list[str]) -> None:
    rates = {"learning_rate": list(0.1 * end ** (np.arange(40) / 39))}
    assert said(sweep({"a": both(learning())}, series={"a": rates})) == codes


@pytest.mark.parametrize(("scale", "codes"), [(0.1, ["AUD005"]), (0.01, [])])
def test_a_cross_entropy_near_0_has_next_to_nothing_to_gain(scale: float, codes: list[str]) -> None:
    rights = {"accuracy": [0.9] * 40, "val_accuracy": [0.9] * 40}
    values = scale * learning()
    assert said(sweep({"a": {"loss": values, "val_loss": values}})) == ["AUD005"]
    assert said(sweep({"a": {"loss": values, "val_loss": values, **rights}})) == codes


@pytest.mark.parametrize(("moves", "severity"), [(1e-5, "warning"), (0.02, "tip")])
def test_a_run_that_does_not_move_does_not_learn(moves: float, severity: str) -> None:
    values = 0.675 * (1 - moves * np.arange(40) / 39)
    finding = found("AUD014", sweep({"a": both(values)}))
    assert finding.severity == severity
    assert ("does not learn: in 40 validated epochs" in finding.sentence) == (moves < 0.001)


def test_noise_at_the_end_does_not_show_that_improvement_died_out() -> None:
    values = {str(i): both(crawling(0.9, 60) + rough(i)) for i in range(50)}
    assert sum(f.code == "AUD005" for f in diagnosed(sweep(values))[0]) >= 48


def rough(seed: int) -> Any:
    return np.random.default_rng(seed).normal(0, 0.02, 60)


def test_only_what_follows_an_explosion_counts() -> None:
    values = [0.7, 0.2, 1e6, *learning(16)]
    trials = sweep({"a": both(values)}, no_skill_loss=LN2)
    assert said(trials) == ["AUD005"]
    assert "4 validated epochs" in found("AUD005", trials).sentence


@pytest.mark.parametrize(
    ("share", "speaks"), [(0.5 * SLOW_SHARE, True), (0.9 * SLOW_SHARE, True), (0.2, False)]
)
def test_slow_is_a_small_share_of_what_the_sweep_reached(share: float, speaks: bool) -> None:
    assert ("AUD014" in said(sweep({"a": both(crawling(share))} | converged()))) == speaks


def test_a_slow_run_is_told_so_once() -> None:
    assert said(sweep({"a": both(crawling(0.09))} | converged())) == ["AUD014"]


def test_how_long_it_would_take_is_told() -> None:
    trials = sweep({"a": both(crawling(0.05))} | converged(), no_skill_loss=0.7)
    finding = found("AUD014", trials)
    assert "from 0.7 of knowing nothing to" in finding.sentence
    assert "some 700 more" in finding.sentence
    assert finding.confidence == "high"
    assert evidence(finding)["share of the way to it"] < SLOW_SHARE


@pytest.mark.parametrize("rate", [0.5, 0.85])
def test_what_settled_is_not_slow(rate: float) -> None:
    settled = 0.7 - 0.02 * (1 - rate ** np.arange(40))
    assert said(sweep({"a": both(settled)} | converged())) == []


def test_what_comes_down_to_knowing_nothing_has_not_set_out() -> None:
    falling = np.append(np.linspace(2.0, 0.75, 39), 0.6)
    trials = sweep({"a": both(falling)} | converged(), no_skill_loss=0.7)
    assert "AUD014" not in said(trials)


def test_a_head_start_is_not_slowness() -> None:
    ahead = 0.32 - 0.00003 * np.arange(40)
    assert said(sweep({"a": both(ahead)} | converged())) == []


@pytest.mark.parametrize(("fall", "speaks"), [(0.02, True), (0.1, False)])
def test_alone_a_run_is_slow_by_its_own_start(fall: float, speaks: bool) -> None:
    trials = sweep({"a": both(0.7 * (1 - fall * np.arange(40) / 39))})
    assert ("AUD014" in said(trials)) == speaks
    if speaks:
        finding = found("AUD014", trials)
        assert finding.confidence == "low"
        assert finding.sentence.endswith("an epoch")


def test_an_accuracy_is_slow_in_its_own_numbers() -> None:
    slow = {"accuracy": 0.1 + 0.0005 * np.arange(40), "val_accuracy": 0.1 + 0.0005 * np.arange(40)}
    good = 0.9 - 0.8 * 0.5 ** np.arange(40)
    curves = {"a": slow} | {f"b{i}": {"accuracy": good, "val_accuracy": good} for i in range(5)}
    sentence = found("AUD014", sweep(curves, Objective("val_accuracy", "max"))).sentence
    assert "from 0.1023 to 0.1173" in sentence
    assert "of the way to 0.9, the best mean of the sweep" in sentence


@pytest.mark.parametrize(("lucky", "speaks"), [((), False), ((7, 15), True)])
def test_single_lucky_epochs_are_no_learning(lucky: tuple[int, ...], speaks: bool) -> None:
    values = np.full(20, 0.69)
    values[list(lucky)] = 0.68
    # Training that did learn keeps it from being a run that never did.
    curves = {"loss": np.linspace(0.69, 0.67, 20), "val_loss": values}
    trials = sweep({"a": curves}, no_skill_loss=LN2)
    assert ("AUD014" in said(trials)) == speaks
    if speaks:
        assert "only in 2 of 20 validated epochs" in found("AUD014", trials).sentence


@pytest.mark.parametrize("share", [ENDED_SHARE - 0.1, ENDED_SHARE])
def test_a_run_that_ended_before_its_plan_was_stopped_too_early(share: float) -> None:
    trials = planned(both(learning(int(share * 50))), 50)
    early = share < ENDED_SHARE
    assert said(trials) == (["AUD015"] if early else ["AUD005"])


def planned(curves: Curves, plan: int, status: Any = "completed", **hyperparameters: Any) -> Trials:
    trials = sweep({"a": curves}, recorded={"a": Recorded(status)})
    parts = {**vars(trials)}
    fields = ("recorded", "curves", "objective", "space", "context", "provenance")
    return Trials(
        hyperparameters={"a": hyperparameters},
        design=Design(epochs=plan),
        **{name: parts[name] for name in fields},
    )


@pytest.mark.parametrize(
    ("status", "codes", "confidence"),
    [
        ("completed", ["AUD015"], "medium"),
        ("unknown", ["AUD015"], "low"),
        ("pruned", [], ""),
        ("unfinished", [], ""),
        ("failed", [], ""),
    ],
)
def test_only_a_run_that_ended_by_itself_was_stopped(
    status: str, codes: list[str], confidence: str
) -> None:
    trials = planned(both(learning(20)), 50, status)
    assert said(trials) == codes
    if codes:
        assert found("AUD015", trials).confidence == confidence


def test_the_plan_of_a_trial_is_its_own_where_it_has_one() -> None:
    assert said(planned(both(learning(20)), 50, epochs=20)) == ["AUD005"]
    trials = planned(both(learning(20)), 20, **{"tuner/epochs": 50})
    assert "20 of 50 epochs (hyperparameter tuner/epochs)" in found("AUD015", trials).sentence


def test_the_length_of_most_runs_is_a_plan_of_low_confidence() -> None:
    others = {f"b{i}": both(learning(40)) for i in range(4)}
    finding = found("AUD015", sweep({"a": both(learning(20))} | others))
    assert "20 of 40 epochs (as most runs have)" in finding.sentence
    assert finding.confidence == "low"


def test_patience_shorter_than_the_noise_is_named() -> None:
    values = learning(24, noise=0.012, seed=2)
    values[20] = values.min() - 0.002
    trials = planned(both(values), 60)
    finding = found("AUD015", trials)
    assert "3 epochs without a new best is within its noise" in finding.sentence
    told = evidence(finding)
    assert told["validated epochs after the best"] == 3
    assert finding.remedy.startswith(f"Wait {told['epochs to gain more than its noise']:.0f} epoch")


@pytest.mark.parametrize("kind", ["flat", "overfit"])
def test_early_stopping_that_was_right_is_not_blamed(kind: str) -> None:
    epoch = np.arange(30)
    rise = 0.02 * np.maximum(epoch - 12, 0) if kind == "overfit" else 0.0
    values = 0.3 + 0.4 * 0.6**epoch + rise
    curves = {"loss": 0.3 + 0.4 * 0.6**epoch - 0.001 * epoch, "val_loss": values}
    assert said(planned(curves, 100)) == []


def test_validation_every_few_epochs_is_no_early_end() -> None:
    values = learning(50)
    every = {epoch: values[epoch] for epoch in range(4, 44, 5)}
    assert said(planned({"loss": values - 0.01, "val_loss": every}, 50)) == ["AUD005"]


def test_one_finding_names_the_runs_that_it_is_about() -> None:
    runs = {Run("a", i): both(learning(40) if i else np.full(40, 0.5)) for i in range(3)}
    finding = found("AUD005", sweep(runs))
    assert finding.runs == (Run("a", 1), Run("a", 2))
    assert finding.sentence.startswith("trial a (2 of 3 runs; the first of them)")


def test_curves_that_share_all_their_noise_are_judged() -> None:
    """Then the noise that tells an onset is 0, and means of the same epochs differ by rounding."""
    curves = {str(i): both(learning(noise=0.02, seed=i)) for i in range(50)}
    assert len(diagnosed(sweep(curves))[1]) > 0


@pytest.mark.parametrize(
    ("others", "remedy"), [(0, "Check labels"), (1, "Most other trials learned"), (3, "Most other")]
)
def test_the_data_are_no_first_suspect_where_most_trials_learned_from_them(
    others: int, remedy: str
) -> None:
    learned = {f"b{i}": both(learning(seed=i)) for i in range(others)}
    trials = sweep({"a": both(np.full(40, LN2 + 0.01))} | learned, no_skill_loss=LN2)
    assert found("AUD004", trials).remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("loss", "words"), [(0.66, "no better than that of a constant"), (0.1, "a single output")]
)
def test_one_answer_for_all_rows_is_told_by_its_accuracies(loss: float, words: str) -> None:
    accuracies = {name: [0.63] * 12 for name in ("accuracy", "val_accuracy")}
    trials = sweep({"a": accuracies | {name: [loss] * 12 for name in ("loss", "val_loss")}})
    finding = found("AUD004", trials)
    assert "accuracy (0.63) and val_accuracy (0.63) do not change" in finding.sentence
    assert words in finding.sentence
    assert finding.confidence == "high"
