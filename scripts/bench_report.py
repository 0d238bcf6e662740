"""What the HTML report costs: seconds and memory to write it, its size, seconds until it stands.

    python scripts/bench_report.py [TRIALS EPOCHS ...]

By default 72 trials of 60 epochs and 10,000 of 100, each from the trials in memory to the page.
Budgets: 2 s for 72 trials; 15 s, 1.5 GB of memory, 20 MB of file and 3 s to open for 10,000.
Opening is timed where Chromium and Playwright are found: until the leaderboard stands.
"""

import itertools
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from auditor.auditing import audit
from auditor.trials import CURVE_COLUMNS, Context, Design, Objective, Recorded, Run, Trials

DEFAULT = ((72, 60), (10_000, 100))
AXES = {
    "learning_rate": (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0),
    "activation": ("relu", "tanh", "sigmoid"),
    "units": (16, 64, 256),
    "dropout": (0.0, 0.25, 0.5),
    "batch_size": (16, 64, 256),
}


def curves(values: dict[str, object], epochs: int, rng: np.random.Generator) -> Iterator[tuple]:
    """Falling curves; a rate of 1 diverges, large nets without dropout overfit."""
    at, rate = np.arange(epochs), float(values["learning_rate"])  # type: ignore[arg-type]
    train = 0.3 + 2 * np.exp(-at * min(1, max(0.02, rate * 30)) / 6) + rng.normal(0, 0.01, epochs)
    validation = train + 0.05 + rng.normal(0, 0.01, epochs)
    if rate == 1.0:
        train = np.where(at < 5, 2 * 1.8**at, np.nan)
        validation = 1.1 * train
    elif values["dropout"] == 0.0 and values["units"] == 256:
        validation = validation + np.maximum(0, at - 12) * 0.02
    yield from (("loss", train), ("val_loss", validation))
    yield from (
        (name, np.clip(1 - loss / 2.5, 0.1, 1))
        for name, loss in (("accuracy", train), ("val_accuracy", validation))
    )


def made(trials: int, epochs: int) -> Trials:
    """A sweep: a grid as far as it goes, else configurations drawn from it."""
    rng = np.random.default_rng(0)
    grid = list(itertools.product(*AXES.values()))
    columns: dict[str, list[object]] = {name: [] for name in CURVE_COLUMNS}
    hyperparameters, recorded = {}, {}
    for i, place in enumerate(rng.integers(0, len(grid), trials)):
        trial = f"{i:05d}"
        hyperparameters[trial] = dict(zip(AXES, grid[place], strict=True)) | {"seed": i}
        recorded[Run(trial)] = Recorded("completed", seconds=float(rng.uniform(2, 9)))
        for name, line in curves(hyperparameters[trial], epochs, rng):
            row = (trial, 0, 0, np.arange(epochs), name, line)
            for column, cell in zip(CURVE_COLUMNS, row, strict=True):
                columns[column].append(np.broadcast_to(cell, epochs))
    table = pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()})
    context = Context(no_skill_loss=float(np.log(10)), no_skill_from="ln 10")
    design = Design("random", 0, 1, epochs)
    return Trials(hyperparameters, recorded, table, Objective("val_loss"), (), design, context)


def measure(trials: int, epochs: int) -> str:
    """One line; in a process of its own, for its peak of memory."""
    observed = made(trials, epochs)
    start = time.perf_counter()
    audited = audit(observed)
    judged = time.perf_counter()
    page = audited.to_html()
    written = time.perf_counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    opened = opening(page)
    return (
        f"{trials:>6} x {epochs:<4} {judged - start:>8.1f} {written - judged:>8.1f}"
        f" {memory:>8.2f} {len(page.encode()) / 1e6:>8.1f} {opened:>8}"
    )


def opening(page: str) -> str:
    """Seconds from the request of a page until its leaderboard stands."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        browser = None
    if browser is None:
        return "–"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "report.html")
        path.write_text(page, encoding="utf-8")
        chromium = playwright.chromium.launch(executable_path=browser)
        tab = chromium.new_page()
        tab.goto("about:blank")
        start = time.perf_counter()
        tab.goto(path.as_uri())
        tab.locator('[data-grid="0"] .tabulator-row').first.wait_for()
        seconds = time.perf_counter() - start
        chromium.close()
    return f"{seconds:.1f}"


def main(arguments: list[str]) -> None:
    numbers = [int(argument) for argument in arguments]
    sizes = list(zip(numbers[::2], numbers[1::2], strict=True)) or DEFAULT
    print(f"{'trials x epochs':<14} {'audit s':>6} {'page s':>8} {'GB':>8} {'MB':>8} {'open s':>8}")
    for trials, epochs in sizes:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            print(pool.submit(measure, trials, epochs).result(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
