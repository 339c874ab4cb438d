"""Batched games from ``config.env`` of an RLlib configuration."""

from typing import Any

from ray.tune.registry import ENV_CREATOR, _global_registry

from edgeoffload_env import EdgeOffloadConfig, scenarios
from edgeoffload_env._validation import fail, fail_unknown
from recipes.envs.batched_games import BatchedGames, EdgeOffloadGames
from recipes.envs.parallel_games import ParallelGames

_SCENARIOS = {f"edgeoffload/{name}-v0": name for name in scenarios.names()}


def game_of(env: Any, env_config: Any) -> EdgeOffloadConfig | None:
    """Return the configuration of ``config.env`` where it is an id of this package; else None."""
    return scenarios.configure(_SCENARIOS[env], **env_config) if env in _SCENARIOS else None


def make_games(env: Any, env_config: Any, num_envs: int, device: str = "cpu") -> BatchedGames:
    """Build batched games.

    Args:
        env: an id of this package; a name under which ``ray.tune.register_env`` knows a creator of a PettingZoo
            ``ParallelEnv``; or such a creator. Of an adapter that keeps its game as ``par_env`` the game is used.
        env_config: arguments of the environment.
        num_envs: games to play side by side.
        device: of this package's games.

    Raises:
        ValueError, TypeError: an unknown id, or games that do not fit; the message says why.
    """
    if env in _SCENARIOS:
        return EdgeOffloadGames(_SCENARIOS[env], num_envs, device, **env_config)
    creator = env
    if isinstance(env, str):
        if not _global_registry.contains(ENV_CREATOR, env):
            fail_unknown("env", env, [*_SCENARIOS, "or a name registered with ray.tune.register_env"])
        creator = _global_registry.get(ENV_CREATOR, env)
    if not callable(creator):
        fail("env", env, "an id, or a function that returns a PettingZoo ParallelEnv", TypeError)

    def make() -> Any:
        made = creator(env_config)
        return getattr(made, "par_env", made)

    return ParallelGames(make, num_envs)
