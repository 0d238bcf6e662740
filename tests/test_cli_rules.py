"""`auditor rules`: a list, one rule explained, the page of all."""

import pytest
from typer.testing import CliRunner, Result

from auditor.cli import app
from auditor.diagnosis.document import documentation, explained, thresholds_of
from auditor.diagnosis.finding import Rule
from auditor.diagnosis.rules import RULES


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["rules", *arguments])


def test_rules_are_listed_a_line_each() -> None:
    lines = run().stdout.splitlines()
    assert [line.split()[0] for line in lines[: len(RULES)]] == [rule.code for rule in RULES]
    assert "AUD003  warning  Overfitting" in lines


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_explained_in_lines_that_fit(rule: Rule) -> None:
    result = run(rule.code.lower())
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    for heading, text in explained(rule):
        assert f"{heading} {' '.join(text.split())}" in words
    for threshold in thresholds_of(rule):
        assert f"{threshold.name} = {threshold.value}" in words
    assert max(map(len, result.stdout.splitlines())) <= 88


def test_the_page_of_all_is_printed() -> None:
    assert run("--markdown").stdout == documentation()


def test_an_unknown_rule_is_refused_with_those_there_are() -> None:
    result = run("AUD999")
    assert result.exit_code == 2
    assert "no rule AUD999; known are AUD001, AUD002" in " ".join(result.stderr.split())
