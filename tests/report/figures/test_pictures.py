"""What each figure shows, against the numbers of the audit."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from auditor.attribution.association import find_association
from auditor.auditing import Audit, audit
from auditor.outcomes import Outcome
from auditor.report.axes import KNOWN, MOST_LINES, axes, lines
from auditor.report.figures import drawn
from auditor.report.sections import sections
from auditor.report.strips import MOST_COLUMNS, MOST_STRIPS, strips
from auditor.scoring.front import find_front
from auditor.trials import Objective
from tests.making import sweep
from tests.report.figures.conftest import large


def traces(audited: Audit, figure: str) -> dict[str, Any]:
    return {trace.get("name", ""): trace for trace in drawn(audited)[figure]["data"]}


def note(audited: Audit, figure: str) -> str:
    shown = [p for section in sections(audited) for p in section.figures if p.name == figure]
    return shown[0].note


def cells(audited: Audit) -> Any:
    return next(t for t in drawn(audited)["trials"]["data"] if t.get("colorbar"))


def test_of_an_accuracy_the_good_end_is_not_pressed_together() -> None:
    rises = [0.01, 0.5, 0.8, 0.9]
    curves = {
        f"{i}": {"loss": rises[::-1], "val_accuracy": [v - i / 1e3 for v in rises[: 4 - i % 2]]}
        for i in range(6)
    }
    made = audit(sweep(curves, objective=Objective("val_accuracy", "max", "test")))
    ends = [float(text) for text in cells(made)["colorbar"]["ticktext"]]
    steps = [b - a for a, b in pairwise(ends)]
    assert steps == pytest.approx([steps[0]] * len(steps), abs=0.02)


def test_a_strip_per_trial_with_the_value_of_each_epoch(sixty: Audit) -> None:
    heat = cells(sixty)
    rows = {row[0]: at for at, row in enumerate(heat["customdata"]) if row[0] is not None}
    assert len(rows) == 60
    order = list(sixty.scores.by_trial)
    ended = order.index("00005")
    values = sixty.trials.curve(sixty.trials.runs_of["00005"][0], "val_loss").values
    texts = heat["text"][rows[ended]]
    assert float(texts[0]) == pytest.approx(values[0], rel=1e-3)
    assert texts[10:] == [""] * 10
    assert heat["z"][rows[ended]][10:] == [None] * 10


def test_what_is_not_finite_is_marked_and_what_is_over_is_not(sixty: Audit) -> None:
    lost = next(t for t in drawn(sixty)["trials"]["data"] if "not finite" in str(t))
    dead = [row for row in lost["z"] if any(row)]
    assert len(dead) == 6
    assert all(row == [None] * 3 + [1] * 17 for row in dead)
    cross = next(t for t in drawn(sixty)["trials"]["data"] if "x-thin" in str(t))
    assert cross["x"] == [4] * 6


def test_groups_of_outcomes_name_how_many_they_are(sixty: Audit) -> None:
    found = strips(sixty)
    assert sum(group.trials for group in found.groups) == 60
    shown = drawn(sixty)["trials"]["layout"]["yaxis"]["ticktext"]
    assert "diverged (6)" in shown
    assert [group.outcome for group in found.groups] == sorted(
        (group.outcome for group in found.groups), key=list(Outcome).index
    )


def test_many_trials_share_strips_and_columns_with_a_note(many: Audit) -> None:
    found = strips(many)
    rows = [strip for group in found.groups for strip in group.strips]
    assert len(rows) <= MOST_STRIPS + len(found.groups)
    assert max(len(strip.values) for strip in rows) <= MOST_COLUMNS
    assert found.per_strip == 3
    assert "median of up to 3 trials" in note(many, "trials")
    assert "last of 2 epochs" in note(many, "trials")
    assert cells(many)["customdata"] is None


def test_a_shared_strip_is_lost_where_most_of_its_trials_are(many: Audit) -> None:
    group = next(group for group in strips(many).groups if group.outcome == Outcome.DIVERGED)
    for strip in group.strips:
        assert strip.lost.tolist() == [False] + [True] * 74
        assert math.isfinite(strip.values[0])


def test_colours_turn_round_where_much_is_good() -> None:
    accuracy = {f"{n}": {"val_accuracy": [0.1 * n, 0.2 * n], "loss": [1, 0.5]} for n in (1, 2, 3)}
    scale = cells(audit(sweep(accuracy, Objective("val_accuracy", "max"))))["colorscale"]
    other = cells(audit(sweep({t: {"val_loss": c["val_accuracy"]} for t, c in accuracy.items()})))
    assert [colour for _, colour in scale] == [c for _, c in reversed(other["colorscale"])]


def test_the_gap_of_each_trial_that_learned_and_the_front(sixty: Audit) -> None:
    shown = traces(sixty, "gap")
    front = find_front(sixty.scores, sixty.outcomes, "min")
    order = list(sixty.scores.by_trial)
    for trace in shown.values():
        for x, y, place in zip(trace["x"], trace["y"], trace.get("customdata", []), strict=False):
            score = sixty.scores.by_trial[order[place]]
            assert (x, y) == (
                pytest.approx(score.gap, rel=1e-3),
                pytest.approx(score.objective, rel=1e-3),
            )
    assert len(shown["Pareto front"]["x"]) == len(front.best)
    assert shown["winner"]["customdata"] == [0]
    assert f"Left out: {front.left_out} trials" in note(sixty, "gap")


def test_the_winner_without_the_penalty_is_marked_where_it_is_another(sixty: Audit) -> None:
    assert "winner if the gap cost nothing" not in traces(sixty, "gap")
    first, second = list(sixty.scores.by_trial)[:2]
    bare = {first: 2, second: 1}
    scores = {
        trial: replace(score, rank_without_penalty=bare.get(trial, score.rank_without_penalty))
        for trial, score in sixty.scores.by_trial.items()
    }
    other = replace(sixty, scores=replace(sixty.scores, by_trial=scores))
    assert traces(other, "gap")["winner if the gap cost nothing"]["customdata"] == [1]


def test_a_line_per_trial_through_its_settings(sixty: Audit) -> None:
    shown = lines(sixty)
    found = {axis.name: axis for axis in axes(sixty, shown)}
    assert list(found)[-1] == "score"
    values = sixty.trials.hyperparameters
    by_lr = sorted(shown, key=lambda trial: values[trial]["lr"])
    assert sorted(shown, key=found["lr"].places.__getitem__) == by_lr
    relu = [found["activation"].places[t] for t in shown if values[t]["activation"] == "relu"]
    tanh = [found["activation"].places[t] for t in shown if values[t]["activation"] == "tanh"]
    assert max(relu) < min(tanh) or max(tanh) < min(relu)
    lost = [t for t in shown if sixty.outcomes.by_trial[t] == Outcome.DIVERGED]
    assert all(found["score"].places[trial] == 1 for trial in lost)
    assert max(p for t, p in found["score"].places.items() if t not in lost) == pytest.approx(KNOWN)
    assert found["score"].labels[-1] == (1.0, "none")
    places = {n for t in traces(sixty, "settings").values() for n in t["customdata"]} - {None}
    assert places == set(range(60))


def test_what_is_not_set_has_a_place_of_its_own(sixty: Audit) -> None:
    values = {
        trial: {k: v for k, v in own.items() if k != "n" or int(trial) % 2}
        for trial, own in sixty.trials.hyperparameters.items()
    }
    some = replace(sixty, trials=replace(sixty.trials, hyperparameters=values))
    axis = next(axis for axis in axes(some, lines(some)) if axis.name == "n")
    assert [text for _, text in axis.labels] == ["0", "1", "2", "not set"]


def test_too_many_lines_are_thinned_and_the_best_are_kept(many: Audit) -> None:
    shown = lines(many)
    assert len(shown) <= MOST_LINES
    assert shown[:10] == list(many.scores.by_trial)[:10]
    assert f"Drawn are {len(shown)} of 700 trials" in note(many, "settings")


def test_association_finds_what_the_ranking_goes_with() -> None:
    curves = {f"{n}": {"val_loss": [1.0, 0.1 + 0.01 * n], "loss": [1, 0.1]} for n in range(12)}
    trials = sweep(curves)
    values = {f"{n}": {"noise": n % 2, "cause": n // 4, "fixed": 1} for n in range(12)}
    judged = audit(replace(trials, hyperparameters=values))
    found = find_association(judged.trials, judged.scores)
    assert list(found) == ["cause", "noise"]
    assert found["cause"] > 0.8 > 0.1 > found["noise"]


def test_effects_have_their_intervals_and_open_marks_where_there_are_none(full: Audit) -> None:
    shown = traces(full, "effects")["cause"]
    assert (shown["x"], shown["marker"]["symbol"]) == ([90.0], ["diamond"])
    assert (shown["error_x"]["arrayminus"], shown["error_x"]["array"]) == ([50.0], [10.0])
    (cause,) = full.causes
    bare = replace(full.attribution, causes=(replace(cause, interval=None),))
    without = replace(full, attribution=bare)
    assert traces(without, "effects")["cause"]["marker"]["symbol"] == ["diamond-open"]
    assert "no interval is defined" in note(without, "effects")


def test_causes_show_failing_and_total_and_hatch_what_is_thin(full: Audit) -> None:
    heat, hatching, counts = drawn(full)["causes"]["data"]
    assert heat["text"][1][2] == "2/2"
    assert heat["z"][1][2] == 1.0
    assert counts["text"] == [text for row in heat["text"] for text in row]
    strokes = {round(x) for x in hatching["x"] if x is not None}
    assert strokes == {0, 1, 2}
    assert "fewer than 5 runs" in note(full, "causes")


def test_compute_is_one_bar_and_its_parts(sixty: Audit) -> None:
    spending = sixty.spending
    assert spending is not None
    shown = drawn(sixty)["compute"]
    ends = [trace["base"][0] + trace["x"][0] for trace in shown["data"]]
    assert ends[-1] == pytest.approx(1)
    assert [trace["base"][0] for trace in shown["data"][1:]] == pytest.approx(ends[:-1])
    assert shown["layout"]["yaxis"]["ticktext"][0] == "in all<br>2 min 0 s"
    section = next(section for section in sections(sixty) if section.key == "compute")
    assert section.paragraphs[0].startswith("Training took 2 min 0 s in all")


def test_figures_have_a_background_outside_of_a_page(full: Audit) -> None:
    for figure in (full.figures.trials(), full.figures.learning_curves(["0000"])):
        assert figure.layout.paper_bgcolor == "#FFFFFF"


@pytest.mark.slow
def test_ten_thousand_trials_make_small_figures() -> None:
    made = drawn(large(10_000, 100))
    assert set(made) >= {"trials", "gap", "settings", "compute"}
    assert len(json.dumps(made)) < 5_000_000


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<svg")])
def test_a_figure_is_saved_as_a_picture(
    ending: str, begins: bytes, audits: Mapping[str, Audit], tmp_path: Any
) -> None:
    path = tmp_path / f"causes.{ending}"
    audits["full"].figures.causes().write_image(path)
    assert path.read_bytes().startswith(begins)
