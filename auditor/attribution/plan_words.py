"""Plans of reruns, and what came of them, in words."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.attribution.cause import Cause, Confirmation
from auditor.attribution.sentences import join_conditions, show
from auditor.attribution.thresholds import ALPHA

if TYPE_CHECKING:
    from auditor.attribution.planning import Cell, ConfirmationPlan, PlannedClaim


def words(plan: "ConfirmationPlan") -> str:
    """A plan, with what it costs."""
    lines = [_cost(plan)]
    for number, claim in enumerate(plan.claims, 1):
        lines += ["", f"{number}. {short_name(claim.cause)}", *_claim(plan, claim)]
    for cause, why in plan.left_out:
        lines += ["", f"not decided: {short_name(cause)}: {why}"]
    return "\n".join(lines)


def short_name(cause: Cause) -> str:
    """A cause in short, such as "lr = 1.0 with activation = sigmoid (diverged)"."""
    return f"{join_conditions(cause.conditions)} ({cause.outcome})"


def verdict_words(found: Confirmation) -> str:
    """What reruns say of a cause, with counts.

    Example:
        >>> verdict_words(cause.confirmation)
        'confirmed by reruns: 6 of 6 with new seeds fail; 0 of 6 after changing lr (p = 0.005)'
    """
    flips = ", ".join(
        f"{flip.failing} of {flip.total} after changing {flip.hyperparameter}"
        for flip in found.flips
    )
    counts = f"{found.failing} of {found.total} with new seeds fail; {flips}"
    if found.verdict == "confirmed":
        return f"confirmed by reruns: {counts} (p = {_p(found.adjusted_p)})"
    if found.verdict == "withdrawn":
        return f"withdrawn after reruns: {counts}"
    return f"reruns leave it open: {counts} (p = {_p(found.adjusted_p)}): {_why(found)}"


def _why(found: Confirmation) -> str:
    if found.adjusted_p > ALPHA:
        return "more seeds are needed"
    return "it makes a difference, but does not decide alone"


def _cost(plan: "ConfirmationPlan") -> str:
    if not plan.claims:
        return "There is nothing to rerun."
    if not plan.trainings:
        return "All planned reruns have been made."
    seconds = "" if plan.seconds is None else f", about {_duration(plan.seconds)} one after another"
    decided = f"{len(plan.claims)} cause{'s' * (len(plan.claims) != 1)}"
    done = sum(min(cell.done, cell.seeds) for cell in plan.cells)
    earlier = f"; {done} were made earlier" if done else ""
    return f"{_count(plan.trainings, 'training')}{seconds}, to decide {decided}{earlier}"


def _claim(plan: "ConfirmationPlan", claim: "PlannedClaim") -> Iterator[str]:
    if claim.confirmation is not None:
        yield f"   {verdict_words(claim.confirmation)}"
    cells = [plan.cells[place] for place in claim.cells]
    yield f"   {_count(len(cells), 'configuration')}, {claim.seeds} new seeds each:"
    for cell in cells:
        yield f"     {_setting(cell)}"
    for hyperparameter, places in claim.flipped.items():
        changed = [plan.cells[place] for place in places]
        yield f"   each with another {hyperparameter}: {_changes(hyperparameter, changed)}"
    yield (
        "   confirmed if nearly all of the former fail and nearly none of the latter "
        f"(p = {_p(claim.least_p)} if all do)"
    )


def _setting(cell: "Cell") -> str:
    values = ", ".join(f"{name} = {show(value)}" for name, value in cell.hyperparameters.items())
    return f"{values} ({_origin(cell)})"


def _origin(cell: "Cell") -> str:
    if cell.trial_id is None:
        return "not trained yet"
    return f"trial {cell.trial_id}, which {'failed' if cell.failed else 'did not fail'}"


def _changes(hyperparameter: str, cells: Sequence["Cell"]) -> str:
    return ", ".join(
        f"{show(cell.hyperparameters[hyperparameter])} "
        f"({'not trained yet' if cell.trial_id is None else f'trial {cell.trial_id}'})"
        for cell in cells
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _duration(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def _p(value: float) -> str:
    return f"{value:.2g}"
