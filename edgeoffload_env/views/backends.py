"""Array libraries behind the views: namespaces, devices and float types."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeoffload_env._validation import check_choice, fail
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.model import numpy_namespace
from edgeoffload_env.model.channel import Array
from edgeoffload_env.views.streams import NumpyStreams, Streams, TorchStreams


def check_gpu(device: Any) -> None:
    """Refuse a GPU that torch does not find.

    Args:
        device: a device of torch, or its name.

    Raises:
        ValueError: there is no such GPU on this machine.
    """
    import torch

    wanted = torch.device(device)
    if wanted.type != "cuda":
        return
    if not torch.cuda.is_available():
        raise ValueError(f"device '{wanted}' is not available: torch finds no GPU on this machine; use device=cpu")
    if wanted.index is not None and wanted.index >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise ValueError(f"device '{wanted}' is not available: torch finds {found} on this machine, from cuda:0")


class Backend:
    """An array library, a device and a float type.

    Args:
        name: "numpy" or "torch".
        device: "cpu" for numpy; for torch any device of torch.
        dtype: "float32" or "float64".

    Raises:
        ValueError, TypeError: not one of these, or a GPU that torch does not find.
        ImportError: torch is asked for and not installed.
    """

    def __init__(self, name: str, device: Any, dtype: str) -> None:
        self.name: str = check_choice("backend", name, ("numpy", "torch"))
        self.dtype_name: str = check_choice("dtype", dtype, ("float32", "float64"))
        if name == "numpy":
            if device != "cpu":
                fail("device", device, "'cpu' for the numpy backend")
            self.device: Any = "cpu"
        else:
            try:
                import torch
            except ImportError as error:
                raise ImportError("backend = 'torch' needs torch: pip install 'edgeoffload-env[torch]'") from error
            try:
                self.device = torch.device(device)
            except (RuntimeError, TypeError):
                fail("device", device, "a device of torch")
            check_gpu(self.device)

    @property
    def xp(self) -> Any:
        """The array API namespace (looked up, not stored: modules do not pickle)."""
        if self.name == "numpy":
            return numpy_namespace
        import array_api_compat.torch as torch_xp

        return torch_xp

    @property
    def array_type(self) -> Any:
        """The class of the arrays."""
        if self.name == "numpy":
            return np.ndarray
        import torch

        return torch.Tensor

    @property
    def dtype(self) -> Any:
        """The float type."""
        return getattr(self.xp, self.dtype_name)

    def streams(self, processes: Sequence[str]) -> Streams:
        """Random streams of some processes, not yet seeded."""
        if self.name == "numpy":
            return NumpyStreams(processes, self.dtype)
        return TorchStreams(processes, self.dtype, self.device)

    def tables(self, config: EdgeOffloadConfig) -> dict[str, dict[str, Array]]:
        """Constant arrays that processes read, by process; those that have none are left out."""
        return {
            process.name: {name: self._constant(array) for name, array in process.tables(config).items()}
            for process in config.schema.processes
            if process.tables is not None
        }

    def _constant(self, values: Any) -> Array:
        """A constant numpy array as one of this backend: itself for numpy; floats in the float type for torch."""
        if self.name == "numpy":
            return values
        dtype = self.dtype if values.dtype.kind == "f" else None
        return self.xp.asarray(np.array(values), dtype=dtype, device=self.device)

    def asarray(self, values: Any) -> Array:
        """Floats as an array of this backend, always a copy and in C order, also where the values are transposed."""
        if self.name == "numpy":
            return np.array(values, dtype=self.dtype, order="C")
        return self.xp.asarray(np.array(values, order="C"), dtype=self.dtype, device=self.device, copy=True)
