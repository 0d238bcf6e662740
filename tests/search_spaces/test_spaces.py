"""The search spaces that come with it: each builds, declares its grid, and has data that fit."""

from pathlib import Path

import numpy as np
import pytest

from auditor.errors import DataError, SearchError
from auditor.sweep_data import Data
from search_spaces import load_space, space_names

SIZES = {
    "demo": 48,
    "digits_image": 144,
    "dip_at_epoch_8": 12,
    "grid_winner": 72,
    "stuck_at_chance": 48,
    "tabular_binary": 432,
    "mobilenet": 16,
    "steering": 6,
}
every_space = pytest.mark.parametrize("name", space_names())


def test_these_come_with_it() -> None:
    assert set(space_names()) == set(SIZES)


@every_space
def test_the_grid_has_as_many_trials_as_is_said(name: str) -> None:
    assert load_space(name).grid_size() == SIZES[name]


@every_space
def test_a_model_fits_the_data_for_two_epochs(name: str) -> None:
    import keras_tuner

    space = load_space(name)
    data = space.load_data()
    hypermodel, hp = space.hypermodel(data), keras_tuner.HyperParameters()
    model = hypermodel.build(hp)
    some = slice(200)  # enough rows for every class, and few enough to be quick
    validation = (data.x_validation[some], data.y_validation[some])
    history = hypermodel.fit(
        hp, model, data.x[some], data.y[some], validation_data=validation, epochs=2, verbose=0
    )
    assert {"loss", "val_loss"} < set(history.history)
    assert np.isfinite(history.history["val_loss"]).all()


@every_space
def test_the_data_are_the_same_each_time_and_scaled(name: str) -> None:
    first, second = load_space(name).load_data(), load_space(name).load_data()
    np.testing.assert_array_equal(first.x, second.x)
    assert abs(first.x).max() < 20
    assert first.sentences[0].startswith(f"load_data() of {name}: {len(first.x)} rows train")


def test_the_rows_of_the_grid_are_of_two_sources() -> None:
    data = load_space("grid_winner").load_data()
    assert data.test is not None
    shapes = [(12_000, 200), (16_284, 200), (16_284, 200)]
    assert [x.shape for x in (data.x, data.x_validation, data.test[0])] == shapes
    shares = [y.mean() for y in (data.y, data.y_validation, data.test[1])]
    assert shares == pytest.approx([0.5, 0.65, 0.65], abs=0.02)


@pytest.mark.parametrize(
    ("name", "classes", "rows"),
    [("stuck_at_chance", 2, (1232, 528)), ("dip_at_epoch_8", 9, (849, 768))],
)
def test_digits_have_the_classes_and_rows_that_are_said(
    name: str, classes: int, rows: tuple[int, int]
) -> None:
    data = load_space(name).load_data()
    assert (len(data.x), len(data.x_validation)) == rows
    assert set(np.unique(data.y)) == set(np.unique(data.y_validation)) == set(range(classes))


@every_space
def test_its_title_fits_a_line(name: str) -> None:
    assert 20 < len(load_space(name).title) < 100


def test_the_batch_size_is_tuned_where_the_space_trains_itself() -> None:
    import keras_tuner

    seen = {}

    class Model:
        def fit(self, **kwargs: object) -> None:
            seen.update(kwargs)

    hp = keras_tuner.HyperParameters()
    load_space("tabular_binary").hypermodel().fit(hp, Model(), batch_size=7)
    assert seen == {"batch_size": 10}
    assert [axis.name for axis in hp.space] == ["batch_size"]


def test_a_space_without_a_fit_of_its_own_uses_kerastuners() -> None:
    import keras_tuner

    assert type(load_space("demo").hypermodel()).fit is keras_tuner.HyperModel.fit


def test_data_of_another_task_are_refused() -> None:
    import keras_tuner

    x = np.zeros((4, 2), "float32")
    data = Data(x, x[:, 0], x, x[:, 0], task="regression")
    with pytest.raises(DataError, match="needs a binary target, the data are for regression"):
        load_space("tabular_binary").build(keras_tuner.HyperParameters(), data)


@pytest.mark.parametrize(
    ("loaded", "message"),
    [
        ("None", "must return"),
        ("((1, 2),)", "must return"),
        ("([1], [1, 2]), ([1], [1])", "same number of rows"),
        ("([1], [1]), ([1], [1]), ([1], [1, 2])", "same number of rows"),
        ("([1], [1]), ([1], [1]), ([1], [1]), ([1], [1])", "two or three pairs"),
        ("([1], [1]), ([1], [1]), [1]", "must return"),
    ],
)
def test_wrong_data_of_a_space_are_named(tmp_path: Path, loaded: str, message: str) -> None:
    file = tmp_path / "own.py"
    file.write_text(f"def build_model(hp): ...\ndef load_data(): return {loaded}\n")
    with pytest.raises(DataError, match=message):
        load_space(str(file)).load_data()


def test_a_third_pair_is_for_the_winner_alone(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    pairs = "([1], [1]), ([2], [2]), ([3, 4], [5, 6])"
    file.write_text(f"def build_model(hp): ...\ndef load_data(): return {pairs}\n")
    data = load_space(str(file)).load_data()
    assert data.test is not None
    assert [part.tolist() for part in data.test] == [[3, 4], [5, 6]]
    assert data.sentences[0].endswith("1 rows train, 1 validate, 2 test the winner alone")


def test_a_module_is_found_by_its_dotted_name_and_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_space("search_spaces.demo").name == "demo"
    (tmp_path / "space_of_mine.py").write_text("def build_model(hp): ...\n")
    monkeypatch.chdir(tmp_path)
    assert load_space("space_of_mine").name == "space_of_mine"


def test_what_a_module_itself_fails_to_import_is_not_called_missing(tmp_path: Path) -> None:
    file = tmp_path / "needs.py"
    file.write_text("import no_such_library\n")
    with pytest.raises(
        SearchError, match=r"fails while loading.*no_such_library.*needs\.py, line 1"
    ):
        load_space(str(file))


def test_what_a_driver_steers_follows_the_road_and_the_place_in_it() -> None:
    from search_spaces.steering import HEIGHT, TREMBLE, WIDTH, drive

    pictures, angles = drive(400, seed=1)
    assert pictures.shape == (400, HEIGHT, WIDTH, 1)
    assert (pictures.min(), pictures.max()) == (-1, 1)
    assert abs(angles).max() <= 1
    # What is left of the variance beyond the tremble is in the pictures, if not on straight lines.
    flat = np.c_[pictures[:, 12:].reshape(400, -1).reshape(400, -1, 4).mean(axis=2), np.ones(400)]
    ridge = np.linalg.solve(flat.T @ flat + 30 * np.eye(flat.shape[1]), flat.T @ angles)
    assert np.var(angles - flat @ ridge) < 0.3 * np.var(angles)
    assert np.var(angles) > 10 * TREMBLE**2


def test_garments_are_of_their_class_but_for_the_wrong_labels() -> None:
    from search_spaces.mobilenet import GARMENTS, SIDE, WRONG, wardrobe

    pictures, labels = wardrobe(2_000, seed=1)
    assert pictures.shape == (2_000, SIDE, SIDE, 3)
    assert (pictures.min(), pictures.max()) == (0, 1)
    assert np.bincount(labels, minlength=len(GARMENTS)).min() > 150
    # Cloth is darker than the wall, and long garments have more of it.
    dark = (pictures.mean(axis=3) < 0.5).mean(axis=(1, 2))
    kinds = list(GARMENTS)
    means = {kind: dark[labels == place].mean() for place, kind in enumerate(kinds)}
    assert means["gown"] > means["dress"] > means["skirt"] > means["shorts"]
    assert 0 < WRONG < 0.5
