"""`predictions.json`: what the best model says of the validation rows."""

from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from auditor.errors import ReadError
from auditor.files import read_json
from auditor.trials import Predictions, Problem

SCHEMA = 1
"""Version of the file."""

FILE = "predictions.json"


def read_predictions(path: Path) -> tuple[Predictions | None, str, list[Problem]]:
    """The predictions that are kept in a file.

    Returns:
        The predictions; why there are none, empty where that is not said; and what is wrong with
        the file.
    """
    if not path.exists():
        return None, "", []
    try:
        state = read_json(path)
        if not isinstance(state, dict) or state.get("schema") != SCHEMA:
            raise ReadError("no predictions of this version")
        if "predictions" not in state:
            return None, str(state.get("why_not", ""))[:1_000], []
        return _predictions().validate_python(state["predictions"]), "", []
    except (ReadError, ValidationError) as error:
        return None, "", [Problem(f"{error}; it is ignored", path.name)]


@cache
def _predictions() -> TypeAdapter[Predictions]:
    return TypeAdapter(Predictions)
