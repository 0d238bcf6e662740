"""What is said of a sweep that has not ended."""

from auditor.report.live import Live
from auditor.report.numbers import count


def standing(live: Live) -> str:
    """Where the sweep stands, in a sentence or two for the top of the page.

    Example:
        >>> standing(Live(31, 72, 30.0, running=4))
        'Still running: 31 of 72 trials have ended, 4 training. Written at 12:31; ...'
    """
    of = "" if live.total is None else f" of {count(live.total)}"
    ended = f"{count(live.done)}{of} trials {'has' if live.done == 1 else 'have'} ended"
    written = f"{live.written:%H:%M}"
    if live.seconds is None:
        return (
            f"Interrupted: {ended}. Written at {written} on {live.written:%Y-%m-%d}; the same "
            "search, started again, goes on from there."
        )
    training = f", {count(live.running)} training" if live.running else ""
    return f"Still running: {ended}{training}. Written at {written}; this page renews itself."
