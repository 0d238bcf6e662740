"""The options that commands share."""

import math
from pathlib import Path
from typing import Annotated

import typer


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


Penalty = Annotated[
    float | None,
    typer.Option(
        min=0,
        callback=_finite,
        help="Weight of the generalization gap in the score; 0: objective alone.",
    ),
]
Html = Annotated[Path | None, typer.Option(help="Write the report as one offline HTML file.")]
SweepReport = Annotated[
    Path | None,
    typer.Option(
        "--report",
        "--html",
        help="The report, one offline HTML file, written anew while the sweep goes on; by default "
        "in the sweep's folder.",
    ),
]
Json = Annotated[Path | None, typer.Option(help="Write the whole record as JSON.")]
Csv = Annotated[Path | None, typer.Option(help="Write tables to this folder.")]
Parquet = Annotated[
    Path | None, typer.Option(help="Write the same tables to this folder, with types.")
]
Tensorboard = Annotated[
    Path | None,
    typer.Option(help="Write curves and hyperparameters to this folder as event files."),
]
Save = Annotated[Path | None, typer.Option(help="Save audit and trials to this folder.")]
Plain = Annotated[bool, typer.Option("--plain", help="No colours, no progress bar.")]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CODE|SEVERITY",
        help="Exit with 1 if this finding is there, or one that is so severe (error, warning, tip) "
        "or more. May be repeated.",
    ),
]
Out = Annotated[Path, typer.Option(help="The sweep goes to a folder in this one.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Delete an earlier sweep there.")]
Folds = Annotated[
    int,
    typer.Option(
        min=0,
        help="Cross-validate: train each trial once per fold. The folds are of all rows, those to "
        "train and those to validate together; 0: no folds.",
    ),
]
Stratify = Annotated[
    bool, typer.Option("--stratify", help="Give each fold its share of every class.")
]
Clean = Annotated[
    bool,
    typer.Option(
        "--clean-train-metrics",
        help="Measure training metrics again after each epoch, as validation metrics are.",
    ),
]
Test = Annotated[
    Path | None,
    typer.Option(
        help="Test rows: a table like --data, or .npz with x and y for a space's own data. The "
        "winner alone is evaluated on them, once.",
    ),
]
PerExampleLosses = Annotated[
    bool,
    typer.Option(
        "--per-example-losses",
        help="Keep the loss of each validation row at the best epoch of each run.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would train together; train and write nothing.")
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Processes to train in; -1: one per GPU, or per core where there is none. "
        "By default trials train in this one."
    ),
]
WorkersPerGpu = Annotated[int, typer.Option(min=1, help="Processes that share a GPU.")]
Epochs = Annotated[int, typer.Option(min=1, help="Epochs per trial.")]
