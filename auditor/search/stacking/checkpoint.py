"""A stack saves itself into a folder of its own, and goes on from there with the same bits.

    checkpoint.npz   the state of all rows, what each run remembers, who waits and who has ended
    <run>.run.npz    a run that has ended, as it is handed over (`auditor.search.handover`)

A run that has ended is written down before anybody hears of it. The first time, the stack itself is
too: so a stack without a checkpoint begins anew with all its runs. One that ends between two
checkpoints is trained again from the earlier one, to the same end; if it was reported already, its
row stays taken until then (`Absent`). So the rows have the same runs, and are as many, as without
the interruption. If the file of such a run is lost, its row is free at once: what then differs is
the row of a later run, or when the stack shrinks, and with that at most how sums are rounded.
A run that crashed trains again too, unless that was reported for good: its code may be mended now.
So does one that would start from something else now; where one is, and had begun, the stack begins
anew.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.errors import ReadError
from auditor.files import make_folder
from auditor.search.crashes import crash_of
from auditor.search.handover import Handover, execution_state, read_runs, write_run
from auditor.search.plain import NotPlainError, read_plain, write_plain
from auditor.search.stacking.building import BUILDING
from auditor.search.stacking.matching import SCHEMA, begun, check, made_with, starts_from
from auditor.search.stacking.memory import NotResumable, is_plain
from auditor.search.stacking.places import Places
from auditor.search.stacking.resuming import PARTS, TRAINED, Resumed, adopt, is_whole
from auditor.search.stacking.rows import Absent, Place, RunId, StackedRun

if TYPE_CHECKING:
    from auditor.search.stacking.stack import Stack

INTERVAL = 60.0
"""Seconds of training that a kill may cost."""

SHARE = 0.05
"""Share of the time for which a stack saves itself whenever runs end."""

FILE = "checkpoint.npz"


class Checkpoints:
    """Saves one stack."""

    def __init__(
        self,
        folder: Path,
        fits: Mapping[str, Any] | None = None,
        interval: float | None = None,
        tell: Callable[[str], None] = lambda problem: None,
    ) -> None:
        """Save into a folder, which nobody else may write.

        Args:
            folder: It need not exist, nor the one that it is in.
            fits: What a checkpoint must have been made with, beside what is looked at anyway:
                plain values.
            interval: Seconds between two checkpoints; `INTERVAL` by default.
            tell: Called with why a checkpoint that is there cannot be used.
        """
        self._folder = folder
        self._given = dict(fits or {})
        self._interval = INTERVAL if interval is None else interval
        self._last, self._cost, self._exists = time.monotonic(), 0.0, False
        self._fits: dict[str, Any] = {}
        self._runs: dict[RunId, tuple[Any, ...]] = {}
        self._ended: set[RunId] = set()
        self._tell = tell

    # Saving

    def begun(self, run: StackedRun, places: Places) -> None:
        """Take note of what a run starts from."""
        self._runs[run.id] = starts_from(run, places)

    def ended(self, run: StackedRun, clock: int) -> None:
        """Write down a run that has ended, before it is handed over.

        Raises:
            OSError: The folder cannot be written.
        """
        self._ended.add(run.id)
        make_folder(self._folder)
        with suppress(NotPlainError):  # It would be trained again.
            write_run(self._folder, _handover(run, clock, self._digest, self._runs[run.id]))

    def save_if_due(self, stack: "Stack", has_ended: bool) -> None:
        """Save the stack where it is time, and there is something left to train.

        Args:
            stack: After an epoch.
            has_ended: Whether there are runs to be handed over.

        Raises:
            OSError: The folder cannot be written.
        """
        places = stack.places
        if not places.active and not any(isinstance(r, StackedRun) for r in places.waiting):
            return
        begun = time.monotonic()
        since = begun - self._last
        pays = not self._exists or self._cost < SHARE * since
        if since >= self._interval or (has_ended and pays):
            make_folder(self._folder)
            write_plain(self._folder / FILE, self._content(places), flush=True)
            self._last, self._exists = time.monotonic(), True
            self._cost = self._last - begun

    def _content(self, places: Places) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "fits": self._fits,
            "runs": self._runs,
            "clock": places.clock,
            "state": {name: getattr(places.host, name) for name in PARTS},
            "best": {name: getattr(places.best, name) for name in PARTS[:2]},
            "lifted": places.lifted,
            "taken": [place and _entry(place) for place in places.taken],
            "waiting": [run.id for run in places.waiting],
            "ended": sorted(self._ended),
        }

    # Going on

    def restore(self, stack: "Stack") -> list[StackedRun]:
        """Let a stack that has not begun go on from its checkpoint, if there is one that fits.

        Returns:
            Runs that had ended, and must be handed over again.
        """
        places, model = stack.places, stack.engine.program.model
        wanted = {run.id: run for run in places.waiting if isinstance(run, StackedRun)}
        self._fits = {**self._given, **made_with(places)}
        self._runs = {run.id: starts_from(run, places) for run in wanted.values()}
        handed = {h.run: h for h in read_runs(self._folder) if h.fits == self._digest}
        self._last = time.monotonic()
        content = self._read(wanted, places)
        if content is None:
            if not self._have_all_ended(wanted, handed, places):
                return []
            places.waiting.clear()
            return [adopt(run, handed[name], model) for name, run in wanted.items()]
        self._exists = True
        self._runs = {**content["runs"], **self._runs}
        self._ended = set(content["ended"])
        ended = [name for name in content["ended"] if name in wanted]
        again = [wanted[name] for name in ended if not self._stands(handed.get(name), wanted[name])]
        self._ended -= {run.id for run in again}
        Resumed(stack, content, wanted, handed).apply(again)
        return [
            adopt(wanted[name], handed[name], model) for name in ended if wanted[name] not in again
        ]

    def _have_all_ended(
        self, wanted: Mapping[RunId, StackedRun], handed: Mapping[RunId, Handover], places: Places
    ) -> bool:
        """Whether all runs of a stack without a checkpoint have ended, and are the same now."""
        if not wanted.keys() <= handed.keys():
            return False
        self._examine(wanted.values(), places)
        return all(self._stands(handed[name], run) for name, run in wanted.items())

    def _stands(self, handed: Handover | None, run: StackedRun) -> bool:
        """Whether a run, which is examined, need not be trained again."""
        if handed is None or handed.start != self._runs[run.id]:
            return False
        return handed.error is None and is_whole(handed, run)

    def _examine(self, runs: Iterable[StackedRun], places: Places) -> None:
        """Examine runs that have trained before: the code that builds them may have changed."""
        with BUILDING:  # Else several stacks would wait for one another, model by model.
            for run in runs:
                run.get_ready()
                self.begun(run, places)

    def _read(self, wanted: Mapping[RunId, StackedRun], places: Places) -> dict[str, Any] | None:
        """The checkpoint; None where there is none that fits."""
        file = self._folder / FILE
        if not file.exists():
            return None
        try:
            content: dict[str, Any] = read_plain(file)
            self._examine((wanted[name] for name in begun(content) if name in wanted), places)
            check(content, wanted, self._fits, self._runs)
        except ReadError as error:
            self._tell(str(error))
        except Exception as error:  # Anybody may have written the file.
            self._tell(f"{file} is none of this stack: {error!r:.200}")
        else:
            return content
        return None

    @property
    def _digest(self) -> str:
        return hashlib.blake2b(repr(sorted(self._fits.items())).encode()).hexdigest()[:32]


def remove(folder: Path) -> None:
    """Remove the folder of a stack all of whose runs were reported; and its parent, once empty."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()


# What is written


def _entry(place: Place | Absent) -> dict[str, Any]:
    if isinstance(place, Absent):
        return {"run": place.id, "epoch": place.epoch, "state": None}
    return {"run": place.run.id, "epoch": place.epoch, "state": _state(place)}


def _state(place: Place) -> dict[str, Any] | None:
    """What a run goes on from; None where it starts again."""
    if not place.epoch:
        return None
    try:
        callbacks = place.callbacks.state()
    except NotResumable:
        return None
    execution = execution_state(place.run.execution)
    state = {
        "callbacks": callbacks,
        "last_logs": place.last_logs,
        "has_best": place.has_best,
        "execution": {name: execution[name] for name in TRAINED},
    }
    return state if is_plain(state) else None  # Callbacks may put anything among the logs.


def _handover(run: StackedRun, clock: int, fits: str, start: tuple[Any, ...]) -> Handover:
    crash = None if run.error is None else crash_of(run.error)
    history = None
    if run.history is not None:
        own = vars(run.history)
        history = {name: own[name] for name in ("history", "epoch", "params") if name in own}
    return Handover(
        trial_id=run.trial_id,
        execution=run.execution,
        error=None if crash is None else crash.report,
        is_given_up=crash is not None and crash.is_given_up,
        refused=run.refused,
        clock=clock,
        fits=fits,
        start=start,
        history=history,
        final_weights=run.final_weights,
        callbacks=None if run.memory is None else [one["values"] for one in run.memory],
    )
