"""Keeps a process that only plans off the GPUs: its executors need all of their memory."""

import keras

HELD = (
    "{backend} has used a GPU in this process before the tuner was made, and holds memory of it, "
    "though executors train there; make the tuner first (inside joblib.parallel_config, if you use "
    "that), or put {hide} at the top of the script. Not an environment variable: executors inherit "
    "those"
)
"""What to say where the GPUs could not be hidden."""

HIDE = {
    "tensorflow": 'tf.config.set_visible_devices([], "GPU")',
    "jax": 'jax.config.update("jax_platforms", "cpu")',
}


def hide_gpus() -> str | None:
    """Let this process build models on the CPU from now on. Executors do not inherit that.

    Returns:
        Why the backend holds a GPU nevertheless, in words; None where it does not.
    """
    backend = keras.config.backend()
    if backend == "tensorflow":
        is_hidden = _hide_from_tensorflow()
    elif backend == "jax":
        is_hidden = _hide_from_jax()
    else:
        is_hidden = True  # It takes no more memory than the models that are built.
    return None if is_hidden else HELD.format(backend=backend, hide=HIDE[backend])


def _hide_from_tensorflow() -> bool:
    import tensorflow as tf

    try:
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError:  # Too late: it has taken what there is.
        return False
    return True


def _hide_from_jax() -> bool:
    import jax

    jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]
    return str(jax.default_backend()) == "cpu"  # as before, where a device was used already
