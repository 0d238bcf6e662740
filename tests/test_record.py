"""`audit.json`: documented key by key, and read back as it was written."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.attribution.cause import (
    Attribution,
    Cause,
    Condition,
    Confirmation,
    Flip,
    GapEffect,
    GapPair,
    Rescue,
    RescuingSet,
    Tally,
)
from auditor.attribution.help import Help, Helping, NoEffect
from auditor.auditing import Audit
from auditor.diagnosis import diagnose
from auditor.errors import ReadError
from auditor.files import to_json
from auditor.outcomes import judge
from auditor.scoring import score
from auditor.selection import Estimate, Luck, OnTest, Overtuning, Selection, Standing
from auditor.trials import (
    Context,
    Objective,
    Problem,
    Provenance,
    Recorded,
    Run,
    RunOnTest,
    Trials,
    WinnerOnTest,
)
from tests.making import sweep

DOCUMENT = Path(__file__).parents[1] / "docs" / "audit_json.md"
FREE = (
    "leaderboard[].hyperparameters.",
    "runs[].verdict.evidence.",
    "provenance.versions.",
    "coverage.on_test.metrics.",
    "coverage.on_test.errors.",
    "coverage.on_test.runs[].metrics.",
    "coverage.on_test.minus_validation.",
)
HIGH = Condition("lr", "==", 1.0)
COUNTS = Tally("overfit", (HIGH,), 1, 2, 0, 3, 0.5, 0.5, (0.1, 0.9), 0.4, (0.2, 0.6))
CAUSE = Cause(
    "overfit",
    (HIGH,),
    COUNTS,
    0.5,
    (0.1, 0.9),
    None,
    "but-for",
    (Rescue("lr", 1, 1, 1),),
    "lr",
    (RescuingSet(("lr", "units"), 1, 1),),
    Confirmation("undecided", 5, 6, (Flip("lr", 2, 6, 0.1),), 0.2),
)
GAP = GapEffect(HIGH, 2, 2, 0.1, (0.0, 0.2), 0.7, (0.5, 0.9))
TOGETHER = GapPair(
    (HIGH, Condition("units", "==", 8)),
    *(2, 0.1, (0.0, 0.2), 0.7, (0.5, 0.9), True, False, "but-for"),
)
ATTRIBUTION = Attribution(
    "full grid", 4, (COUNTS,), (COUNTS,), (CAUSE,), ("few trials",), (GAP,), (CAUSE,), (TOGETHER,)
)
LOW = Condition("lr", "==", 0.1)
HELP = Help(
    LOW, HIGH, -0.1, (-0.2, 0.0), -0.05, (-0.1, 0.0), True, False, 6, 12, "but-for", "lr"
)  # fmt: skip
PICKED = Selection(
    *(9, "over", 0.4, 1.5),
    (
        Luck(
            *("rows", 9, 16, 200, math.nan, Estimate(0.1, (0.0, 0.2)), Estimate(0.1, (0.0, 0.2))),
            *(("over",), (1, 2), 0.1, 0.5, (Standing("nan", 0.1, (0.0, 0.2)),)),
        ),
    ),
    OnTest("test_loss", 0.5, Estimate(0.1, (0.0, 0.2)), 100, 1),
    Overtuning("test_loss", (1,), (0.4,), (0.5,), (0.6,), 0.0, 0.1, 0.1),
    ("few trials",),
)
TESTED = {"loss": 0.7}
ON_TEST = WinnerOnTest("over", 9, TESTED, {"loss": 0.1}, (RunOnTest(0, 0, TESTED),))
HELPING = Helping(12, 1, 2, (HELP,), (NoEffect("units", 0.1, None),), ("few trials",))


def audited(trials: Trials) -> Audit:
    """An audit with a cause, whatever the trials are: the record must hold one."""
    outcomes = judge(trials)
    scores = score(trials, outcomes)
    found = diagnose(trials, outcomes, scores)
    return Audit(trials, outcomes, scores, *found, ATTRIBUTION, PICKED, HELPING)


def sample() -> Audit:
    runs = {
        Run("over", 0): {"loss": [0.6, 0.5, 0.3, 0.1], "val_loss": [0.4, 0.6, 0.8, 1.0]},
        Run("nan", 0): {"loss": [math.nan], "val_loss": [math.inf]},
    }
    parts = (Objective("val_loss"), Objective("val_acc", "max"))
    trials = sweep(
        runs,
        Objective("both", components=parts),
        recorded={
            Run("over", 0): Recorded("completed", metrics={"val_loss": 0.4}),
            "crashed": Recorded("failed", message="boom"),
        },
        provenance=Provenance(
            "tool",
            "1",
            "/x",
            ("a",),
            {"keras": "3"},
            ("seeds",),
            (Problem("cut off", "a", "over"),),
        ),
    )
    values = {"over": {"lr": 1.0}, "nan": {"lr": "NaN"}, "crashed": {}, "planned": {"lr": 1}}
    made = Trials(
        values, trials.recorded, trials.curves, trials.objective, provenance=trials.provenance,
        context=Context(lane={Run("nan", 0): "stacked"}, on_test=ON_TEST),
    )  # fmt: skip
    return audited(made)


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Dotted paths of all leaves, as the document writes them."""
    if any(path.startswith(free) for free in FREE):
        yield next(free for free in FREE if path.startswith(free)) + "*"
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from keys(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and not _is_run(path):
        for item in value:
            yield from keys(item, f"{path}[]")
    else:
        yield path


def _is_run(path: str) -> bool:
    return path in ("leaderboard[].best_run", "findings[].runs[]")


def documented() -> set[str]:
    cells = re.findall(r"^\| `([^`]+)` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    expanded = {"TALLY": ["attribution.values[]", "attribution.pairs[]", "CAUSE.counts"]}
    expanded["CAUSE"] = ["causes[]", "attribution.causes[]", "attribution.withdrawn[]"]
    for short, places in expanded.items():
        cells = [
            cell.replace(short, place, 1)
            for cell in cells
            for place in (places if cell.startswith(f"{short}.") else [""])
        ]
    return set(cells)


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    record = json.loads(to_json(sample().record))
    written = set(keys(record))
    # A list or null that is empty in one place is filled in another.
    empty = {path for path in written if any(other.startswith(f"{path}[") for other in written)}
    assert written - empty == documented()


def test_the_leaderboard_holds_what_others_parse() -> None:
    row = sample().record["leaderboard"][0]
    assert {
        "trial_id", "rank", "rank_without_penalty", "score", "best_epoch", "objective", "gap",
        "outcome", "hyperparameters",
    } <= row.keys()  # fmt: skip


def test_the_file_is_strict_json_with_numbers_that_are_not_finite_as_text(tmp_path: Path) -> None:
    sample().save(tmp_path)
    record = json.loads((tmp_path / "audit.json").read_text(), parse_constant=pytest.fail)
    by_id = {row["trial_id"]: row for row in record["leaderboard"]}
    assert by_id["nan"]["score"] == "Infinity"
    assert by_id["nan"]["hyperparameters"]["lr"] == "\\NaN"
    assert record["selection"]["luck"][0]["corrected"] == "NaN"


value = st.floats() | st.floats(-2, 2)
curve = st.dictionaries(st.integers(0, 9), value, max_size=8)
logs = st.dictionaries(st.sampled_from(["loss", "val_loss"]), curve)
some_run = st.builds(Run, st.sampled_from(["a", "ü", "NaN"]), st.integers(0, 1), st.just(0))
runs = st.dictionaries(some_run, logs, max_size=4)


@given(runs, st.none() | st.floats(0.01, 5))
def test_an_audit_comes_back_as_it_was(curves: Any, no_skill: float | None) -> None:
    audit = audited(sweep(curves, no_skill_loss=no_skill))
    with TemporaryDirectory() as folder:
        audit.save(folder)
        again = Audit.load(folder)
    assert again.trials == audit.trials
    assert list(again.scores.by_trial) == list(audit.scores.by_trial)
    for part in ("outcomes", "scores", "findings", "checks", "attribution", "selection"):
        # As text, in which a NaN equals a NaN and a mapping has no order.
        assert _text(getattr(again, part)) == _text(getattr(audit, part)), part
    assert to_json(again.record) == to_json(audit.record)


def test_the_lane_of_a_run_is_in_the_record() -> None:
    lanes = {row["trial_id"]: row["lane"] for row in sample().record["runs"]}
    assert lanes == {"over": None, "nan": "stacked", "crashed": None}


def _text(part: Any) -> str:
    if hasattr(part, "by_run"):
        fields = vars(part) | {"by_run": None, "by_trial": None}
        ordered = sorted(map(repr, [*part.by_run.items(), *part.by_trial.items()]))
        return repr((fields, ordered))
    return repr(part)


def _without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in record.items() if name != key}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: r | {"schema": 99}, "schema 99.*update"),
        (lambda r: [], "schema None"),
        (lambda r: _without(r, "runs"), "not the record of an audit.*again"),
        (lambda r: r | {"runs": r["runs"][1:]}, "trials beside it.*again"),
        (lambda r: r | {"leaderboard": r["leaderboard"][1:]}, "trials beside it"),
        (lambda r: r | {"leaderboard": [{}]}, "not the record of an audit"),
        (
            lambda r: r | {"leaderboard": [row | {"outcome": "fine"} for row in r["leaderboard"]]},
            "not the record of an audit.*fine",
        ),
    ],
)
def test_a_record_that_does_not_fit_is_refused(tmp_path: Path, spoil: Any, message: str) -> None:
    sample().save(tmp_path)
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(spoil(json.loads(path.read_text()))))
    with pytest.raises(ReadError, match=f"(?s){message}"):
        Audit.load(tmp_path)
