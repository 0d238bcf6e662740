"""Every rule: when it speaks, what it says, and when it does not apply."""

import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import auditor
from auditor.diagnosis.finding import Check, CheckStatus, Severity
from auditor.diagnosis.pace import IMPROVING_STEP
from auditor.diagnosis.rules import RULES
from auditor.trials import (
    Objective,
    Problem,
    Provenance,
    Recorded,
    Run,
    Trials,
)
from tests.diagnosis.asking import diagnosed, evidence, found
from tests.diagnosis.examples.every import EXAMPLES
from tests.diagnosis.examples.example import CRASH, DIVERGED, DOWN, FLAT, LN2, NAN, OVERFIT
from tests.making import CASES, Curves, case, sweep

BOTH = Objective("multi_objective", components=(Objective("val_loss"), Objective("val_auc", "max")))
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


@pytest.mark.parametrize(
    ("best", "words", "confidence"),
    [(0.6899, "hardly better than", "low"), (0.6932, "no better than", "high")],
)
def test_a_little_learning_is_not_told_from_none_with_confidence(
    best: float, words: str, confidence: str
) -> None:
    trials = sweep({"a": {"val_loss": [0.7, best]}}, no_skill_loss=LN2)
    finding = found("AUD004", trials)
    assert words in finding.sentence
    assert finding.confidence == confidence


def test_codes_are_permanent() -> None:
    assert [(rule.code, rule.title) for rule in RULES] == [
        ("AUD001", "Training diverged"),
        ("AUD002", "Training exploded and recovered"),
        ("AUD003", "Overfitting"),
        ("AUD004", "Never learned"),
        ("AUD005", "Still improving at the end"),
        ("AUD006", "Crashed"),
        ("AUD007", "Not readable as it stands"),
        ("AUD008", "Runs of a trial disagree"),
        ("AUD009", "Validation set too small"),
        ("AUD010", "No generalization gap"),
        ("AUD011", "Training degraded"),
        ("AUD012", "Grid not complete"),
        ("AUD013", "Loss and accuracy disagree"),
        ("AUD014", "Learning slowly"),
        ("AUD015", "Stopped too early"),
        ("AUD016", "Oscillating"),
        ("AUD017", "Transient dip"),
        ("AUD018", "Follows the learning rate"),
        ("AUD019", "Gap from the first epoch"),
        ("AUD020", "Validation below training"),
        ("AUD021", "Training equals validation"),
        ("AUD022", "Loss impossible for the accuracy"),
        ("AUD023", "Losses are not comparable"),
        ("AUD024", "Not held against a baseline"),
        ("AUD025", "Hardly better than a constant"),
        ("AUD026", "Too short to judge"),
        ("AUD027", "Validation worse than guessing"),
        ("AUD031", "Rows shared by training and validation"),
        ("AUD032", "Near duplicates"),
        ("AUD033", "Label distributions differ"),
        ("AUD034", "Training and validation data differ"),
        ("AUD035", "Inputs not scaled"),
        ("AUD036", "No better than a simple baseline"),
        ("AUD037", "Inputs not finite"),
        ("AUD038", "Rows are sorted"),
        ("AUD041", "Output and from_logits do not fit"),
        ("AUD042", "Sigmoid with several classes"),
        ("AUD043", "Overfits without regularisation"),
        ("AUD044", "Learning rate outside what the optimizer stands"),
        ("AUD051", "Best value at the end of its range"),
        ("AUD052", "Winner not told from others"),
    ]


@every_rule
def test_a_rule_speaks_where_something_is_wrong_and_passes_where_not(rule: Any) -> None:
    example = EXAMPLES[rule.code]
    finding = found(rule.code, example.sick)
    assert finding.sentence == example.sentence
    assert (finding.title, finding.severity) == (rule.title, rule.severity)
    assert finding.remedy.endswith(rule.remedy)
    told = diagnosed(example.sick)[1][rule.code]
    assert told == Check(rule.code, rule.title, "found", findings=1)
    assert diagnosed(example.healthy)[1][rule.code] == Check(rule.code, rule.title, "passed")


@every_rule
def test_a_rule_says_why_it_does_not_apply(rule: Any) -> None:
    for trials, reason in EXAMPLES[rule.code].not_applicable:
        check = diagnosed(trials)[1][rule.code]
        assert check.status == "not applicable"
        assert reason in check.reason


@every_rule
def test_a_rule_is_documented(rule: Any) -> None:
    assert rule.severity in get_args(Severity)
    for text in (rule.detected, rule.matters, rule.remedy):
        assert re.fullmatch(r"[A-Z].*\.", text)


SCORES_ONLY = sweep({}, recorded={"a": Recorded("completed", score=0.5)})
BEST_ONLY = sweep({}, recorded={"a": Recorded(metrics={"val_loss": 0.5, "loss": 0.4})})


@pytest.mark.parametrize(
    ("trials", "codes", "reason"),
    [
        (BEST_ONLY, ["AUD002", "AUD003", "AUD005", "AUD011"], "metrics of the best epoch"),
        (SCORES_ONLY, ["AUD002", "AUD003", "AUD005", "AUD011"], "only the objective"),
        (sweep({}), ["AUD001", "AUD002", "AUD003", "AUD005"], "no run has a result"),
        (sweep({"a": FLAT}), ["AUD004"], "no-skill loss is not known"),
        (
            sweep({"a": {"loss": [1.0]}}, "loss", no_skill_loss=1.0),
            ["AUD004"],
            "no validation loss",
        ),
        (sweep({"a": {"loss": [1.0]}}, "loss"), ["AUD003"], "no validation loss or validation"),
        (sweep({"a": {"val_loss": [1.0]}}), ["AUD003", "AUD011"], "4 validated epochs"),
        (sweep({"a": FLAT}), ["AUD008"], "more than one recorded run"),
        (sweep({"a": FLAT}), ["AUD009"], "validation rows is not known"),
        (sweep({"a": {"val_loss": [NAN]}}), ["AUD010"], "finite objective"),
    ],
)
def test_rules_say_why_they_do_not_apply(trials: Trials, codes: list[str], reason: str) -> None:
    checks = diagnosed(trials)[1]
    for code in codes:
        assert checks[code].status == "not applicable"
        assert reason in checks[code].reason


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("grid_winner_20_epochs", ["0.6845", "epoch 4", "0.8805, 29 % higher", "16 of the 20"]),
        ("grid_winner_150_epochs", ["0.677", "epoch 3", "2.603, 284 % higher", "147 of the 150"]),
        ("mobilenet_epochs_10_to_34", ["1.038", "epoch 11", "42 % higher", "23 of the 25"]),
    ],
)
def test_published_overfitting_is_told_in_its_authors_numbers(name: str, parts: list[str]) -> None:
    finding = found("AUD003", sweep({"a": case(name)}))
    assert all(part in finding.sentence for part in parts)
    assert finding.confidence == "high"
    assert f"The ranking already uses {parts[1]}" in finding.remedy


@pytest.mark.parametrize("name", ["dip_at_epoch_8", "steering_val_below_train"])
def test_published_runs_that_were_cut_short(name: str) -> None:
    codes = {finding.code for finding in diagnosed(sweep({"a": case(name)}))[0]}
    assert "AUD005" in codes
    assert not codes & {"AUD003", "AUD011"}


def test_evidence_counts_epochs_from_zero() -> None:
    told = evidence(found("AUD003", sweep({"a": OVERFIT})))
    assert told["best epoch, from 0"] == 2
    assert told["epochs after the best"] == 5
    assert (told["earliest onset, from 0"], told["latest onset, from 0"]) == (3, 3)
    assert told["relative rise of smoothed val_loss"] > 0.05


def test_a_maximised_objective_is_told_in_its_own_direction() -> None:
    curves = {"val_acc": [0.5, 0.8, 0.7, 0.6, 0.5, 0.4], "acc": [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]}
    finding = found("AUD003", sweep({"a": curves}, Objective("val_acc", "max")))
    assert "val_acc was best (0.8) in epoch 2 and ended at 0.4, 50 % lower" in finding.sentence
    better = sweep({"a": {"val_acc": [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]}}, Objective("val_acc", "max"))
    assert "val_acc was still improving" in found("AUD005", better).sentence


def test_one_finding_per_trial_lists_its_runs() -> None:
    runs = {Run("a", i): OVERFIT if i else FLAT for i in range(3)} | {Run("b", 0): OVERFIT}
    findings = [f for f in diagnosed(sweep(runs))[0] if f.code == "AUD003"]
    assert {f.trials: f.runs for f in findings} == {
        ("a",): (Run("a", 1), Run("a", 2)),
        ("b",): (Run("b", 0),),
    }
    single = found("AUD003", sweep({Run("a", 0): FLAT, Run("a", 1): OVERFIT}))
    assert single.sentence.startswith("trial a (execution 2 of 2): val_loss")


def test_findings_are_ordered_by_severity_confidence_code_and_rank() -> None:
    worse = {metric: [v + 0.01 for v in values] for metric, values in OVERFIT.items()}
    trials = sweep({"z": worse, "d": DIVERGED, "y": OVERFIT}, recorded={"c": CRASH})
    order = [(f.severity, f.code, f.trials) for f in diagnosed(trials)[0]]
    assert order[:4] == [
        ("error", "AUD001", ("d",)),
        ("error", "AUD006", ("c",)),
        ("warning", "AUD003", ("y",)),
        ("warning", "AUD003", ("z",)),
    ]


def test_the_surer_of_two_findings_comes_first() -> None:
    trials = auditor.read(CASES / "stuck_at_chance.txt")
    order = [(f.code, f.confidence) for f in diagnosed(trials)[0] if f.severity == "error"]
    assert order == [("AUD021", "high"), ("AUD004", "low")]


def test_the_course_of_a_run_at_chance_is_told() -> None:
    told = found("AUD004", auditor.read(CASES / "stuck_at_chance.txt")).sentence
    assert "; it went from 0.6931 to 0.6894 in 10 epochs" in told
    stayed = sweep({"a": {"val_loss": [0.8, 0.69, 0.7, 0.7]}}, no_skill_loss=LN2)
    assert "; it went from 0.8 to 0.69 in 2 of 4 epochs" in found("AUD004", stayed).sentence


@pytest.mark.parametrize("shrink", [1.0, IMPROVING_STEP / 4])
def test_a_trivial_improvement_is_no_reason_to_train_longer(shrink: float) -> None:
    curve = [1 + shrink * v for v in DOWN]
    codes = {f.code for f in diagnosed(sweep({"a": {"loss": curve, "val_loss": curve}}))[0]}
    assert ("AUD005" in codes) == (shrink == 1.0)


def test_an_improvement_within_the_noise_is_none() -> None:
    curve = [1.0, 0.8, 1.0, 0.8, 1.0, 0.8, 0.9, 0.8]
    codes = {f.code for f in diagnosed(sweep({"a": {"loss": curve, "val_loss": curve}}))[0]}
    assert "AUD005" not in codes


def test_problems_of_no_trial_are_findings_of_their_own() -> None:
    problems = (
        Problem("cut off", "x.csv"),
        Problem("empty", "y.csv"),
        Problem("odd", None, "gone"),
    )
    trials = sweep({"a": FLAT}, provenance=Provenance(problems=problems))
    findings = [f for f in diagnosed(trials)[0] if f.code == "AUD007"]
    assert [(f.trials, f.sentence) for f in findings] == [
        ((), "x.csv: cut off"),
        ((), "y.csv: empty"),
        ((), "trial gone: odd"),
    ]


@pytest.mark.parametrize(
    ("objective", "logs", "why"),
    [
        ("loss", {"loss": [1.0]}, "'loss' is not a validation metric"),
        (BOTH, {"val_loss": [1.0], "val_auc": [1.0]}, "multi-objective has no training twin"),
    ],
)
def test_why_there_is_no_gap(objective: Any, logs: Curves, why: str) -> None:
    assert why in found("AUD010", sweep({"a": logs}, objective)).sentence


value = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-2, 2)
curve = st.dictionaries(st.integers(0, 12), value, max_size=10)
logs = st.dictionaries(st.sampled_from(["loss", "val_loss", "acc", "val_acc"]), curve)
runs = st.dictionaries(
    st.builds(Run, st.sampled_from("ab"), st.integers(0, 1), st.just(0)), logs, max_size=4
)
told = st.builds(
    Recorded,
    status=st.sampled_from(["completed", "failed", "pruned", "unfinished", "unknown"]),
    message=st.none() | st.text(max_size=5),
    metrics=st.dictionaries(st.sampled_from(["loss", "val_loss", "x"]), value, max_size=2),
    authoritative=st.booleans(),
    score=st.none() | value,
)


@given(
    curves=runs,
    recorded=st.dictionaries(st.sampled_from([Run("a"), Run("c")]), told, max_size=2),
    objective=st.sampled_from(
        [Objective("val_loss"), Objective("val_acc", "max"), Objective("loss"), BOTH]
    ),
    no_skill=st.none() | st.floats(0.01, 5),
    rows=st.none() | st.integers(0, 200),
)
def test_every_rule_ends_in_one_way_for_any_sweep(
    curves: Any, recorded: Any, objective: Objective, no_skill: float | None, rows: int | None
) -> None:
    trials = sweep(curves, objective, recorded, no_skill_loss=no_skill, validation_rows=rows)
    findings, checks = diagnosed(trials)
    assert list(checks) == [rule.code for rule in RULES]
    for code, check in checks.items():
        mine = [f for f in findings if f.code == code]
        assert check.status in get_args(CheckStatus)
        assert check.findings == len(mine)
        assert (check.status == "found") == bool(mine)
        assert (check.status == "not applicable") == bool(check.reason)
        named = [f.trials for f in mine if len(f.trials) == 1]
        assert len(set(named)) == len(named)
    for finding in findings:
        assert {run.trial_id for run in finding.runs} <= set(finding.trials)
        assert "epoch 0" not in finding.sentence
        assert all(e.value is not None for e in finding.evidence)


def test_percents_are_written_one_way() -> None:
    for rule in RULES:
        text = " ".join((rule.detected, rule.matters, rule.remedy))
        assert not re.search(r"\d%", text), text


def test_what_still_improves_may_yet_learn() -> None:
    falling = [0.748, 0.733, 0.719, 0.706]
    finding = found(
        "AUD004", sweep({"a": {"loss": falling, "val_loss": falling}}, no_skill_loss=LN2)
    )
    assert (finding.severity, finding.confidence) == ("warning", "low")
    assert finding.sentence.endswith("but it was still improving at the end")
    assert finding.remedy.startswith("Train longer first.")


def test_evidence_on_an_accuracy_keeps_its_sign() -> None:
    rising = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9]
    curves = {"accuracy": rising, "val_accuracy": rising}
    trials = sweep({"a": curves}, Objective("val_accuracy", "max"))
    numbers = {e.name: e.value for e in found("AUD005", trials).evidence}
    assert numbers["mean of val_accuracy at the end"] == pytest.approx(0.875)
