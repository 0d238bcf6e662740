"""Figures, and the pictures of curves that pages embed."""

import tracemalloc
from collections.abc import Mapping

import numpy as np
import pytest

from auditor.auditing import Audit, audit
from auditor.report import curves
from auditor.report.sparkline import _path, scale, sparklines
from auditor.trials import Curve, Objective
from tests.making import sweep


def names(picture: dict[str, object]) -> list[str]:
    return [trace["name"] for trace in picture["traces"]]  # type: ignore[attr-defined]


def bands(picture: dict[str, object]) -> dict[str, tuple[float, float]]:
    shapes = picture["shapes"]
    return {s["label"]["text"]: (s["x0"], s["x1"]) for s in shapes}  # type: ignore[attr-defined]


def test_both_sides_and_the_best_epoch_are_drawn_from_epoch_one(full: Audit) -> None:
    picture = curves.picture(full, "0010", "val_loss")
    assert names(picture) == ["loss", "val_loss", "best epoch 1"]
    assert [trace["x"][0] for trace in picture["traces"][:2]] == [1, 1]
    assert picture["traces"][2]["x"] == [1]


def test_the_onset_interval_is_shaded(full: Audit) -> None:
    onset = next(v.onset for r, v in full.outcomes.by_run.items() if r.trial_id == "0010")
    assert onset is not None
    found = bands(curves.picture(full, "0010", "val_loss"))
    assert found == {"overfitting begins": (onset[0] + 0.5, onset[1] + 1.5)}


def test_diverged_epochs_are_shaded_and_leave_a_hole(full: Audit) -> None:
    picture = curves.picture(full, "0008", "val_loss")
    assert bands(picture)["diverged"][1] == 20.5
    assert picture["traces"][0]["y"][3:] == [None] * 17


def test_epochs_of_an_explosion_that_was_recovered_from_are_not_called_diverged() -> None:
    falling = [0.69, 0.6, 0.55, 0.52, 0.5, 0.49, 0.485, 0.482, 0.48, 0.48]
    exploded = [0.69, 0.6, 900.0, *falling]
    trials = sweep({"a": {"loss": exploded, "val_loss": exploded}}, no_skill_loss=0.693)
    assert bands(curves.picture(audit(trials), "a", "val_loss")) == {
        "exploded, recovered": (2.5, 3.5)
    }


def test_several_executions_are_a_mean_a_range_and_each_of_them(
    audits: Mapping[str, Audit],
) -> None:
    picture = curves.picture(audits["three executions"], "0000", "val_loss")
    lines = {t["name"]: t for t in picture["traces"] if t["style"].startswith("validation")}
    assert list(lines) == [
        "val_loss",
        *(f"val_loss, execution {i}" for i in (1, 2, 3)),
        "val_loss, mean of 3",
    ]
    values = np.array([lines[f"val_loss, execution {i}"]["y"] for i in (1, 2, 3)])
    assert lines["val_loss, mean of 3"]["y"] == pytest.approx(values.mean(axis=0), rel=1e-4)
    assert lines["val_loss"]["style"] == "validation-band"
    assert lines["val_loss"]["y"] == pytest.approx(values.max(axis=0))


def test_a_run_that_ended_early_leaves_the_mean_to_the_others() -> None:
    long = Curve(np.arange(3), np.array([1.0, 2.0, 3.0]))
    short = Curve(np.arange(2), np.array([3.0, np.nan]))
    least, mean, most = curves._spread([long, short])
    assert mean.values.tolist() == [2.0, 2.0, 3.0]
    assert (least.values[0], most.values[0]) == (1.0, 3.0)


def test_a_wide_range_is_logarithmic(full: Audit) -> None:
    assert not curves.picture(full, "0000", "val_loss")["log"]
    log, ticks = curves._scale([np.array([0.05, 20.0])])
    assert log
    assert ticks["ticktext"] == ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]
    _, decades = curves._scale([np.array([1e-3, 1e4])])
    assert decades["ticktext"] == ["0.001", "0.01", "0.1", "1", "10", "100", "1000", "10000"]
    assert curves._scale([np.array([0.11, 0.19])]) == (False, {})


def test_labels_of_bands_grow_inwards_above_the_chart(full: Audit) -> None:
    begin, end = (curves._shaded(at, "diverged", 20)["label"] for at in ((0, 0), (19, 19)))
    assert (begin["textposition"], end["textposition"]) == ("top left", "top right")
    assert begin["yanchor"] == "bottom"


def test_thinning_keeps_ends_and_extremes() -> None:
    values = np.zeros(1000)
    values[517], values[301], values[700] = -1.0, 5.0, np.nan
    thinned = curves.thin(Curve(np.arange(1000), values), 50)
    assert len(thinned.epochs) <= 50
    assert {0, 301, 517, 999} <= set(thinned.epochs.tolist())


def test_learning_curves_are_a_figure_with_one_chart_per_trial(full: Audit) -> None:
    figure = full.figures.learning_curves(["0000", "0010"])
    assert {trace.xaxis for trace in figure.data} == {"x", "x2"}
    assert len(figure.layout.shapes) == 1


def test_learning_curves_of_an_unknown_trial_are_refused(full: Audit) -> None:
    with pytest.raises(ValueError, match="nobody"):
        full.figures.learning_curves(["nobody"])


def test_names_in_figures_hold_no_tags(audits: Mapping[str, Audit]) -> None:
    audit = audits["hostile"]
    figures = audit.figures
    for figure in (figures.causes(), figures.learning_curves(list(audit.scores.by_trial)[:1])):
        text = str(figure.to_plotly_json())
        assert "hacked" in text
        assert "<script" not in text
        assert "<b " not in text


def test_sparklines_lift_the_pen_where_nothing_finite_is(full: Audit) -> None:
    lines = sparklines(full, ["0000", "0008"])
    assert [line["kind"] for line in lines["0000"]] == ["train", "validation"]
    assert lines["0000"][0]["path"].count("L") == 19
    assert lines["0008"][0]["path"].count("L") == 2
    gap = Curve(np.arange(5), np.array([1.0, 2.0, np.nan, 2.0, 1.0]))
    assert _path(gap, 5, (1.0, 2.0)).count("M") == 2


def test_sparklines_show_how_far_most_runs_get_worse() -> None:
    down, up = [0.6, 0.5, 0.4, 0.3, 0.2], [0.7, 0.6, 0.9, 1.8, 2.6]
    grown = {"loss": down, "val_loss": up}
    assert scale(audit(sweep({"a": grown})))[1] == 2.6
    falls = {"loss": down, "val_loss": down}
    exploded = {"loss": down, "val_loss": [*up[:-1], 1e9]}
    assert scale(audit(sweep({"a": falls, "b": falls, "c": exploded})))[1] == 0.6
    assert scale(audit(sweep(dict.fromkeys("abc", exploded))))[1] < 10
    accuracies = {"accuracy": [0.5, 0.7, 0.9], "val_accuracy": [0.5, 0.7, 0.3]}
    highest = Objective("val_accuracy", "max", "test")
    assert scale(audit(sweep({"a": accuracies}, objective=highest)))[0] == 0.3


def test_a_damaged_epoch_number_costs_no_memory() -> None:
    values = {0: 0.7, 1: 0.5, 2: 0.4}
    known = {f"{i}": {"loss": values, "val_loss": values} for i in range(20)}
    audited = audit(sweep({**known, "7": {"val_loss": {0: 0.7, 1: 0.5, 1_000_000: 0.4}}}))
    tracemalloc.start()
    try:
        lines = sparklines(audited, list(known))
        drawn = curves.picture(audited, "7", "val_loss")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(lines) == 20
    assert drawn["traces"]
    assert peak < 5_000_000
