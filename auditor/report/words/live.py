"""What is said of a sweep that has not ended."""

from auditor.report.live import Live
from auditor.report.numbers import count
from auditor.report.words.phrases import sentence


def standing(live: Live) -> str:
    """Where the sweep stands, in two sentences for the top of the page.

    Example:
        >>> standing(Live(31, 72, 30.0, running=4))
        'Still running: 31 of 72 trials have ended, 4 training (“missing” until they end). ...'
    """
    ended = f"{_done(live)} {'has' if live.done == 1 else 'have'} ended"
    if live.seconds is None:
        written = f"Written at {live.written:%H:%M} on {live.written:%Y-%m-%d}"
        goes_on = "the same search, started again, goes on from there."
        if live.error is None:
            return f"Interrupted: {ended}. {written}; {goes_on}"
        why = f"Stopped by an error: {ended}. {sentence(live.error)}"
        return f"{why} {written}; once that is mended, {goes_on}"
    # Nothing is judged before its end but what has gone wrong for good.
    training = f", {count(live.running)} training (“missing” until they end)" * bool(live.running)
    return (
        f"Still running: {ended}{training}. Written at {live.written:%H:%M}; this page renews "
        "itself."
    )


def _done(live: Live) -> str:
    if live.total is None:
        return count(live.done, "trial")
    return f"{count(live.done)} of {count(live.total, 'trial')}"
