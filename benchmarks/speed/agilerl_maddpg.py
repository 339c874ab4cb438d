"""AgileRL's MADDPG on this package's games, for :mod:`benchmarks.training`'s ``--agilerl PYTHON``.

AgileRL needs another gymnasium than Ray, so this runs in an environment of its own: ``pip install agilerl peft`` beside
this package. It reads a number of env steps from each line of its input, trains so many with AgileRL's own loop on as
many games as its argument says, in its own vector of worker processes, one update of batch 512 for every 16 env steps,
and answers with the CPU seconds that it and its workers took.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

from pettingzoo import ParallelEnv

from edgeoffload_env import edgeoffload_v0

STEPS_PER_UPDATE, BATCH, HIDDEN, DISCOUNT, RATE = 16, 512, 64, 0.9, 1e-3


def training(num_games: int) -> Callable[[int], None]:
    """A function that trains for so many env steps more."""
    import torch
    from agilerl.algorithms import MADDPG
    from agilerl.components.replay_buffer import ReplayBuffer
    from agilerl.training.train_multi_agent_off_policy import train_multi_agent_off_policy
    from agilerl.vector.pz_async_vec_env import AsyncPettingZooVecEnv

    torch.set_num_threads(1)
    games = AsyncPettingZooVecEnv([_Renamed for _ in range(num_games)])
    users = games.possible_agents
    # Its critic so has layers of 64 and 64, as ours; its actor cannot have fewer than three.
    layers = {
        "latent_dim": HIDDEN,
        "encoder_config": {"hidden_size": [HIDDEN]},
        "head_config": {"hidden_size": [HIDDEN]},
    }
    learner = MADDPG(
        [games.single_observation_space(user) for user in users],
        [games.single_action_space(user) for user in users],
        agent_ids=users,
        vect_noise_dim=num_games,
        batch_size=BATCH,
        lr_actor=RATE,
        lr_critic=RATE,
        learn_step=STEPS_PER_UPDATE,
        gamma=DISCOUNT,
        net_config=layers,
    )
    replay = ReplayBuffer(100_000)
    games.close = lambda: None  # its loop closes them at its end
    done = 0

    def train(env_steps: int) -> None:
        nonlocal done
        done += env_steps
        train_multi_agent_off_policy(
            games,
            "edgeoffload",
            "MADDPG",
            [learner],
            replay,
            max_steps=done,
            evo_steps=env_steps,
            eval_steps=1,
            verbose=False,
        )

    return train


class _Renamed(ParallelEnv):  # type: ignore[misc,type-arg]
    """The game with users ``user0``, ``user1``, ...: AgileRL lets agents of one name before a "_" share networks."""

    def __init__(self) -> None:
        self._game = edgeoffload_v0.parallel_env("paper")
        self.metadata, self.render_mode = self._game.metadata, None
        self.possible_agents = [_short(user) for user in self._game.possible_agents]

    @property
    def agents(self) -> list[str]:
        return [_short(user) for user in self._game.agents]

    def observation_space(self, agent: str) -> Any:
        return self._game.observation_space(_long(agent))

    def action_space(self, agent: str) -> Any:
        return self._game.action_space(_long(agent))

    def reset(self, seed: Any = None, options: Any = None) -> Any:
        return tuple(_shortened(values) for values in self._game.reset(seed, options))

    def step(self, actions: Any) -> Any:
        return tuple(_shortened(values) for values in self._game.step({_long(a): int(v) for a, v in actions.items()}))


def _short(user: str) -> str:
    return user.replace("_", "")


def _long(agent: str) -> str:
    return agent.replace("user", "user_")


def _shortened(values: dict[str, Any]) -> dict[str, Any]:
    return {_short(user): value for user, value in values.items()}


def cpu_s() -> float:
    """CPU time of this process and its workers."""
    import psutil

    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


def main() -> None:
    """Serve turns until the input ends."""
    train = training(int(sys.argv[1]))
    train(2 * BATCH)  # from here on every 16 env steps come with an update
    print("ready", flush=True)
    for line in sys.stdin:
        began = cpu_s()
        train(int(line))
        print(cpu_s() - began, flush=True)


if __name__ == "__main__":
    main()
