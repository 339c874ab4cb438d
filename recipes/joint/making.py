"""Games from what an RLlib configuration calls its environment."""

from typing import Any

from ray.tune.registry import ENV_CREATOR, _global_registry

from edgeoffload_env import scenarios
from recipes.joint.games import EdgeOffloadGames, JointGames
from recipes.joint.parallel_games import ParallelGames

_OUR_IDS = {f"edgeoffload/{name}-v0": name for name in scenarios.names()}


def make_games(env: Any, env_config: Any, num_envs: int, device: str = "cpu") -> JointGames:
    """Games from what ``config.env`` may be.

    Raises:
        ValueError, TypeError: neither an id of this package nor a creator of parallel games that fit; the message says
            what is wrong.
    """
    if env in _OUR_IDS:
        return EdgeOffloadGames(_OUR_IDS[env], num_envs, device, **env_config)
    creator = env
    if isinstance(env, str):
        if not _global_registry.contains(ENV_CREATOR, env):
            raise ValueError(
                f"env = {env!r} is not allowed; allowed: {', '.join(_OUR_IDS)}, or a name under which "
                "ray.tune.register_env knows a creator of a PettingZoo ParallelEnv"
            )
        creator = _global_registry.get(ENV_CREATOR, env)
    if not callable(creator):
        raise TypeError(f"env = {env!r} is not allowed; allowed: an id, or a creator of a PettingZoo ParallelEnv")

    def make() -> Any:
        made = creator(env_config)
        return getattr(made, "par_env", made)

    return ParallelGames(make, num_envs)
