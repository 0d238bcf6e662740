"""The section on what the best model says of the validation rows, and its pictures."""

from dataclasses import replace

import numpy as np
import pytest

from auditor.auditing import Audit, audit
from auditor.report import palette
from auditor.report.html import render_html
from auditor.report.parts import Section
from auditor.report.sections import sections
from auditor.report.terminal import render_terminal
from auditor.report.words.predictions import CHOSEN_BY, UNIT
from auditor.trials import Confusion, Deviations, Mistake, Predictions
from tests.making import sweep

CLASSES = Confusion(
    classes=("0", "1", "5"),
    counts=((8, 2, 0), (1, 9, 0), (0, 0, 0)),
    mistakes=(Mistake("0", "1", 2, 10), Mistake("1", "0", 1, 10)),
    accuracy=0.85,
    majority=0.5,
    number_of_classes=3,
)
MANY = Confusion((), (), CLASSES.mistakes, 0.85, 0.5, 50)
NUMBERS = Deviations(((0.0, 1.0), (10.0, 9.0), (20.0, 23.0)), 0.945, 1.915, 1.667, 8.165)


def with_predictions(found: Predictions | None) -> Audit:
    trials = sweep({"a": {"loss": [0.5, 0.4], "val_loss": [0.5, 0.4]}}, predictions=found)
    return audit(trials)


def section(found: Predictions | None) -> Section | None:
    made = {section.key: section for section in sections(with_predictions(found))}
    return made.get("predictions")


def of_classes(confusion: Confusion, rows: int = 20, of_rows: int = 20) -> Predictions:
    return Predictions("a", rows, of_rows, classes=confusion)


@pytest.mark.parametrize("found", [None, Predictions("a", 0, 0)])
def test_without_predictions_there_is_no_section(found: Predictions | None) -> None:
    assert section(found) is None
    assert 'data-figure="predictions"' not in render_html(with_predictions(found))


def test_classes_are_told_beside_what_a_constant_gets() -> None:
    made = section(of_classes(CLASSES, 20, 4_000))
    assert made is not None
    assert made.paragraphs == (
        "With its best weights, trial a gets 85 % of 20 of 4,000 validation rows right; the most "
        "frequent class for every row would get 50 %.",
    )
    (table,) = made.tables
    cells = [[cell.text for cell in row.cells] for row in table.rows]
    assert cells == [
        ["0", "10", "80 %", "89 %", "1 (2)"],
        ["1", "10", "90 %", "82 %", "0 (1)"],
        ["5", "0", "–", "–", "–"],
    ]
    assert "better than it will on new data" in made.notes[0]


def test_of_many_classes_the_mistakes_are_listed() -> None:
    made = section(of_classes(MANY))
    assert made is not None
    assert made.figures == ()
    (table,) = made.tables
    assert [cell.text for cell in table.rows[0].cells] == ["0", "1", "2/10"]
    assert table.note == "Of 50 classes in all."
    with pytest.raises(ValueError, match="no predictions"):
        with_predictions(of_classes(MANY)).figures.predictions()


def test_numbers_are_told_beside_their_mean() -> None:
    made = section(Predictions("a", 3, 3, numbers=NUMBERS))
    assert made is not None
    assert made.paragraphs == (
        "With its best weights, trial a is off by 1.915 on 3 validation rows (root mean square; "
        "1.667 on average; R² is 0.945); their mean for every row would be off by 8.165.",
    )
    assert made.notes == (CHOSEN_BY,)
    constant = replace(NUMBERS, r2=None)
    made = section(Predictions("a", 3, 3, numbers=constant))
    assert made is not None
    assert "R²" not in made.paragraphs[0]


def test_errors_of_a_target_that_may_be_standardised_say_so() -> None:
    scaled = replace(NUMBERS, rmse=0.7238, mae=0.6, rmse_of_mean=0.97)
    made = section(Predictions("a", 3, 3, numbers=scaled))
    assert made is not None
    assert made.notes == (UNIT, CHOSEN_BY)
    assert "standard deviations of the target" in UNIT


def test_what_is_right_and_mistakes_have_their_own_colours_and_cells() -> None:
    right, wrong = with_predictions(of_classes(CLASSES)).figures.predictions().data
    assert right.colorscale[-1][1] == palette.RIGHT
    assert wrong.colorscale[-1][1] == palette.FAILING
    assert [list(row) for row in right.text] == [["8", "", ""], ["", "9", ""], ["", "", ""]]
    assert [list(row) for row in wrong.text] == [["", "2", ""], ["1", "", ""], ["", "", ""]]
    assert right.z[0][0] == 0.8
    assert right.z[0][1] is None
    assert (right.zmax, wrong.zmax) == (1, 0.25)


def test_points_lie_on_a_square_with_the_line_of_equal_values() -> None:
    figure = with_predictions(Predictions("a", 3, 3, numbers=NUMBERS)).figures.predictions()
    line, points = figure.data
    assert line.x == line.y
    assert line.x[0] < 0.0 < 23.0 < line.x[1]
    assert points.x == (0.0, 10.0, 20.0)
    assert points.y == (1.0, 9.0, 23.0)
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    assert figure.layout.yaxis.scaleanchor == "x"


def test_constant_numbers_make_a_picture_too() -> None:
    same = replace(NUMBERS, pairs=((1.0, 1.0),) * 3)
    line = with_predictions(Predictions("a", 3, 3, numbers=same)).figures.predictions().data[0]
    assert line.x == (0.0, 2.0)


def test_every_renderer_shows_them() -> None:
    audited = with_predictions(of_classes(CLASSES))
    assert "recall" in render_terminal(audited)
    page = render_html(audited)
    assert 'data-figure="predictions"' in page
    assert "Rows for each pair of true and predicted class" in page


def test_names_of_classes_hold_no_tags(hostile_text: str) -> None:
    hostile = replace(CLASSES, classes=(hostile_text, "1", "5"))
    audited = with_predictions(of_classes(hostile))
    assert "<script" not in str(audited.figures.predictions().to_plotly_json())
    assert hostile_text not in render_html(audited)


def test_a_thousand_points_make_a_small_page() -> None:
    pairs = np.random.default_rng(0).normal(size=(1_000, 2))
    numbers = replace(NUMBERS, pairs=tuple(map(tuple, pairs.tolist())))
    pages = [
        len(render_html(with_predictions(Predictions("a", 9, 9, numbers=n))))
        for n in (numbers, NUMBERS)
    ]
    assert pages[0] - pages[1] < 30_000
