"""What training and validation data tell when they are compared: facts, no judgement.

Everything is measured on bounded samples, drawn by a seed of its own: the same data give the same
facts, and no other random number changes. The rules that judge are in `auditor.diagnosis.data`.
"""

from auditor.data_checks.comparing import compare
from auditor.data_checks.inputs import Inputs
from auditor.data_checks.order import order

__all__ = ["Inputs", "compare", "order"]
