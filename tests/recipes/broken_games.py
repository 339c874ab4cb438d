"""The recipes' command line with games that break: ``python -m tests.recipes.broken_games sweep ...``.

Games of four users raise after some slots; in every process, Ray's too.
"""

import sys
from typing import Any


def break_games() -> None:
    """Make games of four users raise at their hundredth slot."""
    from recipes.joint.games import EdgeOffloadGames

    step, played = EdgeOffloadGames.step, 0

    def raising(self: Any, actions: Any) -> Any:
        nonlocal played
        played += 1
        if self.sizes.num_users == 4 and played >= 100:
            raise RuntimeError("server 3 caught fire")
        return step(self, actions)

    EdgeOffloadGames.step = raising  # type: ignore[method-assign]


if __name__ == "__main__":
    import ray

    from recipes.cli import main

    start_ray = ray.init
    ray.init = lambda **options: start_ray(**options, runtime_env={"worker_process_setup_hook": break_games})
    sys.exit(main())
