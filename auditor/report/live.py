"""What a page says of a sweep that it was written in the middle of."""

from dataclasses import dataclass, field
from datetime import datetime


def _now() -> datetime:
    return datetime.now().astimezone()


@dataclass(frozen=True)
class Live:
    """Where a sweep stood when its page was written: `render_html(audit, live=Live(31, 72, 30))`.

    Attributes:
        done: Trials that had ended.
        total: Trials that there will be; None where that is not known.
        seconds: After which the page shall load itself again; None where nobody will write another
            one, because the sweep was interrupted.
        running: Trials that were training.
        written: When.
    """

    done: int
    total: int | None
    seconds: float | None
    running: int = 0
    written: datetime = field(default_factory=_now)
