"""AgileRL's MADDPG on this package's games, for ``python -m benchmarks training --agilerl PYTHON``.

AgileRL needs another gymnasium than Ray, so this runs in an environment of its own: ``pip install agilerl peft`` beside
this package. It reads a number of env steps from each line of its input, trains for them with AgileRL's own loop and
its own vector of worker processes, one update of batch 512 for every 16 env steps, and answers with the CPU seconds of
itself and its workers.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from pettingzoo import ParallelEnv

from edgeoffload_env import edgeoffload_v0

STEPS_PER_UPDATE, BATCH, HIDDEN, DISCOUNT, RATE = 16, 512, 64, 0.9, 1e-3


def training(num_games: int) -> Callable[[int], None]:
    """Return a function that trains for a number of env steps."""
    import torch
    from agilerl.algorithms import MADDPG
    from agilerl.components.replay_buffer import ReplayBuffer
    from agilerl.training.train_multi_agent_off_policy import train_multi_agent_off_policy
    from agilerl.vector.pz_async_vec_env import AsyncPettingZooVecEnv

    torch.set_num_threads(1)
    games = AsyncPettingZooVecEnv([_Renamed for _ in range(num_games)])
    users, layer = games.possible_agents, {"hidden_size": [HIDDEN]}
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
        # the critic's layers are 64 and 64, as ours; the actor cannot have fewer than three
        net_config={"latent_dim": HIDDEN, "encoder_config": layer, "head_config": layer},
    )
    replay = ReplayBuffer(100_000)
    games.close = lambda: None  # the loop closes them at its end
    done = 0

    def train(env_steps: int) -> None:
        nonlocal done
        done += env_steps
        length = {"max_steps": done, "evo_steps": env_steps, "eval_steps": 1, "verbose": False}
        train_multi_agent_off_policy(games, "edgeoffload", "MADDPG", [learner], replay, **length)

    return train


class _Renamed(ParallelEnv):  # type: ignore[misc,type-arg]
    """The game with users ``user0``, ``user1``, ...: AgileRL lets agents of one name before a "_" share networks."""

    def __init__(self) -> None:
        self._game = edgeoffload_v0.parallel_env("paper")
        self.metadata, self.render_mode = self._game.metadata, None
        self.possible_agents = [user.replace("_", "") for user in self._game.possible_agents]

    @property
    def agents(self) -> list[str]:
        return [user.replace("_", "") for user in self._game.agents]

    def observation_space(self, agent: str) -> Any:
        return self._game.observation_space(_original(agent))

    def action_space(self, agent: str) -> Any:
        return self._game.action_space(_original(agent))

    def reset(self, seed: Any = None, options: Any = None) -> Any:
        return _renamed(self._game.reset(seed, options))

    def step(self, actions: Any) -> Any:
        return _renamed(self._game.step({_original(agent): int(action) for agent, action in actions.items()}))


def _original(agent: str) -> str:
    return agent.replace("user", "user_")


def _renamed(parts: Any) -> Any:
    return tuple({user.replace("_", ""): value for user, value in values.items()} for values in parts)


def _cpu_s() -> float:
    """Return the CPU time of this process and its workers."""
    import psutil

    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("games", type=int, help="number of games side by side")


def run(options: argparse.Namespace) -> None:
    """Serve turns until the input ends."""
    train = training(options.games)
    train(2 * BATCH)  # from here on every 16 env steps come with an update
    print("ready", flush=True)
    for line in sys.stdin:
        began = _cpu_s()
        train(int(line))
        print(_cpu_s() - began, flush=True)
