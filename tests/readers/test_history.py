import gzip
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

from auditor.errors import ReadError
from auditor.readers import history, read
from auditor.readers.looking import Look
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data"
SINGLE = DATA / "keras-3.15.1" / "history" / "single"


def saved(tmp_path: Path, content: object, name: str = "history.json") -> Trials:
    file = tmp_path / name
    match content:
        case bytes():
            file.write_bytes(content)
        case str():
            file.write_text(content)
        case _:
            file.write_text(json.dumps(content))
    return read(file)


def curve(trials: Trials, metric: str, trial: str = "history") -> dict[int, float]:
    epochs, values = trials.curve(Run(trial), metric)
    return dict(zip(epochs.tolist(), values.tolist(), strict=True))


def problems(trials: Trials) -> str:
    return "\n".join(problem.message for problem in trials.provenance.problems)


def test_a_folder_of_histories_that_diverge() -> None:
    trials = read(DATA / "keras-3.15.1" / "history" / "grid")
    assert trials.hyperparameters["lr=1e+12,units=4"] == {"lr": 1e12, "units": 4}
    assert not np.isfinite(list(curve(trials, "val_loss", "lr=1e+12,units=4").values())).any()
    assert trials.provenance.problems == ()


def test_histories_of_scikeras() -> None:
    trials = read(DATA / "scikeras-0.13.0" / "history")
    name = "optimizer__learning_rate=0.01,units=4"
    assert trials.hyperparameters[name] == {"optimizer__learning_rate": 0.01, "units": 4}
    assert len(curve(trials, "val_loss", name)) == 3


@pytest.mark.parametrize(
    "name",
    [
        *("arrays.pickle", "arrays.txt", "everything.json", "history.npy", "history_0.pkl"),
        *("history_2.pkl", "history_5.pkl", "pandas.json", "printed.txt", "scalars.pkl"),
        *("scalars.txt", "text_in_json.json"),
    ],
)
def test_the_same_history_however_it_was_saved(name: str) -> None:
    trials = read(SINGLE / name)
    expected = [2.726750373840332, 2.626878023147583, 2.5799973011016846]
    (trial,) = trials.hyperparameters
    assert list(curve(trials, "loss", trial).values()) == pytest.approx(expected, rel=1e-7)
    assert trials.metrics == ("loss", "mae", "val_loss", "val_mae")
    assert len(trials.series(Run(trial), "learning_rate")[1]) == 3
    assert trials.provenance.problems == ()


@pytest.mark.parametrize(
    ("name", "trials"),
    [("by_name", ["by_name#sgd", "by_name#none"]), ("list", ["list#1", "list#2"])],
)
def test_several_histories_in_one_file(name: str, trials: list) -> None:
    assert list(read(SINGLE / f"{name}.json").hyperparameters) == trials


def test_a_pickled_object_is_refused_by_name() -> None:
    with pytest.raises(ReadError, match=r"keras\.src\.callbacks\.history\.History"):
        read(SINGLE / "object.pkl")


def test_one_that_is_refused_among_others_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"loss": [0.5]}')
    (tmp_path / "b.pkl").write_bytes((SINGLE / "object.pkl").read_bytes())
    trials = read(tmp_path)
    assert list(trials.hyperparameters) == ["a"]
    (problem,) = trials.provenance.problems
    assert problem.file == "b.pkl"
    assert "History, which is not loaded" in problem.message


@pytest.mark.parametrize(
    "name",
    [*("model.joblib", "model.pt", "model.keras", "model.h5", "params.pkl", "tuner.dill")],
)
def test_some_files_are_refused_without_opening_them(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps({"loss": [0.5]}))
    match = history.matches(Look(tmp_path / name))
    assert not match.yes
    assert "run code" in match.why


@pytest.mark.parametrize(
    ("content", "loss"),
    [
        ({"loss": [0.5, math.nan, math.inf]}, {0: 0.5, 1: math.nan, 2: math.inf}),
        ({"loss": [0.5, None, 0.25]}, {0: 0.5, 2: 0.25}),
        ({"loss": ["0.5", "nan"]}, {0: 0.5, 1: math.nan}),
        ({"loss": {"0": 0.5, "1": 0.25}}, {0: 0.5, 1: 0.25}),
        ({"loss": {"1": 0.5, "3": 0.25}}, {0: 0.5, 2: 0.25}),
        ({"epoch": [1, 2], "loss": [0.5, 0.25]}, {0: 0.5, 1: 0.25}),
        ({"epoch": [5, 6], "loss": [0.5, 0.25]}, {5: 0.5, 6: 0.25}),
        ([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}], {0: 0.5, 1: 0.25}),
        ({"history": {"loss": [0.5]}, "params": {"epochs": 3}}, {0: 0.5}),
        ({"train_loss": [0.5], "valid_loss": [0.25]}, {0: 0.5}),
        ({"train": {"loss": [0.5]}, "val": {"loss": [0.25]}}, {0: 0.5}),
        ({"loss": {"train": [0.5], "val": [0.25]}}, {0: 0.5}),
        ({"Loss": [0.5], "Val_Loss": [0.25]}, {0: 0.5}),
        ([{"epoch": 0.5, "loss": 0.5}, {"epoch": 1.0, "loss": 0.25}], {0: 0.5, 1: 0.25}),
        ('{"epoch": 0, "train_loss": 0.5}\n{"epoch": 2, "train_loss": 0.25}\n', {0: 0.5, 2: 0.25}),
        ({"loss": [0.5, [1, 2], True, "x", {}]}, {0: 0.5}),
        ("loss", None),
        ({"loss": [10**400, 0.5]}, {1: 0.5}),
    ],
)
def test_json_as_people_write_it(tmp_path: Path, content: object, loss: dict | None) -> None:
    if loss is None:
        with pytest.raises(ReadError):
            saved(tmp_path, content)
        return
    assert repr(curve(saved(tmp_path, content), "loss")) == repr(loss)


def test_hyperparameters_beside_a_history_in_the_same_file(tmp_path: Path) -> None:
    content = {"config": {"lr": 0.1, "model": {"units": 4}}, "history": {"loss": [0.5]}}
    trials = saved(tmp_path, content)
    assert trials.hyperparameters["history"] == {"lr": 0.1, "model/units": 4}


def test_hyperparameters_in_the_names_of_histories(tmp_path: Path) -> None:
    trials = saved(tmp_path, {"lr=0.1": {"loss": [0.5]}, "lr=0.2": {"loss": [0.25]}})
    assert trials.hyperparameters == {"history#lr=0.1": {"lr": 0.1}, "history#lr=0.2": {"lr": 0.2}}


@pytest.mark.parametrize(
    ("values", "expected", "said"),
    [
        (5, {1: 0.0, 3: 1.0, 5: 2.0, 7: 3.0, 9: 4.0}, "taken for validation_freq=2"),
        (3, {2: 0.0, 5: 1.0, 8: 2.0}, "taken for validation_freq=3"),
        (1, {}, "nothing says which: left out"),
        (9, {}, "nothing says which: left out"),
    ],
)
def test_fewer_validations_than_epochs(
    tmp_path: Path, values: int, expected: dict, said: str
) -> None:
    trials = saved(tmp_path, {"loss": [1.0] * 10, "val_loss": [float(n) for n in range(values)]})
    assert curve(trials, "val_loss") == expected
    assert said in problems(trials)


def test_cut_off_json_keeps_what_is_certain(tmp_path: Path) -> None:
    trials = saved(tmp_path, '{"loss": [0.5, 0.4, 0.3], "val_loss": [0.6, 0.5')
    assert curve(trials, "loss") == {0: 0.5, 1: 0.4, 2: 0.3}
    assert curve(trials, "val_loss") == {0: 0.6}
    assert "perhaps cut off" in problems(trials)
    assert "val_loss is cut off after 1 of 3 epochs" in problems(trials)


def test_json_lines_that_are_cut_off(tmp_path: Path) -> None:
    line = '{"epoch": %d, "loss": 0.5, "val_loss": 0.6}\n'
    trials = saved(tmp_path, line % 0 + line % 1 + (line % 2)[:20], "history.jsonl")
    assert curve(trials, "val_loss") == {0: 0.6, 1: 0.6}
    assert "line 3 is not JSON" in problems(trials)


def test_packed_json(tmp_path: Path) -> None:
    content = gzip.compress(b'{"loss": [0.5]}')
    assert curve(saved(tmp_path, content, "history.json.gz"), "loss") == {0: 0.5}


def test_a_pickle_without_a_suffix(tmp_path: Path) -> None:
    content = pickle.dumps({"loss": [0.5], "val_loss": [0.25]})
    trials = saved(tmp_path, content, "trainHistoryDict")
    assert curve(trials, "val_loss", "trainHistoryDict") == {0: 0.25}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("weights.pkl", pickle.dumps({"dense": np.ones(3)})),
        ("config.json", b'{"loss": "mse", "metrics": ["acc"], "layers": [1, 2]}'),
        ("trial.json", b'{"metrics": {"metrics": {"loss": {"observations": [{"value": [1]}]}}}}'),
        ("model.json", b'{"class_name": "Model", "loss": ["mse"]}'),
        ("notes.txt", b"the loss: it fell"),
        ("results.json", b'[{"lr": 0.1, "loss": 0.5, "val_loss": 0.4}]'),
        ("train.log", b"Epoch 1/2\n10/10 [===] - loss: 0.5\n'loss': [0.5]"),
        ("history.py", b"history = {'loss': [0.5]}"),
        ("empty.json", b""),
    ],
)
def test_other_files_are_left_to_others(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    match = history.matches(Look(tmp_path / name))
    assert not match.yes
    assert match.why


def test_the_real_history_of_one_epoch(real_data: Path) -> None:
    trials = read(real_data / "real_dirs" / "json_toxicity")
    assert curve(trials, "val_loss") == {0: 0.04527220502495766}
    assert trials.metrics == ("acc", "loss", "val_acc", "val_loss")


def test_a_printed_history_cut_off_and_with_broken_quotes() -> None:
    trials = read(DATA / "cases" / "stuck_at_chance.txt")
    name = "stuck_at_chance"
    assert len(curve(trials, "loss", name)) == len(curve(trials, "val_loss", name)) == 10
    assert curve(trials, "loss", name) == curve(trials, "val_loss", name)
    assert curve(trials, "accuracy", name) == dict.fromkeys(range(5), 0.5)
    assert "accuracy is cut off after 5 of 10 epochs" in problems(trials)
