"""Every exception this package raises on purpose.

    AuditorError
    ├── TrialsError          observations that contradict themselves (also a ValueError)
    ├── ReadError            a file or directory that cannot be read
    │   └── UnknownFormatError   no reader recognises the path
    ├── DirectoryError       a sweep's directory that is unwritable, or holds another sweep
    ├── SearchError          a search that cannot go on (also a RuntimeError, as in KerasTuner)
    │   └── ObjectiveError   the objective is not among the metrics (also a ValueError)
    └── DataError            training data that cannot be used (also a ValueError)

A message says what was received, what is accepted and what to do. Bad input of a single trial is
never an exception: it becomes a finding, and the other trials are audited.
"""


class AuditorError(Exception):
    """Root of all errors raised on purpose by `auditor`."""


class TrialsError(AuditorError, ValueError):
    """The observations handed to `Trials` contradict themselves."""


class ReadError(AuditorError):
    """A file or directory could not be read."""


class UnknownFormatError(ReadError):
    """No reader recognises the path; the message lists each reader and why it declined."""


class DirectoryError(AuditorError):
    """The directory of a sweep cannot be written, or holds a different sweep."""


class SearchError(AuditorError, RuntimeError):
    """The search cannot go on."""


class ObjectiveError(SearchError, ValueError):
    """The objective is missing from the metrics that training reported."""


class DataError(AuditorError, ValueError):
    """Training data that cannot be used as it is."""
