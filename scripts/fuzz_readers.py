#!/usr/bin/env python
"""Reads ten thousand damaged inputs: nothing but a clear error may come of any, and no hang.

    python scripts/fuzz_readers.py [--inputs 10000] [--seed 0] [--only FORMAT]

Each input is one of the examples that the tests read, with bits flipped, parts lost, doubled or
replaced in one of its files. Prints a line per format, and how to repeat each failure; exits with 1
if there was one. An input that takes more than five seconds counts as hanging.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from auditor.auditing import audit
from auditor.errors import AuditorError
from auditor.readers import find
from tests.readers.examples import EXAMPLES
from tests.readers.mutating import mutate

MOST_SECONDS = 5
AUDITED = 20
"""One in so many inputs is judged and reported as well, which takes longer than reading."""


class Hang(BaseException):
    """An input took too long."""


@contextmanager
def time_limit():
    def ring(*_):
        raise Hang

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def read_all(path, judge):
    """What comes of an input: "read", or the name of a clear error."""
    try:
        for source in find(path):
            trials = source.read()
            if judge:
                str(audit(trials))
        return "read"
    except AuditorError as error:
        return type(error).__name__


def fuzz(name, inputs, seed, scratch):
    """Counts of what came of it, failures with how to repeat them, the longest time."""
    path = EXAMPLES[name].make(scratch / name.replace(" ", "_"))
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    counts, failures, longest = Counter(), [], 0.0
    for number in range(inputs):
        dice = random.Random(f"{seed} {name} {number}")
        file = dice.choice(files)
        content = file.read_bytes()
        file.write_bytes(mutate(content, dice))
        started = time.perf_counter()
        try:
            with time_limit():
                counts[read_all(path, number % AUDITED == 0)] += 1
        except Hang:
            failures.append(f"{name}, input {number} of seed {seed}, {file.name}: hangs")
        except Exception:
            failures.append(
                f"{name}, input {number} of seed {seed}, {file.name}:\n{traceback.format_exc()}"
            )
        longest = max(longest, time.perf_counter() - started)
        file.write_bytes(content)
    return counts, failures, longest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="a part of the names of examples")
    options = parser.parse_args()
    warnings.simplefilter("error")
    names = [name for name in EXAMPLES if (options.only or "") in name]
    each = -(-options.inputs // len(names))
    failed, total = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            counts, failures, longest = fuzz(name, each, options.seed, Path(scratch))
            total += each
            failed += failures
            said = ", ".join(f"{count} {what}" for what, count in counts.most_common())
            print(f"{name:28} {each:6} inputs: {said}; at most {longest:.2f} s", flush=True)
    print(f"{total} inputs, {len(failed)} failures")
    for failure in failed[:20]:
        print(f"\n{failure}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
