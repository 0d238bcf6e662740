"""What a backend does through Keras, and so in the same way on TensorFlow and JAX."""

from typing import Any

import numpy as np
from keras import ops

from auditor.search.stacking.program import Tensors


class Backend:
    """The part that all backends have in common."""

    @staticmethod
    def to_host(tensor: Any) -> np.ndarray:
        """An array; it may share memory with the tensor."""
        return np.asarray(tensor)

    @staticmethod
    def choose(mask: np.ndarray, new: Tensors, old: Tensors) -> Tensors:
        """Rows of `new` where the mask is set, of `old` elsewhere."""
        return [
            ops.where(mask.reshape(-1, *[1] * (len(n.shape) - 1)), n, o)
            for n, o in zip(new, old, strict=True)
        ]
