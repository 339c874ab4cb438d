"""The recipes' command line with games that break: ``python -m tests.recipes.broken_games sweep ...``.

Games of four users raise after some slots; in every process, Ray's too.
"""

import sys
from collections.abc import Callable
from typing import Any


def break_games() -> None:
    """Make games of four users raise at their hundredth slot."""
    from recipes.envs.batched_games import EdgeOffloadGames
    from recipes.rllib.adapter import RLlibParallelEnv

    _break(EdgeOffloadGames, 100, lambda games: games.sizes.num_users)
    _break(RLlibParallelEnv, 1_600, lambda game: len(game.possible_agents))  # sixteen of them, one after the other


def _break(games: Any, calls: int, users: Callable[[Any], int]) -> None:
    step, played = games.step, 0

    def raising(self: Any, actions: Any) -> Any:
        nonlocal played
        played += 1
        if users(self) == 4 and played >= calls:
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
