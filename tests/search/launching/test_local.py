"""Tasks on processes of this machine."""

import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import pytest

from auditor.errors import SearchError
from auditor.search.launching import local
from auditor.search.launching.devices import device_list
from auditor.search.launching.launcher import launcher
from auditor.search.launching.tasks import Died, Ended, Raised, Started, Task, Tick
from tests.search.launching import calls
from tests.search.launching.watching import ends, is_alive, started, tasks_of, values

ROOT = Path(__file__).parents[3]
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs /proc and signals")


def two() -> Any:
    """Two executors, warm from the test before."""
    return local.local_launcher(device_list(2, cores=2))


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


# The launchers without the rest of the search, which takes seconds to load Keras.
ALONE = """
    import sys, types
    sys.modules["auditor.search"] = types.ModuleType("auditor.search")
    sys.modules["auditor.search"].__path__ = [{!r}]
""".format(str(ROOT / "auditor" / "search"))


def script(path: Path, text: str) -> subprocess.CompletedProcess[str]:
    """What a user's script, run in a process of its own, prints."""
    file = path / "script.py"
    file.write_text(textwrap.dedent(ALONE + text))
    command = [sys.executable, "-W", "error", str(file)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_all_tasks_end() -> None:
    assert values(two().run(tasks_of(calls.identity, 1, "two", None))) == {
        "0": 1,
        "1": "two",
        "2": None,
    }


def test_nothing_to_do_is_done() -> None:
    assert list(two().run([])) == []


def test_results_stream(tmp_path: Path) -> None:
    slow = Task("slow", calls.wait_for, (tmp_path / "go", "came"), size=2)
    ended = []
    for event in two().run([slow, Task("fast", calls.identity, (1,))]):
        if isinstance(event, Ended):
            ended.append(event.task.name)
            (tmp_path / "go").touch()
    assert ended == ["fast", "slow"]


def test_the_largest_tasks_of_a_list_start_first() -> None:
    tasks = [Task(str(size), calls.identity, (size,), size=size) for size in (1, 5, 3, 9, 7)]
    assert started(two().run(tasks)) == ["9", "7", "5", "3", "1"]


def test_a_generator_is_asked_only_for_what_can_start() -> None:
    drawn, ended = [], []

    def tasks() -> Iterator[Task]:
        for number in range(6):
            assert len(drawn) - len(ended) < 2
            drawn.append(number)
            yield Task(str(number), calls.identity, (number,))

    for event in two().run(tasks()):
        if isinstance(event, Ended):
            ended.append(event.value)
    assert sorted(ended) == drawn == list(range(6))


def test_nothing_happens_for_a_tick(tmp_path: Path) -> None:
    events = []
    for event in two().run(tasks_of(calls.wait_for, tmp_path / "go"), tick=0.01):
        events.append(event)
        if isinstance(event, Tick):
            (tmp_path / "go").touch()
    assert isinstance(events[0], Started)
    assert Tick() in events
    assert isinstance(events[-1], Ended)


@pytest.mark.parametrize(
    "error", [KeyError("x"), SearchError("a message"), SystemExit(3), KeyboardInterrupt()]
)
def test_what_a_task_raises_comes_with_its_traceback(error: BaseException) -> None:
    _, event = two().run([Task("a", calls.fail, (error,))])
    assert isinstance(event, Raised)
    assert type(event.error) is type(error)
    assert str(event.error) == str(error)
    assert "in fail\n    raise error" in event.traceback


def test_an_exception_that_cannot_be_sent_keeps_its_words() -> None:
    _, event = two().run([Task("a", calls.fail_oddly)])
    assert isinstance(event, Raised)
    assert "OwnError: 1 and 2" in str(event.error)
    assert "in fail_oddly" in event.traceback


def test_a_result_that_cannot_be_sent_is_an_error_of_the_task() -> None:
    def lock() -> Any:
        import threading

        return threading.Lock()

    _, event = two().run([Task("a", lock)])
    assert isinstance(event, Raised)
    assert "cannot pickle" in str(event.error)


def test_a_task_that_cannot_be_sent_says_so() -> None:
    with pytest.raises(SearchError, match=r"task 'a' cannot be sent .*'generator'"):
        list(two().run([Task("a", calls.identity, ((x for x in "ab"),))]))
    assert values(two().run(tasks_of(calls.identity, 1))) == {"0": 1}


@posix
def test_a_task_whose_executor_dies_is_tried_once_more(tmp_path: Path) -> None:
    slow = Task("slow", calls.wait_for, (tmp_path / "go", "came"), size=2)
    events = []
    for event in two().run([slow, Task("dies", calls.die, (tmp_path / "died",))]):
        events.append(event)
        if isinstance(event, Ended):
            (tmp_path / "go").touch()
    assert values(events) == {"slow": "came", "dies": "alive"}
    (died,) = (event for event in events if isinstance(event, Died))
    assert (died.task.name, died.again) == ("dies", True)
    assert "killed by SIGKILL" in died.reason


@posix
def test_a_task_that_kills_twice_is_given_up_and_the_rest_goes_on() -> None:
    tasks = [Task("dies", calls.die, size=1), *tasks_of(calls.identity, 1, 2, 3)]
    events = list(two().run(tasks))
    assert [event.again for event in events if isinstance(event, Died)] == [True, False]
    assert values(events) == {"0": 1, "1": 2, "2": 3}


def test_the_exit_code_is_the_reason() -> None:
    events = list(two().run([Task("exits", os._exit, (7,))]))
    assert {event.reason for event in events if isinstance(event, Died)} == {
        "the process has ended with exit code 7"
    }


@posix
def test_an_executor_that_died_at_rest_is_replaced() -> None:
    (first,) = values(two().run([Task("a", calls.pid)])).values()
    os.kill(first, signal.SIGKILL)
    assert ends(first)
    events = list(two().run([Task("a", calls.pid)]))
    assert not any(isinstance(event, Died) for event in events)
    assert first not in values(events).values()


@posix
def test_an_executor_that_dies_with_a_child_that_holds_its_pipe_is_noticed() -> None:
    def fork_and_die() -> None:
        if os.fork():
            os.kill(os.getpid(), 9)
        os.execvp("sleep", ["sleep", "600"])

    events = list(two().run([Task("forks", fork_and_die)], tick=0.05))
    assert [event.again for event in events if isinstance(event, Died)] == [True, False]


def test_executors_stay_warm_until_other_devices_are_asked_for() -> None:
    def pids(n_jobs: int) -> set[int]:
        chosen = launcher(n_jobs)
        assert chosen is not None
        return set(values(chosen.run(tasks_of(calls.pid, 1, 2, 3))).values())

    first = pids(2)
    assert pids(2) <= first
    assert not pids(3) & first
    assert all(ends(process) for process in first)


@posix
@pytest.mark.parametrize("how", ["close", "raise"])
@pytest.mark.parametrize("what", [calls.leave_pid_and_sleep, calls.start_a_child_and_sleep])
def test_what_runs_is_stopped_when_nobody_listens_any_more(
    tmp_path: Path, how: str, what: Any
) -> None:
    file = tmp_path / "pid"
    run = two().run(tasks_of(what, file), tick=0.01)
    for _ in run:
        if file.exists():
            break
    if how == "close":
        run.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            run.throw(KeyboardInterrupt)
    assert ends(int(file.read_text()))
    assert values(two().run(tasks_of(calls.identity, 1))) == {"0": 1}


def test_a_launcher_runs_one_thing_at_a_time(tmp_path: Path) -> None:
    chosen = two()
    run = chosen.run(tasks_of(calls.wait_for, tmp_path / "go"))
    next(run)
    with pytest.raises(SearchError, match="running other tasks"):
        list(chosen.run([]))
    other = two()
    assert other is not chosen
    assert values(other.run(tasks_of(calls.identity, 1))) == {"0": 1}
    run.close()
    other.close()


def test_a_closed_launcher_has_no_processes_and_works_again() -> None:
    chosen = two()
    before = set(values(chosen.run(tasks_of(calls.pid, 1, 2))).values())
    chosen.close()
    assert not any(is_alive(process) for process in before)
    assert values(chosen.run(tasks_of(calls.identity, 1))) == {"0": 1}


def test_each_executor_sees_one_gpu_before_any_framework_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    chosen = launcher(-1)
    assert chosen is not None
    assert chosen.executors == ("GPU 0", "GPU 1", "GPU 2", "GPU 3")

    def look(path: Path, name: str) -> Any:
        import time

        (path / name).touch()
        while len(list(path.iterdir())) < 4:  # until all executors have their task
            time.sleep(0.01)
        names = ("CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH")
        return calls.frameworks(), *calls.environment(*names).values()

    tasks = [Task(name, look, (tmp_path, name)) for name in "abcd"]
    seen = [event for event in chosen.run(tasks) if isinstance(event, Ended)]
    assert {(event.executor, event.value[1]) for event in seen} == {
        (f"GPU {number}", str(number)) for number in range(4)
    }
    assert all(event.value[::2] == (set(), "true") for event in seen)


def test_threads_are_limited_to_the_share_of_an_executor() -> None:
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC", "AUDITOR_CORES")
    chosen = local.local_launcher(device_list(2, cores=6))
    events = chosen.run([Task("a", calls.environment, names)])
    assert values(events)["a"] == dict.fromkeys(names, "3")


def test_a_new_entry_of_the_search_path_reaches_warm_executors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(two().run(tasks_of(calls.identity, 1)))
    (tmp_path / "made_later.py").write_text("def answer():\n    return 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    import made_later  # type: ignore[import-not-found]

    assert values(two().run([Task("a", made_later.answer)])) == {"a": 42}


OWN = (("OWN", "yes"),)


def in_own_process(function: Any, *args: Any) -> Any:
    packed = cloudpickle.dumps((function, args))
    return pickle.loads(local.call_in_own_process(OWN, pickle.dumps(([], packed))))[1]


def test_calls_share_a_child_with_an_environment_of_its_own() -> None:
    child = in_own_process(calls.pid)
    assert child != os.getpid()
    assert in_own_process(calls.environment, "OWN") == {"OWN": "yes"}
    assert in_own_process(calls.pid) == child


@posix
def test_a_child_that_dies_is_an_error_and_the_next_call_has_another() -> None:
    with pytest.raises(RuntimeError, match="killed by SIGKILL"):
        in_own_process(calls.die)
    assert in_own_process(calls.identity, 3) == 3


# A worker of Dask is such a daemon.
DAEMON = """
    import multiprocessing, os, pickle, signal
    from pathlib import Path
    import cloudpickle
    from auditor.search.launching.local import call_in_own_process
    from tests.search.launching import calls

    def work(file):
        payload = pickle.dumps(([], cloudpickle.dumps((calls.pid, ()))))
        file.write_text(str(pickle.loads(call_in_own_process((), payload))[1]))
        {end}

    file = Path(sys.argv[0]).with_name("child")
    daemon = multiprocessing.get_context("fork").Process(target=work, args=(file,), daemon=True)
    daemon.start()
    daemon.join()
    print(daemon.exitcode)
"""


@posix
@pytest.mark.parametrize(
    ("end", "code"), [("os.kill(os.getpid(), signal.SIGKILL)", -9), ("return", 0)]
)
def test_the_child_of_a_daemon_ends_with_it(tmp_path: Path, end: str, code: int) -> None:
    done = script(tmp_path, DAEMON.format(end=end))
    assert (done.stdout.strip(), done.stderr) == (str(code), "")
    assert ends(int((tmp_path / "child").read_text()))


TENSORFLOWS = r"WARNING: All log messages before absl|[IWE]\d{4} |To enable the following instr"
START = """
    {top}
    from auditor.search.launching.launcher import launcher
    from auditor.search.launching.tasks import Ended, Task

    class Own:
        value = 5

    def ask():
        import os
        frameworks = [name for name in ("tensorflow", "jax") if name in sys.modules]
        return Own, Own.value, frameworks, os.environ["AUDITOR_CORES"]

    for event in launcher(2).run([Task("a", ask), Task("b", ask)]):
        if isinstance(event, Ended):
            print(event.value[1:])
"""


def test_launchers_load_no_framework_themselves(tmp_path: Path) -> None:
    modules = sorted(path.stem for path in (ROOT / "auditor/search/launching").glob("[!_]*.py"))
    assert "dask_cluster" in modules
    lines = [f"import auditor.search.launching.{name}" for name in modules]
    lines += ["from tests.search.launching import calls", "assert not calls.frameworks()"]
    assert script(tmp_path, "".join(f"    {line}\n" for line in lines)).stderr == ""


@pytest.mark.parametrize(
    "top",
    [
        "",
        pytest.param("import tensorflow as tf; tf.constant(1)", marks=pytest.mark.slow),
    ],
)
def test_a_script_needs_no_guard_and_ends_clean(tmp_path: Path, top: str) -> None:
    done = script(tmp_path, START.format(top=top))
    share = max(1, joblib.cpu_count() // 2)
    assert done.stdout.splitlines() == [f"(5, [], '{share}')"] * 2
    assert done.returncode == 0
    own = [line for line in done.stderr.splitlines() if not re.match(TENSORFLOWS, line)]
    assert own == []


LONG = """
    import os, signal
    from pathlib import Path
    from auditor.search.launching.launcher import launcher
    from auditor.search.launching.tasks import Started, Task, Tick
    from tests.search.launching import calls

    files = [Path(sys.argv[0]).with_name(name) for name in ("one", "two")]
    whats = calls.leave_pid_and_sleep, calls.start_a_child_and_sleep
    tasks = [Task(file.name, what, (file,)) for file, what in zip(files, whats)]
    for event in launcher(2).run(tasks, tick=0.05):
        if isinstance(event, Tick) and all(file.exists() for file in files):
            {end}
"""


@posix
@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        ("os.kill(os.getpid(), signal.SIGTERM)", -15, ""),
        ("sys.exit(3)", 3, ""),
        ("raise ValueError(4)", 1, "ValueError: 4"),
        ("os.killpg(0, signal.SIGINT)", -2, "KeyboardInterrupt"),
    ],
)
def test_executors_end_with_their_parent(tmp_path: Path, end: str, code: int, words: str) -> None:
    end = "os.setpgid(0, 0); " + end if "killpg" in end else end
    done = script(tmp_path, LONG.format(end=end))
    assert done.returncode == code
    assert done.stderr.strip().endswith(words)
    assert done.stderr.count("Traceback") == bool(words)
    for name in ("one", "two"):
        assert ends(int((tmp_path / name).read_text()))


@posix
def test_ctrl_c_is_for_the_parent_from_the_first_moment(tmp_path: Path) -> None:
    text = """
    import os, signal
    from auditor.search.launching.launcher import launcher
    from auditor.search.launching.tasks import Task
    from tests.search.launching import calls

    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, lambda *_: None)
    for event in launcher(2).run([Task(name, calls.identity, (name,)) for name in "ab"]):
        os.killpg(0, signal.SIGINT)
        print(type(event).__name__)
    """
    done = script(tmp_path, text)
    happened = [event for event in done.stdout.split() if event != "Tick"]  # It may take long.
    assert happened == ["Started", "Started", "Ended", "Ended"]
    assert done.stderr == ""
