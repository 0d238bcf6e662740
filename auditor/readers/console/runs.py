"""The runs in what Keras printed: which bar is which epoch of which run, and how each run ended."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from auditor.readers.console.events import Bar, Epoch, Event, Mark
from auditor.readers.console.search import Search
from auditor.readers.console.state import State
from auditor.readers.console.summary import facts
from auditor.trials import ModelFacts, Status

FEWEST_ALIKE = 4
"""Different finite numbers that two pasted runs must share to be one run, pasted twice."""

MOST_EVENTS = 1_000_000
"""Of one log: half a million epochs take about 400 MB."""

MOST_RUNS = 20_000
"""Of one log."""

SAME_LINE = 64
"""Bytes between two equal lines "Epoch 1/3" of which nothing came: two workers printed them."""

_UNDER_WAY = re.compile(rb"(?<!\d)(\d{1,12})/(\d{1,12})(?!\d)(?! *(?:\r?\n|$))")
_MOVES = re.compile(rb"[\r\b][^\r\n]{0,12}$")
_REMARK = re.compile(rb"Epoch 0*\d{1,9}: ")
_RAISED = re.compile(
    rb"^([A-Za-z_][\w.]{0,200}(?:Error|Exception|Interrupt|Exit|Iteration)\b[^\r\n]{0,500})", re.M
)


@dataclass
class ConsoleRun:
    """One call of `Model.fit`.

    Attributes:
        trial: The number of KerasTuner's trial; None where there is no such search.
        epochs: The last bar of each complete epoch, by epoch from 0.
        totals: Per epoch that began how many there may be in all, see `Epoch`.
        number: The last epoch that began, from 1.
        stopped: Why training stopped early, in Keras's words.
        raised: The exception that ended it.
        model: What its model is made of, where a summary was printed just before it.
    """

    trial: int | None = None
    epochs: dict[int, State] = field(default_factory=dict)
    totals: list[tuple[int, ...]] = field(default_factory=list)
    number: int = 0
    stopped: str | None = None
    raised: str | None = None
    model: ModelFacts | None = None
    _last: Bar | Epoch | None = None
    _is_closed: bool = False

    @property
    def is_under_way(self) -> bool:
        """Whether it ends within an epoch."""
        return self.number - 1 not in self.epochs

    @property
    def planned(self) -> int | None:
        """How many epochs were planned: what fits most of them."""
        if not self.totals:
            return None
        counts = Counter(total for totals in self.totals for total in totals)
        most = max(counts.values(), default=0)
        likely = [total for totals in self.totals for total in totals if counts[total] == most]
        return likely[0] if likely else None

    @property
    def status(self) -> Status:
        """How it ended, as far as that is certain."""
        if self.raised and self.is_under_way:
            return "unfinished" if self.raised.startswith("KeyboardInterrupt") else "failed"
        if self.stopped or (self.number == self.planned and not self.is_under_way):
            return "completed"
        return "unfinished" if self.is_under_way else "unknown"

    def is_followed_by(self, epoch: Epoch) -> bool:
        """Whether an epoch belongs to this run."""
        if epoch.number == self.number and isinstance(self._last, Epoch):
            return epoch.at - self._last.end < SAME_LINE
        fits = not self.totals or set(self.totals[-1]) & set(epoch.totals)
        return epoch.number == self.number + 1 or (epoch.number > self.number and bool(fits))

    def begin(self, epoch: Epoch) -> None:
        """An epoch begins."""
        self.number, self._last, self._is_closed = epoch.number, epoch, False
        self.totals.append(epoch.totals)

    def show(self, bar: Bar) -> None:
        """A bar that is full, or validated: the epoch's, or of an evaluation after it."""
        before, self._last = self._last, bar
        known = self.epochs.get(self.number - 1)
        may_move = bar.state.is_cut_off and _MOVES.search(bar.behind) is not None
        if bar.state.is_under_way or may_move or self._is_closed:
            return
        shown_again = isinstance(before, Bar) and _overwrites(bar, before)
        if known is None or bar.state.is_validated or shown_again:
            self.epochs[self.number - 1] = bar.state
        else:
            self._is_closed = True
        self._is_closed |= bar.state.is_validated

    def settle(self) -> None:
        """Once the log has ended: leave out what may not be the last word on an epoch."""
        last = self.epochs.get(self.number - 1)
        if last is None:
            return
        others = [state for epoch, state in self.epochs.items() if epoch != self.number - 1]
        if last.is_cut_off and _may_be_cut(last, others):
            last.texts.popitem()
        awaits = others and all(state.is_validated for state in others)
        if not last.texts or (awaits and not last.is_validated):
            del self.epochs[self.number - 1]


def _overwrites(bar: Bar, before: Bar) -> bool:
    """Whether a bar shows the same epoch as the full one before it, once more."""
    if bar.steps != before.steps:
        return False
    between = (
        bar.behind[-min(bar.at - before.end, len(bar.behind)) :] if bar.at > before.end else b""
    )
    if any(int(a) < int(b) for a, b in _UNDER_WAY.findall(between)):
        return False  # a bar of its own: an evaluation
    return before.state.is_under_way or b"\b" in between or _REMARK.search(between) is not None


def _may_be_cut(last: State, others: list[State]) -> bool:
    """Whether the last number of a log may lack its exponent: not all others are as large."""
    name, text = list(last.texts.items())[-1]
    looks_short = re.fullmatch(r"[-+]?(?:[1-9]\.\d{4}|0\.0000)", text) is not None
    numbers = [state.texts[name] for state in others if name in state.texts]
    large = [re.fullmatch(r"[-+]?[1-9]\d*\.\d+", number) is not None for number in numbers]
    return looks_short and not (large and all(large))


@dataclass
class Log:
    """What a log holds.

    Attributes:
        runs: In order.
        search: KerasTuner's messages.
        is_counted: No epoch has a number, so that they were counted.
        repeated: Runs that stood there twice.
        is_cut: There is more than `MOST_EVENTS` or `MOST_RUNS`, and the rest is left out.
    """

    runs: list[ConsoleRun] = field(default_factory=list)
    search: Search = field(default_factory=Search)
    is_counted: bool = False
    repeated: int = 0
    is_cut: bool = False
    _run: ConsoleRun | None = None
    _loose: list[State] = field(default_factory=list)
    _model: ModelFacts | None = None

    def take(self, event: Event) -> None:
        """The next event."""
        match event:
            case Epoch():
                self._begin(event)
            case Bar() if self._run is not None:
                self._run.show(event)
            case Bar() if event.state.is_validated and not event.state.is_under_way:
                self._loose.append(event.state)
            case Mark(kind="stopped early") if self._run:
                self._run.stopped = "early stopping"
            case Mark(kind="stopped at NaN") if self._run:
                self._run.stopped = "Invalid loss, terminating training"
            case Mark(kind="summary"):
                self._model = facts(event.text)
            case Mark(kind="traceback"):
                self._raised(event)
            case Mark():
                self.search.take(event)
                if event.kind in ("trial", "end of trial"):
                    self._run, self._loose = None, []

    def _begin(self, epoch: Epoch) -> None:
        if self._run is None or not self._run.is_followed_by(epoch):
            self._run = ConsoleRun(self.search.current, model=self._model)
            self._model = None
            self.runs.append(self._run)
            if self._loose and epoch.number > 1:
                # The log begins in the middle of the epoch before this one.
                self._run.epochs[epoch.number - 2] = self._loose[-1]
            self._loose = []
        self._run.begin(epoch)

    def _raised(self, mark: Mark) -> None:
        found = _RAISED.search(mark.text)
        words = found[1].decode("utf-8", "replace").strip() if found else "an exception"
        if self._run is not None:
            self._run.raised = words
        self.search.raised(words)


def sort(events: Iterator[Event]) -> Log:
    """Sort the events of one log into runs."""
    log = Log()
    for event in islice(events, MOST_EVENTS):
        if max(len(log.runs), len(log.search.trials)) > MOST_RUNS:
            break
        log.take(event)
    log.is_cut = next(events, None) is not None
    if not log.runs and not log.search.trials and log._loose:
        log.is_counted = True
        counted = ConsoleRun(epochs=dict(enumerate(log._loose)), number=len(log._loose))
        log.runs.append(counted)
    for run in log.runs:
        run.settle()
    kept = _without_repeats(log.runs)
    log.runs, log.repeated = kept, len(log.runs) - len(kept)
    return log


def _without_repeats(runs: list[ConsoleRun]) -> list[ConsoleRun]:
    """Runs pasted twice, or in parts that overlap, are one."""
    kept: list[ConsoleRun] = []
    seen: dict[tuple[object, ...], ConsoleRun] = {}
    for run in runs:
        first = min(run.epochs, default=None)
        earlier = seen.get(_mark(run, first)) if first is not None else None
        if earlier is not None and _is_repeat(run, earlier):
            if run.number >= earlier.number:
                earlier.number = run.number
                earlier.stopped, earlier.raised = run.stopped, run.raised
            earlier.epochs.update(run.epochs)
            earlier.totals += run.totals
            run = earlier
        else:
            kept.append(run)
        seen.update({_mark(run, epoch): run for epoch in run.epochs})
    return kept


def _mark(run: ConsoleRun, epoch: int) -> tuple[object, ...]:
    state = run.epochs[epoch]
    return (run.trial, epoch, state.seconds, *state.texts.items())


def _is_repeat(run: ConsoleRun, earlier: ConsoleRun) -> bool:
    shared = run.epochs.keys() & earlier.epochs.keys()
    numbers = {text for epoch in shared for text in run.epochs[epoch].texts.values()}
    finite = {text for text in numbers if text.lower().lstrip("+-") not in ("nan", "inf")}
    alike = all(_mark(run, epoch) == _mark(earlier, epoch) for epoch in shared)
    return alike and len(finite) >= FEWEST_ALIKE
