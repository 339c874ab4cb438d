"""Users in one LTE cell choose, every slot, where their task runs: on the device or on one of several edge servers.

# EdgeOffload

| Import             | `import pettingzoo; from edgeoffload_env import edgeoffload_v0`                          |
|--------------------|------------------------------------------------------------------------------------------|
| Creation           | `pettingzoo.make("parallel", "edgeoffload/paper-v0")` or `edgeoffload_v0.parallel_env()` |
| Actions            | Discrete                                                                                 |
| Parallel API       | Yes                                                                                      |
| Manual control     | No                                                                                       |
| Agents             | `agents = ["user_0", "user_1", ..., "user_9"]`                                           |
| Agent count        | 10 (`num_users`)                                                                         |
| Action shape       | `()`                                                                                     |
| Action values      | `Discrete(6)`: 0 is the device, m >= 1 is server m                                       |
| Observation shape  | `(9,)`                                                                                   |
| Observation values | [-1, 1], float32                                                                         |
| State shape        | `(50,)`                                                                                  |
| State values       | [-1, 1], float32                                                                         |

The table is for the `paper` scenario; with N users and M servers a user has M + 1 actions (1 + M P R with `levels`) and
observes M + 4 numbers (2 M + 4 where the servers' speeds are drawn per episode), and the state has 2 M + 4 N. With
`observation="load"` both have M numbers: the load factors, the paper's state (14).

## Observation

| Num         | Observation                        | Formula                                            | Min | Max |
|-------------|------------------------------------|----------------------------------------------------|-----|-----|
| 0 .. M-1    | load of servers 1 .. M             | 2 x / (1 + x) - 1, x = load factor / 0.5 s         | -1  | 1   |
| M           | length of the own task             | z / (1 + abs(z)), z over `task_bits`               | -1  | 1   |
| M+1         | cycles of the own task             | z / (1 + abs(z)), z over `task_cycles`             | -1  | 1   |
| M+2         | speed of the own device            | z / (1 + abs(z)), z over `device_hz`               | -1  | 1   |
| M+3         | quality of the own link            | z / (1 + abs(z)), z of log gain, edge to centre    | -1  | 1   |
| M+4 .. 2M+3 | speeds of servers 1 .. M, if drawn | z / (1 + abs(z)), z over `server_hz_range`         | -1  | 1   |

z = (value - middle) / half width of the configured range. A load factor (13) is the work queued at a server in
seconds. Nothing is clipped. `state()` holds the loads, the speeds, and elements M .. M+3 of
every user; with `observation="load"` the loads alone. Effects append columns to both; `observation.names(config)` lists
them.

## Action

0 runs the task on the device; m sends it over the shared uplink to server m, by fibre from server 1 if m >= 2, where
tasks are served first come first served. Python and numpy integers and 0-d integer arrays are actions; anything else is
a `TypeError`, a number out of range a `ValueError`; a refused step changes nothing.

With `levels`, P powers and R shares of a task, 1 + ((m - 1) P + p) R + r sends the r-th share to server m at the p-th
power, both counted from 0; the rest of the task runs on the device at the same time.

## Reward

R_n = -w1 t_n - w2 var(LD), equation (20): the user's own delay in seconds and the imbalance of the servers' loads,
with w1 = `delay_weight` and w2 = `balance_weight`; `reward_sharing` mixes in the mean over the users. The *system
utility* of an episode is the mean over users of the sum over slots of -(t_n + var(LD)), for any weights. Effects add
the costs of energy and missed deadlines to both.

## Info

After a step: `delay_s`, `upload_s`, `forward_s`, `wait_s`, `compute_s`, `target`, `imbalance` for each user, and what
effects add; empty after a reset. With `arrivals`, infos after a reset and a step have `action_mask`, int8, one number
for each action: users without a task may choose 0 alone, and whatever they choose counts as 0.

## Starting state

Positions, device speeds and (where drawn) server speeds are new in each episode; queues are empty or, with
`initial_load_s`, filled. `reset(options={"snapshot": s})` starts from what `env.unwrapped.snapshot()` gave.

## Episode end

*Truncation* after `max_cycles` slots, of every user at once; the last step returns everything. Never *termination*.

## Arguments

Any field of `EdgeOffloadConfig` overrides the scenario's: `parallel_env("crowded", num_users=25, slot_s=0.2)`.

## Version history

* v0: first version.
"""

from typing import Any

from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.scenarios import configure
from edgeoffload_env.views.aec import EdgeOffloadAECEnv
from edgeoffload_env.views.functional import EdgeOffloadFunctionalEnv
from edgeoffload_env.views.parallel import EdgeOffloadParallelEnv
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

__all__ = ["env", "functional_env", "parallel_env", "raw_env", "vector_env"]


def parallel_env(
    scenario: str | EdgeOffloadConfig = "paper", render_mode: str | None = None, **overrides: Any
) -> EdgeOffloadParallelEnv:
    """Make the game as a PettingZoo ParallelEnv.

    Args:
        scenario: a name from ``scenarios.names()``, or a custom configuration.
        render_mode: None, "ansi" (``render()`` returns a table of the last slot), "rgb_array" (a picture), or "human"
            (the picture in a window); pictures need the extra ``render``.
        **overrides: fields of :class:`EdgeOffloadConfig`.

    Raises:
        TypeError, ValueError: the message names the field, the value and what is allowed.
    """
    return EdgeOffloadParallelEnv(configure(scenario, **overrides), render_mode)


def raw_env(
    scenario: str | EdgeOffloadConfig = "paper", render_mode: str | None = None, **overrides: Any
) -> EdgeOffloadAECEnv:
    """Make the game as a PettingZoo AECEnv; arguments and errors as in :func:`parallel_env`."""
    return EdgeOffloadAECEnv(parallel_env(scenario, render_mode, **overrides))


env = raw_env  # actions and their order are checked inside: no wrappers needed


def vector_env(
    num_envs: int = 1024,
    scenario: str | EdgeOffloadConfig = "paper",
    backend: str = "numpy",
    device: Any = "cpu",
    dtype: str = "float32",
    compile: bool = False,
    **overrides: Any,
) -> EdgeOffloadVectorEnv:
    """Make B games that step at once over arrays.

    Args:
        num_envs: the number of games, B.
        scenario: a name from ``scenarios.names()``, or a custom configuration.
        backend: "numpy" or "torch".
        device: "cpu", or any device of torch.
        dtype: "float32" or "float64".
        compile: run the step through ``torch.compile`` (torch only); the first steps take seconds.
        **overrides: fields of :class:`EdgeOffloadConfig`.

    Raises:
        TypeError, ValueError: the message names the argument, the value and what is allowed.
        ImportError: the torch backend without torch installed.
    """
    return EdgeOffloadVectorEnv(
        configure(scenario, **overrides), num_envs, backend=backend, device=device, dtype=dtype, compile=compile
    )


def functional_env(
    scenario: str | EdgeOffloadConfig = "paper",
    backend: str = "numpy",
    device: Any = "cpu",
    dtype: str = "float64",
    **overrides: Any,
) -> EdgeOffloadFunctionalEnv:
    """Make the game as pure functions of explicit snapshots and random numbers, for hand-written loops and planners.

    Args:
        scenario: a name from ``scenarios.names()``, or a custom configuration.
        backend: "numpy" or "torch".
        device: "cpu", or any device of torch.
        dtype: "float32" or "float64".
        **overrides: fields of :class:`EdgeOffloadConfig`.

    Raises:
        TypeError, ValueError: the message names the argument, the value and what is allowed.
        ImportError: the torch backend without torch installed.
    """
    return EdgeOffloadFunctionalEnv(configure(scenario, **overrides), backend=backend, device=device, dtype=dtype)
