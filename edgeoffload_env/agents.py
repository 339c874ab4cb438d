"""Names and actions of the users, in one place."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeoffload_env.config import EdgeOffloadConfig


def user_names(num_users: int) -> list[str]:
    """Return ``user_0`` .. ``user_{N-1}``, a new list at each call."""
    return [f"user_{n}" for n in range(num_users)]


def action_count(config: "EdgeOffloadConfig") -> int:
    """Return the size of one user's action space: the device, and P R actions for each of the M servers."""
    return 1 + config.servers * config.levels_per_server


def action_of(target: "NDArray[np.int64]", config: "EdgeOffloadConfig") -> "NDArray[np.int64]":
    """Return the actions that go to some places at the last power and share: 0 = device, m >= 1 = server m.

    Args:
        target: integers of any shape.
        config: the game; without ``levels`` targets are actions.
    """
    return target if config.levels_per_server == 1 else target * config.levels_per_server


def action_meaning(config: "EdgeOffloadConfig") -> str:
    """Return what the numbers of actions mean, for messages and files."""
    if config.levels_per_server == 1:
        return "0 = device, m = server m"
    powers, ratios = len(config.tx_powers_w), len(config.offload_ratios)
    return f"0 = device, 1 + ((m - 1) {powers} + p) {ratios} + r = server m at power p and share r, both from 0"
