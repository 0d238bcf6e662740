"""What verify_gpu checks where there are several GPUs: executors, and stacks that GPUs share."""

import os
import tempfile
import time
from pathlib import Path

TWO_CPUS = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
"""For JAX, to try this out without a GPU."""

PATIENCE = 300
"""Seconds in which all executors start; TensorFlow may compile kernels for a new GPU first."""


# In processes of their own


def seen(job):
    """Per executor the devices that its framework sees."""
    from auditor.search.launching.launcher import launcher
    from auditor.search.launching.tasks import Ended, Task

    chosen = launcher(job["jobs"])
    number = len(chosen.executors)
    with tempfile.TemporaryDirectory() as folder:
        tasks = [Task(str(n), look, (folder, number)) for n in range(number)]
        events = list(chosen.run(tasks))
    return {"seen": [event.value for event in events if isinstance(event, Ended)]}


def look(folder, number):
    """The devices here, once as many executors as there should be are asked."""
    Path(folder, str(os.getpid())).touch()
    until = time.monotonic() + PATIENCE
    while len(os.listdir(folder)) < number and time.monotonic() < until:
        time.sleep(0.1)
    return devices()


def devices():
    """The names of the devices that Keras trains on here; of TensorFlow's only GPUs."""
    import keras

    if keras.config.backend() == "jax":
        import jax

        return [one.device_kind for one in jax.devices()]
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = map(tf.config.experimental.get_device_details, gpus)
    return [one.get("device_name", "GPU") for one in details]


# Checks


def arms(facts, cpu):
    """How all GPUs are used: per name the processes, the environment; and that of one GPU alone."""
    jobs = 2 if cpu else -1
    one = {} if cpu else {"CUDA_VISIBLE_DEVICES": facts["gpus"][0]}
    ways = {"executors": (jobs, {})}
    if facts["backend"] == "jax":
        ways["sharing stacks"] = (None, TWO_CPUS if cpu else {})
    return ways, one


def check_many(run, compared, facts, environment, exact, job, cpu):
    """Checks of several GPUs, each as (whether it holds, a sentence); with the ratios of times.

    Args:
        run: Runs a job in a fresh process, in an environment.
        compared: Compares two sets of curves.
        facts: Of this machine.
        environment: Of all jobs.
        exact: What is added to it where curves are compared.
        job: The search that is timed.
        cpu: Whether there are to be two CPUs in place of the GPUs.
    """
    count = 2 if cpu else len(facts["gpus"])
    if count < 2:
        yield True, f"several GPUs: not checked, there {'was one' if count else 'were none'}"
        return
    ways, alone = arms(facts, cpu)
    found = run({"kind": "seen", "jobs": ways["executors"][0]}, environment)["seen"]
    each = sorted({len(names) for names in found})
    is_one = cpu or each == [1]
    yield len(found) == count and is_one, f"{len(found)} executors, each sees {each} devices"
    one = run({"kind": "curves", "lanes": ["stacked"]}, environment | exact | alone)
    seconds = warm(run(job, environment | alone))
    for name, (jobs, more) in ways.items():
        given = {"kind": "curves", "lanes": ["stacked"], "jobs": jobs}
        other = run(given, environment | exact | more)
        for key in (key for key in one if key.endswith("stacked")):
            yield compared(f"{key}: {count} devices ({name}) and one", other[key], one[key])
        ratio = seconds / warm(run(job | {"jobs": jobs}, environment | more))
        yield True, f"{count} devices ({name}) are {ratio:.2f} times as fast as one, warm"


def warm(found):
    """Seconds of the last of several searches."""
    return found["searches"][-1]["seconds"]
