"""`test.json`: what the winners of a sweep showed on test data."""

from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from auditor.errors import ReadError
from auditor.files import Json, read_json
from auditor.trials import Problem, WinnerOnTest

SCHEMA = 1
"""Version of the file."""

FILE = "test.json"


def read_on_test(path: Path) -> tuple[WinnerOnTest | None, str, list[Problem]]:
    """The last winner on the test data that the last search was given.

    Returns:
        What it showed; why it was not evaluated, empty where that is not said; and what is wrong
        with the file.
    """
    if not path.exists():
        return None, "", []
    try:
        state = read_json(path)
        if not isinstance(state, dict) or state.get("schema") != SCHEMA:
            raise ReadError("no test results of this version")
        return _found(state), str(state.get("why_not") or "")[:1_000], []
    except (ReadError, ValidationError, KeyError, TypeError, AttributeError) as error:
        return None, "", [Problem(f"{error}; it is ignored", path.name)]


def _found(state: Json) -> WinnerOnTest | None:
    data, trial_id = state["winner"]["data"], state["winner"]["trial_id"]
    on_these = {entry["trial_id"]: entry for entry in state["evaluated"] if entry["data"] == data}
    if trial_id not in on_these:
        return None
    return _on_test().validate_python({**on_these[trial_id], "winners": len(on_these)})


@cache
def _on_test() -> TypeAdapter[WinnerOnTest]:
    return TypeAdapter(WinnerOnTest)
