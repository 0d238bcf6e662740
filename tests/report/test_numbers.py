"""How numbers and foreign text look."""

import math

import pytest

from auditor.report import numbers, safe


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.693147, "0.6931"),
        (1e-5, "1e-5"),
        (123456.7, "123457"),
        (1.5e13, "1.5e13"),
        (0.0, "0"),
        (-0.25, "-0.25"),
        (math.nan, "NaN"),
        (math.inf, "infinite"),
        (-math.inf, "-infinite"),
        (None, "–"),
    ],
)
def test_a_number_has_four_digits_or_words(value: float | None, text: str) -> None:
    assert numbers.number(value) == text


def test_a_column_has_one_number_of_decimals() -> None:
    column = numbers.aligned([0.2296, 0.0131, 0.5, math.inf, None])
    assert column == ["0.2296", "0.0131", "0.5000", "infinite", "–"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.50 s"),
        (12.34, "12.3 s"),
        (63, "1 min 3 s"),
        (7500, "2 h 5 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_are_for_people(value: float, text: str) -> None:
    assert numbers.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (1, "1"),
        (True, "True"),
        ("1", "1"),
        (1e-5, "1e-5"),
        (None, "None"),
        ([1], "[1]"),
    ],
)
def test_hyperparameters_keep_their_type(value: object, text: str) -> None:
    assert numbers.setting(value) == text


def test_epochs_count_from_one() -> None:
    assert numbers.epoch(0) == "1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb", "a\\nb"),
        ("\u202egnp", "\\u202egnp"),
        ("\udc80", "\\udc80"),
        ("\u2028", "\\u2028"),
        ("naïve 日本 👩\u200d🔬", "naïve 日本 👩\u200d🔬"),
    ],
)
def test_characters_that_act_are_shown_instead(text: str, shown: str) -> None:
    assert safe.printable(text) == shown


def test_json_in_a_script_cannot_end_it() -> None:
    text = safe.script_json({"</script>": "<!--&\u2028\u2029"})
    assert not set("<>&\u2028\u2029") & set(text)


def test_plotly_reads_no_tags() -> None:
    assert safe.label("<a href='x'>") == "&lt;a href='x'&gt;"
