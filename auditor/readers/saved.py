"""What `Audit.save`, `Trials.save` and `--save` wrote: the trials as they were read then.

Nothing of them is lost. An audit beside them is not looked at: the trials are judged anew.
"""

from dataclasses import replace

from auditor.readers.looking import Look
from auditor.readers.reader import NO_FOLDER, Match, Source
from auditor.trials import Trials

_TRIALS = "trials.json"
_CURVES = "curves.parquet"


def matches(look: Look) -> Match:
    """Whether the path is a saved audit, or its trials alone."""
    if not look.is_dir:
        return NO_FOLDER
    if _TRIALS in look.files and _CURVES in look.files:
        return Match(True, f"it has {_TRIALS} and {_CURVES}")
    below = Look(look.path / "trials")
    if "audit.json" in look.files and _TRIALS in below.files:
        return Match(True, f"it has audit.json and trials/{_TRIALS}")
    return Match(False, f"there is neither {_TRIALS} with {_CURVES} nor audit.json")


def read(source: Source) -> Trials:
    """Read the trials.

    Raises:
        ReadError: A file is missing, cut off, or of a newer schema.
    """
    folder = source.path
    if _TRIALS not in Look(folder).files:
        folder /= "trials"
    trials = Trials.load(folder)
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return replace(
        trials,
        provenance=replace(
            trials.provenance,
            path=str(source.path),
            files=tuple(str(path.relative_to(source.root)) for path in files),
        ),
    )
