"""Use of the servers by a policy, for Figure 8: load factor and share of the tasks of each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0
from edgeoffload_env.model.servers import load_factor_s
from edgeoffload_env.policies import Policy, costs, view_of


class ServerUse(NamedTuple):
    """Means over all timesteps of all episodes, ``[M]`` each."""

    server_hz: NDArray[np.float64]
    load_factor_s: NDArray[np.float64]
    """LD_m of (13) and (15) right after the slot's tasks have joined, as in var(LD)."""
    task_share: NDArray[np.float64]
    """Share of all tasks that are sent to the server, whole or in part; the remainder runs on devices."""


def server_use(policy: Policy, config: EdgeOffloadConfig, episodes: int, seed: int) -> ServerUse:
    """Play whole episodes and measure the use of the servers.

    Args:
        policy: any policy.
        config: the game.
        episodes: number of games played side by side.
        seed: seed of the games; the policy draws from a stream of its own.
    """
    env = edgeoffload_v0.vector_env(num_envs=episodes, scenario=config, backend="numpy", dtype="float64")
    env.reset(seed=seed)
    rng = np.random.default_rng((seed, 1))
    hz, load, sent = (np.zeros(config.servers) for _ in range(3))
    tasks = 0.0
    for _ in range(config.max_cycles):
        view = view_of(env, rng)
        actions = np.asarray(policy.act(view))
        before = view.snapshot
        has_task = costs.has_task(before)
        infos = env.step(actions)[-1]
        chosen = infos["target"][..., None] == np.arange(1, config.servers + 1)
        sent_cycles = before["task_cycles"] * infos.get("offload_ratio", 1.0)
        queued = before["backlog_cycles"] + (chosen * sent_cycles[..., None]).sum(axis=1)
        load += load_factor_s(queued, before["server_hz"]).mean(axis=0)
        sent += chosen.sum(axis=(0, 1))
        tasks += has_task.sum()
        hz += before["server_hz"].mean(axis=0)
    return ServerUse(hz / config.max_cycles, load / config.max_cycles, sent / max(tasks, 1.0))
