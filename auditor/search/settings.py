"""The settings of a process by which models compute, for the processes that train in its place."""

import logging
from dataclasses import dataclass
from typing import Any

import keras

from auditor.errors import SearchError


@dataclass(frozen=True)
class Settings:
    """What Keras and its backend were told outside of models.

    Attributes:
        backend: Of Keras, which a process chooses once and for all.
        floatx, epsilon, image_data_format: See `keras.config`.
        policy: The global dtype policy, as `keras.dtype_policies.serialize` has it.
        has_doubles: Whether JAX computes in 64 bits; None on other backends.
        log_level: Of TensorFlow's messages: it warns of every structure that is traced.
    """

    backend: str
    floatx: str
    epsilon: float
    image_data_format: str
    policy: Any
    has_doubles: bool | None
    log_level: int

    @classmethod
    def here(cls) -> "Settings":
        """Those of this process."""
        backend = keras.config.backend()
        return cls(
            backend,
            keras.config.floatx(),
            keras.config.epsilon(),
            keras.config.image_data_format(),
            keras.dtype_policies.serialize(keras.config.dtype_policy()),
            _jax().jax_enable_x64 if backend == "jax" else None,
            logging.getLogger("tensorflow").level,
        )

    def apply(self) -> None:
        """Let this process compute so.

        Raises:
            SearchError: It has another backend.
        """
        own = keras.config.backend()
        if own != self.backend:
            raise SearchError(
                f"an executor runs Keras on {own}, and the search on {self.backend}; set "
                f"KERAS_BACKEND={self.backend} where the executor starts"
            )
        keras.config.set_floatx(self.floatx)
        keras.config.set_epsilon(self.epsilon)
        keras.config.set_image_data_format(self.image_data_format)
        keras.config.set_dtype_policy(keras.dtype_policies.deserialize(self.policy))
        if self.has_doubles is not None:
            _jax().update("jax_enable_x64", self.has_doubles)
        logging.getLogger("tensorflow").setLevel(self.log_level)


def _jax() -> Any:
    import jax

    return jax.config
