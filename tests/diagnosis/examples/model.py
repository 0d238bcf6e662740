"""Examples of the rules on what models are made of, and how they were trained."""

from dataclasses import replace

from auditor.trials import ModelFacts, Provenance, Trials
from tests.diagnosis.examples.example import DIVERGED, FLAT, LN2, OVERFIT, Example
from tests.making import Curves, sweep

PLAIN = ModelFacts(
    layers={"Dense": 2},
    activations=("softmax",),
    units=(10,),
    dtypes=("float32",),
    loss="sparse_categorical_crossentropy",
    from_logits=False,
    optimizer="Adam",
    learning_rate=0.001,
)
JAX = Provenance(versions={"keras": "3.15.1", "jax": "0.7.0"})
TENSORFLOW = Provenance(versions={"keras": "3.15.1", "tensorflow": "2.21.0"})


def modelled(
    curves: dict[str, Curves], provenance: Provenance = JAX, no_skill: float | None = LN2,
    **models: ModelFacts,
) -> Trials:  # fmt: skip
    """Trials with these models, by their ids."""
    return sweep(curves, provenance=provenance, models=models, no_skill_loss=no_skill)  # type: ignore[arg-type]


HEALTHY = modelled({"a": FLAT}, a=PLAIN)
UNKNOWN = (sweep({"a": FLAT}), "what the models are made of was not recorded")
REGRESSION = replace(PLAIN, loss="mean_squared_error", from_logits=None)

EXAMPLES = {
    "AUD041": Example(
        modelled({"a": FLAT, "b": FLAT}, a=replace(PLAIN, from_logits=True), b=PLAIN),
        "trial a: the output is softmax, and the loss sparse_categorical_crossentropy has "
        "from_logits=True: softmax is applied twice, so that with 10 classes the loss cannot fall "
        "below 1.461, however good the model is",
        HEALTHY,
        (UNKNOWN, (modelled({"a": FLAT}, a=REGRESSION), "plain cross-entropy")),
    ),
    "AUD042": Example(
        modelled({"a": FLAT}, a=replace(PLAIN, activations=("sigmoid",))),
        "trial a: the output is sigmoid with 10 units, but the loss "
        "sparse_categorical_crossentropy is for classes that exclude each other: what the model "
        "puts out for a row does not sum to 1, and is not what the loss was taken of",
        HEALTHY,
        (UNKNOWN,),
    ),
    "AUD043": Example(
        modelled({"a": OVERFIT}, a=PLAIN),
        "trial a: overfits, and its model has no dropout, noise, L1, L2, weight decay or "
        "augmentation",
        HEALTHY,
        (UNKNOWN,),
    ),
    "AUD044": Example(
        modelled({"a": DIVERGED}, a=replace(PLAIN, learning_rate=2.0)),
        "trial a: Adam with a learning rate of 2: it diverged",
        HEALTHY,
        (
            UNKNOWN,
            (modelled({"a": FLAT}, a=replace(PLAIN, optimizer="Lion")), "limits are known"),
        ),
    ),
}
