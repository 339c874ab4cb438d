"""Random streams: from one seed, a stream for every episode and random process.

The numbers of episode k do not depend on the episodes before it,
nor those of a process on the other processes. All numbers are uniform in [0, 1).
"""

import zlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from gymnasium.utils import seeding

from edgeoffload_env.model.channel import Array

# Jumps for each episode and for each step of a process's number: the golden ratio times 2^128, as in numpy's
# ``PCG64.jumped``, and the square root of 2 times 2^128. Multiples of odd numbers of that size stay far apart on the
# generator's circle; streams a multiple of a power of 2 apart share the low bits of their states and are correlated.
_EPISODE_JUMP = 0x9E3779B97F4A7C15F39CC0605CEDC835
_PROCESS_JUMP = 0x6A09E667F3BCC908B2FB1366EA957D3F
_MASK = 2**128 - 1


def process_number(process: str) -> int:
    """A number in [0, 2^32) that follows from a process's name alone."""
    return zlib.crc32(process.encode())


class Streams(Protocol):
    """Streams of some named processes."""

    draws_uniforms: bool
    """Whether what :meth:`draw` returns is uniform already, so that :meth:`finish` changes nothing."""

    def begin_episode(self, seed: int | None) -> None:
        """Start episode 0 of a seed; without one the next episode, or episode 0 of a seed from the system's entropy."""

    def draw(self, process: str, shape: tuple[int, ...]) -> Array:
        """Draw raw numbers of a process; :meth:`finish` turns them into uniform numbers of that shape."""

    def finish(self, drawn: Array, count: int) -> Array:
        """Return the uniform numbers of a draw whose shape began with ``count``; can be compiled."""


def episode_generators(processes: Sequence[str], seed: int, episode: int) -> dict[str, np.random.Generator]:
    """Return the generators of one episode of a seed, by process, at their start: those of :class:`NumpyStreams`."""
    state: Any = seeding.np_random(seed)[0].bit_generator.state
    generators = {process: np.random.Generator(np.random.PCG64(0)) for process in processes}
    for process, generator in generators.items():
        _jump_to(generator, state, process_number(process) * _PROCESS_JUMP + episode * _EPISODE_JUMP)
    return generators


def _jump_to(generator: np.random.Generator, state: Any, jump: int) -> None:
    """Move a generator to its place on the seed's own stream."""
    bits: Any = generator.bit_generator  # whose type has no ``advance`` in numpy's annotations
    bits.state = state
    bits.advance(jump & _MASK)


class NumpyStreams:
    """Streams of numpy generators (PCG64), all of them jumps ahead on the seed's own stream.

    Args:
        processes: their names.
        dtype: float type of the numbers.
    """

    def __init__(self, processes: Sequence[str], dtype: Any = np.float64) -> None:
        self.draws_uniforms = True
        self._dtype = dtype
        self._seed_state: Any = None
        self._episode = 0
        self._generators = {process: np.random.Generator(np.random.PCG64(0)) for process in processes}
        self._jumps = {process: process_number(process) * _PROCESS_JUMP for process in processes}

    def begin_episode(self, seed: int | None) -> None:
        """See :class:`Streams`."""
        if seed is not None or self._seed_state is None:
            self._seed_state = seeding.np_random(seed)[0].bit_generator.state
            self._episode = 0
        else:
            self._episode += 1
        jump = self._episode * _EPISODE_JUMP
        for process, generator in self._generators.items():
            _jump_to(generator, self._seed_state, self._jumps[process] + jump)

    def draw(self, process: str, shape: tuple[int, ...]) -> Array:
        """See :class:`Streams`."""
        return self._generators[process].random(shape, dtype=self._dtype)

    def finish(self, drawn: Array, count: int) -> Array:
        """See :class:`Streams`."""
        return drawn


class TorchStreams:
    """Streams of torch generators on a device; copies and pickles keep their places.

    In float32 two numbers come from one 64-bit draw, which takes two thirds of the time, and the arithmetic of
    :meth:`finish` can be compiled into what uses them.

    Args:
        processes: their names.
        dtype: float type of the numbers.
        device: where they are drawn.
    """

    def __init__(self, processes: Sequence[str], dtype: Any, device: Any) -> None:
        self._processes, self._dtype, self._device = tuple(processes), dtype, device
        self.draws_uniforms = False
        self._entropy: Any = None
        self._episode = 0
        self._generators: dict[str, Any] = {}

    def begin_episode(self, seed: int | None) -> None:
        """See :class:`Streams`."""
        if seed is not None or self._entropy is None:
            self._entropy, self._episode = np.random.SeedSequence(seed).entropy, 0
        else:
            self._episode += 1
        for process in self._processes:
            # hashed, since torch's generators want small seeds spread over all bits
            key = (self._episode, process_number(process))
            words = np.random.SeedSequence(self._entropy, spawn_key=key).generate_state(1, np.uint64)
            generator = self._generators.get(process)
            if generator is None:
                generator = self._generators[process] = self._new_generator()
            generator.manual_seed(int(words[0] >> np.uint64(1)))

    def draw(self, process: str, shape: tuple[int, ...]) -> Array:
        """See :class:`Streams`."""
        import torch

        generator = self._generators[process]
        if self._dtype == torch.float32:
            pairs = ((shape[0] + 1) // 2, *shape[1:])
            return torch.empty(pairs, dtype=torch.int64, device=self._device).random_(generator=generator)
        return torch.rand(shape, generator=generator, dtype=self._dtype, device=self._device)

    def finish(self, drawn: Array, count: int) -> Array:
        """See :class:`Streams`."""
        import torch

        if drawn.dtype != torch.int64:
            return drawn
        # the highest and the lowest 24 of 63 random bits: as many as a float32 in [0, 1) can hold
        both = torch.stack((drawn >> 39, drawn & 0xFFFFFF)).to(torch.float32) * 2.0**-24
        return both.reshape(-1, *drawn.shape[1:])[:count]

    def _new_generator(self) -> Any:
        import torch

        return torch.Generator(self._device)

    def __getstate__(self) -> dict[str, Any]:
        states = {process: generator.get_state() for process, generator in self._generators.items()}
        return self.__dict__ | {"_generators": states}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._generators = {}
        for process, generator_state in state["_generators"].items():
            self._generators[process] = self._new_generator()
            self._generators[process].set_state(generator_state)
