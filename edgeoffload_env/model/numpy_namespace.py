"""Numpy as the kernel's array namespace, with less overhead on small arrays.

A slot of one game of ten users is forty operations on arrays of ten numbers. Its cost is not the arithmetic but the
Python code around numpy's reductions and the making of index arrays. Same names and meaning as in numpy, which provides
everything not listed here.
"""

import functools
from typing import Any

import array_api_compat.numpy as compat
import numpy as np
from numpy.typing import NDArray


def __getattr__(name: str) -> Any:
    """Look up all other names in array-api-compat's numpy."""
    return getattr(compat, name)


_reduce_add: Any = np.add.reduce
_UNROLLED = 8  # numpy adds as many numbers or more in an order of its own, fewer one by one


def sum(x: NDArray[Any], /, *, axis: int, dtype: Any = None, keepdims: bool = False) -> NDArray[Any]:
    """``numpy.sum`` without the Python layer around its ufunc."""
    result: NDArray[Any] = _reduce_add(x, axis, dtype, None, keepdims)
    return result


def is_one_game(x: NDArray[Any], /) -> bool:
    """Whether an array ``[B, N]`` is of one game in double precision, the precision of Python's numbers.

    One number for the game is then a Python number rather than ``[1, 1]``: it combines with an array in half the time.
    """
    return x.shape[0] == 1 and x.dtype == float64


def row_sum(x: NDArray[Any], /) -> float:
    """The sum of one game's numbers, ``[1, N]``, to the last bit as :func:`sum`, at a quarter of the cost for few."""
    if x.shape[1] >= _UNROLLED:
        return float(_reduce_add(x[0]))
    total = 0.0
    for number in x.tolist()[0]:
        total += number
    return total


def astype(x: NDArray[Any], dtype: Any, /) -> NDArray[Any]:
    """``numpy.astype`` as the method, which has no Python layer."""
    return x.astype(dtype)


def clip(x: NDArray[Any], /, min: float, max: None = None) -> NDArray[Any]:
    """``numpy.clip`` from below, which is all the kernel needs, as one ufunc."""
    result: NDArray[Any] = np.maximum(x, min)
    return result


@functools.lru_cache(maxsize=256)
def arange(start: int, /, stop: int | None = None, step: int = 1, *, dtype: Any = None, device: Any = None) -> Any:
    """``numpy.arange``, made once and read-only."""
    result = np.arange(start, stop, step, dtype=dtype)
    result.flags.writeable = False
    return result


# looked up often, so found at once rather than through __getattr__
abs, empty, log, log1p, where = np.abs, np.empty, np.log, np.log1p, np.where
maximum, maximum_reduce, minimum = np.maximum, np.maximum.reduce, np.minimum
reshape, stack, zeros_like = np.reshape, np.stack, np.zeros_like
float32, float64, int8, int16, int32, int64 = np.float32, np.float64, np.int8, np.int16, np.int32, np.int64


def pairs(x: NDArray[Any], /) -> tuple[NDArray[Any], NDArray[Any]]:
    """Each number of one game beside each other's, ``[1, N]`` -> ``[N, N]`` twice: of the lower and the higher index.

    Comparing what is written out takes a third of the time that numpy needs to broadcast two small arrays.
    """
    lower, higher = _pair_index(x.shape[-1])
    return x.take(lower), x.take(higher)


def route(target: NDArray[Any], num_servers: int, dtype: Any) -> tuple[NDArray[Any], ...]:
    """Look up who of one game goes where, at a third of the cost of computing it.

    Returns:
        Whether a task leaves its device, the same as 1 or 0, 1 if it goes to a server behind server 1, the index of the
        server (-1, hence the last one, for local users), each ``[1, N]``; and 1 at the server ``[N, M]``.
    """
    away, offloads, forwarded, server, one_hot = _route_tables(num_servers, dtype)
    chosen = one_hot.take(target[0], axis=0)
    return away.take(target), offloads.take(target), forwarded.take(target), server.take(target), chosen


@functools.lru_cache(maxsize=256)
def _pair_index(users: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rival, own = np.indices((users, users))
    return np.minimum(rival, own), np.maximum(rival, own)


@functools.lru_cache(maxsize=256)
def own_is_lower(users: int) -> NDArray[np.bool_]:
    """Whether the user's own index is not above the rival's, ``[N, N]``."""
    rival, own = np.indices((users, users))
    return own <= rival


@functools.lru_cache(maxsize=256)
def _route_tables(num_servers: int, dtype: Any) -> tuple[NDArray[Any], ...]:
    target = np.arange(num_servers + 1)
    one_hot = np.eye(num_servers + 1, num_servers, -1, dtype=dtype)
    return target > 0, (target > 0).astype(dtype), (target > 1).astype(dtype), target - 1, one_hot
