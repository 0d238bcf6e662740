"""What limits the causes, in sentences.

The word "cause" is in none of them: it would be read as a claim that not every design allows.
"""

from collections.abc import Iterator

import numpy as np

from auditor.attribution.atoms import is_label
from auditor.attribution.cause import ANY_FAILURE, Cause
from auditor.attribution.design import Layout
from auditor.attribution.effects import Unit
from auditor.attribution.failures import Failures
from auditor.attribution.levels import ABSENT, Configurations, identity
from auditor.attribution.sentences import show
from auditor.attribution.thresholds import MAX_CATEGORIES, MIN_FAILING, MIN_SEEN, SPLIT
from auditor.trials import Trials

_RERUN = (
    "what is listed goes with failures, and need not be behind them. To find out, rerun with one "
    "value changed: auditor confirm does so for its own sweeps (docs/confirm.md)."
)

_DESIGNS = {
    "random": "Random search: rates are averages over this search space.",
    "adaptive": (
        "The search chose configurations by earlier results, so that values tried together fail "
        f"together: {_RERUN}"
    ),
    "unknown": f"How the configurations were chosen is not known: {_RERUN}",
}

_DISBELIEVED = "; the search is not taken for random, as which it was declared."


def find_notes(
    trials: Trials,
    configurations: Configurations,
    layout: Layout,
    failures: Failures,
    causes: tuple[Cause, ...],
    unit: Unit,
    looked_at: int,
) -> tuple[str, ...]:
    """All notes: on the design, the hyperparameters, the runs, and on what is not claimed."""
    if not configurations.trials:
        return ("No trial was started.",)
    return (
        _design(layout, len(configurations.trials)),
        *_drift(trials, layout),
        *_untried(trials, configurations),
        *_indistinguishable(configurations),
        *_rare(configurations),
        *_conditional(configurations),
        *_runs(failures),
        *_left_out(failures),
        *_claims(failures, causes, looked_at),
        *([_intervals(unit, len(configurations.trials))] if failures.found else []),
    )


def _design(layout: Layout, trials: int) -> str:
    if layout.name == "full grid":
        return f"Full grid: all {layout.cells} combinations of the observed values were tried."
    if layout.name == "grid with holes":
        return (
            f"Grid with holes: {layout.tried} of {layout.cells} combinations of the observed "
            f"values were tried, {layout.cells - layout.tried} are missing."
        )
    return f"{_DESIGNS[layout.name]} {layout.tried} configurations in {trials} trials."


def _drift(trials: Trials, layout: Layout) -> Iterator[str]:
    if layout.drifting:
        yield (
            f"Values of {_some(list(layout.drifting))} change with the order of the trials, as "
            "when later trials are chosen by earlier results"
            + (_DISBELIEVED if trials.design.sampler == "random" else ".")
        )


def _untried(trials: Trials, configurations: Configurations) -> Iterator[str]:
    """Declared values that no trial has."""
    levels = {f.name: set(map(identity, f.levels)) for f in configurations.factors}
    for hyperparameter in trials.space:
        seen = levels.get(hyperparameter.name, set())
        missing = [show(v) for v in hyperparameter.values if identity(v) not in seen]
        # A list this long is a stepped range: nobody expects each of its values.
        if missing and len(hyperparameter.values) <= MAX_CATEGORIES:
            yield f"Never tried: {hyperparameter.name} = {_some(missing)}."


def _indistinguishable(configurations: Configurations) -> Iterator[str]:
    """Hyperparameters whose values always change together."""
    groups: dict[bytes, list[int]] = {}
    for factor in np.flatnonzero(configurations.varied).tolist():
        groups.setdefault(_pattern(configurations, factor), []).append(factor)
    for group in groups.values():
        if len(group) > 1:
            names = [configurations.factors[factor].name for factor in group]
            example = " with ".join(_setting(configurations, factor) for factor in group)
            yield (
                f"{_and(names)} change together in all trials (always {example}, and so on): they "
                "are indistinguishable here."
            )


def _pattern(configurations: Configurations, factor: int) -> bytes:
    """Equal for two factors when the value of one in a trial tells that of the other."""
    codes = configurations.codes[:, factor]
    if configurations.factors[factor].ordered and len(np.unique(codes)) == len(codes):
        # Numbers that never repeat all tell each other; what counts is whether they rise together.
        return min(codes.tobytes(), (len(codes) - 1 - codes).tobytes())
    _, first, number = np.unique(codes, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number].tobytes()


def _setting(configurations: Configurations, factor: int) -> str:
    """The value of a factor in the first trial."""
    name, levels, *_ = configurations.factors[factor]
    code = configurations.codes[0, factor]
    return f"no {name}" if code == ABSENT else f"{name} = {show(levels[code])}"


def _and(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _rare(configurations: Configurations) -> Iterator[str]:
    for factor, codes in zip(configurations.factors, configurations.codes.T, strict=True):
        if is_label(factor):
            yield f"{factor.name} has {len(factor.levels)} different values, and is not compared."
        elif not factor.ordered:
            times = np.bincount(codes[codes != ABSENT], minlength=len(factor.levels))
            rare = [show(factor.levels[i]) for i in np.flatnonzero(times < MIN_SEEN)]
            if rare:
                yield (
                    f"Seen in fewer than {MIN_SEEN} trials, too few to be named: "
                    f"{factor.name} = {_some(rare)}."
                )


def _conditional(configurations: Configurations) -> Iterator[str]:
    total = len(configurations.trials)
    for factor, codes in zip(configurations.factors, configurations.codes.T, strict=True):
        existing = int((codes != ABSENT).sum())
        if existing < total:
            yield (
                f"{factor.name} exists in {existing} of {total} trials; its values are compared "
                "among these only."
            )


def _runs(failures: Failures) -> Iterator[str]:
    if failures.pruned or failures.missing:
        yield (
            f"Left out, because it is not known how they would have ended: {failures.pruned} "
            f"pruned runs and {failures.missing} without a result."
        )
    if not failures.repeated:
        yield "One run is recorded per trial: how far the counts depend on the seed is not known."
        return
    yield (
        f"Counts are of {len(failures.trial_of_run)} runs. A trial counts with the share of its "
        "runs that fail, in rescues with what most of them came to; in "
        f"{failures.disagreeing} trials the runs disagree."
    )


def _left_out(failures: Failures) -> Iterator[str]:
    for failure in failures.found:
        worse = int((failure.known & ~failure.comparable).sum())
        if worse:
            yield (
                f"What goes with '{failure.outcome}' was looked for without {_trials(worse)} that "
                "failed worse: they do not show whether they would have ended so too."
            )


def _claims(failures: Failures, causes: tuple[Cause, ...], looked_at: int) -> Iterator[str]:
    if not failures.found:
        yield "No run failed."
        return
    explained = {cause.outcome for cause in causes}
    for failure in failures.found[:-1]:
        if not {failure.outcome, ANY_FAILURE} & explained:
            number = int(failure.trials.sum())
            if number == int(failure.known.sum()):
                yield (
                    f"All {_trials(number)} ended as '{failure.outcome}': there is nothing to "
                    "compare them with."
                )
                continue
            why = (
                f"at least {MIN_FAILING} are needed"
                if number < MIN_FAILING
                else "too few, or too scattered, to be told from chance among the "
                f"{looked_at} values and pairs looked at"
            )
            yield (
                f"No value or pair of values goes with '{failure.outcome}' clearly enough to be "
                f"named ({_trials(number)} ended so: {why})."
            )


def _trials(number: int) -> str:
    return f"{number} trial" + "s" * (number != 1)


def _intervals(unit: Unit, trials: int) -> str:
    """What the intervals are over, or why there are none."""
    if unit is None:
        return (
            "Effects are plain differences of observed rates. No interval is claimed for them: "
            "neither were the values drawn at random, nor each trial trained with several seeds."
        )
    if unit == "runs":
        return (
            "Intervals (95 %) are over the seeds of these configurations, and say nothing on other "
            "configurations. Those of what is named are widened, because the strongest were picked."
        )
    return "Intervals (95 %) are over trials drawn at random from this search space. " + (
        f"What is named was looked for in {trials // 2} trials; its effects are of the others."
        if trials >= SPLIT
        else "Those of what is named are widened, because the strongest were picked."
    )


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
