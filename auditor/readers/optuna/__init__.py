"""Studies of Optuna: SQLite stores, journal files, and tables of trials saved as CSV.

Optuna stores hyperparameters with their distributions, what was told, at most one series of
reported values per trial, states and times. One store may hold many studies: each is a sweep.
"""

from auditor.errors import ReadError
from auditor.readers.gathered import file_name
from auditor.readers.looking import Look
from auditor.readers.optuna import database, journal, table
from auditor.readers.optuna.study import Study, trials_of
from auditor.readers.reader import NO_FILE, Match, Source
from auditor.readers.sqlite import MAGIC
from auditor.trials import Trials

_JOURNAL = ('{"op_code":', '{"op_code" :')


def matches(look: Look) -> Match:
    """Whether the path is a store, a journal, or a table of trials."""
    if not look.is_file:
        return NO_FILE
    try:
        if look.head.startswith(MAGIC):
            names = database.study_names(look.path)
            if names is None:
                return Match(False, "it is an SQLite database without Optuna's tables")
            return _parted("it is an SQLite database with Optuna's tables", names)
        if look.text.startswith(_JOURNAL):
            studies = journal.read_journal(look.path)
            why = "each of its lines is an operation of Optuna's journal"
            return _parted(why, [study.name for study in studies if study.trials])
        if table.is_table(look.columns):
            why = "it has the columns of Optuna's trials_dataframe()"
            return _parted(why, table.study_names(look.path, look.columns))
    except ReadError as error:
        return Match(False, f"it may be Optuna's, but {error}")
    return Match(False, "it is no SQLite database, journal or table of trials")


def _parted(why: str, names: list[str]) -> Match:
    return Match(True, why, tuple(dict.fromkeys(names)) if len(names) > 1 else ())


def read(source: Source) -> Trials:
    """Read one study.

    Raises:
        ReadError: The file is damaged, or has no such study, or no trials.
    """
    look = Look(source.path)
    if look.head.startswith(MAGIC):
        study = database.read_study(source.path, source.part or _only(source))
    elif look.text.startswith(_JOURNAL):
        study = _of_journal(source)
    else:
        study = table.read_table(source.path, source.part)
    if not study.trials:
        raise ReadError(f"the study {study.name!r} has no trials yet")
    return trials_of(study, source, file_name(source.path, source.root))


def _only(source: Source) -> str | None:
    """The study with trials of a store whose others have none."""
    names = database.study_names(source.path)
    return names[0] if names else None


def _of_journal(source: Source) -> Study:
    studies = journal.read_journal(source.path)
    named = [s for s in studies if s.name == source.part or (source.part is None and s.trials)]
    if not named:
        listed = ", ".join(study.name for study in studies) or "none"
        raise ReadError(f"the journal has no study {source.part!r} with trials; it has {listed}")
    return named[0]
