"""`auditor compare`: what it takes, what it writes, how it ends."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from auditor.cli import app
from auditor.comparing import compare
from auditor.files import Json, from_json, to_json
from tests.comparing.planted import GRID, SEEDS, quick, sweep

KERAS_TUNER = Path(__file__).parent / "data" / "keras_tuner-1.4.8"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two saved audits; all trials of the second are worse."""
    folder = tmp_path_factory.mktemp("saved")
    quick(sweep(0)).save(folder / "first")
    quick(sweep(1, shift=3 * SEEDS)).save(folder / "second")
    return folder


def test_saved_audits_are_compared_as_they_were(saved: Path, tmp_path: Path) -> None:
    files = ("--json", tmp_path / "c.json", "--html", tmp_path / "c.html")
    result = run(saved / "first", saved / "second", *files)
    assert result.exit_code == 0
    assert "Worse: val_loss is worse in" in result.stdout
    assert result.stdout.endswith(f"Written: {tmp_path / 'c.json'}\n")
    assert "Worse: val_loss is worse in" in (tmp_path / "c.html").read_text(encoding="utf-8")
    record = json.loads((tmp_path / "c.json").read_text())
    assert (record["schema"], record["verdict"]) == (1, "worse")
    assert len(record["matching"]["pairs"]) == 24


@pytest.mark.parametrize(("order", "code"), [(("first", "second"), 1), (("second", "first"), 0)])
def test_a_pipeline_may_fail_on_worse(order: tuple[str, str], code: int, saved: Path) -> None:
    result = run(*(saved / name for name in order), "--fail-on-worse")
    assert result.exit_code == code
    assert ("AFTER is worse" in result.stderr) == bool(code)


def test_a_sweep_is_read_and_one_of_several_is_chosen() -> None:
    several = run(KERAS_TUNER / "grid", KERAS_TUNER)
    assert several.exit_code == 3
    assert "choose one by --sweep-after: 1: kerastuner bayesian" in several.stderr
    one = run(KERAS_TUNER / "grid", KERAS_TUNER, "--sweep-after", "grid")
    assert one.exit_code == 0
    assert "Nothing changed" in one.stdout


def test_another_objective_ranks_both(saved: Path) -> None:
    result = run(saved / "first", saved / "second", "--objective", "loss")
    assert result.exit_code == 0
    assert "Worse: loss is worse in" in result.stdout


def test_a_missing_side_is_an_error_in_one_line(saved: Path) -> None:
    result = run(saved / "first", saved / "third")
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1


DIFFERING = ("unlike[]", "setup[]", "matching.fixed[]")
FREE = ("outcomes", "claims", "conditions")
"""Names whose values have keys of their own, or are documented elsewhere."""


def documented() -> set[str]:
    page = (Path(__file__).parents[1] / "docs" / "compare.md").read_text(encoding="utf-8")
    return {line.split("`")[1] for line in page.split("\n") if line.startswith("| `")}


def keys(value: Json, above: str = "") -> Iterator[str]:
    """The names in a record, written as in the documentation."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        for one in value:
            yield from keys(one, f"{above}[]")
    elif isinstance(value, dict) and above.rpartition(".")[2] not in FREE:
        for name, inner in value.items():
            yield from keys(inner, f"{above}.{name}" if above else name)
    else:
        for place in DIFFERING:
            above = above.replace(f"{place}.", "DIFFERING.")
        above = "objective" + above.removeprefix("gap") if above.startswith("gap") else above
        yield re.sub(r"^(spent\.)?(before|after)\.", r"\1SIDE.", above)


def test_the_record_is_documented() -> None:
    before = quick(sweep(0, executions=2, validation_rows=9, crashing=0.3, values=GRID[:6]))
    after = quick(sweep(1, executions=3, values=[{**one, "l2": 0.1} for one in GRID]))
    apart = quick(sweep(2, validation_rows=8))
    records = [
        from_json(to_json(compare(before, other).record)) for other in (after, apart, before)
    ]
    assert {name for record in records for name in keys(record)} <= documented()
