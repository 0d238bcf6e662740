"""The table that `model.summary()` prints: which layers a model has."""

import re
from collections import Counter

from auditor.trials import ModelFacts

HEADER = b"Layer (type)"
"""How its head begins, in every version of Keras."""

_END = b"Total params"
_CLASS = re.compile(rb"\(([A-Z][A-Za-z0-9]{2,99})")
_NO_LAYERS = {"None", "InputLayer"}
_KINDS = {
    "dropout": re.compile(r"(?:Spatial|Alpha|Gaussian)?Drop"),
    "noise": re.compile(r"GaussianN"),
    "augmentation": re.compile(r"Random[A-Z]|RandAug|MixUp|CutMix|AugMix"),
    "batch normalisation": re.compile(r"BatchN"),
}
"""Classes of layers that regularise, by their first letters: Keras cuts long names off."""


def facts(text: bytes) -> ModelFacts | None:
    """What a summary says of a model; None where no layer stands in it.

    It shows neither penalties of weights nor the loss, nor whose a class is: all are listed as
    custom, so that no rule takes what is not shown for absent.

    Args:
        text: From its head on; what follows it is left out.

    Example:
        >>> facts(b"Layer (type) ... dense (Dense) (None, 9) 0 ... Total params: 90").layers
        {'Dense': 1}
    """
    table = text.partition(_END)[0]
    names = [match.decode() for match in _CLASS.findall(table)]
    layers = Counter(name for name in names if name not in _NO_LAYERS)
    if not layers:
        return None
    shown = (kind for kind, pattern in _KINDS.items() if any(map(pattern.match, layers)))
    return ModelFacts(layers=dict(layers), custom=tuple(layers), regularisers=tuple(shown))
