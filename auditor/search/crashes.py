"""What is left of a crash: text, which outlives the process that it happened in."""

import traceback

import keras_tuner

from auditor.errors import AuditorError

ENDS_THE_SEARCH = (AuditorError, keras_tuner.errors.FatalError)
"""What is no crash of the trial whose code raises it, but concerns the search as a whole."""


class CrashError(Exception):
    """A trial crashed, elsewhere or earlier.

    Attributes:
        report: The traceback of where it crashed, as text.
        is_given_up: Whether the trial ended itself, by KerasTuner's `FailedTrialError`, and is not
            to be tried again.
    """

    def __init__(self, report: str, is_given_up: bool = False) -> None:
        """With all that is left of it."""
        super().__init__(report, is_given_up)
        self.report = report
        self.is_given_up = is_given_up


def crash_of(error: Exception) -> CrashError:
    """What is left of an exception where it is caught; of a crash all of it, as it is."""
    if isinstance(error, CrashError):
        return error
    given_up = isinstance(error, keras_tuner.errors.FailedTrialError)
    return CrashError("".join(traceback.format_exception(error)), given_up)
