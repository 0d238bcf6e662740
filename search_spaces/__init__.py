"""Search spaces that come with auditor, and how to write one.

A search space is a Python module or file with

    def build_model(hp, data=None):         # a compiled Keras model; `hp` is KerasTuner's

and, where it wants,

    def load_data():                        # (x, y), (x_validation, y_validation); (x_test, y_test)
    def fit(hp, model, *args, **kwargs):    # model.fit(*args, **kwargs), a tuned batch size in it

`data` is a parameter only of those that want it: an `auditor.sweep_data.Data` with `n_features`,
`n_classes` and `task`, from `--data` or from `load_data()`. The first line of the module's
docstring is shown by `auditor spaces`.

    auditor sweep tabular_binary                                     # one of these, its own data
    auditor sweep my_space.py --data table.csv --target churned      # yours

From Python, with KerasTuner's tuners or ours:

    from auditor import GridSearch
    from search_spaces import load_space

    space = load_space("tabular_binary")
    data = space.load_data()
    tuner = GridSearch(space.hypermodel(data), objective="val_loss", directory="sweeps")
    tuner.search(data.x, data.y, validation_data=(data.x_validation, data.y_validation), epochs=20)
"""

from search_spaces.loading import Space, load_space, space_names

__all__ = ["Space", "load_space", "space_names"]
