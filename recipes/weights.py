"""Load weights from the pickles that RLlib writes, without running code that a pickle may contain."""

import contextlib
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipes.errors import RunError

_ARRAYS = {("collections", "OrderedDict")} | {
    (module, name)
    for package in ("numpy", "numpy._core", "numpy.core")  # numpy.core in numpy 1
    for module, name in (
        (package, "ndarray"),
        (package, "dtype"),
        (f"{package}.multiarray", "_reconstruct"),
        (f"{package}.multiarray", "scalar"),
        (f"{package}.numeric", "_frombuffer"),
    )
}


class _ArraysOnlyUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a file of weights")
        return super().find_class(module, name)


def load_weights(module: Path) -> dict[str, NDArray[Any]]:
    """Load the arrays of an RLModule that RLlib saved.

    Args:
        module: RLlib's folder of the module.

    Raises:
        RunError: the file is missing, or contains anything but names and arrays, which is not run.
    """
    path = module / "module_state.pkl"
    try:
        with path.open("rb") as file:
            state = _ArraysOnlyUnpickler(file).load()
    except Exception as error:  # a broken pickle may raise anything
        raise RunError(f"{path} cannot be loaded as weights: {error}") from error
    for name, values in state.items() if isinstance(state, dict) else ((None, None),):
        if not isinstance(name, str) or not isinstance(values, np.ndarray) or values.dtype.hasobject:
            raise RunError(f"{path} cannot be loaded as weights: it must hold arrays only")
    return dict(state)


@contextlib.contextmanager
def restoring(checkpoint: Path) -> Iterator[None]:
    """Explain errors of a block that loads a checkpoint's weights into a network.

    Raises:
        RunError: the weights belong to another network.
    """
    try:
        yield
    except (KeyError, RuntimeError, ValueError) as error:
        raise RunError(f"the weights in {checkpoint} do not fit the run's networks: {error}") from error
