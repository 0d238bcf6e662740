"""All rules, in the order in which they are asked and reported. Codes are permanent."""

from auditor.diagnosis.comparing import INCOMPARABLE
from auditor.diagnosis.data import NEAR_COPIES, SHARED
from auditor.diagnosis.deciding import DISAGREEMENT, SMALL_VALIDATION
from auditor.diagnosis.dips import DIP
from auditor.diagnosis.divergence import DIVERGED, RECOVERED
from auditor.diagnosis.easier import BELOW_TRAINING
from auditor.diagnosis.edges import EDGE
from auditor.diagnosis.equality import EQUALITY
from auditor.diagnosis.hardly import HARDLY
from auditor.diagnosis.inputs import NO_BETTER, NOT_FINITE, NOT_SCALED
from auditor.diagnosis.learning import NEVER_LEARNED, STILL_IMPROVING
from auditor.diagnosis.luck import TIED
from auditor.diagnosis.model import CLASSES, LOGITS
from auditor.diagnosis.order import SORTED
from auditor.diagnosis.overconfidence import DISAGREE
from auditor.diagnosis.overfitting import DEGRADED, OVERFITTING
from auditor.diagnosis.plausibility import IMPOSSIBLE
from auditor.diagnosis.recording import CRASHED, NO_GAP, TOO_SHORT, UNREADABLE
from auditor.diagnosis.searching import UNTRIED
from auditor.diagnosis.shift import DATA_DIFFER, LABELS_DIFFER
from auditor.diagnosis.slowness import SLOW
from auditor.diagnosis.splitting import GAP_FROM_FIRST
from auditor.diagnosis.stability import FOLLOWING, OSCILLATING
from auditor.diagnosis.stopping import STOPPED
from auditor.diagnosis.training import RATE, UNREGULARISED
from auditor.diagnosis.unmeasured import UNMEASURED
from auditor.diagnosis.unseen import UNSEEN

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
    DISAGREE,  # AUD013
    SLOW,  # AUD014
    STOPPED,  # AUD015
    OSCILLATING,  # AUD016
    DIP,  # AUD017
    FOLLOWING,  # AUD018
    GAP_FROM_FIRST,  # AUD019
    BELOW_TRAINING,  # AUD020
    EQUALITY,  # AUD021
    IMPOSSIBLE,  # AUD022
    INCOMPARABLE,  # AUD023
    UNMEASURED,  # AUD024
    HARDLY,  # AUD025
    TOO_SHORT,  # AUD026
    UNSEEN,  # AUD027
    SHARED,  # AUD031
    NEAR_COPIES,  # AUD032
    LABELS_DIFFER,  # AUD033
    DATA_DIFFER,  # AUD034
    NOT_SCALED,  # AUD035
    NO_BETTER,  # AUD036
    NOT_FINITE,  # AUD037
    SORTED,  # AUD038
    LOGITS,  # AUD041
    CLASSES,  # AUD042
    UNREGULARISED,  # AUD043
    RATE,  # AUD044
    EDGE,  # AUD051
    TIED,  # AUD052
)
