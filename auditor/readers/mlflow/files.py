"""MLflow's file store: `mlruns/<experiment>/<run>/{meta.yaml,params/*,metrics/*,tags/*}`.

Every parameter, metric and tag has a file of its own, so a thousand runs are some twenty thousand
files: they are opened once each, without a look before.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from auditor.readers.contents import clean
from auditor.readers.lines import MOST_BAD_LINES, blocks
from auditor.readers.mlflow.run import PARENT, MlflowRun
from auditor.readers.tensorboard.events import Scalars

META, PARAMS, METRICS, TAGS = "meta.yaml", "params", "metrics", "tags"

MOST_FILES = 10_000
"""Parameters or metrics of one run."""

MOST_NESTING = 10
"""Levels of folders below `metrics`: a name such as "val/loss" makes one."""

MOST_METRIC_BYTES = 64 * 2**20
"""Of one metric; a value takes some forty bytes."""

MOST_STEPS = 2**63
"""A step is a whole number of 64 bits."""

MOST_TEXT_BYTES = 2**16
"""Of a parameter, a tag or `meta.yaml`."""

_ENTRY = re.compile(rb"^(\w+): *(.*?)\r?$", re.MULTILINE)
_STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}


@dataclass
class RunFolder:
    """A run, and what of its files could not be used: file below the run -> sentence."""

    run: MlflowRun
    complaints: dict[str, str] = field(default_factory=dict)


def read_run(folder: Path) -> RunFolder:
    """Read the folder of one run."""
    found = RunFolder(MlflowRun(str(clean(folder.name))))
    run, base = found.run, os.fspath(folder)
    meta = read_meta(folder)
    if "lifecycle_stage" not in meta and "status" not in meta:
        found.complaints[META] = "it is missing or damaged: whether and when the run ended is lost"
    run.status = _STATUS.get(meta.get("status", ""), meta.get("status", ""))
    run.start, run.end = _whole(meta.get("start_time")), _whole(meta.get("end_time"))
    run.is_deleted = meta.get("lifecycle_stage") == "deleted"
    if run.is_deleted:
        return found
    for name, content in _contents(os.path.join(base, PARAMS), MOST_TEXT_BYTES):
        if len(content) > MOST_TEXT_BYTES:
            found.complaints[f"{PARAMS}/{name}"] = "it is too long for a hyperparameter"
            continue
        run.parameters[name] = content.decode("utf-8", "replace").rstrip("\r\n")
    for name, content in _contents(os.path.join(base, METRICS), MOST_METRIC_BYTES):
        run.metrics[name], complaint = _points(content)
        if complaint:
            found.complaints[f"{METRICS}/{name}"] = complaint
    parent = _read(os.path.join(base, TAGS, PARENT), MOST_TEXT_BYTES)
    run.parent = parent.decode("utf-8", "replace").strip() or None
    return found


def read_meta(folder: Path) -> Mapping[str, str]:
    """The entries of a `meta.yaml`: plain values, as text without quotes. Empty without one."""
    content = _read(os.path.join(folder, META), MOST_TEXT_BYTES)
    return {
        key.decode(): value.decode("utf-8", "replace").strip("'\"")
        for key, value in _ENTRY.findall(content)
    }


def _contents(
    folder: str, most: int, prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in a folder; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(islice(entries, MOST_FILES), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        name = f"{prefix}{clean(entry.name)}"
        if entry.is_file(follow_symlinks=False):
            yield name, _read(entry.path, most)
        elif entry.is_dir(follow_symlinks=False) and depth < MOST_NESTING:
            yield from _contents(entry.path, most, f"{name}/", depth + 1)


def _read(path: str, most: int) -> bytes:
    """The content of a file, cut after `most` bytes and one; empty where there is none."""
    try:
        with open(path, "rb", buffering=0, opener=_without_waiting) as file:
            return file.read(most + 1) or b""
    except (OSError, ValueError):
        return b""


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file, and a pipe without waiting for whoever would write to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _points(content: bytes) -> tuple[Scalars, str | None]:
    """The values of a metric, one per line: time, value, and step, which old versions left out."""
    if len(content) > MOST_METRIC_BYTES:
        return _scalars([]), f"it has more than {MOST_METRIC_BYTES:,} bytes, and is left out"
    whole, _, rest = content.rpartition(b"\n")
    pieces, bad = [], 0
    for block in blocks(whole):
        scalars, lost = _block(block)
        pieces.append(scalars)
        bad += lost
        if bad > MOST_BAD_LINES:
            break
    complaint = "it is cut off in its last line, which is left out" if rest.strip() else None
    if bad:
        rest_too = ", and so is the rest" if bad > MOST_BAD_LINES else ""
        complaint = f"lines that are no values of a metric are left out: {bad}{rest_too}"
    if len(pieces) == 1:
        return pieces[0], complaint
    columns = [[getattr(s, name) for s in pieces] for name in ("steps", "times", "values")]
    return Scalars(*map(np.concatenate, columns)) if pieces else _scalars([]), complaint


def _block(block: bytes) -> tuple[Scalars, int]:
    """The values in some lines, and how many lines are none."""
    lines, cells = block.splitlines(), block.split()
    if len(cells) == 3 * len(lines):
        with suppress(ValueError, OverflowError):
            return _scalars([cells[0::3], cells[1::3], cells[2::3]]), 0
    rows = [row for line in lines if (row := _row(line.split()))]
    bad = sum(1 for line in lines if line.strip()) - len(rows)
    return _scalars([list(column) for column in zip(*rows, strict=True)]), bad


def _row(cells: list[bytes]) -> list[bytes] | None:
    """Time, value and step of a line; what follows, such as the name of a data set, is left out."""
    row = [*cells[:2], *(cells[2:3] or [b"0"])]
    try:
        float(row[0]), float(row[1])
        return row if abs(int(row[2])) < MOST_STEPS else None
    except (ValueError, IndexError):
        return None


def _scalars(columns: list[list[bytes]]) -> Scalars:
    """From texts of times, values and steps."""
    times, values, steps = columns or ([], [], [])
    return Scalars(
        np.array(list(map(int, steps)), np.int64),
        np.array(list(map(float, times)), np.float64),
        np.array(list(map(float, values)), np.float64),
    )


def _whole(text: str | None) -> int | None:
    """Milliseconds; the year 2100 has thirteen digits."""
    return int(text) if text and re.fullmatch(r"[0-9]{1,14}", text) else None
