"""What a comparison says of the best trials, and of those that both sweeps have."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.comparing.records import Best, Paired
from auditor.report.numbers import count, number

if TYPE_CHECKING:
    from auditor.comparing import Comparison

PICKED = "Both were picked for these very values, so that either may do a little worse on new data."


def of_best(found: "Comparison") -> Iterator[str]:
    """What is known of the best trials, and how sure it is."""
    best = found.best
    if best is None or found.verdict == "same":
        return
    yield (
        f"The best before was trial {best.before}, {name(found)} "
        f"{number(best.objective_before)}; the best after is trial {best.after}, "
        f"{number(best.objective_after)}. {_how_sure(found, best)}"
    )
    if best.again is not None and best.again != best.objective_after:
        yield (
            f"The hyperparameters of trial {best.before}, the best before, came to "
            f"{number(best.again)} after."
        )


def _how_sure(found: "Comparison", best: Best) -> str:
    if best.interval is None:
        once = "Each was" if best.runs_before == best.runs_after == 1 else "One of them was"
        if min(best.runs_before, best.runs_after) > 1:
            return "Their trainings do not differ among themselves, and so tell nothing of luck."
        if best.objective_before == best.objective_after:
            return f"{once} trained once: with other seeds they may differ."
        return f"{once} trained once, so how much of the difference is luck is not known."
    low, high = (number(end) for end in best.interval)
    text = (
        f"Their {best.runs_before} and {best.runs_after} trainings put the difference between "
        f"{low} and {high} (95 % interval)."
    )
    if best.p is None:
        trials = [count(spent.trials) for spent in found.spent]
        text += (
            f" {trials[0]} trials were searched before and {trials[1]} after: the best of more is "
            "better by luck alone, so nothing is claimed."
        )
    return f"{text} {PICKED}"


def of_pairs(found: "Comparison") -> Iterator[str]:
    """What trials of equal hyperparameters show."""
    pairs = len(found.matching.pairs)
    if not pairs:
        yield (
            "No trial has the same hyperparameters on both sides: what was searched may be behind "
            "every difference."
        )
        return
    both = f"{count(pairs, 'trial')} {'has' if pairs == 1 else 'have'}"
    how = "the same hyperparameters on both sides" if found.matching.names else "a partner"
    if found.objective is None or len(found.objective.differences) < 2:
        yield f"{both} {how}."
        return
    n = len(found.objective.differences)
    which = "" if n == pairs else f", {count(n)} of them without diverging or crashing on either"
    yield f"{both} {how}{which}. {_shifted(found.objective, name(found))}"
    gaps = found.gap
    if gaps and gaps.differences and gaps.better + gaps.worse:
        yield _shifted(gaps, "the generalization gap (a negative one counts as none)")
    seeds = found.beyond_seeds
    if seeds and seeds.tested:
        yield (
            f"By more than their own trainings differ, {count(len(seeds.better))} of "
            f"{count(seeds.tested)} are better and {count(len(seeds.worse))} worse (Student's t, "
            "adjusted for their number)."
        )


def _shifted(paired: Paired, what: str) -> str:
    capital = what[:1].upper() + what[1:] if " " in what else what
    text = (
        f"{capital} is better after in {count(paired.better)}, worse in {count(paired.worse)}, "
        f"equal in {count(paired.equal)}"
    )
    if not paired.better + paired.worse or paired.shift is None:
        return f"{text}."
    text += f"; typically it changed by {number(paired.shift, 2)}"
    if paired.interval is None or paired.p is None:
        return f"{text}. These are too few for a test."
    low, high = (number(end, 2) for end in paired.interval)
    p = significance(paired.p)
    return f"{text} (95 % interval {low} to {high}; Wilcoxon's signed-rank test, {p})."


def moved(best: Best) -> str:
    """How a value went, such as from 0.35 to 0.3."""
    rise = best.objective_after - best.objective_before
    how = "rose" if rise > 0 else "fell"
    if not rise:
        return f"is {number(best.objective_after)} on both sides"
    return f"{how} from {number(best.objective_before)} to {number(best.objective_after)}"


def significance(value: float) -> str:
    """A p, as it is told."""
    return f"p = {number(value, 2)}" if value >= 1e-4 else "p < 0.0001"


def name(found: "Comparison") -> str:
    """What both rank by."""
    return found.after.trials.objective.name
