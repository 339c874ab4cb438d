"""Array libraries behind the vector view: namespaces, types, and uniform numbers from one seed."""

import copy
from typing import Any

import numpy as np
from gymnasium.utils import seeding

from edgeoffload_env._validation import check_choice, fail
from edgeoffload_env.model import numpy_namespace
from edgeoffload_env.model.channel import Array


class NumpyUniforms:
    """Numbers in [0, 1) from one numpy generator; :meth:`draw` and :meth:`finish` do in two steps what a call does."""

    def __init__(self, dtype: Any = np.float64) -> None:
        self._dtype = dtype
        self._rng: np.random.Generator | None = None

    def seed(self, seed: int | None) -> None:
        """Start the stream of a seed; without one go on, or start from the system's entropy."""
        if seed is not None or self._rng is None:
            self._rng, _ = seeding.np_random(seed)

    def __call__(self, shape: tuple[int, ...]) -> Array:
        """An array of that shape."""
        return self.draw(shape)

    def draw(self, shape: tuple[int, ...]) -> Array:
        """What :meth:`finish` turns into an array of that shape."""
        assert self._rng is not None
        return self._rng.random(shape, dtype=self._dtype)

    def finish(self, drawn: Array) -> Array:
        """The uniform numbers of a draw."""
        return drawn


class TorchUniforms:
    """Numbers in [0, 1) from one torch generator on a device; copies and pickles keep its place.

    Shapes are pairs, ``(2, ...)``: in float32 both numbers of a pair come from one 64-bit draw, which takes two thirds
    of the time, and the arithmetic of :meth:`finish` can be compiled into what uses them.
    """

    def __init__(self, dtype: Any, device: Any) -> None:
        self._dtype, self._device = dtype, device
        self._generator: Any = None

    def seed(self, seed: int | None) -> None:
        """Start the stream of a seed; without one go on, or start from the system's entropy."""
        import torch

        if seed is not None or self._generator is None:
            # spread small seeds over all bits, as numpy does
            state = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
            self._generator = torch.Generator(self._device)
            self._generator.manual_seed(int(state >> np.uint64(1)))

    def __call__(self, shape: tuple[int, ...]) -> Array:
        """A tensor of that shape."""
        return self.finish(self.draw(shape))

    def draw(self, shape: tuple[int, ...]) -> Array:
        """What :meth:`finish` turns into a tensor of that shape."""
        import torch

        assert shape[0] == 2
        if self._dtype == torch.float32:
            return torch.empty(shape[1:], dtype=torch.int64, device=self._device).random_(generator=self._generator)
        return torch.rand(shape, generator=self._generator, dtype=self._dtype, device=self._device)

    def finish(self, drawn: Array) -> Array:
        """The uniform numbers of a draw."""
        import torch

        if drawn.dtype != torch.int64:
            return drawn
        # the highest and the lowest 24 of 63 random bits: as many as a float32 in [0, 1) can hold
        return torch.stack((drawn >> 39, drawn & 0xFFFFFF)).to(torch.float32) * 2.0**-24

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._generator is not None:
            state["_generator"] = self._generator.get_state()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        import torch

        self.__dict__.update(state)
        if self._generator is not None:
            generator_state, self._generator = self._generator, torch.Generator(self._device)
            self._generator.set_state(generator_state)

    def __deepcopy__(self, memo: dict[int, Any]) -> "TorchUniforms":
        twin = type(self).__new__(type(self))
        twin.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return twin


class Backend:
    """An array library, a device and a float type.

    Args:
        name: "numpy" or "torch".
        device: "cpu" for numpy; for torch whatever names a device there.
        dtype: "float32" or "float64".

    Raises:
        ValueError, TypeError: not one of these.
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
            except (RuntimeError, TypeError) as error:
                raise ValueError(f"device = {device!r} is not allowed; allowed: what torch.device takes") from error

    @property
    def xp(self) -> Any:
        """The array API namespace (looked up, not stored: modules do not pickle)."""
        if self.name == "numpy":
            return numpy_namespace
        import array_api_compat.torch as torch_xp

        return torch_xp

    @property
    def dtype(self) -> Any:
        """The float type."""
        return getattr(self.xp, self.dtype_name)

    def uniforms(self) -> NumpyUniforms | TorchUniforms:
        """A source of uniform numbers, not yet seeded."""
        if self.name == "numpy":
            return NumpyUniforms(self.dtype)
        return TorchUniforms(self.dtype, self.device)

    def asarray(self, values: Any) -> Array:
        """Floats as an array of this backend, always a copy and in C order, also where the values are transposed."""
        if self.name == "numpy":
            return np.array(values, dtype=self.dtype, order="C")
        return self.xp.asarray(np.array(values, order="C"), dtype=self.dtype, device=self.device, copy=True)
