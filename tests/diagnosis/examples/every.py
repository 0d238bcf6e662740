"""The examples of all rules, by code."""

from tests.diagnosis.examples import divergence, learning, overfitting, recording, searching

EXAMPLES = {
    **divergence.EXAMPLES,
    **overfitting.EXAMPLES,
    **learning.EXAMPLES,
    **recording.EXAMPLES,
    **searching.EXAMPLES,
}
