"""Makes tests/data/sklearn-<version>/: `cv_results_` of real searches, as people save them.

    pip install scikit-learn pandas pyarrow
    python scripts/make_fixture_sklearn.py

Run with 1.9.1. A grid in which one value is refused, so that those candidates fail and have the
`error_score` NaN; a random search with two scorers; a regression scored by `neg_mean_squared_error`
that explodes.
"""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LogisticRegression, SGDRegressor
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

TARGET = Path(__file__).parents[1] / "tests" / "data" / f"sklearn-{sklearn.__version__}"


def grid() -> GridSearchCV:
    """Two of eight candidates raise: C must be positive."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    space = {
        "logisticregression__C": [0.01, 1.0, 100.0, -1.0],
        "logisticregression__class_weight": [None, "balanced"],
    }
    x, y = make_classification(60, 5, random_state=0)
    search = GridSearchCV(pipeline, space, cv=3, return_train_score=True)
    return search.fit(x, y)


def two_scorers() -> RandomizedSearchCV:
    """Deep trees overfit; the second scorer is one to which a minus was put."""
    space = {"max_depth": [1, 2, 4, None], "min_samples_leaf": [1, 2, 5, 10]}
    x, y = make_classification(80, 6, flip_y=0.2, random_state=1)
    search = RandomizedSearchCV(
        DecisionTreeClassifier(random_state=0),
        space,
        n_iter=6,
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
        cv=3,
        return_train_score=True,
        random_state=0,
    )
    return search.fit(x, y)


def regression() -> GridSearchCV:
    x, y = make_regression(40, 3, random_state=0)
    space = {"eta0": [1e-3, 0.1, 10.0], "penalty": ["l2", None]}
    model = SGDRegressor(learning_rate="constant", max_iter=20, tol=None, random_state=0)
    search = GridSearchCV(model, space, cv=2, scoring="neg_mean_squared_error")
    return search.fit(x, y)


def main() -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    warnings.simplefilter("ignore")
    results = grid().cv_results_
    pd.DataFrame(results).to_csv(TARGET / "grid.csv")
    lists = {name: np.ma.filled(np.ma.asarray(v), None).tolist() for name, v in results.items()}
    (TARGET / "grid.json").write_text(json.dumps(lists, indent=1))
    table = pd.DataFrame(two_scorers().cv_results_)
    table.to_parquet(TARGET / "two_scorers.parquet")
    table.to_csv(TARGET / "two_scorers.csv", index=False)
    pd.DataFrame(regression().cv_results_).to_csv(TARGET / "regression.csv", index=False)


if __name__ == "__main__":
    main()
