"""The audit as CSV files, for spreadsheets and programs.

Values are written as they are. A name that begins with "=", "+", "-" or "@" is one that some
spreadsheets take for a formula when they open the file: rewriting it would make the ids in these
files differ from the ids in the directory, so open files of strangers by importing columns as text.

An observed NaN is the text `nan`, an infinite value `inf` or `-inf`, and what is not known is
empty. Epochs count from 0, as in all data; only reports for people count from 1.
"""

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.files import Json, to_json, write_whole
from auditor.report.tables import tables

if TYPE_CHECKING:
    from auditor.auditing import Audit


def write_csv(audit: "Audit", folder: str | Path) -> None:
    """Write the tables of `auditor.report.tables`, each as a file, whole or absent.

    Lists (trials, evidence, conditions) are JSON.

    Raises:
        OSError: The folder cannot be made or written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (columns, rows) in tables(audit).items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(value) for value in row] for row in rows)
        # A folder's name need not be valid Unicode: its odd bytes are written as escapes.
        write_whole(folder / f"{name}.csv", text.getvalue().encode(errors="backslashreplace"))


def _text(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return str(value) if isinstance(value, str | bool | int) else to_json(value)
