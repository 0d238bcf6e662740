"""What the model of a trial is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelFacts:
    """A compiled model, as far as a rule asks. Everything is None or empty where it is unknown.

    Attributes:
        layers: How many layers of each class there are, those of models inside it too.
        custom: Classes among these, or that of the model, that are not Keras's own: nobody knows
            what they do.
        activations: Per output what its last layer applies, by Keras's name, such as "softmax" or
            "linear".
        units: Per output the length of its last axis.
        dtypes: Per output its type, such as "float32".
        loss: Keras's name of the loss, such as "categorical_crossentropy"; None for several losses,
            and for one that is not Keras's own.
        from_logits: Whether the loss expects logits; None where it knows no such option.
        label_smoothing: By how much it smoothes labels.
        optimizer: Its class, such as "Adam".
        learning_rate: What it starts with; None where a schedule decides.
        schedule: Class of the schedule.
        clipnorm, global_clipnorm, clipvalue: Bounds on gradients.
        regularisers: What works against overfitting, in words: "dropout", "noise", "L1", "L2",
            "activity penalty", "weight decay", "weight constraint", "batch normalisation",
            "augmentation".
        parameters: Numbers that its layers hold, trained or not.
    """

    layers: Mapping[str, int] = field(default_factory=dict)
    custom: tuple[str, ...] = ()
    activations: tuple[str | None, ...] = ()
    units: tuple[int | None, ...] = ()
    dtypes: tuple[str | None, ...] = ()
    loss: str | None = None
    from_logits: bool | None = None
    label_smoothing: float = 0.0
    optimizer: str | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    clipnorm: float | None = None
    global_clipnorm: float | None = None
    clipvalue: float | None = None
    regularisers: tuple[str, ...] = ()
    parameters: int | None = None
