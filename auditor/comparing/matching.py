"""Which trials of two sweeps are the same configuration."""

from collections import defaultdict, deque
from collections.abc import Hashable, Mapping

from auditor.comparing.records import Differing, Matching, Pair
from auditor.files import Json, to_json

DIGITS = 6
"""Significant digits to which numbers must agree: a float32 of a log has seven."""

Values = Mapping[str, Mapping[str, Json]]


def match(before: Values, after: Values) -> Matching:
    """Pairs of trials with equal values of all hyperparameters that vary in either sweep.

    What is constant in both, even at different values, is what changed between the two sweeps; it
    keeps no pair apart. Several trials of equal values are paired in their order.

    Args:
        before: Hyperparameters by trial, in the order of the leaderboard.
        after: The same of the other sweep.
    """
    names = dict.fromkeys(n for side in (before, after) for v in side.values() for n in v)
    seen = {name: (_seen(before, name), _seen(after, name)) for name in names}
    varied = tuple(n for n, sides in seen.items() if max(map(len, sides)) > 1)
    fixed = tuple(
        Differing(name, _only(before, name), _only(after, name))
        for name, (mine, theirs) in seen.items()
        if name not in varied and mine != theirs and before and after
    )
    by_id = not names and max(len(before), len(after)) > 1
    partners: dict[Hashable, deque[str]] = defaultdict(deque)
    for trial, values in before.items():
        partners[trial if by_id else _place(values, varied)].append(trial)
    pairs = []
    for trial, values in after.items():
        waiting = partners.get(trial if by_id else _place(values, varied))
        if waiting:
            pairs.append(Pair(waiting.popleft(), trial))
    return Matching(tuple(pairs), varied, fixed, len(before) - len(pairs), len(after) - len(pairs))


def key(value: Json) -> Hashable:
    """What equal values share: 1 and 1.0, .1 and its float32, but not 1 and True."""
    if type(value) in (int, float):
        return float(f"{value:.{DIGITS}g}")
    return value if type(value) is str else ("json", to_json(value))


def _place(values: Mapping[str, Json], names: tuple[str, ...]) -> Hashable:
    return tuple(key(values[name]) if name in values else None for name in names)


def _seen(side: Values, name: str) -> set[Hashable]:
    return {key(values[name]) if name in values else None for values in side.values()}


def _only(side: Values, name: str) -> Json:
    return next(iter(side.values())).get(name)
