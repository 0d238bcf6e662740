"""Every number that decides in attribution, with its unit and its reason."""

ALPHA = 0.05
"""Largest probability of naming anything where nothing is to be found, over all single values,
pairs and outcomes looked at."""

PERMUTATIONS = 1000
"""Times that failures are dealt out anew. p is then known to .007 where it decides, at .05."""

MATTERS = 0.1
"""Largest p of a part of a cause inside its other parts, and of a cause at equal values of another.
Smaller, pairs are missed in noisy grids; larger, bystanders are named (scripts/bench_attribution.py
shows both)."""

STRATUM = 8
"""Trials with neighbouring values that count as having equal ones, where numbers hardly repeat."""

PURE = 0.8
"""Share of failing trials above which a cause needs no further condition, and that one more must
reach. A condition that lets half or two thirds fail depends on another of two or three values."""

NARROWED = 0.02
"""Largest p of a second condition that a single one which often does not fail is narrowed by."""

MIN_SEEN = 3
"""Trials that must meet a condition before it can be part of a cause. What was seen once or twice
cannot be told from chance, however often it failed."""

MIN_FAILING = 3
"""Failing trials that a cause must explain."""

GRID_FILLED = 2 / 3
"""Share of the combinations of observed values above which trials of unknown origin count as a grid
with holes. Values that never repeat reach at most 1/2, with one two-valued companion."""

DRIFT = 0.001
"""Largest probability, over all hyperparameters, of calling a random search one whose values change
with the order of the trials."""

MIN_ORDER = 20
"""Trials from which on such a change can be told from chance."""

FEW_VALUES = 10
"""Distinct numbers up to which each is compared by itself; more are cut into bins."""

TRIALS_PER_VALUE = 2
"""Trials per distinct number below which the numbers count as drawn from a range, not a list."""

BINS = 4
"""Bins of equal numbers of trials for hyperparameters with many values. Fewer, wider bins recover a
threshold as one cause; one condition per value splits it into several."""

FINE_BINS = 20
"""Bins on whose edges the threshold of a cause may lie, once it has been found on a coarse one."""

MAX_CATEGORIES = 50
"""Categories beyond which a hyperparameter is a label (a name, a path), and is not compared."""

MAX_TRIES = 30
"""Conditions looked at per step, strongest first, before a step ends without a cause."""

SPLIT = 500
"""Trials drawn at random from which on one half finds the causes and the other estimates them."""

MIN_CELL = 8
"""Trials, or runs where intervals are over seeds, in each combination of having and not having two
values, below which their interaction has no interval: variances of fewer are not to be trusted as
far out as many pairs at once need."""

WORTH = 0.2
"""Standard deviations (of the trials' gaps, or objectives) below which a difference is not worth
telling, however surely it is there: a small effect (Cohen 1988)."""

POWER = 0.8
"""Probability with which the smallest detectable effect would have been detected."""

SUSPECT = 0.1
"""Largest p, of a value by itself, at which it is shown as the nearest to a cause. It claims
nothing: two of two against none of four have .07."""
