"""What KerasTuner prints between the runs of its trials: hyperparameters, scores, durations."""

import re
from dataclasses import dataclass, field

from auditor.files import Json
from auditor.readers.console.events import Mark

_HEADINGS = ("Value", "Best Value So Far", "Hyperparameter")
_TABLE = re.compile(
    rb"[ \t\r\n]*((?:Value|Hyperparameter) *\|[^\r\n]{0,200})\r?\n"
    rb"((?:[^\r\n|]{0,500}\|[^\r\n]{0,500}\r?\n)+)"
)
_END = re.compile(
    rb"Trial (\d{1,9}) Complete \[(?:(\d{1,5})d )?(\d\d)h (\d\d)m (\d\d)s\][ \t]*\r?\n"
    rb"(?:([^\r\n:]{1,100}): ([-+.\w]{1,40})\r?\n)?"
)
_BEST = re.compile(rb"Best (.{1,100}?) So Far: ")


@dataclass
class SearchTrial:
    """A trial of KerasTuner.

    Attributes:
        number: As printed, from 1.
        hyperparameters: Numbers have the five digits that KerasTuner prints.
        unclear: Names of those whose value is cut off.
        score, seconds: As printed at its end.
        is_complete: Whether its end is printed.
        raised: The exception that ended it.
    """

    number: int
    hyperparameters: dict[str, Json] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)
    score: float | None = None
    seconds: float | None = None
    is_complete: bool = False
    raised: str | None = None


@dataclass
class Search:
    """The messages of a search.

    Attributes:
        trials: In order. Several searches in one log may each have a trial 1.
        objective: The metric that ranks.
    """

    trials: list[SearchTrial] = field(default_factory=list)
    objective: str | None = None

    @property
    def current(self) -> int | None:
        """The place in `trials` of the one that runs; None where none does."""
        return len(self.trials) - 1 if self.trials and not self.trials[-1].is_complete else None

    def take(self, mark: Mark) -> None:
        """The next message."""
        if mark.kind == "trial" and (found := re.match(rb"[^#]*#(\d{1,9})", mark.text)):
            self.trials.append(SearchTrial(int(found[1])))
            self._read_table(mark.text[found.end() :])
        elif mark.kind == "end of trial" and (found := _END.search(mark.text)):
            self._end(found)
        elif mark.kind == "best" and (found := _BEST.search(mark.text)):
            self.objective = found[1].decode("utf-8", "replace")

    def raised(self, words: str) -> None:
        """Something raised while the last trial ran."""
        if self.trials and not self.trials[-1].is_complete:
            self.trials[-1].raised = words

    def _end(self, found: re.Match[bytes]) -> None:
        trial = next((t for t in reversed(self.trials) if t.number == int(found[1])), None)
        if trial is None or trial.is_complete:
            return
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:5])
        trial.seconds = float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
        trial.is_complete = True
        try:
            trial.score = float(found[7]) if found[7] else None
        except ValueError:
            trial.score = None

    def _read_table(self, text: bytes) -> None:
        """The table of hyperparameters; its columns have changed places between versions."""
        table = _TABLE.match(text)
        if table is None:
            return
        headings = [cell.strip() for cell in table[1].decode("utf-8", "replace").split("|")]
        if sorted(headings) != sorted(_HEADINGS):
            return
        name_at, value_at = headings.index("Hyperparameter"), headings.index("Value")
        trial = self.trials[-1]
        for line in table[2].decode("utf-8", "replace").splitlines():
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) != len(headings) or not cells[name_at]:
                continue
            if cells[value_at].endswith("...") or "..." in cells[name_at][-3:]:
                trial.unclear.append(cells[name_at])
            else:
                trial.hyperparameters[cells[name_at]] = plain(cells[value_at])


def plain(text: str) -> Json:
    """A value as Python prints it, as what it most likely was."""
    named = {"True": True, "False": False, "None": None}
    if text in named:
        return named[text]
    if re.fullmatch(r"[-+]?\d{1,15}", text):
        return int(text)
    if re.fullmatch(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|[-+]?(?:nan|inf)", text):
        return float(text)
    return text
