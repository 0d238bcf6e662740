"""Makes tests/data/ray-*: real experiments of Ray Tune, in the version that runs this script.

    pip install "ray[tune]" numpy        # an environment of its own for each version
    python scripts/make_fixture_ray.py

2.3.1 needs numpy 1.23, pandas 2.0, pydantic 1 and, on Python 3.11, two of its dataclasses hashable.

A linear model learns by plain gradient steps, so that only Ray is needed: some trials diverge to
infinity and NaN, some crash, one starts anew after a crash, a scheduler stops some early. Pickles,
event files and checkpoints are left out, pickles inside JSON are cut short, and what belongs to
this machine (paths, host, user, addresses) is replaced.
"""

import getpass
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "0")

import numpy as np
import ray
from ray import tune

DATA = Path(__file__).parents[1] / "tests" / "data"
KEPT = {".json", ".csv", ".txt"}
PICKLE = b"\x80"
FIRST_WITH_TUNE_REPORT = (2, 43)

FINE, TO_NAN = 0.05, 1e120
"""Learning rates: with the second, losses overflow to infinity and then to NaN."""


def report(values: dict[str, float]) -> None:
    if version() >= FIRST_WITH_TUNE_REPORT:
        tune.report(values)
    else:
        from ray.air import session

        session.report(values)


def version() -> tuple[int, ...]:
    return tuple(int(part) for part in ray.__version__.split(".")[:2])


def train(config: dict[str, Any], stumbles_at: Path | None = None) -> None:
    np.seterr(all="ignore")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    y = x.sum(1) + rng.normal(size=40)
    if config["units"] < 0:
        raise ValueError(f"units={config['units']}: not a positive number")
    weights = np.zeros(3)
    stumbles = stumbles_at is not None and not stumbles_at.exists()
    for epoch in range(config["epochs"]):
        if stumbles and epoch == 2:
            stumbles_at.touch()
            raise RuntimeError("out of memory, the first time")
        error = x[:30] @ weights - y[:30]
        weights = weights - config["optimizer"]["lr"] * (2 * x[:30].T @ error / 30)
        held_out = x[30:] @ weights - y[30:]
        report({"loss": float((error**2).mean()), "val_loss": float((held_out**2).mean())})


def search(name: str, scratch: Path) -> None:
    space: dict[str, Any] = {"epochs": 4, "units": 4, "optimizer": {"name": "sgd"}}
    settings: dict[str, Any] = {"metric": "val_loss", "mode": "min"}
    failures, trainable = 0, train
    if name == "grid":
        space["optimizer"]["lr"] = tune.grid_search([FINE, 0.1, TO_NAN])
        space["units"] = tune.grid_search([4, -1])
    elif name == "asha":
        space["optimizer"]["lr"] = tune.grid_search([0.1, 0.05, 0.01, 0.001, 0.0001])
        scheduler = tune.schedulers.ASHAScheduler(max_t=8, grace_period=2, reduction_factor=2)
        settings |= {"scheduler": scheduler, "max_concurrent_trials": 1}
        space["epochs"] = 20
    else:
        space["optimizer"]["lr"] = FINE
        trainable = tune.with_parameters(train, stumbles_at=scratch / "stumbled")
        failures = 1
    tune.Tuner(
        trainable,
        param_space=space,
        tune_config=tune.TuneConfig(**settings),
        run_config=run(name, scratch, failures),
    ).fit()


def run(name: str, scratch: Path, failures: int) -> Any:
    if version() >= FIRST_WITH_TUNE_REPORT:
        return tune.RunConfig(
            name=name,
            storage_path=str(scratch),
            failure_config=tune.FailureConfig(max_failures=failures),
        )
    from ray.air import FailureConfig, RunConfig

    return RunConfig(
        name=name, local_dir=str(scratch), failure_config=FailureConfig(max_failures=failures)
    )


def copy_text(source: Path, target: Path, machine: dict[str, str]) -> None:
    shutil.rmtree(target, ignore_errors=True)
    for file in sorted(source.rglob("*")):
        # Some of Ray's pickles are called .json.
        if file.suffix in KEPT and file.is_file() and not file.read_bytes().startswith(PICKLE):
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = file.read_text()
            for mine, anyone in machine.items():
                text = text.replace(mine, anyone)
            copy.write_text(neutral(text))


def neutral(text: str) -> str:
    text = re.sub(r"\b80059?5[0-9a-f]{40,}", "80059500", text)  # pickles, as hexadecimal digits
    text = re.sub(r'File \\?"[^"\\]*/site-packages/', 'File "', text)
    return re.sub(r"\b\d{1,3}(\.\d{1,3}){3}\b", "127.0.0.1", text)


def main() -> None:
    ray.init(num_cpus=2, include_dashboard=False, logging_level="error")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        machine = {
            str(Path(__file__).resolve()): "search.py",
            str(scratch): "/home/somebody/ray_results",
            socket.gethostname(): "host",
            f'"{getpass.getuser()}"': '"somebody"',
        }
        for name in ("grid", "asha", "restarted"):
            search(name, scratch)
            copy_text(scratch / name, DATA / f"ray-{ray.__version__}" / name, machine)


if __name__ == "__main__":
    main()
