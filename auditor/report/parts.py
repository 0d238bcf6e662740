"""What a report is made of: words in a fixed structure, which renderers only lay out."""

from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "right"]
Tone = Literal["good", "tip", "warning", "error", "quiet", "plain"]
"""How a word should look; never the only carrier of its meaning."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its heading.
        align: "right" for numbers.
        unit: Unit of its numbers, such as "nats"; empty where they have none.
        about: What it holds, for readers who wonder.
        below: Whether a narrow page may put it on a line of its own below the row.
        aside: Whether a renderer without room may leave it out.
        ditto: Whether one whose rows keep their order may say "as above".
    """

    name: str
    align: Align = "left"
    unit: str = ""
    about: str = ""
    below: bool = False
    aside: bool = False
    ditto: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What is shown.
        key: What it sorts by: a number, else its text; None (unknown) sorts last either way.
        share: A fraction of 1 that may be drawn as a bar behind the text.
        tone: How it should look.
        about: More to be read by those who ask; renderers without room leave it out.
    """

    text: str
    key: float | str | None = None
    share: float | None = None
    tone: Tone = "plain"
    about: str = ""


@dataclass(frozen=True)
class Row:
    """One row; `trial_id` where the row is about one trial."""

    cells: tuple[Cell, ...]
    trial_id: str | None = None


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: What it shows; empty where the section's title says it.
        columns, rows: Its content. Each row has one cell per column.
        note: How to read it, or what is left out of it.
        brief: Rows to show where there is no room for all of them.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    brief: int = 10


@dataclass(frozen=True)
class Entry:
    """One finding or cause.

    Attributes:
        label: Short mark in front, such as "AUD003".
        title: Its name.
        tone: How severe it is.
        badge: The same in a word or two.
        sentence: What it says.
        details: More, one sentence or list of numbers each.
        remedy: What to do; empty where nothing is to be done.
        table: Its single cases.
        explanation: What it rests on, in pairs of a heading and a text, for those who ask;
            renderers without room leave it out.
        example: One of its single cases, for renderers that fold their table.
    """

    label: str
    title: str
    tone: Tone
    badge: str
    sentence: str
    details: tuple[str, ...] = ()
    remedy: str = ""
    table: Table | None = None
    explanation: tuple[tuple[str, str], ...] = ()
    example: str = ""


@dataclass(frozen=True)
class Picture:
    """One figure.

    Attributes:
        name: Of a function in `auditor.report.figures`.
        caption: What it shows.
        about: The same for those who cannot see it, and where else it is told.
        note: How to read it, and what is left out of it.
    """

    name: str
    caption: str
    about: str = ""
    note: str = ""


@dataclass(frozen=True)
class Share:
    """A part of a whole that is counted.

    Attributes:
        name: Of the part, such as "diverged".
        count: How much of the whole it is.
        tone: How it should look.
    """

    name: str
    count: int
    tone: Tone = "plain"


@dataclass(frozen=True)
class Section:
    """One section of a report, in the order of its fields.

    Attributes:
        key: Permanent name, such as "leaderboard".
        title: Its heading.
        headline: One sentence that says it all; only the verdict has one.
        tone: Of the headline.
        answers: Pairs of a question, in a word or three, and its answer in sentences.
        shares: Parts of a whole, for renderers that can draw; the answers say the same.
        facts: Pairs of a name and a value.
        paragraphs: Text.
        entries: Findings or causes.
        tables: Tables.
        figures: Pictures, for renderers that can draw.
        notes: What limits all this, in sentences.
    """

    key: str
    title: str
    headline: str = ""
    tone: Tone = "plain"
    answers: tuple[tuple[str, str], ...] = ()
    shares: tuple[Share, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    paragraphs: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
