"""All rules, in the order in which they are asked and reported. Codes are permanent."""

from auditor.diagnosis.divergence import DIVERGED, RECOVERED
from auditor.diagnosis.learning import NEVER_LEARNED, STILL_IMPROVING
from auditor.diagnosis.overfitting import DEGRADED, OVERFITTING
from auditor.diagnosis.recording import CRASHED, DISAGREEMENT, NO_GAP, SMALL_VALIDATION, UNREADABLE
from auditor.diagnosis.searching import UNTRIED

RULES = (
    DIVERGED,  # AUD001
    RECOVERED,  # AUD002
    OVERFITTING,  # AUD003
    NEVER_LEARNED,  # AUD004
    STILL_IMPROVING,  # AUD005
    CRASHED,  # AUD006
    UNREADABLE,  # AUD007
    DISAGREEMENT,  # AUD008
    SMALL_VALIDATION,  # AUD009
    NO_GAP,  # AUD010
    DEGRADED,  # AUD011
    UNTRIED,  # AUD012
)
