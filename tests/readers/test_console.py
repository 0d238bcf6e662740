import csv
import gzip
import math
import os
import shutil
import time
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import AuditorError, ReadError
from auditor.readers import console, find, read
from auditor.readers.console.events import AROUND, Bar, events
from auditor.readers.console.runs import sort
from auditor.readers.looking import Look
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data"
VERSIONS = ("keras-2.2.4", "keras-2.15.0", "keras-3.15.1")
CASES = ("dip_at_epoch_8", "steering_val_below_train", "mobilenet_epochs_10_to_34")

BAR = "10/10 [==============================] - 1s 9ms/step"
EPOCHS = "\n".join(
    f"Epoch {n}/3\n{BAR} - loss: 0.{9 - n}000 - val_loss: 0.{8 - n}500" for n in (1, 2, 3)
)


def log(tmp_path: Path, text: str | bytes, name: str = "run.log") -> Trials:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(file)


def curve(trials: Trials, metric: str, trial: str = "run", execution: int = 0) -> dict[int, float]:
    epochs, values = trials.curve(Run(trial, execution), metric)
    return dict(zip(epochs.tolist(), values.tolist(), strict=True))


def status(trials: Trials, trial: str = "run") -> str:
    return trials.recorded[Run(trial)].status


def truths(version: str) -> dict[str, dict[tuple[int, int, str], float]]:
    """The histories behind the logs of a version: per log by run, epoch and metric."""
    found: dict[str, dict[tuple[int, int, str], float]] = defaultdict(dict)
    with (DATA / "console" / f"{version}.truth.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            metric = "learning_rate" if row["metric"] == "lr" else row["metric"]
            # Of what was killed or crashed, each epoch was noted by itself.
            run = 0 if row["log"] in ("killed", "crashed") else int(row["run"])
            key = run, int(row["epoch"]), metric
            found[row["log"]][key] = float(row["value"])
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_what_keras_printed_is_what_it_measured(version: str) -> None:
    """On terminals and in pipes; NaN, early stops, callbacks that print, kills, evaluations."""
    for name, truth in truths(version).items():
        trials = read(DATA / "console" / version / f"{name}.log")
        found = {
            (place, epoch, metric): value
            for place, run in enumerate(run for run in trials.runs if has_curves(trials, run))
            for metric in {*trials.metrics, "learning_rate"}
            for epoch, value in observations(trials, run, metric)
        }
        # Keras 2.2.4 prints no rate, nor a bar where TerminateOnNaN ends the first epoch.
        lost = {key for key in truth if key not in found}
        lost -= {key for key in lost if version == "keras-2.2.4" and key[2] == "learning_rate"}
        assert not lost or (version, name) == ("keras-2.2.4", "diverging.pty"), (name, lost)
        # It sums a bar's averages in another order than its history's, and rounds after that.
        close = 1.1e-4 if version == "keras-2.2.4" else 0.51e-4
        for key, value in found.items():
            if key in truth:
                assert value == pytest.approx(truth[key], rel=close, abs=close, nan_ok=True), name
            else:  # Keras 2 prints the rate to which it was just reduced, and keeps another
                assert key[2] == "learning_rate"


def has_curves(trials: Trials, run: Run) -> bool:
    return any(len(trials.curve(run, metric).epochs) for metric in trials.metrics)


def observations(trials: Trials, run: Run, metric: str) -> list[tuple[int, float]]:
    series = metric == "learning_rate"
    epochs, values = trials.series(run, metric) if series else trials.curve(run, metric)
    return list(zip(epochs.tolist(), values.tolist(), strict=True))


@pytest.mark.parametrize("version", VERSIONS)
def test_how_runs_ended(version: str) -> None:
    trials = read(DATA / "console" / version)
    assert trials.recorded[Run("callbacks.pty")].message == "early stopping"
    assert status(trials, "callbacks.pty") == status(trials, "no_validation.pty") == "completed"
    killed = trials.recorded[Run("killed")]
    assert killed.status == "unfinished"
    assert killed.message == "it ends within epoch 3 of 5, which is left out"
    crashed = trials.recorded[Run("crashed")]
    assert crashed.message == "ValueError: no second epoch"
    assert status(trials, "diverging.pty#2") == "completed"
    assert trials.recorded[Run("diverging.pty#3")].message == "Invalid loss, terminating training"


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_a_search_of_kerastuner(version: str) -> None:
    trials = read(DATA / "console" / version / "tuner.log")
    assert list(trials.hyperparameters) == [f"tuner#{n}" for n in range(1, 7)]
    assert trials.hyperparameters["tuner#1"] == {
        "units": 4,
        "learning_rate": 0.1,
        "a name with spaces": "short",
        "flag": True,
        "fraction": 0.12346,
    }
    assert "a name with spaces" not in trials.hyperparameters["tuner#4"]  # cut off
    assert Run("tuner#1", 1) in trials.recorded
    assert trials.recorded[Run("tuner#1")].score == pytest.approx(0.14, abs=0.02)
    assert math.isnan(trials.recorded[Run("tuner#3")].score or 0)
    failed = trials.recorded[Run("tuner#4")]
    assert failed.status == "failed"
    assert "Received: units=-1" in str(failed.message) or "units" in str(failed.message)
    assert trials.objective.name == "val_loss"
    assert "Best val_loss So Far" in trials.objective.known_from


@pytest.mark.parametrize("case", CASES)
def test_published_cases(case: str) -> None:
    trials = read(DATA / "cases" / f"{case}.log")
    with (DATA / "cases" / f"{case}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for metric in ("loss", "val_loss"):
        expected = {int(row["epoch"]): float(row[metric]) for row in rows}
        assert curve(trials, metric, case) == expected
    assert trials.provenance.problems == ()


def test_what_the_cases_say_beside_losses() -> None:
    dip = read(DATA / "cases" / "dip_at_epoch_8.log")
    assert curve(dip, "val_accuracy", "dip_at_epoch_8")[7] == 0.6055
    assert (dip.design.epochs, status(dip, "dip_at_epoch_8")) == (10, "completed")
    steering = read(DATA / "cases" / "steering_val_below_train.log")
    assert steering.design.epochs == 5
    assert steering.recorded[Run("steering_val_below_train")].seconds == 4622
    middle = read(DATA / "cases" / "mobilenet_epochs_10_to_34.log")
    name = "mobilenet_epochs_10_to_34"
    assert (middle.design.epochs, status(middle, name)) == (50, "unknown")
    assert middle.recorded[Run(name)].seconds == 93_227
    seconds = middle.series(Run(name), "seconds").values
    assert (sum(seconds), sum(seconds[2:])) == (93_227, 86_464)
    assert "seconds" not in middle.metrics
    assert curve(middle, "val_top5_acc", name)[9] == 0.9406
    assert any("epochs 1 to 9" in sentence for sentence in middle.provenance.missing)


DECORATED = {
    "windows line ends": lambda text: text.replace("\n", "\r\n"),
    "carriage returns only": lambda text: text.replace("\n", "\r"),
    "no line ends": lambda text: text.replace("\n", ""),
    "indented": lambda text: "    " + text.replace("\n", "\n    "),
    "quoted": lambda text: "> " + text.replace("\n", "\n> "),
    "timestamps": lambda text: "2024-01-01 10:11:12,345 INFO keras: ".join(
        line + "\n" for line in ("", *text.split("\n"))
    ),
    "worker": lambda text: "[1,0]<stdout>:" + text.replace("\n", "\n[1,0]<stdout>:"),
    "bar in another encoding": lambda text: text.replace("=", "\u00e2\u201d\u0081"),
    "no bar": lambda text: text.replace(" [==============================]", ""),
    "dashes of a word processor": lambda text: text.replace(" - ", " \u2013 "),
    "escapes without their escape": lambda text: text.replace("10/10 [", "[1m10/10[0m [32m["),
    "spaces at the end": lambda text: text.replace("\n", "        \n"),
    "wrapped": lambda text: text.replace(" - val_loss", "\n - val_loss"),
    "messages": lambda text: text.replace(
        "\nEpoch",
        "\nEpoch 00001: val_loss improved from inf to 0.12345, saving model to a/b.h5\n"
        "WARNING:tensorflow:5 out of the last 5 calls on 2024/01/01 - loss: 3.0\nEpoch",
    ),
    "messages without line ends": lambda text: text.replace("\nEpoch", "Restoring model\nEpoch"),
    "ends of epochs": lambda text: text.replace("\nEpoch", " - 900ms/epoch - 90ms/step\nEpoch"),
    "evaluations": lambda text: text.replace("\nEpoch", f"\n{BAR} - loss: 7.0000\nEpoch"),
    "two workers": lambda text: "\n".join(
        f"[1,0]<stdout>:{line}\n[1,1]<stdout>:{line.replace('000', '001')}"
        for line in text.strip().splitlines()
    ),
    "twice": lambda text: f"{text}\nand once more:\n{text}",
}


@pytest.mark.parametrize("decorate", DECORATED.values(), ids=DECORATED)
def test_however_it_was_saved(tmp_path: Path, decorate) -> None:  # type: ignore[no-untyped-def]
    trials = log(tmp_path, decorate(EPOCHS + "\n"))
    assert curve(trials, "loss") == {0: 0.8, 1: 0.7, 2: 0.6}
    assert curve(trials, "val_loss") == {0: 0.75, 1: 0.65, 2: 0.55}
    assert trials.metrics == ("loss", "val_loss")
    assert trials.runs == (Run("run"),)
    assert (trials.design.epochs, status(trials)) == (3, "completed")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "caf\u00e9\n" + EPOCHS
    assert len(curve(log(tmp_path, text.encode(encoding)), "val_loss")) == 3


def test_packed(tmp_path: Path) -> None:
    packed = gzip.compress(EPOCHS.encode())
    assert len(curve(log(tmp_path, packed, "run.log.gz"), "loss")) == 3
    with pytest.raises(ReadError):
        log(tmp_path, packed[:30], "run.log.gz")


def test_what_is_packed_may_not_be_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "PIECE", len(EPOCHS))
    monkeypatch.setattr(console, "MOST_PACKED_BYTES", 2 * len(EPOCHS))
    (problem,) = log(tmp_path, gzip.compress(EPOCHS.encode() * 3), "run.log.gz").provenance.problems
    assert "the rest is left out" in problem.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nan", math.nan),
        ("inf", math.inf),
        ("-0.5", -0.5),
        ("1.2000e-03", 0.0012),
        ("1234.5678", 1234.5678),
        ("1,234.5678", 1234.5678),
        ("1750784628976930258944.0000", 1750784628976930258944.0),
        ("1.2e+30", 1.2e30),
    ],
)
def test_numbers(tmp_path: Path, text: str, value: float) -> None:
    trials = log(tmp_path, EPOCHS.replace("0.7000", text))
    assert curve(trials, "loss")[1] == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("text", ["0,5234", "[0.1 0.2]", "50%", "none", "1.2.3"])
def test_what_is_no_number_is_not_observed(tmp_path: Path, text: str) -> None:
    trials = log(tmp_path, EPOCHS.replace("val_loss: 0.6500", f"val_loss: {text}"))
    assert curve(trials, "val_loss") == {0: 0.75, 2: 0.55}


@pytest.mark.parametrize(
    ("joined", "epochs"),
    [
        ("Epoch {n}/10281/281 [===] - 9s", 10),
        ("Epoch {n}/519200/19200 [===] - 9s", 5),
        ("Epoch {n}/111/1 [===] - 9s", 11),
        ("Epoch {n}/331/31 [===] - 9s", 3),
    ],
)
def test_lost_line_breaks(tmp_path: Path, joined: str, epochs: int) -> None:
    lines = [f"{joined} - loss: 0.{n}000 - val_loss: 0.{n}100" for n in (1, 2, 3)]
    trials = log(tmp_path, "".join(line.format(n=n + 1) for n, line in enumerate(lines)))
    assert curve(trials, "val_loss") == {0: 0.11, 1: 0.21, 2: 0.31}
    assert trials.design.epochs == epochs


def test_a_bar_under_way_is_no_epoch(tmp_path: Path) -> None:
    trials = log(tmp_path, EPOCHS[: EPOCHS.rindex("10/10")] + " 7/10 [=>..] - ETA: 1s - loss: 0.1")
    assert curve(trials, "loss") == {0: 0.8, 1: 0.7}
    assert status(trials) == "unfinished"


def test_a_full_bar_that_still_waits_is_no_epoch(tmp_path: Path) -> None:
    text = EPOCHS.replace(" - val_", " of ")
    last = text.rindex(" - 1s 9ms/step")
    trials = log(tmp_path, f"{text[:last]} - ETA: 0s - loss: 0.1000\n")
    assert curve(trials, "loss") == {0: 0.8, 1: 0.7}
    assert trials.metrics == ("loss",)
    assert status(trials) == "unfinished"


def test_an_epoch_without_its_validation_is_not_over(tmp_path: Path) -> None:
    trials = log(tmp_path, EPOCHS.removesuffix(" - val_loss: 0.5500"))
    assert curve(trials, "loss") == {0: 0.8, 1: 0.7}
    assert status(trials) == "unfinished"


def test_several_runs(tmp_path: Path) -> None:
    again = EPOCHS.replace(" - loss: 0.8000", " - loss: 0.8001").replace("/3", "/5")
    trials = log(tmp_path, f"{EPOCHS}\nFold 2\n{again}")
    assert list(trials.hyperparameters) == ["run#1", "run#2"]
    assert [status(trials, name) for name in trials.hyperparameters] == ["completed", "unknown"]
    assert trials.design.epochs is None


def test_the_same_run_in_overlapping_parts(tmp_path: Path) -> None:
    text = f"{EPOCHS}\nEpoch 4/4\n{BAR} - loss: 0.5000 - val_loss: 0.4000".replace("/3", "/4")
    trials = log(tmp_path, f"{text[: text.index('Epoch 4')]}...\n{text[text.index('Epoch 2') :]}")
    assert curve(trials, "loss") == {0: 0.8, 1: 0.7, 2: 0.6, 3: 0.5}
    assert status(trials) == "completed"


def test_runs_that_diverged_alike_are_two(tmp_path: Path) -> None:
    text = EPOCHS.replace("0.8000", "nan").replace("0.7000", "nan").replace("0.6000", "nan")
    text = text.replace("0.7500", "nan").replace("0.6500", "nan").replace("0.5500", "nan")
    assert len(log(tmp_path, f"{text}\n{text}").runs) == 2


def test_a_paste_that_begins_with_a_bar(tmp_path: Path) -> None:
    trials = log(
        tmp_path, EPOCHS[EPOCHS.index("\nEpoch 2") - 40 :].replace("Epoch 2/3", "Epoch 2/3")
    )
    assert set(curve(trials, "loss")) == {1, 2}
    trials = log(tmp_path, EPOCHS.removeprefix("Epoch 1/3\n"))
    assert curve(trials, "loss") == {0: 0.8, 1: 0.7, 2: 0.6}


def test_bars_without_epochs_are_counted(tmp_path: Path) -> None:
    bars = "\n".join(line for line in EPOCHS.splitlines() if "Epoch" not in line)
    trials = log(tmp_path, bars)
    assert curve(trials, "loss") == {0: 0.8, 1: 0.7, 2: 0.6}
    assert any("counted" in sentence for sentence in trials.provenance.missing)


def test_more_samples_than_steps_as_keras_1_printed(tmp_path: Path) -> None:
    trials = log(tmp_path, EPOCHS.replace("10/10", "10016/10000"))
    assert curve(trials, "val_loss") == {0: 0.75, 1: 0.65, 2: 0.55}


def test_a_trial_of_kerastuner_without_epochs(tmp_path: Path) -> None:
    text = (
        "Search: Running Trial #1\n\n"
        "Hyperparameter    |Value             |Best Value So Far \n"
        "lstm_units        |384               |?                 \n\n"
        "Trial 1 Complete [00h 02m 37s]\nval_loss: 0.5230200886726379\n\n"
        "Best val_loss So Far: 0.5230200886726379\n"
        "Search: Running Trial #2\n"
    )
    trials = log(tmp_path, text)
    first = trials.recorded[Run("run#1")]
    assert trials.hyperparameters["run#1"] == {"lstm_units": 384}
    assert (first.status, first.score, first.seconds) == ("completed", 0.5230200886726379, 157)
    assert first.metrics == {"val_loss": 0.5230200886726379}
    assert status(trials, "run#2") == "unfinished"


def test_a_fit_after_the_search_is_not_its_last_trial(tmp_path: Path) -> None:
    text = (DATA / "console" / "keras-3.15.1" / "tuner.log").read_text()
    trials = log(tmp_path, text + EPOCHS)
    assert curve(trials, "loss", "run#fit1") == {0: 0.8, 1: 0.7, 2: 0.6}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "Epoch 1/10\n----------\ntrain Loss: 0.5 Acc: 0.8\n",
        "10/10 [=====] - 0s 1ms/step - loss: 0.5\n",
        "Epoch: 1/10, loss: 0.5, val_loss: 0.4\n",
    ],
)
def test_other_texts_are_declined(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.log"
    file.write_text(text)
    assert not console.matches(Look(file)).yes


def test_notebooks_and_documentation_are_declined(tmp_path: Path) -> None:
    for name in ("README.md", "train.py", "book.ipynb"):
        (tmp_path / name).write_text(EPOCHS)
        assert not console.matches(Look(tmp_path / name)).yes


@pytest.mark.parametrize("place", ["far in", "first epoch is long"])
def test_it_is_known_by_its_end_or_by_a_bar_under_way(tmp_path: Path, place: str) -> None:
    filling = "Collecting tensorflow\n" * 5000
    if place != "far in":
        filling = "Epoch 1/3\n" + "".join(
            f"\r{n:4d}/5000 [>....] - ETA: 1s - loss: 0.5000" for n in range(1, 5000)
        )
    trials = log(tmp_path, filling + "\n" + EPOCHS[10 if place != "far in" else 0 :])
    assert curve(trials, "val_loss") == {0: 0.75, 1: 0.65, 2: 0.55}


def test_the_rest_is_read_where_one_is_no_log(tmp_path: Path) -> None:
    shutil.copytree(DATA / "console" / "keras-3.15.1", tmp_path / "logs")
    (tmp_path / "logs" / "broken.log.gz").write_bytes(gzip.compress(EPOCHS.encode() * 9999)[:-9])
    trials = read(tmp_path / "logs")
    (problem,) = trials.provenance.problems
    assert problem.file == "broken.log.gz"
    assert "read to its end" in problem.message
    assert "callbacks.pty" in trials.hyperparameters


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, len(EPOCHS.encode())))
def test_a_log_cut_anywhere_never_invents_a_value(cut: int) -> None:
    whole = values(EPOCHS.encode())
    assert values(EPOCHS.encode()[:cut]) <= whole


def values(text: bytes) -> set[tuple[int, str, str]]:
    return {
        (epoch, name, number)
        for run in sort(events([text])).runs
        for epoch, state in run.epochs.items()
        for name, number in state.texts.items()
    }


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_pieces_of_any_size_give_the_same(sizes: list[int]) -> None:
    text = EPOCHS.replace("\n", "\n" + "x" * AROUND).encode()
    pieces = [text[at : at + 1000 * sizes[0]] for at in range(0, len(text), 1000 * sizes[0])]
    assert values_of(pieces) == values_of([text])


def values_of(pieces: list[bytes]) -> list[tuple[int, dict[str, str]]]:
    return [(event.at, event.state.texts) for event in events(pieces) if isinstance(event, Bar)]


@settings(max_examples=100, deadline=None)
@given(text=st.text("Epoch 1/20\n\r\b[=>]-:.slvaniETA\x1bm|Trial#"))
def test_any_text_is_read_or_declined(text: str) -> None:
    sort(events([EPOCHS.encode() + text.encode()]))


@pytest.mark.parametrize("what", ["=", "1", "1/1 [=", " - val_loss:", "\b", "Epoch 1/1", "- "])
def test_hostile_lines_take_time_in_proportion(what: str) -> None:
    text = b"Epoch 1/5\n1/1 [" + what.encode() * (400_000 // len(what))
    began = time.process_time()
    sort(events([text]))
    assert time.process_time() - began < 2


def test_a_link_or_a_pipe_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "run.log").write_text(EPOCHS)
    assert [source.files for source in find(tmp_path)] == [(tmp_path / "run.log",)]
    (tmp_path / "run.log").unlink()
    with pytest.raises(AuditorError):
        read(tmp_path)


@pytest.mark.parametrize("end", ["", "\b\b\b"])
def test_a_full_bar_that_the_end_of_the_log_finds_moving_is_no_epoch(
    tmp_path: Path, end: str
) -> None:
    text = "".join(
        f"Epoch {n}/3\n\r 9/10 [==>.] 0s 9ms/step - loss: 0.5000\b\b\r10/10 [===] 1s 9ms/step"
        f" - loss: 0.{n}000\n"
        for n in (1, 2, 3)
    )
    assert curve(log(tmp_path, text.rstrip() + end), "loss") == {0: 0.1, 1: 0.2}


LOGS = sorted([*(DATA / "console").glob("*/*.log"), *(DATA / "cases").glob("*.log")])


@settings(max_examples=100, deadline=None)
@given(path=st.sampled_from(LOGS), share=st.floats(0, 1))
def test_real_logs_cut_anywhere_never_invent_a_value(path: Path, share: float) -> None:
    text = path.read_bytes()
    assert values(text[: int(share * len(text))]) <= values(text)
