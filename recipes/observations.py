"""Validated observations of any subset of the users, stacked for a network."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import fail


def stack_observations(
    observations: Mapping[str, Any], users: Sequence[str], size: int
) -> tuple[list[int], NDArray[np.float32]]:
    """Stack the observations of some users.

    Args:
        observations: an observation for each user that is to act.
        users: names of all users, in order.
        size: length of an observation.

    Returns:
        The indices of these users among all users, and their observations, ``[len(observations), size]``.

    Raises:
        ValueError: an unknown user or an observation of the wrong shape; the message names the user.
    """
    for user in observations:
        if user not in users:
            fail("user", user, f"one of {users[0]} .. {users[-1]}")
    rows = [check_vector(f"observation of {user}", values, size) for user, values in observations.items()]
    indices = [users.index(user) for user in observations]
    return indices, np.stack(rows) if rows else np.empty((0, size), np.float32)


def check_vector(name: str, values: Any, size: int) -> NDArray[np.float32]:
    """Return a vector as a float32 array.

    Raises:
        ValueError: the shape is not ``(size,)``.
    """
    row = np.asarray(values, np.float32)
    if row.shape != (size,):
        fail(f"shape of {name}", row.shape, f"({size},)")
    return row
