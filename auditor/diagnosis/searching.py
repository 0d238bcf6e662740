"""AUD012: what of a declared grid was not tried."""

from collections.abc import Iterator, Mapping, Sequence

from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import count
from auditor.files import Json
from auditor.outcomes import Outcome
from auditor.trials import Hyperparameter

MOST_CELLS = 100_000
"""Combinations of a grid that are looked at; nobody trains more."""

FAILURES_IN_A_ROW = 3
"""Failed trials in a row after which search tools give up, unless told otherwise."""

Cell = Mapping[str, Json]


def _needs(seen: Judged) -> str | None:
    if seen.trials.design.sampler != "grid":
        return "the search is not known to be a grid"
    if not seen.trials.space:
        return "the space of the search is not recorded"
    if any(not axis.values for axis in seen.trials.space):
        return "the declared space has no finite number of combinations"
    return None if _cells(seen.trials.space) else f"the grid has more than {MOST_CELLS:,} cells"


def _check(seen: Judged) -> Iterator[Finding]:
    cells = _cells(seen.trials.space)
    untried = _untried(cells, [seen.trials.hyperparameters[t] for t in _started(seen)])
    if not untried:
        return
    never = _never_tried(cells, untried)
    failed = _failed_at_the_end(seen)
    sentence = f"{len(untried)} of {count(len(cells), 'combination')} of the grid were not tried"
    if never:
        sentence += f", among them all with {' and all with '.join(never)}"
    if failed >= FAILURES_IN_A_ROW:
        sentence += (
            f"; the last {failed} trials failed, and a search commonly ends itself after "
            f"{FAILURES_IN_A_ROW} failures in a row"
        )
    yield UNTRIED.finding(
        sentence,
        (
            Evidence("combinations not tried", len(untried), "combinations", 1),
            Evidence("combinations declared", len(cells), "combinations"),
            Evidence("failed trials at the end", failed, "trials", FAILURES_IN_A_ROW),
        ),
        "high" if failed >= FAILURES_IN_A_ROW else "medium",
    )


def _cells(space: Sequence[Hyperparameter]) -> list[Cell]:
    """All combinations; empty where there are too many of them."""
    cells: list[Cell] = [{}]
    for axis in space:
        grown: list[Cell] = []
        for cell in cells:
            active = all(c.name in cell and cell[c.name] in c.values for c in axis.conditions)
            if active and axis.name not in cell:
                grown += [{**cell, axis.name: value} for value in axis.values]
            else:
                grown.append(cell)
            if len(grown) > MOST_CELLS:
                return []
        cells = grown
    return cells


def _started(seen: Judged) -> list[str]:
    return [trial for trial, runs in seen.trials.runs_of.items() if runs]


def _untried(cells: Sequence[Cell], tried: Sequence[Cell]) -> list[Cell]:
    """The cells that no trial is in; a value that a trial does not have may be any."""
    known: dict[frozenset[str], set[tuple[str, ...]]] = {}
    for values in tried:
        names = frozenset(values)
        known.setdefault(names, set()).add(_key(values, names))
    return [
        cell
        for cell in cells
        if not any(names <= cell.keys() and _key(cell, names) in k for names, k in known.items())
    ]


def _key(values: Cell, names: frozenset[str]) -> tuple[str, ...]:
    return tuple(_text(values[name]) for name in sorted(names))


def _text(value: Json) -> str:
    """A value as text, by which 1 is 1.0, and sums of steps are what they should be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return repr(value)
    try:
        return f"{value:.12g}"
    except OverflowError:  # an integer of hundreds of digits
        return str(value)


def _never_tried(cells: Sequence[Cell], untried: Sequence[Cell]) -> list[str]:
    """Values of which no combination was tried, in words; none where all or too many are so."""
    left = {(name, _text(value)) for cell in untried for name, value in cell.items()}
    missing = {id(cell) for cell in untried}
    for cell in cells:
        if id(cell) not in missing:
            left -= {(name, _text(value)) for name, value in cell.items()}
    return [f"{name}={value}" for name, value in sorted(left)][:3]


def _failed_at_the_end(seen: Judged) -> int:
    """How many of the last trials failed in a row."""
    failed = 0
    for trial in reversed(_started(seen)):
        recorded = (seen.trials.recorded[run].status for run in seen.trials.runs_of[trial])
        outcome = seen.outcomes.by_trial[trial]
        if outcome not in (Outcome.CRASHED, Outcome.DIVERGED) and "failed" not in recorded:
            break
        failed += 1
    return failed


UNTRIED = Rule(
    code="AUD012",
    title="Grid not complete",
    severity="warning",
    needs=_needs,
    check=_check,
    detected="Combinations of the declared values that no trial has, of a search known to be a "
    f"grid; and whether its last {FAILURES_IN_A_ROW} trials or more failed.",
    matters="The best configuration may be among those not tried: a search that ends itself after "
    "failures in a row leaves out whole values, since neighbours in a grid fail together.",
    remedy="Let the same search go on with the combinations that are left. If it ended itself "
    "after failures in a row: with a larger limit, or without the value that makes trials fail.",
    certainty="High where the last trials failed in a row; medium else: the search may still be "
    "going on.",
    thresholds=("FAILURES_IN_A_ROW", "MOST_CELLS"),
)
