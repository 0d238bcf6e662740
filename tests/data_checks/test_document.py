"""docs/check_data.md names every fact that is measured, and no other; and every rule on data."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from auditor.checking import CODES
from auditor.trials import DataChecks
from auditor.trials.data_checks import (
    Constant,
    LabelShift,
    Neighbours,
    Order,
    Repeats,
    Scale,
    Separation,
)

PAGE = (Path(__file__).parents[2] / "docs" / "check_data.md").read_text(encoding="utf-8")
PARTS = {
    "repeats": Repeats,
    "neighbours": Neighbours,
    "labels": LabelShift,
    "separation": Separation,
    "scale": Scale,
    "constant": Constant,
    "order": Order,
}
TWICE = {"labels": "LABELS", "separation": "SEPARATION"}
"""Parts that also stand below `data.order`."""


def keys() -> Iterator[str]:
    for field in fields(DataChecks):
        part = PARTS.get(field.name)
        if part is None:
            yield f"data.{field.name}"
            continue
        place = TWICE.get(field.name, f"data.{field.name}")
        own = (field.name for field in fields(part))
        yield from (f"{place}.{name}" for name in own if part is not Order or name not in TWICE)


def test_every_fact_is_documented_and_every_documented_fact_exists() -> None:
    told = re.findall(r"^\| `([\w.]+)(?:\[\])?` \|", PAGE, re.MULTILINE)
    assert sorted(told) == sorted(["schema", *keys()])


def test_every_rule_on_data_is_listed() -> None:
    assert tuple(re.findall(r"^\| (AUD\d+) \|", PAGE, re.MULTILINE)) == CODES
