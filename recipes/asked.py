"""Observations of users that act one by one, checked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env._validation import fail


def rows_of(observations: Mapping[str, Any], users: Sequence[str], size: int) -> tuple[list[int], NDArray[np.float32]]:
    """The places of those who ask among all users, and what they see, ``[asking, size]``.

    Raises:
        ValueError: an unknown user, or an observation of another shape; the message names it.
    """
    for user in observations:
        if user not in users:
            fail("user", user, f"{users[0]} .. {users[-1]}")
    rows = [row_of(f"observation of {user}", values, size) for user, values in observations.items()]
    places = [users.index(user) for user in observations]
    return places, np.stack(rows) if rows else np.empty((0, size), np.float32)


def row_of(name: str, values: Any, size: int) -> NDArray[np.float32]:
    """One vector.

    Raises:
        ValueError: of another shape.
    """
    row = np.asarray(values, np.float32)
    if row.shape != (size,):
        fail(f"shape of {name}", row.shape, f"({size},)")
    return row
