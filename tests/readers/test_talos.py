import math
import shutil
from pathlib import Path

import pytest

from auditor.errors import ReadError
from auditor.outcomes import judge
from auditor.readers import talos
from auditor.readers.looking import Look
from auditor.readers.reader import Reader, Source
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data"
READER = Reader("Talos", talos.matches, talos.read)
LOG = next((DATA / "talos-1.4" / "scan").glob("*.csv"))
FOLDER = next((DATA / "talos-2.0.10" / "scan").iterdir())
TABLES = [LOG, DATA / "talos-1.4/results.csv", DATA / "talos-2.0.10/results.csv"]


def read_scan(path: Path) -> Trials:
    return READER.read(Source(READER, path, path if path.is_dir() else path.parent))


def read_text(folder: Path, text: str) -> Trials:
    (folder / "scan.csv").write_text(text)
    return read_scan(folder / "scan.csv")


@pytest.mark.parametrize("path", TABLES)
def test_a_table_holds_the_last_epoch_of_each_round(path: Path) -> None:
    assert talos.matches(Look(path)).yes
    trials = read_scan(path)
    assert len(trials.hyperparameters) == 12
    assert dict(trials.hyperparameters["1"]) == {
        "units": 4,
        "lr": 0.01,
        "activation": "tanh",
        "epochs": 2,
        "batch_size": 12,
    }
    first = trials.recorded[Run("0")]
    assert first.metrics["loss"] == pytest.approx(3.44969, abs=1e-5)
    assert first.best_epoch is None
    assert trials.coverage(Run("0")) == "best epoch"
    assert any("last epoch" in sentence for sentence in trials.provenance.missing)
    assert math.isnan(trials.recorded[Run("11")].metrics["val_loss"])
    assert judge(trials).by_trial["11"] == "diverged"
    assert (first.seconds is None) == (path == LOG)


def test_the_folder_of_version_2_holds_all_epochs() -> None:
    assert talos.matches(Look(FOLDER)).yes
    trials = read_scan(FOLDER)
    table = read_scan(DATA / "talos-2.0.10/results.csv")
    assert trials.epochs == 2
    assert dict(trials.hyperparameters) == dict(table.hyperparameters)
    for run, told in table.recorded.items():
        last = trials.curve(run, "val_loss").values[-1]
        assert last == pytest.approx(told.metrics["val_loss"], nan_ok=True)


def test_the_order_of_older_versions(tmp_path: Path) -> None:
    text = "round_epochs,val_loss,val_acc,loss,acc,lr,precision,optimizer\n"
    text += "10,0.5,0.8,0.4,0.9,0.1,single,<class 'keras.optimizers.Adam'>\n"
    text += "10,0.6,0.7,0.5,0.8,0.2,double,<function relu at 0x7f2f9c>\n"
    trials = read_text(tmp_path, text)
    assert dict(trials.hyperparameters["0"]) == {
        "lr": 0.1,
        "precision": "single",
        "optimizer": "Adam",
    }
    assert trials.hyperparameters["1"]["optimizer"] == "relu"
    assert trials.recorded[Run("0")].metrics == {
        "val_loss": 0.5,
        "val_acc": 0.8,
        "loss": 0.4,
        "acc": 0.9,
    }


def test_values_with_commas_are_said(tmp_path: Path) -> None:
    trials = read_text(tmp_path, "round_epochs,loss,shape\n1,0.5,(8, 4)\n1,0.4,brick\n")
    assert len(trials.hyperparameters) == 1
    assert "not quoted" in trials.provenance.problems[0].message


def test_an_empty_scan_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no rounds"):
        read_text(tmp_path, "round_epochs,loss,lr\n")


@pytest.mark.parametrize("line", [b"{", b"[1]", b'{"history": 1}', b"[" * 100_000, b"\xff", b"{}"])
def test_a_damaged_round_is_named_and_the_rest_is_kept(tmp_path: Path, line: bytes) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "scan"))
    lines = (folder / "round_data.jsonl").read_bytes().split(b"\n")
    (folder / "round_data.jsonl").write_bytes(b"\n".join([*lines[:3], line, *lines[4:]]))
    trials = read_scan(folder)
    assert set(trials.hyperparameters) == {str(n) for n in range(12)} - {"3"}
    assert trials.provenance.problems[0].file == "round_data.jsonl"
    assert "line 4 is no round" in trials.provenance.problems[0].message
