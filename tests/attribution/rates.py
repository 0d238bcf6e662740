"""How often planted causes are found, and how often something else is named. Not a test.

Run from the repository root: python -m tests.attribution.rates [SWEEPS]

precision: share of the named causes that are planted. recall: share of the planted causes that are
named. false: share of the sweeps that name anything that is not planted.
"""

import re
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from auditor.attribution import attribute
from auditor.outcomes import judge
from tests.attribution.planted import Fails, Values, grid, named, random_configurations, sweep

PAIR = r"lr == 1.0 & activation == sigmoid"


class Structure(NamedTuple):
    """A planted truth: how often each configuration fails, and what should be named for it.

    `truth` holds regular expressions: where a range is cut depends on the sample.
    """

    name: str
    fails: Callable[[Values], float]
    truth: tuple[str, ...]
    configurations: Callable[[int], list[Values]]
    sampler: str = "grid"


def all_of(*fails: Fails) -> Callable[[Values], float]:
    return lambda v: float(all(f(v) for f in fails))


def any_of(*fails: Callable[[Values], float]) -> Callable[[Values], float]:
    return lambda v: float(any(f(v) for f in fails))


def noisy(fails: Callable[[Values], float], flipped: float) -> Callable[[Values], float]:
    return lambda v: (1 - flipped) if fails(v) else flipped


def lr_1(v: Values) -> bool:
    return v["lr"] == 1.0


def sigmoid(v: Values) -> bool:
    return v["activation"] == "sigmoid"


def normal(v: Values) -> bool:
    return v["initializer"] == "normal"


def wide(seed: int) -> list[Values]:
    return grid()


def small(seed: int) -> list[Values]:
    two = ["relu", "sigmoid"]
    return grid(lr=[0.01, 0.1, 1.0], activation=two, initializer=["a", "b"], units=[16, 32])


def drawn(seed: int) -> list[Values]:
    return random_configurations(200, seed)


def holes(seed: int) -> list[Values]:
    kept = np.random.default_rng(seed + 10**6).permutation(72)[:65]
    return [grid()[i] for i in sorted(kept)]


def adaptive(seed: int) -> list[Values]:
    """A bystander that follows the learning rate, as a search that learns would make it."""
    random = np.random.default_rng(seed)
    made = random_configurations(200, seed)
    for v in made:
        follows = random.uniform() < 0.5
        rank = (np.log10(v["lr"]) + 4) / 4
        v["x0"] = float(rank + 0.1 * random.normal() if follows else random.uniform())
    return made


STRUCTURES = (
    *(Structure(f"nothing, {p:.0%}", lambda v, p=p: p, (), wide) for p in (0.02, 0.1, 0.3)),
    *(
        Structure(f"nothing, {p:.0%}", lambda v, p=p: p, (), drawn, "random")
        for p in (0.02, 0.1, 0.3)
    ),
    Structure("single", all_of(lr_1), ("lr == 1.0",), wide),
    Structure("single", all_of(lr_1), ("lr == 1.0",), small),
    Structure("single, 60 %", lambda v: 0.6 * lr_1(v), ("lr == 1.0",), wide),
    Structure("threshold", lambda v: float(v["lr"] >= 0.1), ("lr >= 0.1",), wide),
    Structure("pair", all_of(lr_1, sigmoid), (PAIR,), wide),
    Structure("pair", all_of(lr_1, sigmoid), (PAIR,), small),
    Structure("pair, 10 % missing", all_of(lr_1, sigmoid), (PAIR,), holes),
    Structure(
        "pair + single",
        any_of(all_of(lr_1, sigmoid), normal),
        (PAIR, "initializer == normal"),
        wide,
    ),
    Structure(
        "pair + single, 5 % flipped",
        noisy(any_of(all_of(lr_1, sigmoid), normal), 0.05),
        (PAIR, "initializer == normal"),
        wide,
    ),
    Structure("pair, 5 % flipped", noisy(all_of(lr_1, sigmoid), 0.05), (PAIR,), wide),
    Structure("pair, 10 % flipped", noisy(all_of(lr_1, sigmoid), 0.1), (PAIR,), wide),
    Structure(
        "either of two singles", any_of(lr_1, sigmoid), ("lr == 1.0", "activation == sigmoid"), wide
    ),
    Structure(
        "graded single",
        lambda v: {0.01: 0.1, 0.1: 0.4, 1.0: 0.8}[v["lr"]],
        (r"lr (==|>=) \S+",),
        wide,
    ),
    Structure("log threshold", lambda v: float(v["lr"] >= 0.1), (r"lr >= \S+",), drawn, "random"),
    Structure(
        "log threshold off the cut",
        lambda v: float(v["lr"] >= 0.05),
        (r"lr >= \S+",),
        drawn,
        "random",
    ),
    Structure(
        "threshold with category",
        lambda v: float(v["lr"] >= 0.1 and sigmoid(v)),
        (r"lr >= \S+ & activation == sigmoid",),
        drawn,
        "random",
    ),
    Structure(
        "the same, 5 % flipped",
        noisy(lambda v: float(v["lr"] >= 0.1 and sigmoid(v)), 0.05),
        (r"lr >= \S+ & activation == sigmoid",),
        drawn,
        "random",
    ),
    Structure(
        "graded in log lr",
        lambda v: (np.log10(v["lr"]) + 4) / 5,
        (r"lr (==|>=) \S+",),
        drawn,
        "random",
    ),
    Structure(
        "threshold, bystander follows",
        lambda v: float(v["lr"] >= 0.05),
        (r"lr >= \S+",),
        adaptive,
        "adaptive",
    ),
)


def measure(structure: Structure, sweeps: int) -> tuple[float, float, float, float]:
    """Precision, recall, share of sweeps with a false claim, seconds per attribution."""
    right = claimed = recalled = false = 0
    seconds = 0.0
    for seed in range(sweeps):
        random = np.random.default_rng([seed, 1])
        trials = sweep(
            structure.configurations(seed),
            lambda v, r=random: "diverged" if r.random() < structure.fails(v) else "ok",
            structure.sampler,
        )
        outcomes = judge(trials)
        start = time.perf_counter()
        names = named(attribute(trials, outcomes))
        seconds += time.perf_counter() - start
        good = [any(re.fullmatch(true, name) for true in structure.truth) for name in names]
        right, claimed, false = right + sum(good), claimed + len(good), false + (not all(good))
        recalled += sum(any(re.fullmatch(true, name) for name in names) for true in structure.truth)
    planted = max(1, len(structure.truth) * sweeps)
    return right / max(1, claimed), recalled / planted, false / sweeps, seconds / sweeps


if __name__ == "__main__":
    sweeps = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{'planted':32}{'trials':>7}{'precision':>10}{'recall':>8}{'false':>7}{'ms':>6}")
    for one in STRUCTURES:
        precision, recall, false, seconds = measure(one, sweeps)
        size = len(one.configurations(0))
        kind = f"{one.name} ({one.sampler})"
        print(
            f"{kind:32.32}{size:7}{precision:10.2f}{recall:8.2f}{false:7.3f}{1000 * seconds:6.0f}"
        )
