"""The winner on test data, beside what validation showed of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.report.numbers import count, number

if TYPE_CHECKING:
    from auditor.auditing import Audit

DIGITS = 2
"""Of a standard error."""


def on_test(audit: "Audit", best: str | None) -> Iterator[tuple[str, str]]:
    """What test data showed, and how far that is from validation, each with a name.

    Args:
        audit: Whose test data.
        best: The best trial of the audit; the one that was evaluated may be an earlier winner.
    """
    found = audit.trials.context.on_test
    if found is None:
        return
    values = ", ".join(f"{name} {number(value)}" for name, value in found.metrics.items())
    whose = "" if found.trial_id == best else f"trial {found.trial_id}, the best at that time: "
    yield "on the test data", f"{whose}{values} ({count(found.rows, 'row')}{_looks(found.winners)})"
    apart = found.minus_validation(audit.trials.recorded)
    if apart:
        differences = [
            f"{name} {number(value, 3)}{_error(found.errors.get(name))}"
            for name, value in apart.items()
        ]
        known = any(name in found.errors for name in apart)
        yield (
            "test minus validation",
            ", ".join(differences) + (" (± standard error)" if known else ""),
        )


def _looks(winners: int) -> str:
    return f"; {count(winners)} winners were evaluated on them so far" if winners > 1 else ""


def _error(error: float | None) -> str:
    return "" if error is None else f" ± {number(error, DIGITS)}"
