"""What somebody who watches a sweep sees, on a terminal and in a log."""

import io
import math
import time
from typing import Any

import pytest
from rich.console import Console

from auditor import watching
from auditor.search import Progress, Worker
from auditor.watching import EVERY_TRIAL, LEAST_SECONDS, MOST_SECONDS, Lines, View, pace

ESCAPES = "\x1b[31mred\x1b]0;title\x07\u202e"


def progress(**more: Any) -> Progress:
    first = Progress(1, 2, "0000", 0.5, "0000", 0.5, "val_loss")
    return first._replace(**more)


BUSY = progress(
    done=57, total=120, failed=3, diverged=5, running=16, epochs_per_second=1240.3,
    seconds_left=125.0, best_score=0.12344, best_trial_id="0042", share=0.5, trial_id="0056",
)  # fmt: skip
WORKERS = (Worker("GPU 0", "stack 3f2a", 12, 100, 512), Worker("GPU 1", "trial 0007", 3, 0, 1))


def drawn(*moments: Progress, width: int = 80) -> list[str]:
    """The view of the last of some moments, as lines."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False, _environ={})
    view = View(console)
    for now in moments[:-1]:
        view.drawing(now)
    with console.capture() as capture:
        console.print(view.drawing(moments[-1]))
    return capture.get().splitlines()


def test_the_view_says_how_many_how_fast_and_what_is_best() -> None:
    first, second = drawn(BUSY)
    assert first.endswith("57/120 trials, 3 crashed, 5 diverged")
    assert second == "16 training, 1,240 epochs/s, 2 min 05 s left, best 0.1234 (0042)"


def test_several_workers_get_a_line_each_and_keep_it_when_idle() -> None:
    assert len(drawn(BUSY._replace(workers=WORKERS[:1]))) == 2
    both = BUSY._replace(workers=WORKERS)
    assert drawn(both)[2:] == [
        "GPU 0  stack 3f2a: 512 runs, epoch 12/100",
        "GPU 1  trial 0007, epoch 3",
    ]
    assert drawn(both, BUSY._replace(workers=WORKERS[:1]))[3] == "GPU 1  idle"


def test_many_workers_leave_room_on_the_screen() -> None:
    workers = tuple(Worker(f"core {i:02}", "trial 1", 1, 2, 1) for i in range(64))
    lines = drawn(BUSY._replace(workers=workers))
    assert len(lines) == 2 + watching.MOST_WORKERS + 1
    assert lines[-1] == "and 52 more, 52 of them at work"


def test_the_view_fits_eighty_columns_and_is_cut_in_fewer() -> None:
    counts = {"done": 12345, "total": 99999, "failed": 1234, "diverged": 5678, "running": 2048}
    huge = BUSY._replace(**counts, best_trial_id="a-long-name-of-a-trial" * 3, workers=WORKERS)
    for width in (40, 80):
        lines = drawn(huge, width=width)
        assert len(lines) == 4
        assert max(map(len, lines)) <= width
    assert "12,345/99,999 trials, 1,234 crashed, 5,678 diverged" in drawn(huge)[0]


def test_the_bar_moves_with_the_share_and_never_back() -> None:
    def length(*shares: float) -> int:
        return drawn(*[BUSY._replace(share=share) for share in shares])[0].count("━")

    assert length(0.25) < length(0.5) < length(1.0)
    assert length(0.5, 0.25) == length(0.5)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "best 0.5 (0000)"),
        ({"epochs": 0, "earlier": 1}, "building and compiling, best 0.5 (0000)"),
        ({"best_score": math.inf, "running": 2}, "2 training"),
        ({"done": 2, "seconds": 61.0}, "1 min 01 s in all, best 0.5 (0000)"),
        ({"best_score": None, "running": 1}, "1 training"),
        ({"best_score": None, "epochs_per_second": 0.05}, "3 epochs/min"),
        ({"best_score": None, "epochs_per_second": 2.55}, "2.5 epochs/s"),
        ({"best_score": None, "seconds_left": 59.4}, "59 s left"),
        ({"best_score": None, "seconds_left": 7260.0}, "2 h 01 min left"),
    ],
)
def test_the_pace_says_what_is_known(more: dict[str, Any], text: str) -> None:
    assert pace(progress(**more)) == text


class Log:
    """Lines, and a clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.text: list[str] = []
        self.lines = Lines(self.text.append, lambda: self.now)


def test_a_line_says_how_a_trial_ended() -> None:
    log = Log()
    log.lines(progress(seconds_left=5.0))
    log.lines(progress(score=None))
    log.lines(progress(score=math.inf, best_score=math.inf))
    assert log.text == [
        "  1/2 trial 0000: score 0.5; 5 s left, best 0.5 (0000)",
        "  1/2 trial 0000: crashed; best 0.5 (0000)",
        "  1/2 trial 0000: diverged",
    ]


def test_a_long_sweep_gets_a_line_now_and_then_and_one_for_the_last_trial() -> None:
    log = Log()
    with log.lines.watch(progress):
        for done in range(1, 1001):
            log.now += 0.1
            log.lines(progress(done=done, total=1000))
    assert len(log.text) == EVERY_TRIAL + (1000 - EVERY_TRIAL) * 0.1 // LEAST_SECONDS + 1
    assert log.text[-1].startswith("  1,000/1,000 trial")


def test_trials_that_take_long_are_not_met_with_silence() -> None:
    log = Log()
    log.now = MOST_SECONDS - 1
    log.lines.breathe(lambda: BUSY)
    assert log.text == []
    for _ in range(2):
        log.now += 2
        log.lines.breathe(lambda: BUSY)
    assert log.text == [
        "  57/120 trials; 16 training, 1,240 epochs/s, 2 min 05 s left, best 0.1234 (0042)"
    ]


def test_whoever_watches_asks_in_the_meantime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_SECONDS", 0.01)
    log = Log()
    log.now = 1.0
    with log.lines.watch(lambda: BUSY):
        until = time.monotonic() + 10
        while not log.text and time.monotonic() < until:
            time.sleep(0.001)
    assert log.text


def test_a_terminal_sees_the_last_state_when_the_sweep_has_ended() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, _environ={})
    moments = iter([BUSY])
    with View(console).watch(lambda: next(moments, BUSY._replace(done=120, share=1.0))):
        pass
    assert isinstance(console.file, io.StringIO)
    assert "120/120 trials" in console.file.getvalue().rsplit("━", 1)[1]


def test_names_do_not_act_on_the_terminal() -> None:
    name = f"[bold]{ESCAPES}"
    named = progress(best_trial_id=name, workers=tuple(w._replace(name=name) for w in WORKERS))
    text = "\n".join(drawn(named._replace(workers=(*named.workers, WORKERS[0])), width=120))
    assert "[bold]" in text
    assert "\\x1b[31mred" in text
    assert not set(text) & {"\x1b", "\x07", "\u202e"}
