"""Names and actions of the users, in one place."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig


def user_names(num_users: int) -> list[str]:
    """Return ``user_0`` .. ``user_{N-1}``, a new list at each call."""
    return [f"user_{n}" for n in range(num_users)]


def action_count(config: "EdgeOffloadConfig") -> int:
    """Return the size of one user's action space: the device and the M servers."""
    return config.servers + 1
