"""From outcomes to causes: which hyperparameter values go with which outcome."""

from dataclasses import replace

from auditor.attribution.atoms import find_atoms
from auditor.attribution.cause import Attribution
from auditor.attribution.causes import Sweep, find_causes
from auditor.attribution.chance import count_hypotheses
from auditor.attribution.confirming import reruns_of, take_reruns, withdrawn_words
from auditor.attribution.design import Layout, find_layout
from auditor.attribution.effects import Estimator, find_unit
from auditor.attribution.ends import find_ends
from auditor.attribution.failures import find_failures
from auditor.attribution.gap_pairs import find_gap_pairs
from auditor.attribution.gaps import find_gaps
from auditor.attribution.help import Helping
from auditor.attribution.helping import find_help
from auditor.attribution.levels import Configurations, encode
from auditor.attribution.notes import find_notes
from auditor.attribution.planning import ConfirmationPlan, plan
from auditor.attribution.rescue import Neighbours
from auditor.outcomes import Outcomes, judge
from auditor.scoring import Scores
from auditor.trials import Trials


def explain(trials: Trials, outcomes: Outcomes, scores: Scores) -> tuple[Attribution, Helping]:
    """What broke trials, and what helped those that survived.

    The same as `attribute` and `find_help`, of configurations that are encoded once.

    Args:
        trials: What was observed.
        outcomes: From `auditor.outcomes.judge`.
        scores: From `auditor.scoring.score`.

    Example:
        >>> attribution, helping = explain(trials, outcomes, score(trials, outcomes))
    """
    configurations = encode(trials)
    layout = find_layout(trials, configurations)
    return (
        _attribute(trials, outcomes, scores, configurations, layout),
        find_help(trials, outcomes, scores, configurations, layout),
    )


def attribute(trials: Trials, outcomes: Outcomes, scores: Scores | None = None) -> Attribution:
    """Which hyperparameter values, alone or in pairs, go with which failure.

    Args:
        trials: What was observed.
        outcomes: From `auditor.outcomes.judge`.
        scores: From `auditor.scoring.score`; without them nothing is said on gaps.

    Example:
        >>> attribute(trials, judge(trials)).causes[0].sentence
        'lr = 1.0: 18 of 18 diverged, 0 of 54 elsewhere; in this grid changing lr alone rescues
        18 of 18, any other alone 0 of 18; evidence: but-for'
    """
    configurations = encode(trials)
    layout = find_layout(trials, configurations)
    return _attribute(trials, outcomes, scores, configurations, layout)


def _attribute(
    trials: Trials,
    outcomes: Outcomes,
    scores: Scores | None,
    configurations: Configurations,
    layout: Layout,
) -> Attribution:
    failures = find_failures(trials, outcomes, configurations)
    atoms = find_atoms(configurations)
    unit = find_unit(layout, failures)
    estimator = Estimator(atoms, failures, unit)
    values, pairs = estimator.tally_all()
    causes = find_causes(Sweep(layout, atoms, failures, Neighbours(configurations), estimator))
    looked_at = count_hypotheses(atoms)
    notes = find_notes(trials, configurations, layout, failures, causes, unit, looked_at)
    causes, withdrawn = take_reruns(trials, causes)
    ends = find_ends(trials, outcomes, scores, configurations, unit) if scores else None
    return Attribution(
        layout.name,
        layout.cells,
        values,
        pairs,
        causes,
        (*withdrawn_words(withdrawn), *notes),
        find_gaps(ends, atoms, unit) if ends else (),
        withdrawn,
        find_gap_pairs(ends, atoms, layout, unit) if ends else (),
    )


def plan_reruns(trials: Trials, budget: int | None = None) -> ConfirmationPlan:
    """The fewest trainings that would decide each cause of a sweep; see `planning.plan`.

    Args:
        trials: What was observed, with reruns made earlier.
        budget: Trainings at most, earlier ones among them; None for as many as it takes.
    """
    first = replace(trials, reruns=None)
    outcomes = judge(first)
    return plan(first, outcomes, attribute(first, outcomes), budget, reruns_of(trials))
