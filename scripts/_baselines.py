"""What other tools put first on the sweeps of bench_attribution.py, as far as they are installed.

Each is given the columns, which trials failed, the sampler, and how many hyperparameters matter,
and answers with sets of hyperparameters. Importances name no sets: the most important ones, as many
as matter, are one set, and right if these are all that matter. A tree or a subgroup search is held
to what its best rule is made of.
"""

import importlib.util
import re
import warnings

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

TOOLS = ("optuna", "pysubgroup", "sliceline")


def missing():
    return [name for name in TOOLS if importlib.util.find_spec(name) is None]


def table(columns):
    return pd.DataFrame(columns)


def optuna_importances(evaluator, divergence):
    """Importance of a validation loss that is as the sampler saw it: NaN, a sentinel, or a flag."""

    def find(columns, ends, sampler, count):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        loss = 0.3 + 0.05 * np.random.default_rng(0).normal(size=len(ends))
        if divergence == "flag":
            loss = ends.astype(float)
        else:
            loss[ends == 1] = divergence
        spaces = {name: space_of(column) for name, column in columns.items()}
        study = optuna.create_study()
        for row, value in zip(table(columns).to_dict("records"), loss.tolist(), strict=True):
            done = value == value
            study.add_trial(
                optuna.trial.create_trial(
                    params=row, distributions=spaces, value=value if done else None,
                    state=optuna.trial.TrialState.COMPLETE if done
                    else optuna.trial.TrialState.FAIL,
                )
            )  # fmt: skip
        chosen = getattr(optuna.importance, evaluator)()
        found = optuna.importance.get_param_importances(study, evaluator=chosen)
        return {frozenset(list(found)[: max(1, count)])}

    return find


def space_of(column):
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    values = np.unique(column)
    if column.dtype.kind == "f" and len(values) > 5:
        return FloatDistribution(float(values[0]), float(values[-1]), log=values[0] > 0)
    return CategoricalDistribution(values.tolist())


def tree(columns, ends, sampler, count):
    """The path to the leaf of a tree of depth three in which most trials fail."""
    if not 0 < ends.sum() < len(ends):
        return set()
    plain = pd.get_dummies(table(columns), prefix_sep="=")
    fitted = DecisionTreeClassifier(max_depth=3, min_samples_leaf=3, random_state=0)
    leaf = fitted.fit(plain, ends).apply(plain)
    rates = {one: ends[leaf == one].mean() * (leaf == one).sum() ** 0.5 for one in set(leaf)}
    row = plain[leaf == max(rates, key=rates.get)].iloc[:1]
    nodes = fitted.decision_path(row).indices
    used = [plain.columns[i] for i in fitted.tree_.feature[nodes] if i >= 0]
    return {frozenset(name.split("=")[0] for name in used)} if used else set()


def subgroup(columns, ends, sampler, count):
    """The best subgroup of at most two conditions by weighted relative accuracy."""
    import pysubgroup as ps

    data = table(columns).assign(failed=ends.astype(bool))
    target = ps.BinaryTarget("failed", True)
    space = ps.create_selectors(data, ignore=["failed"])
    task = ps.SubgroupDiscoveryTask(
        data, target, space, result_set_size=1, depth=2, qf=ps.WRAccQF()
    )
    found = ps.BeamSearch().execute(task).to_dataframe()
    names = re.findall(r"(\w+)\s*(?:==|<|>|>=|<=|:|∈)", str(found.iloc[0]["subgroup"]))
    return {frozenset(names) & frozenset(columns)} if len(found) else set()


def slices(columns, ends, sampler, count):
    """The slice of at most two conditions with the highest score; numbers are cut into quarters."""
    from sliceline.slicefinder import Slicefinder

    plain = table(columns)
    for name in plain:
        if plain[name].dtype.kind == "f" and plain[name].nunique() > 5:
            plain[name] = pd.qcut(plain[name], 4, labels=False)
    finder = Slicefinder(alpha=0.95, k=1, max_l=2, min_sup=3, verbose=False)
    finder.fit(plain.astype(str).to_numpy(), ends)
    if not len(finder.top_slices_):
        return set()
    used = [n for n, value in zip(plain.columns, finder.top_slices_[0], strict=True) if value]
    return {frozenset(used)} if used else set()


def quietly(find):
    def found(*args):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return find(*args)

    return found


def methods():
    """What can be run, by name."""
    found = {"decision tree, depth 3": tree}
    if "optuna" not in missing():
        for name, evaluator in (("fANOVA", "FanovaImportanceEvaluator"),
                                ("PED-ANOVA", "PedAnovaImportanceEvaluator")):  # fmt: skip
            for label, value in (("NaN", float("nan")), ("1e30", 1e30), ("flag", "flag")):
                found[f"Optuna {name}, {label}"] = optuna_importances(evaluator, value)
    if "pysubgroup" not in missing():
        found["pysubgroup, best of two"] = subgroup
    if "sliceline" not in missing():
        found["sliceline, best of two"] = slices
    return {name: quietly(find) for name, find in found.items()}
