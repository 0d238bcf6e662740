"""`auditor check-data`: what training and validation data show before anything is trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.ending import fail_on_found, one_line_errors, say
from auditor.cli.options import FailOn, Json, Plain
from auditor.cli.outputs import Outputs, asked_for, screen
from auditor.errors import DirectoryError
from auditor.sweeping import TaskOption

if TYPE_CHECKING:
    from auditor.check_tables import Pair
    from auditor.checking import DataAudit

ARRAYS = ".npz"


def check_data(
    table: Annotated[
        Path | None,
        typer.Argument(
            help="Table to split: .csv or .parquet; or .npz with x_train, y_train, x_val, y_val."
        ),
    ] = None,
    train: Annotated[
        Path | None, typer.Option(help="Rows to train on: a table, or .npz with x and y.")
    ] = None,
    validation: Annotated[
        Path | None, typer.Option(help="Rows to validate on, in the same form.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column of a table to predict.")] = None,
    task: Annotated[TaskOption, typer.Option(help="What the target is.")] = TaskOption.AUTO,
    validation_fraction: Annotated[float, typer.Option(help="Share of TABLE held out.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Decides which rows of TABLE.")] = 0,
    json: Json = None,
    fail_on: FailOn = None,
    plain: Plain = False,
) -> None:
    """Compare training and validation data: shared rows, labels, scale. Trains no network."""
    if (table is None) == (train is None) or (train is None) != (validation is None):
        raise typer.BadParameter("give either TABLE, or --train and --validation")
    given = [path for path in (table, train, validation) if path is not None]
    arrays = {path.suffix.lower() == ARRAYS for path in given}
    if len(arrays) > 1:
        raise typer.BadParameter("--train and --validation must both be tables, or both .npz")
    are_arrays = arrays.pop()
    if target is not None and are_arrays:
        raise typer.BadParameter("--target names a column of tables, and .npz files have none")
    codes = tuple(fail_on or ())
    with one_line_errors():
        Outputs(None, json, fail_on=codes).check()
        from auditor.check_tables import without_target
        from auditor.checking import check_data as compared

        if target is None and not are_arrays:
            raise typer.BadParameter(without_target(given[0]))
        pair = _loaded(given, target, task.value, validation_fraction, seed)
        found = compared(
            pair.x, pair.y, pair.x_validation, pair.y_validation, pair.names, pair.classes,
            pair.table,
        )  # fmt: skip
        for sentence in pair.sentences:
            say(sentence)
        _deliver(found, json, plain)
        fail_on_found(asked_for(codes, found.findings))


def _loaded(given: list[Path], target: str | None, task: str, fraction: float, seed: int) -> "Pair":
    from auditor import check_tables

    first, *others = given
    if target is None:
        return check_tables.from_arrays(first, *others)
    if others:
        return check_tables.from_tables(first, others[0], target, task)
    return check_tables.from_table(first, target, task, fraction, seed)


def _deliver(found: "DataAudit", json: Path | None, plain: bool) -> None:
    from auditor.files import to_json, write_whole
    from auditor.report.data import render_data

    typer.echo("\n" + render_data(found, *screen(plain)), nl=False)
    if json is None:
        return
    try:
        write_whole(json, to_json(found.record, indent=1))
    except OSError as error:
        raise DirectoryError(
            f"cannot write {json}: {error.strerror}; choose another place"
        ) from error
    say(f"Written: {json}")
