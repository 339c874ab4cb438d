"""The recipes' command line with an environment that raises: ``python -m tests.recipes.broken_games sweep ...``.

Games of four users raise after some slots, in every process, Ray's included.
"""

import sys
from collections.abc import Callable
from typing import Any


def break_games() -> None:
    """Make games of four users raise at their hundredth slot."""
    from recipes.envs.batched_games import EdgeOffloadGames
    from recipes.rllib.adapter import RLlibParallelEnv

    _raise_after(EdgeOffloadGames, 100, lambda games: games.sizes.num_users)
    _raise_after(RLlibParallelEnv, 1_600, lambda game: len(game.possible_agents))  # sixteen games, stepped in turn


def _raise_after(games: Any, calls: int, users: Callable[[Any], int]) -> None:
    step, count = games.step, 0

    def raising(self: Any, actions: Any) -> Any:
        nonlocal count
        count += 1
        if users(self) == 4 and count >= calls:
            raise RuntimeError("server 3 caught fire")
        return step(self, actions)

    games.step = raising


if __name__ == "__main__":
    import ray

    from recipes.cli import main

    start_ray = ray.init
    break_games()
    ray.init = lambda **options: start_ray(**options, runtime_env={"worker_process_setup_hook": break_games})
    sys.exit(main())
