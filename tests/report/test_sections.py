"""The words."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import pytest

from auditor.attribution.cause import ANY_FAILURE, Condition
from auditor.auditing import Audit, audit
from auditor.diagnosis.finding import Evidence, Severity
from auditor.diagnosis.rules import RULES
from auditor.outcomes import Outcome
from auditor.report import render
from auditor.report.parts import Section
from auditor.report.sections import sections
from auditor.report.words import phrases
from auditor.report.words.findings import evidence_text
from auditor.report.words.verdict import winner, worst_failure
from auditor.trials import Objective, Problem, Provenance, Recorded, Run
from tests.diagnosis.examples.luck import parts
from tests.making import sweep


def words(audit: Audit, key: str) -> Section:
    return next(section for section in sections(audit) if section.key == key)


def column(section: Section, name: str, table: int = 0) -> list[str]:
    place = [c.name for c in section.tables[table].columns].index(name)
    return [row.cells[place].text for row in section.tables[table].rows]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_words_and_a_look(outcome: Outcome) -> None:
    assert phrases.did(outcome)
    assert phrases.OUTCOME_TONES[outcome]


def test_an_outcome_has_one_name_in_tables_and_sentences() -> None:
    assert phrases.did(Outcome.DEGRADED) == Outcome.DEGRADED.value


def test_verdict_names_the_winner_its_result_and_its_epoch_from_one(full: Audit) -> None:
    best, score = next(iter(full.scores.by_trial.items()))
    assert score.best_epoch is not None
    headline = words(full, "verdict").headline
    assert headline.startswith(f"Trial {best} is the best of 12: val_loss 0.2")
    assert f"in epoch {score.best_epoch + 1}." in headline


def test_verdict_says_that_one_training_shows_no_luck(full: Audit) -> None:
    assert "One run of each is recorded" in dict(words(full, "verdict").answers)["how sure"]


@pytest.mark.parametrize(
    ("gain", "told"),
    [(0.02, "do not tell the best from 3 others"), (0.4, "tell the best from all others")],
)
def test_verdict_says_which_luck_is_known_of_one_run_each(gain: float, told: str) -> None:
    sure = dict(words(audit(parts(gain)), "verdict").answers)["how sure"]
    assert f"The validation rows {told}; one run of each is recorded" in sure
    assert "how much of that is luck" not in sure


def test_verdict_says_when_the_first_two_are_too_close(audits: Mapping[str, Audit]) -> None:
    audit = audits["three executions"]
    best, second = list(audit.scores.by_trial)[:2]
    score = audit.scores.by_trial[best]
    other = audit.scores.by_trial[second].score
    assert score.score is not None
    assert other is not None
    for spread, settled in ((other - score.score) * 2, False), ((other - score.score) / 2, True):
        ranked = {**audit.scores.by_trial, best: replace(score, spread=spread)}
        again = replace(audit, scores=replace(audit.scores, by_trial=ranked))
        text = dict(words(again, "verdict").answers)["how sure"]
        assert ("not settled" not in text) == settled


def test_verdict_leaves_to_the_causes_what_they_say(full: Audit) -> None:
    assert full.causes
    rate = replace(full.findings[0], code="AUD044", severity="error")
    causeless = replace(full, attribution=replace(full.attribution, causes=()))
    for audited, shown in ((full, False), (causeless, True)):
        entries = words(replace(audited, findings=(rate,)), "verdict").entries
        assert bool(entries) == shown


def test_a_ranking_without_a_gap_speaks_of_none() -> None:
    curves = {"val_loss": [0.7, 0.5, 0.4, 0.35]}
    told = words(audit(sweep({"a": curves, "b": curves})), "leaderboard").paragraphs[0]
    assert told.startswith("Ranked by val_loss alone: no generalization gap is known.")


def test_verdict_without_trials_says_so(audits: Mapping[str, Audit]) -> None:
    assert "no trial was found" in words(audits["empty"], "verdict").headline


def test_a_sweep_that_diverged_as_a_whole_has_no_winner(full: Audit) -> None:
    diverged = dict.fromkeys(full.outcomes.by_trial, Outcome.DIVERGED)
    lost = replace(full, outcomes=replace(full.outcomes, by_trial=diverged))
    assert winner(lost) is None
    assert words(lost, "verdict").headline == "No usable model: all 12 trials diverged."


@pytest.mark.parametrize(
    ("status", "values", "said"),
    [("failed", [], "crashed"), ("completed", [math.nan, math.inf], "diverged")],
)
def test_a_sweep_without_a_usable_model_names_none_the_best(
    status: Literal["failed", "completed"], values: list[float], said: str
) -> None:
    curves = {trial: {"loss": values, "val_loss": values} for trial in "abc"}
    lost = audit(sweep(curves, recorded={trial: Recorded(status) for trial in "abc"}))
    assert winner(lost) is None
    assert words(lost, "verdict").headline == f"No usable model: all 3 trials {said}."
    assert "also the best" not in words(lost, "findings").entries[0].sentence
    assert words(lost, "causes").paragraphs == (
        "Every trial failed, and in the same way: there is nothing to compare them with.",
    )
    for format in ("terminal", "html"):
        text = render(lost, format)
        assert "No usable model" in text
        assert not re.search("Trial . is the best|Best: trial", text)


def test_a_score_that_is_infinite_wins_nothing(full: Audit) -> None:
    worst = {t: replace(s, score=math.inf) for t, s in full.scores.by_trial.items()}
    lost = replace(full, scores=replace(full.scores, by_trial=worst))
    assert winner(lost) is None
    assert "is the best" not in words(lost, "verdict").headline


def test_verdict_shows_the_severest_findings_first(full: Audit) -> None:
    assert [entry.label for entry in words(full, "verdict").entries] == ["AUD904", "AUD901"]


def test_verdict_counts_outcomes_the_worst_first(full: Audit) -> None:
    told = words(full, "verdict")
    shares = {share.name: share.count for share in told.shares}
    assert (shares["diverged"], shares["overfitted"], shares["crashed"]) == (2, 2, 1)
    assert sum(shares.values()) == 12
    failed = dict(told.answers)["what failed"]
    assert failed.startswith("5 of 12 trials: 1 crashed, 2 diverged, ")


def test_verdict_says_once_what_all_failures_have_in_common() -> None:
    curves = {"loss": [0.7, 0.5, 0.4, 0.35], "val_loss": [0.7, 0.5, 0.4, 0.35]}
    lost = {"loss": [0.7, math.nan], "val_loss": [0.7, math.nan]}
    told = words(audit(sweep({"a": curves, "b": curves, "c": lost})), "verdict")
    assert dict(told.answers)["what failed"] == "1 of 3 trials diverged."


def test_verdict_without_any_failure_says_so() -> None:
    fine = {"loss": [0.7, 0.5, 0.4, 0.35], "val_loss": [0.71, 0.52, 0.43, 0.39]}
    told = words(audit(sweep(dict.fromkeys("abc", fine))), "verdict")
    assert dict(told.answers)["what failed"] == "Nothing: no failure was seen in any trial."


def test_verdict_without_a_failure_points_to_errors() -> None:
    strange = {
        "loss": [0.7, 0.5, 0.4, 0.35],
        "val_loss": [0.71, 0.52, 0.43, 0.39],
        "accuracy": [0.5, 0.8, 0.9, 0.95],
        "val_accuracy": [0.0] * 4,
    }
    fine = strange | {"val_accuracy": [0.49, 0.78, 0.88, 0.93]}
    told = words(audit(sweep({"a": fine, "b": strange, "c": fine})), "verdict")
    assert dict(told.answers)["what failed"] == (
        "No trial diverged, crashed or overfitted, but see the error below: "
        "Validation worse than guessing (AUD027, 1 of 3 trials)."
    )


@pytest.mark.parametrize(
    ("unfinished", "note"),
    [
        (
            "a",
            "The run is recorded as unfinished: its outcome is 'missing', as the end was not "
            "observed.",
        ),
        ("ab", "2 of 3 runs are recorded as unfinished: their outcome is 'missing', as the end"),
        ("b", "1 of 3 runs is recorded as unfinished: its outcome is 'missing', as the end"),
    ],
)
def test_verdict_says_why_a_result_counts_as_missing(unfinished: str, note: str) -> None:
    fine = {"loss": [0.7, 0.5, 0.4, 0.35], "val_loss": [0.71, 0.52, 0.43, 0.39]}
    trials = "a" if unfinished == "a" else "abc"
    recorded = {trial: Recorded("unfinished") for trial in unfinished}
    told = words(audit(sweep(dict.fromkeys(trials, fine), recorded=recorded)), "verdict")
    assert told.notes[0].startswith(note)


def test_verdict_advises_to_leave_out_what_is_shown_to_fail(full: Audit) -> None:
    seeds = "Train the best few with more seeds before you choose between them."
    leave = "Leave lr = 1.0 with activation = sigmoid out of the next search."
    assert dict(words(full, "verdict").answers)["what to do"] == f"{leave} {seeds}"
    (told, *_) = full.findings
    also = replace(full, findings=(told, replace(told, trials=(next(iter(full.scores.by_trial)),))))
    assert dict(words(also, "verdict").answers)["what to do"] == f"{leave} Stop early. {seeds}"


def test_verdict_advises_to_look_at_a_split_before_all_hyperparameters(full: Audit) -> None:
    (told, *_) = full.findings
    gap = replace(told, code="AUD019", title="Gap from the first epoch", confidence="medium")
    labels = replace(gap, code="AUD033", title="Label distributions differ")
    for findings, start in (
        ((gap,), "Look at the split first: gap from the first epoch. Leave lr"),
        ((gap, labels), "Look at the split first: label distributions differ. Leave lr"),
        ((replace(gap, confidence="low"),), "Leave lr"),
    ):
        steps = dict(words(replace(full, findings=findings), "verdict").answers)["what to do"]
        assert steps.startswith(start)


def test_verdict_advises_to_leave_out_the_values_of_all_causes_told(full: Audit) -> None:
    cause = full.causes[0]
    rate = replace(cause, conditions=cause.conditions[:1])
    both = replace(full, attribution=replace(full.attribution, causes=(cause, rate)))
    steps = dict(words(both, "verdict").answers)["what to do"]
    assert steps.startswith(
        "Leave lr = 1.0 with activation = sigmoid, and lr = 1.0, out of the next search."
    )


@pytest.mark.parametrize(
    ("outcome", "code"), [(Outcome.CRASHED, "AUD006"), (Outcome.DIVERGED, "AUD001")]
)
def test_what_is_left_out_need_not_be_repaired(full: Audit, outcome: Outcome, code: str) -> None:
    cause = replace(full.causes[0], outcome=outcome)
    told = replace(full.findings[0], code=code, severity="error", remedy="Repair it.")
    both = replace(full, findings=(told,), attribution=replace(full.attribution, causes=(cause,)))
    steps = dict(words(both, "verdict").answers)["what to do"]
    assert steps.startswith("Leave lr = 1.0")
    assert "Repair it" not in steps


def test_verdict_says_where_something_better_may_be_found(full: Audit) -> None:
    best, other = tuple(full.scores.by_trial)[:2]
    told = replace(full.findings[0], code="AUD005", trials=(best,), remedy="Longer.")
    end = replace(told, code="AUD051", trials=(), sentence="lr is at its end", remedy="Go on.")
    repair = replace(told, code="AUD011", severity="error", trials=(other,), remedy="Repair it.")
    found = replace(full, findings=(repair, told, end))
    steps = dict(words(found, "verdict").answers)["what to do"]
    assert "Repair it. Train longer: the best trial was still improving when it ended." in steps
    assert steps.count("Go on.") == 1
    # What the first finding advises already is not said twice.
    first = dict(words(replace(full, findings=(told, end)), "verdict").answers)["what to do"]
    assert "Longer." in first
    assert "Train longer" not in first
    elsewhere = replace(full, findings=(replace(told, trials=(other,)),))
    assert "Train longer" not in dict(words(elsewhere, "verdict").answers)["what to do"]


def test_more_seeds_are_not_advised_twice(full: Audit) -> None:
    seeds = "Train the best few with more seeds"
    told = replace(full.findings[0], trials=tuple(full.scores.by_trial), remedy="Or these again.")
    for code, is_said in (("AUD017", True), ("AUD052", False)):
        found = replace(full, findings=(replace(told, code=code),))
        assert (seeds in dict(words(found, "verdict").answers)["what to do"]) is is_said


def test_a_single_trial_is_not_ranked() -> None:
    values = {"loss": [0.7, 0.5, 0.4], "val_loss": [0.7, 0.5, 0.4]}
    (told,) = words(audit(sweep({"a": values})), "leaderboard").paragraphs
    assert told == "A single trial: there is nothing to rank it against."


def test_verdict_never_advises_to_leave_out_what_the_best_trial_has(full: Audit) -> None:
    best = next(iter(full.scores.by_trial))
    values = full.trials.hyperparameters[best]
    conditions = tuple(Condition(name, "==", value) for name, value in values.items())
    cause = replace(full.causes[0], conditions=conditions)
    blamed = replace(full, attribution=replace(full.attribution, causes=(cause,)))
    assert "Leave" not in dict(words(blamed, "verdict").answers)["what to do"]


def test_verdict_advises_nothing_on_what_is_only_associated(full: Audit) -> None:
    cause = replace(full.causes[0], evidence="associated")
    weak = replace(full, attribution=replace(full.attribution, causes=(cause,)))
    answers = dict(words(weak, "verdict").answers)
    assert "failures go with" in answers
    assert "why" not in answers
    assert "Leave" not in answers["what to do"]


def test_verdict_advises_to_scale_the_inputs_before_anything_is_left_out(full: Audit) -> None:
    found = replace(full.findings[0], code="AUD035", severity="warning", remedy="Divide by 255.")
    unscaled = replace(full, findings=(*full.findings, found))
    steps = dict(words(unscaled, "verdict").answers)["what to do"]
    assert steps.startswith("Scale the inputs first: divide by 255. Train the best few ")


def test_worst_failure_is_one_with_a_curve(full: Audit) -> None:
    trial = worst_failure(full)
    assert trial is not None
    assert full.outcomes.by_trial[trial] == Outcome.DIVERGED


def test_leaderboard_is_in_order_of_rank_with_epochs_from_one(full: Audit) -> None:
    section = words(full, "leaderboard")
    assert column(section, "trial") == list(full.scores.by_trial)
    epochs = [score.best_epoch for score in full.scores.by_trial.values()]
    assert column(section, "epoch") == ["–" if e is None else str(e + 1) for e in epochs]


def test_leaderboard_leaves_out_what_never_varies_and_says_it(full: Audit) -> None:
    section = words(full, "leaderboard")
    names = [c.name for c in section.tables[0].columns]
    assert "lr" in names
    assert "batch_size" not in names
    assert "The same in all trials: batch_size = 32." in section.paragraphs


def test_a_harmless_case_is_not_told_with_a_grave_one(full: Audit) -> None:
    best = next(iter(full.scores.by_trial))
    made = replace(full.findings[0], code="AUD999", trials=(best,), runs=(), severity="tip")
    other = next(trial for trial in full.scores.by_trial if trial != best)
    grave = tuple(
        replace(made, trials=trials, severity="error") for trials in ((other,), (other, "0003"))
    )
    section = words(replace(full, findings=(made, *grave)), "findings")
    assert [entry.badge for entry in section.entries] == ["error", "tip"]
    assert "also the best" not in section.entries[0].sentence
    assert section.paragraphs[0].startswith("3 findings, the severest first.")


def test_one_finding_has_no_order(full: Audit) -> None:
    told = words(replace(full, findings=full.findings[:1]), "findings").paragraphs[0]
    assert told.startswith("1 finding. Explained")


def test_equal_scores_are_said_to_be_the_same() -> None:
    values = {"loss": [0.5, 0.4, 0.3], "val_loss": [0.6, 0.5, 0.4]}
    told = words(audit(sweep({"a": values, "b": values})), "verdict")
    assert "scores the same." in dict(told.answers)["how sure"]


def test_findings_of_one_code_stand_together(full: Audit) -> None:
    entry = next(e for e in words(full, "findings").entries if e.label == "AUD901")
    assert entry.sentence == "2 of 12 trials."
    assert entry.example == "For example: trial 0010: got worse from epoch 2 on."
    assert entry.table is not None
    assert len(entry.table.rows) == 2


def test_a_finding_about_the_whole_sweep_starts_as_a_sentence(full: Audit) -> None:
    told = ("whether it is good is not known", "val_loss is noisy")
    made = [replace(full.findings[0], sentence=text, trials=(), runs=()) for text in told]
    shown = [words(replace(full, findings=(one,)), "findings").entries[0].sentence for one in made]
    assert shown == ["Whether it is good is not known.", "val_loss is noisy."]


def test_cases_of_several_runs_name_their_trial_once(full: Audit) -> None:
    runs = "(2 of 3 runs; the first of them)"
    made = [
        replace(full.findings[0], sentence=f"trial {t} {runs}: diverged (NaN): stop", trials=(t,))
        for t in ("0001", "0002")
    ]
    table = words(replace(full, findings=tuple(made)), "findings").entries[0].table
    assert table is not None
    seen = [row.cells[1].text for row in table.rows]
    assert seen == ["2 of 3 runs; the first of them: diverged (NaN): stop"] * 2


def overfitting(many: int) -> Audit:
    """A sweep of as many trials and three more, of which all but the three overfit."""
    down = [0.69, 0.6, 0.55, 0.52, 0.5, 0.49, 0.485, 0.482]
    up = [0.6, 0.5, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65]
    late = [0.7, *up[:-1]]
    sick = {
        f"s{i}": {"loss": down, "val_loss": [v + i / 1e4 for v in (late if i % 2 else up)]}
        for i in range(many)
    }
    healthy = {f"h{i}": {"loss": down, "val_loss": [v + 0.1 for v in down]} for i in range(3)}
    return audit(sweep({**sick, **healthy}))


def test_a_kind_that_150_trials_share_is_one_entry_and_a_short_table() -> None:
    audited = overfitting(150)
    (entry,) = (e for e in words(audited, "findings").entries if e.label == "AUD003")
    assert entry.table is not None
    assert len(entry.table.rows) == 150
    assert entry.remedy.startswith("Stop early")  # and not with the epoch of one of them
    (short,) = (e for e in words(audited, "verdict").entries if e.label == "AUD003")
    assert short.sentence == entry.sentence == "150 of 153 trials, also the best."
    text = render(audited, "terminal")
    assert "… 147 more, see --csv" in text
    assert len(text.splitlines()) < 250


def test_the_verdict_says_what_is_wrong_with_the_winner_before_the_third_kind_elsewhere() -> None:
    audited = overfitting(2)
    first = next(f for f in audited.findings if f.code == "AUD003")
    other = replace(first, trials=("h0",), runs=(Run("h0"),), severity="error")
    codes = ("AUD901", "AUD902", "AUD903")
    more = tuple(replace(other, code=code, title=code) for code in codes)
    told = words(replace(audited, findings=(*more, first)), "verdict").entries
    assert [entry.label for entry in told] == ["AUD901", "AUD902", "AUD003"]


@pytest.mark.parametrize(
    ("trials", "severity", "said"),
    [
        (("s0",), "warning", " Look into: made up."),
        ((), "error", " Look into: made up."),
        (("s0",), "tip", ""),
        (("h0",), "error", ""),
    ],
)
def test_the_headline_names_what_is_grave_about_the_winner(
    trials: tuple[str, ...], severity: Severity, said: str
) -> None:
    audited = overfitting(1)
    made = replace(audited.findings[0], code="AUD999", title="Made up", trials=trials, runs=())
    told = words(replace(audited, findings=(replace(made, severity=severity),)), "verdict")
    assert told.headline.endswith(f"keep the weights of that epoch.{said}")


@pytest.mark.parametrize("code", ["AUD003", "AUD999"])
def test_what_a_rule_looks_for_can_be_read_on_the_page(code: str) -> None:
    audited = overfitting(2)
    found = tuple(replace(f, code=code) for f in audited.findings if f.code == "AUD003")
    (entry,) = words(replace(audited, findings=found), "findings").entries
    rule = next((rule for rule in RULES if rule.code == code), None)
    headings = ["How it is detected", "Why it matters", "How sure it is"]
    assert [heading for heading, _ in entry.explanation] == (headings if rule else [])
    assert rule is None or dict(entry.explanation)["Why it matters"] == rule.matters


def test_checks_say_what_each_rule_looks_for() -> None:
    (table,) = words(overfitting(1), "checks").tables
    assert [row.cells[1].about for row in table.rows] == [rule.detected for rule in RULES]


def test_evidence_has_its_threshold_and_counts_epochs_from_one(full: Audit) -> None:
    entry = next(e for e in words(full, "findings").entries if e.label == "AUD904")
    assert "Evidence: onset 2; rise 0.5 (threshold 0.05)" in entry.details


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        (Evidence("time after the best epoch", 86.5, "s"), "time after the best epoch 86.5 s"),
        (
            Evidence("epochs after the best", 4, "epochs", 3),
            "epochs after the best 4 (threshold 3)",
        ),
        (Evidence("worst val_loss", 9, "loss", 7), "worst val_loss 9 (threshold 7)"),
        (Evidence("best epoch, from 0", 4, "epoch"), "best epoch 5"),
    ],
)
def test_evidence_has_its_unit_once(evidence: Evidence, text: str) -> None:
    assert evidence_text(evidence) == text


def test_a_change_that_nothing_tried_is_no_rescue_that_failed(full: Audit) -> None:
    causes = tuple(
        replace(cause, rescues=tuple(replace(r, rescued=0, tested=0) for r in cause.rescues))
        for cause in full.causes
    )
    untried = replace(full, attribution=replace(full.attribution, causes=causes))
    assert [t.title for t in words(untried, "causes").tables] == ["By value", "By pair"]


def test_causes_have_counts_by_outcome_pairs_and_rescues(full: Audit) -> None:
    section = words(full, "causes")
    assert [t.title for t in section.tables] == ["By value", "By pair", "Rescues"]
    assert column(section, "overfit") == ["2/4", "2/6"]
    assert column(section, "diverged") == ["2/4", "–"]
    assert column(section, "adds", 1) == ["75 %"]
    assert column(section, "rescues", 2) == ["2/2"]
    assert section.notes == ("Only counts are claimed.",)
    assert dict(section.facts) == {"configurations": "a full grid of 12"}


def test_checks_say_why_they_do_not_apply(full: Audit) -> None:
    section = words(full, "checks")
    assert column(section, "why") == ["", "", "nothing was recorded"]
    assert column(section, "result") == ["1 found", "passed", "not applicable"]


def test_coverage_counts_runs(audits: Mapping[str, Audit]) -> None:
    assert dict(words(audits["full"], "coverage").facts)["runs with curves"] == "11/12"
    facts = dict(words(audits["without curves"], "coverage").facts)
    assert facts == {"runs with their best epoch only": "3/3"}


LITTLE = {
    "one epoch": (
        {"a": Recorded(metrics={"loss": 1.0, "val_loss": 2.0})},
        {},
        "No learning curves are recorded, only one epoch of each run",
    ),
    "mixed": (
        {"a": Recorded(metrics={"loss": 1.0, "val_loss": 2.0}), "b": Recorded(score=1.0)},
        {"c": {"val_loss": [1.0]}},
        "Recorded are learning curves of 1 run, one epoch of 1 run, the objective only of 1 run.",
    ),
    "crashed": ({"b": Recorded("failed")}, {"a": {"val_loss": [1.0]}}, ""),
}


@pytest.mark.parametrize(("recorded", "curves", "sentence"), LITTLE.values(), ids=LITTLE)
def test_verdict_says_what_was_not_recorded(
    recorded: Mapping[str, Recorded], curves: Mapping[str, Any], sentence: str
) -> None:
    notes = words(audit(sweep(curves, recorded=recorded)), "verdict").notes
    assert (sentence in notes[0]) if sentence else notes == ()


def test_the_leaderboard_tells_trials_without_curves_from_those_with() -> None:
    little = {"b": Recorded(metrics={"loss": 1.0, "val_loss": 2.0})}
    trials = sweep({"a": {"val_loss": [1.0]}}, recorded=little)
    assert column(words(audit(trials), "leaderboard"), "recorded") == ["curves", "best epoch"]


def test_verdict_says_that_the_objective_is_assumed() -> None:
    objective = Objective("val_loss", "min", "assumed: nothing says more")
    (note,) = words(audit(sweep({"a": {"val_loss": [1.0]}}, objective)), "verdict").notes
    assert note.startswith("That val_loss ranks is assumed: nothing says more.")


def test_verdict_says_that_something_could_not_be_read() -> None:
    provenance = Provenance(problems=(Problem("cut off", "a.csv"),))
    trials = sweep({"a": {"val_loss": [1.0]}}, provenance=provenance)
    (note,) = words(audit(trials), "verdict").notes
    assert "1 problem, see Coverage" in note


@pytest.mark.parametrize(
    ("lanes", "training", "not_stacked"),
    [
        ("", None, None),
        ("fff", "each run by Model.fit", "1 run: why 2"),
        ("ssf", "2 of 3 runs in 2 stacks, 1 by Model.fit", "1 run: why 2"),
        ("ssss", "4 of 4 runs in 4 stacks", None),
        (
            *("sffffff", "1 of 7 runs in 1 stack, 6 by Model.fit"),
            "1 run: why 2; 1 run: why 3; 1 run: why 4; 2 more reasons",
        ),
    ],
)
def test_provenance_tells_how_runs_were_trained(
    lanes: str, training: str | None, not_stacked: str | None
) -> None:
    runs = {Run(f"t{i}"): {"s": "stacked", "f": "fit"}[lane] for i, lane in enumerate(lanes)}
    stacks = {run: run.trial_id for run, lane in runs.items() if lane == "stacked"}
    why = {run.trial_id: f"why {i}" for i, run in enumerate(runs) if i > 1}
    none: dict[str, list[float]] = {}
    curves = {"x": none, **dict.fromkeys(runs, none)}
    trials = sweep(curves, lane=runs, stack=stacks, why_alone=why)
    facts = dict(words(audit(trials), "provenance").facts)
    assert (facts.get("training"), facts.get("not stacked")) == (training, not_stacked)


def test_any_failure_counts_all_failures() -> None:
    assert phrases.did(ANY_FAILURE) == "failed"
