"""Weights out of the pickles that RLlib writes, without running what else a pickle could hold."""

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
    for package in ("numpy", "numpy._core", "numpy.core")  # numpy 1 called it so
    for module, name in (
        (package, "ndarray"),
        (package, "dtype"),
        (f"{package}.multiarray", "_reconstruct"),
        (f"{package}.multiarray", "scalar"),
        (f"{package}.numeric", "_frombuffer"),
    )
}


class _ArraysAlone(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def load_weights(module: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an RLModule that RLlib saved.

    Args:
        module: the folder that RLlib wrote, of one module.

    Raises:
        RunError: the file holds anything but names and arrays, none of which was run, or is not there.
    """
    path = module / "module_state.pkl"
    try:
        with path.open("rb") as file:
            state = _ArraysAlone(file).load()
    except Exception as error:  # a broken pickle raises whatever it comes across
        raise RunError(f"{path} cannot be loaded as weights: {error}") from error
    for name, values in state.items() if isinstance(state, dict) else ((None, None),):
        if not isinstance(name, str) or not isinstance(values, np.ndarray) or values.dtype.hasobject:
            raise RunError(f"{path} cannot be loaded as weights: it holds something else than arrays")
    return dict(state)


@contextlib.contextmanager
def fitting(checkpoint: Path) -> Iterator[None]:
    """A block that gives a network weights of a checkpoint.

    Raises:
        RunError: they are of another network.
    """
    try:
        yield
    except (KeyError, RuntimeError, ValueError) as error:
        raise RunError(f"the weights in {checkpoint} are of other networks than the run's: {error}") from error
