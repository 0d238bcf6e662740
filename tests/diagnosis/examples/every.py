"""The examples of all rules, by code."""

from tests.diagnosis.examples import (
    data,
    divergence,
    learning,
    luck,
    model,
    overfitting,
    plausibility,
    recording,
    searching,
    splitting,
    stability,
)

EXAMPLES = {
    **divergence.EXAMPLES,
    **overfitting.EXAMPLES,
    **learning.EXAMPLES,
    **recording.EXAMPLES,
    **searching.EXAMPLES,
    **luck.EXAMPLES,
    **stability.EXAMPLES,
    **splitting.EXAMPLES,
    **data.EXAMPLES,
    **model.EXAMPLES,
    **plausibility.EXAMPLES,
}
