"""The pictures of the causes, and what must be known to read them."""

from typing import TYPE_CHECKING

from auditor.report.counts import THIN, strongest_values, top_pairs
from auditor.report.parts import Picture

if TYPE_CHECKING:
    from auditor.auditing import Audit

PAIRS = "Failing runs / all runs, for each combination of two hyperparameters"
PAIRS_ABOUT = "Failing and total runs for each combination; the same counts are in the tables"
EFFECTS = "How much more often runs fail with a value than without it"
EFFECTS_ABOUT = "Differences of failure rates with their intervals; the strongest are told in words"

SHARE = "The more of a combination fail, the stronger its colour."
THINLY_SEEN = f"Hatched: fewer than {THIN} runs, of which a share says little."
COUNTED = "Runs that fail with it / all runs with it; and the same of those without it."
OPEN = "An open mark stands for a difference for which no interval is defined, see below."
EACH = "The interval of a single value holds for itself alone, not for all of them together."


def pictures(audit: "Audit") -> tuple[Picture, ...]:
    """What there is to show."""
    return tuple(filter(None, (_effects(audit), _pairs(audit))))


def _effects(audit: "Audit") -> Picture | None:
    causes = [cause.interval for cause in audit.causes if cause.effect is not None]
    values = [value.interval for value in strongest_values(audit)]
    if not causes and not values:
        return None
    notes = [COUNTED]
    if None in (*causes, *values):
        notes.append(OPEN)
    if any(values):
        notes.append(EACH)
    return Picture("effects", EFFECTS, EFFECTS_ABOUT, " ".join(notes))


def _pairs(audit: "Audit") -> Picture | None:
    pairs = top_pairs(audit)
    if not pairs:
        return None
    notes = [SHARE, *([THINLY_SEEN] if any(pair.has_thin for pair in pairs) else [])]
    return Picture("causes", PAIRS, PAIRS_ABOUT, " ".join(notes))
