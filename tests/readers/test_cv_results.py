import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import AuditorError, ReadError
from auditor.outcomes import judge
from auditor.readers import cv_results
from auditor.readers.looking import Look
from auditor.readers.reader import Reader, Source
from auditor.trials import Run, Trials

DATA = Path(__file__).parents[1] / "data" / "sklearn-1.9.1"
READER = Reader("scikit-learn", cv_results.matches, cv_results.read)
HEADER = "param_C,params,split0_test_score,split1_test_score,mean_test_score\n"


def read_search(path: Path) -> Trials:
    return READER.read(Source(READER, path, path.parent))


def read_text(folder: Path, text: str, name: str = "results.csv") -> Trials:
    (folder / name).write_text(text)
    assert cv_results.matches(Look(folder / name)).yes
    return read_search(folder / name)


@pytest.mark.parametrize("name", ["grid.csv", "grid.json"])
def test_folds_are_runs(name: str) -> None:
    assert cv_results.matches(Look(DATA / name)).yes
    trials = read_search(DATA / name)
    assert len(trials.hyperparameters) == 8
    assert set(trials.runs_of["0"]) == {Run("0", 0, fold) for fold in range(3)}
    told = trials.recorded[Run("0", 0, 1)]
    assert told.metrics == {"val_score": 0.8, "score": 0.85}
    assert told.status == "completed"
    assert (trials.objective.name, trials.objective.direction) == ("val_score", "max")
    assert trials.hyperparameters["0"] == {
        "logisticregression__C": 0.01,
        "logisticregression__class_weight": None,
    }
    assert trials.design.sampler == "grid"
    assert trials.coverage(Run("0")) == "best epoch"


def test_a_score_of_nan_is_a_failure() -> None:
    trials = read_search(DATA / "grid.csv")
    assert trials.recorded[Run("6", 0, 2)].status == "failed"
    assert trials.recorded[Run("6", 0, 2)].metrics == {}
    assert judge(trials).by_trial["6"] == "crashed"


@pytest.mark.parametrize("name", ["two_scorers.csv", "two_scorers.parquet"])
def test_several_scorers(name: str) -> None:
    trials = read_search(DATA / name)
    assert trials.objective.name == "val_accuracy"
    assert trials.recorded[Run("2")].metrics["val_neg_log_loss"] == pytest.approx(
        -9.34465, abs=1e-5
    )
    assert trials.hyperparameters["4"] == {"min_samples_leaf": 2, "max_depth": None}
    assert any("accuracy, neg_log_loss" in sentence for sentence in trials.provenance.missing)


def test_negated_losses_are_maximised() -> None:
    trials = read_search(DATA / "regression.csv")
    assert trials.objective.direction == "max"
    assert trials.recorded[Run("0")].metrics == {"val_score": pytest.approx(-8362.7668)}
    assert any("return_train_score" in sentence for sentence in trials.provenance.missing)


def test_means_are_all_there_is(tmp_path: Path) -> None:
    trials = read_text(tmp_path, "param_C,mean_test_score,mean_train_score\n1,0.5,0.9\n2,0.6,1\n")
    assert trials.recorded[Run("0")].metrics == {"val_score": 0.5, "score": 0.9}
    assert trials.hyperparameters["1"] == {"C": 2}
    assert any("Scores of the folds" in sentence for sentence in trials.provenance.missing)


def test_printed_parameters_are_never_run(tmp_path: Path) -> None:
    code = "__import__('os').mkdir('made')"
    trials = read_text(tmp_path, HEADER + f"1,\"{{'C': {code}}}\",0.5,0.5,0.5\n")
    assert trials.hyperparameters["0"] == {"C": 1}
    assert not (tmp_path / "made").exists()
    assert not Path("made").exists()


def test_candidates_of_several_grids_have_their_own_parameters(tmp_path: Path) -> None:
    lines = "1,\"{'C': 1}\",0.5,0.5,0.5\n,\"{'alpha': None}\",0.5,0.5,0.5\n"
    trials = read_text(tmp_path, HEADER + lines)
    assert [dict(v) for v in trials.hyperparameters.values()] == [{"C": 1}, {"alpha": None}]


@pytest.mark.parametrize("orient", ["columns", "records", "list"])
def test_json_of_pandas(tmp_path: Path, orient: Any) -> None:
    table = pd.read_csv(DATA / "two_scorers.csv")
    text = json.dumps(table.to_dict("list")) if orient == "list" else table.to_json(orient=orient)
    trials = read_text(tmp_path, text, "results.json")
    expected = read_search(DATA / "two_scorers.csv")
    assert len(trials.recorded) == len(expected.recorded)
    score = trials.recorded[Run("5", 0, 2)].score
    assert score == pytest.approx(expected.recorded[Run("5", 0, 2)].score)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"mean_test_score,x\n1,2\n"),
        ("a.json", b'{"mean_test_score": [1]}'),
        ("a.txt", b"hello"),
        ("a.parquet", b"PAR1"),
        ("a.pkl", b"\x80\x04."),
    ],
)
def test_other_files_are_declined(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    match = cv_results.matches(Look(tmp_path / name))
    assert not match.yes
    assert match.why


def test_a_header_alone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no candidates"):
        read_text(tmp_path, HEADER)


@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    content=st.dictionaries(
        st.sampled_from(["params", "param_C", "mean_test_score", "split0_test_score", "x"]),
        st.recursive(
            st.none() | st.floats() | st.integers() | st.text(max_size=3),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
            max_leaves=6,
        ),
    )
)
def test_odd_json_never_ends_in_another_error(tmp_path: Path, content: Any) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content))
    try:
        cv_results.matches(Look(tmp_path / "a.json"))
        read_search(tmp_path / "a.json")
    except AuditorError:
        return
