"""Steps per second of every view, as ratios to yardsticks measured in the same run.

* ``single``: ``parallel_env().step`` with 10 users, all dicts and infos, as a multiple of MPE2's ``simple_spread_v3``
  with 10 agents.
* ``vector``: ``vector_env`` with 4,096 games of 10 users in float32, task drawing included, as a fraction of the same
  step compiled by hand (:mod:`benchmarks.speed.numba_step`), which must first give each view's numbers.
* ``growth``: time per agent-step as users grow from 10 to 1,000 before 5 servers, B N about constant; and 1,000 users
  before 100 servers.
* ``effects``: time of a step of each scenario with effects, over that of ``paper`` with as many users: of one
  game, and of many on numpy.
* ``peers``: the numpy ``vector_env`` as a multiple of VMAS's ``simple_spread`` with 10 agents, where that is installed.

One thread throughout. Times are CPU seconds of the process; contestants take turns, and the table and the JSON hold
medians and quartiles over the rounds. Episodes never end while the clock runs, in any contestant: resets are left out.
"""

import argparse
import importlib
from typing import Any

import numpy as np

from benchmarks.speed import report
from benchmarks.speed.timing import ENDLESS, Steps, Timing, cycle, rates, ratios, repeat, spread, take_turns
from edgeoffload_env import edgeoffload_v0, scenarios
from edgeoffload_env.agents import action_count
from edgeoffload_env.config_checks import PAPER_SERVER_HZ
from edgeoffload_env.views.vector import EdgeOffloadVectorEnv

FULL, QUICK = Timing(rounds=41, turn_s=0.1), Timing(rounds=3, turn_s=0.02)
USERS, SERVERS = 10, 5
GAMES = 4096
GROWTH_USERS = (10, 30, 100, 300, 1000)
LARGE = (1000, 100)


def single(timing: Timing, *, quick: bool) -> dict[str, Any]:
    """Measure ``parallel_env`` against MPE2, 10 agents each."""
    from mpe2 import simple_spread_v3

    envs = {
        "edgeoffload": edgeoffload_v0.parallel_env(num_users=USERS, max_cycles=ENDLESS),
        "simple_spread": simple_spread_v3.parallel_env(N=USERS, max_cycles=ENDLESS),
    }
    seconds = take_turns({name: _steps_of_one(env) for name, env in envs.items()}, timing)
    times = ratios(seconds["simple_spread"], seconds["edgeoffload"])
    return {"steps_per_s": rates(1, seconds), "times_simple_spread": times}


def _steps_of_one(env: Any) -> Steps:
    """Return the steps of a parallel environment, with random actions."""
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    sizes = {agent: env.action_space(agent).n for agent in env.agents}
    return cycle(env.step, [{agent: int(rng.integers(n)) for agent, n in sizes.items()} for _ in range(64)])


def vector(timing: Timing, *, quick: bool) -> dict[str, Any]:
    """Measure ``vector_env`` against the hand-compiled loop."""
    from benchmarks.speed.hand_compiled import check_against_view

    games = GAMES // 16 if quick else GAMES
    variants: dict[str, dict[str, Any]] = {name: {"backend": name} for name in ("numpy", "torch")}
    if not quick:  # compiling takes longer than all the rest
        variants["torch compiled"] = {"backend": "torch", "compile": True}
    contestants, differences = dict[str, Steps](), {}
    for name, options in variants.items():
        env = edgeoffload_v0.vector_env(games, max_cycles=ENDLESS, dtype="float32", **options)
        loop, differences[name] = check_against_view(env, seed=0)
        contestants |= {"hand-compiled": _steps(env, loop), name: _steps(env)}
    seconds = take_turns(contestants, timing)
    return {
        "games": games,
        "largest_difference_to_hand_compiled": differences,
        "agent_steps_per_s": rates(games * USERS, seconds),
        "of_hand_compiled": {name: ratios(seconds["hand-compiled"], seconds[name]) for name in variants},
    }


def _steps(env: EdgeOffloadVectorEnv, loop: Any = None) -> Steps:
    """Return the steps of a view, or those of a loop that plays the same games."""
    import torch

    rng, shape = np.random.default_rng(0), (env.num_envs, env.config.num_users)
    actions: list[Any] = [rng.integers(0, action_count(env.config), shape) for _ in range(8)]
    if loop is not None:
        return cycle(loop.step, actions)
    env.reset(seed=0)
    return cycle(env.step, list(map(torch.as_tensor, actions)) if env.backend.name == "torch" else actions)


def growth(timing: Timing, *, quick: bool) -> dict[str, Any]:
    """Measure time per agent-step over the number of users, both backends uncompiled."""
    result: dict[str, Any] = {}
    agents = GAMES * USERS // (16 if quick else 1)
    for backend in ("numpy", "torch"):
        contestants, played = {}, {}
        for users, servers in [(users, SERVERS) for users in GROWTH_USERS] + [LARGE]:
            games = max(1, agents // users)
            config: dict[str, Any] = {"num_users": users, "server_hz": PAPER_SERVER_HZ * (servers // SERVERS)}
            env = edgeoffload_v0.vector_env(games, max_cycles=ENDLESS, backend=backend, dtype="float32", **config)
            name = f"N={users}, M={servers}, B={games}"
            contestants[name], played[name] = _steps(env), games * users
        seconds = take_turns(contestants, timing)
        per_agent = {name: [1e9 * s / played[name] for s in values] for name, values in seconds.items()}
        in_order = list(per_agent.values())
        result[backend] = {
            "ns_per_agent_step": {name: spread(values) for name, values in per_agent.items()},
            "N=1000 over N=10": ratios(in_order[len(GROWTH_USERS) - 1], in_order[0]),
        }
    return result


def effects(timing: Timing, *, quick: bool) -> dict[str, Any]:
    """Measure what effects cost, against ``paper`` with as many users."""
    games = GAMES // (64 if quick else 4)
    with_effects = [name for name in scenarios.names(held_out=False) if scenarios.configure(name).schema.effects]
    users = {name: scenarios.configure(name).num_users for name in with_effects}
    played: dict[str, tuple[str, dict[str, int]]] = {name: (name, {}) for name in with_effects}
    played |= {f"paper, N = {count}": ("paper", {"num_users": count}) for count in sorted(set(users.values()))}
    makers: dict[str, Any] = {
        "single": lambda scenario, fields: _steps_of_one(
            edgeoffload_v0.parallel_env(scenario, max_cycles=ENDLESS, **fields)
        ),
        "vector": lambda scenario, fields: _steps(
            edgeoffload_v0.vector_env(games, scenario, max_cycles=ENDLESS, dtype="float32", **fields)
        ),
    }
    result: dict[str, Any] = {"games": games}
    for view, make in makers.items():
        seconds = take_turns({name: make(*game) for name, game in played.items()}, timing)
        result[view] = {name: ratios(seconds[name], seconds[f"paper, N = {users[name]}"]) for name in with_effects}
    return result


def peers(timing: Timing, *, quick: bool) -> dict[str, Any]:
    """Measure ``vector_env`` on numpy against VMAS if that is installed."""
    if report.package_version("vmas") is None:
        return {"vmas": "skipped: not installed"}
    import torch

    games = GAMES // 16 if quick else GAMES
    vmas = importlib.import_module("vmas")
    env = vmas.make_env("simple_spread", num_envs=games, n_agents=USERS, continuous_actions=False, seed=0)
    actions = [torch.randint(0, 5, (games,), generator=torch.Generator().manual_seed(0)) for _ in range(USERS)]
    ours = edgeoffload_v0.vector_env(games, max_cycles=ENDLESS)
    contestants = {"edgeoffload": _steps(ours), "vmas simple_spread": repeat(lambda: env.step(actions))}
    seconds = take_turns(contestants, timing)
    times = ratios(seconds["vmas simple_spread"], seconds["edgeoffload"])
    return {"games": games, "agent_steps_per_s": rates(games * USERS, seconds), "times_vmas": times}


PARTS = {"single": single, "vector": vector, "growth": growth, "effects": effects, "peers": peers}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    report.add_options(parser, PARTS)


def run(options: argparse.Namespace) -> None:
    """Measure the chosen parts; print and store them with the machine and the settings."""
    import torch

    torch.set_num_threads(1)
    timing = QUICK if options.quick else FULL
    settings = {"quick": options.quick, "rounds": timing.rounds, "turn_s": timing.turn_s, "threads": 1}
    found = {name: PARTS[name](timing, quick=options.quick) for name in options.only}
    report.show({"machine": report.machine(), "settings": settings} | found, options)
