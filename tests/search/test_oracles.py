"""Oracles: what they hand out, in which order, and what they write."""

import json
import math
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from auditor import GridSearch, RandomSearch
from auditor.files import write_whole
from auditor.search import oracles as oracles_module
from auditor.search import recording_oracle, stored_oracle
from auditor.search.oracles import GridOracle, RandomOracle
from tests.search.helpers import (
    curve,
    dummy,
    grid_of,
    keys,
    layers_and_units,
    replace_writer,
    statuses,
)


def oracle_of(kind: Any, space: Any, path: Path, **kwargs: Any) -> Any:
    oracle = kind(objective="val_loss", **kwargs)
    oracle._set_project_dir(str(path), "sweep")
    oracle.verbose = 0
    hp = keras_tuner.HyperParameters()
    space(hp)
    oracle.update_space(hp)
    return oracle


def end(oracle: Any, trial: Any, value: float = 1.0) -> None:
    oracle.update_trial(trial.trial_id, {"val_loss": value})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def test_what_is_printed_at_a_trials_end_calls_the_score_a_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    oracle = oracle_of(GridOracle, grid_of(2), tmp_path)
    oracle.verbose = 1
    for score, value in ((0.05925, 0.0569), (math.inf, 3.0)):
        trial = oracle.create_trial("a")
        oracle.results[trial.trial_id] = (score, 0, None)
        end(oracle, trial, value)
    first, second = capsys.readouterr().out.split("Complete [")[1:]
    assert "\nscore: 0.05925 (val_loss 0.0569)\n" in first
    assert "\nscore: inf (diverged)\n" in second
    assert "\nBest score So Far: 0.05925 (val_loss 0.0569)\n" in second


@pytest.mark.parametrize("kind", [GridOracle, RandomOracle])
def test_one_tuner_id_keeps_its_trial_until_it_ends(kind: Any, tmp_path: Path) -> None:
    oracle = oracle_of(kind, grid_of(3), tmp_path, max_trials=3)
    first = oracle.create_trial("a")
    assert oracle.create_trial("a") is first
    assert oracle.create_trial("b").trial_id != first.trial_id
    end(oracle, first)
    assert oracle.create_trial("a").trial_id not in {first.trial_id, "1"}


def test_an_exhausted_grid_waits_for_trials_under_way_and_then_stops(tmp_path: Path) -> None:
    oracle = oracle_of(GridOracle, grid_of(2), tmp_path)
    first, second = oracle.create_trial("a"), oracle.create_trial("b")
    assert oracle.create_trial("c").status == "IDLE"
    end(oracle, first)
    end(oracle, second)
    assert oracle.create_trial("c").status == "STOPPED"
    assert "c" not in oracle.tuner_ids


def test_the_total_is_what_the_search_will_run(tmp_path: Path) -> None:
    assert oracle_of(GridOracle, grid_of(3, 4), tmp_path).total() == 12
    assert oracle_of(GridOracle, grid_of(3, 4), tmp_path, max_trials=5).total() == 5
    assert oracle_of(RandomOracle, grid_of(3, 4), tmp_path, max_trials=100).total() == 12

    def continuous(hp: Any) -> None:
        hp.Float("lr", 1e-4, 1.0)

    assert oracle_of(RandomOracle, continuous, tmp_path, max_trials=100).total() == 100


def test_a_huge_range_costs_a_random_search_nothing(tmp_path: Path) -> None:
    def huge(hp: Any) -> None:
        hp.Int("seed", 0, 10**12)

    oracle = oracle_of(RandomOracle, huge, tmp_path, max_trials=3, seed=1)
    assert oracle.total() == 3
    assert len({oracle.create_trial(str(i)).hyperparameters.get("seed") for i in range(3)}) == 3


def test_ids_have_the_width_that_kerastuner_gives_them(tmp_path: Path) -> None:
    assert oracle_of(GridOracle, grid_of(2), tmp_path).create_trial("a").trial_id == "0000"
    ten = oracle_of(GridOracle, grid_of(2), tmp_path, max_trials=10)
    assert ten.create_trial("a").trial_id == "00"


# What becomes of values


def nested(hp: Any) -> None:
    kind = hp.Choice("kind", ["dense", "conv"])
    with hp.conditional_scope("kind", ["dense"]):
        if kind == "dense":
            hp.Choice("units", [8, 16])
    with hp.conditional_scope("kind", ["conv"]):
        if kind == "conv":
            hp.Choice("filters", [4, 8, 16])
            pooled = hp.Boolean("pooled")
            with hp.conditional_scope("pooled", [True]):
                if pooled:
                    hp.Choice("size", [2, 3])
    hp.Choice("lr", [0.1, 1.0])


def test_conditional_scopes_are_enumerated_exactly(make: Callable[..., Any]) -> None:
    tuner = make(dummy(GridSearch), nested)
    tuner.search(verbose=0)
    # dense: 2 units; conv: 3 filters, not pooled or pooled with one of 2 sizes; each at 2 lr.
    assert len(tuner.ran) == 2 * (2 + 3 * (1 + 2))
    assert len(set(keys(tuner.ran))) == len(tuner.ran)
    sizes = {tuple(sorted(v)) for v in tuner.trials().hyperparameters.values()}
    assert sizes == {
        ("kind", "lr", "units"),
        ("filters", "kind", "lr", "pooled"),
        ("filters", "kind", "lr", "pooled", "size"),
    }


def test_values_that_a_build_did_not_read_are_absent_from_its_trial(
    make: Callable[..., Any],
) -> None:
    tuner = make(dummy(GridSearch), layers_and_units)
    tuner.search(verbose=0)
    for values in tuner.trials().hyperparameters.values():
        expected = {"layers", *(f"units_{i}" for i in range(values["layers"]))}
        assert set(values) == expected


def test_random_search_trains_no_inert_duplicates_either(make: Callable[..., Any]) -> None:
    tuner = make(dummy(RandomSearch), layers_and_units, max_trials=200, seed=3)
    tuner.search(verbose=0)
    assert len(set(keys(tuner.trials().hyperparameters.values()))) == 14
    assert len(tuner.ran) <= 14 + 2  # repeats only before `units_1` and `units_2` were ever read


def test_a_continuous_space_is_drawn_from_up_to_max_trials(make: Callable[..., Any]) -> None:
    def continuous(hp: Any) -> None:
        hp.Float("lr", 1e-4, 1.0, sampling="log")
        hp.Int("units", 1, 4)

    tuner = make(dummy(RandomSearch), continuous, max_trials=30)
    tuner.search(verbose=0)
    assert len(set(keys(tuner.ran))) == 30


def test_with_default_hyperparameters_given_only_these_are_tuned(make: Callable[..., Any]) -> None:
    hp = keras_tuner.HyperParameters()
    hp.Choice("a", [0, 1, 2])
    space = grid_of(2, 5)
    tuner = make(dummy(GridSearch), space, hyperparameters=hp, tune_new_entries=False)
    tuner.search(verbose=0)
    assert [(v["a"], v["b"]) for v in tuner.ran] == [(0, 0), (1, 0), (2, 0)]


def test_hyperparameters_given_override_those_of_the_code(make: Callable[..., Any]) -> None:
    hp = keras_tuner.HyperParameters()
    hp.Choice("a", [7, 8])
    tuner = make(dummy(GridSearch), grid_of(3, 2), hyperparameters=hp)
    tuner.search(verbose=0)
    assert [(v["a"], v["b"]) for v in tuner.ran] == [(7, 0), (7, 1), (8, 0), (8, 1)]


@pytest.mark.parametrize("package", [keras_tuner, "ours"])
def test_new_entries_may_be_forbidden_as_in_kerastuner(
    package: Any, make: Callable[..., Any]
) -> None:
    hp = keras_tuner.HyperParameters()
    hp.Choice("a", [0, 1])
    tuner_class = GridSearch if package == "ours" else package.GridSearch
    with pytest.raises(RuntimeError, match="found new entries"):
        make(tuner_class, grid_of(2, 2), hyperparameters=hp, allow_new_entries=False)


# What is written


SECONDS_PER_BYTE = 1e-8


def written(
    trials: int, tuner_class: Any, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, int, float]:
    """Bytes for trials, bytes for `oracle.json`, and seconds of a clock for both and training."""
    clock = 0.0
    sizes = {"oracle.json": 0, "others": 0}

    def write(path: Any, content: str | bytes) -> None:
        nonlocal clock
        clock += SECONDS_PER_BYTE * len(content)
        name = Path(path).name
        sizes[name if name in sizes else "others"] += len(content)
        write_whole(path, content)

    def one(values: Any) -> Any:
        nonlocal clock
        clock += 0.001
        return curve(1.0)

    with monkeypatch.context() as patch:
        replace_writer(patch, write)
        patch.setattr(stored_oracle, "time", types.SimpleNamespace(monotonic=lambda: clock))
        kwargs = {"project_name": f"of {trials}", "max_trials": trials, "seed": 1}
        make(dummy(tuner_class, one), grid_of(10, 10, 10), **kwargs).search(verbose=0)
    return sizes["others"], sizes["oracle.json"], clock


@pytest.mark.parametrize("tuner_class", [GridSearch, RandomSearch])
def test_what_is_written_grows_in_proportion_to_the_trials(
    tuner_class: Any, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, _, _ = written(25, tuner_class, make, monkeypatch)
    many, repeated, seconds = written(100, tuner_class, make, monkeypatch)
    assert many <= 4 * few * 1.1
    # `oracle.json` holds the whole search: its writes get a share of the time, and one at the end.
    assert (
        repeated * SECONDS_PER_BYTE
        <= stored_oracle.SAVE_SHARE * seconds + 50_000 * SECONDS_PER_BYTE
    )


def test_looking_up_what_was_tried_costs_the_same_for_each_trial(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = recording_oracle.Tried._enter

    def enter(self: Any, trial_id: str) -> None:
        nonlocal calls
        calls += 1
        real(self, trial_id)

    monkeypatch.setattr(recording_oracle.Tried, "_enter", enter)
    make(dummy(GridSearch), grid_of(10, 10)).search(verbose=0)
    assert calls <= 3 * 100


def test_oracle_json_is_whole_after_the_search_whatever_was_skipped(
    make: Callable[..., Any], path: Path
) -> None:
    make(dummy(GridSearch), grid_of(5, 5)).search(verbose=0)
    state = json.loads((path / "oracle.json").read_text())
    assert len(state["start_order"]) == len(state["end_order"]) == 25
    assert state["ongoing_trials"] == {}


def test_the_best_trials_are_completed_ones_in_order(make: Callable[..., Any]) -> None:
    def result(values: Any) -> Any:
        if values["a"] == 1:
            raise ZeroDivisionError("a is 1")
        return curve(math.nan if values["a"] == 2 else float(values["a"]))

    tuner = make(dummy(GridSearch, result), grid_of(4))
    tuner.search(verbose=0)
    assert statuses(tuner) == ["COMPLETED", "FAILED", "COMPLETED", "COMPLETED"]
    best = tuner.oracle.get_best_trials(10)
    assert [trial.score for trial in best] == [0.0, 3.0, math.inf]


def test_a_space_is_counted_once_for_each_state_of_it(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    real = oracles_module.count_combinations

    def count(*args: Any) -> int:
        counted.append(1)
        return real(*args)

    monkeypatch.setattr(oracles_module, "count_combinations", count)
    seen: list[Any] = []
    make(dummy(GridSearch), grid_of(3, 3), progress=seen.append).search(verbose=0)
    assert len(counted) <= 2
    assert [now.done for now in seen] == list(range(1, 10))
    assert {now.total for now in seen} == {9}
