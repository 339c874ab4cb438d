"""Record what the package computes: transitions from given snapshots, whole games from seeds, choices of policies.

Uses the public interface alone, so that any two versions of the package can be compared.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0, policies, scenarios
from edgeoffload_env.policies import PolicyView

VIEWS = ("parallel", "numpy-float64", "numpy-float32", "torch-float64", "torch-float32")
PLANNING_POLICIES = (
    *("round-robin", "least-loaded", "greedy", "drift-plus-penalty", "best-response", "optimum"),
    *("herd", "lookahead"),
)
GAMES, EPISODE_SLOTS, SLOTS_PLAYED = 3, 8, 12
SNAPSHOTS = 6
QUEUES = ("backlog_cycles", "device_backlog_cycles", "uplink_backlog_bits")

Arrays = dict[str, np.ndarray]


def configuration(scenario: str, max_cycles: int = EPISODE_SLOTS) -> EdgeOffloadConfig:
    """The scenario with a horizon short enough that a recording crosses the end of an episode."""
    return scenarios.configure(scenario, max_cycles=max_cycles)


def make_snapshots(config: EdgeOffloadConfig, count: int) -> dict[str, np.ndarray]:
    """Snapshots drawn here and not by the package, ``[count, ...]``: they outlive any change of its streams."""
    rng = np.random.default_rng([config.num_users, config.servers])
    users, servers = (count, config.num_users), (count, config.servers)
    server_hz = rng.uniform(*config.speed_bounds_hz, servers) if config.server_hz is None else config.server_hz
    server_hz = np.broadcast_to(server_hz, servers).copy()
    distance_km = np.maximum(config.min_distance_m, config.cell_radius_m * np.sqrt(rng.random(users))) / 1000.0
    snapshots = {
        "task_bits": rng.uniform(*config.task_bits, users),
        "task_cycles": rng.uniform(*config.task_cycles, users),
        "device_hz": rng.uniform(*config.device_hz, users),
        "channel_gain": 10.0 ** (-12.81 - 3.76 * np.log10(distance_km)),
        "server_hz": server_hz,
        "backlog_cycles": server_hz * rng.uniform(0.0, 0.6, servers),
        "slot": np.full(count, 2, dtype=np.int64),
    }
    return snapshots | _effect_fields(rng, config, snapshots, 1000.0 * distance_km)


def _effect_fields(
    rng: np.random.Generator, config: EdgeOffloadConfig, snapshots: Arrays, distance_m: np.ndarray
) -> Arrays:
    """Draw what the effects that are on add to snapshots or change in them."""
    users, servers = snapshots["task_bits"].shape, snapshots["server_hz"].shape
    fields: Arrays = {}
    if config.arrivals is not None:
        fields["bursting"] = (rng.random(users) < 0.7).astype(np.float64)
        fields["active"] = fields["bursting"] * (rng.random(users) < config.arrivals.probability)
    if config.heavy_tasks is not None:
        heavy = rng.random(users) < config.heavy_tasks.probability
        fields["task_cycles"] = snapshots["task_cycles"] * np.where(heavy, config.heavy_tasks.factor, 1.0)
    if config.deadline is not None:
        fields["deadline_s"] = rng.uniform(*config.deadline.range_s, users)
    if config.device_queue:
        fields["device_backlog_cycles"] = rng.uniform(0.0, 1e9, users)
    if config.uplink_queue:
        fields["uplink_backlog_bits"] = rng.uniform(0.0, 3e6, users) * (rng.random(users) < 0.5)
    if config.failures is not None:
        fields["down_s"] = rng.exponential(config.failures.mttr_s, servers) * (rng.random(servers) < 0.3)
    if config.elastic_servers:
        queueing = np.arange(config.servers) < config.servers - config.elastic_servers
        fields["backlog_cycles"] = snapshots["backlog_cycles"] * queueing
    if config.channel is not None:
        fields["path_gain"] = snapshots["channel_gain"]
        fields["shadow_db"] = config.channel.shadowing_db * rng.uniform(-2.0, 2.0, users)
        fading = rng.exponential(1.0, users) if config.channel.fading else 1.0
        fields["channel_gain"] = fields["path_gain"] * 10.0 ** (fields["shadow_db"] / 10.0) * fading
    if config.mobility is not None:
        turns, courses = rng.uniform(0.0, 2.0 * np.pi, (2, *users))
        fields["position_m"] = distance_m[..., None] * np.stack([np.cos(turns), np.sin(turns)], axis=-1)
        speed_mps = rng.uniform(*config.mobility.speed_mps, users)[..., None]
        fields["velocity_mps"] = speed_mps * np.stack([np.cos(courses), np.sin(courses)], axis=-1)
        waypoints = config.mobility.model == "waypoint"
        fields["waypoint_m" if waypoints else "mean_velocity_mps"] = fields["velocity_mps"]  # a point near the eNB
    return fields


def draw_actions(config: EdgeOffloadConfig, count: int, salt: int) -> np.ndarray:
    """Random actions ``[count, N]``."""
    rng = np.random.default_rng([config.num_users, config.servers, salt])
    space = edgeoffload_v0.vector_env(1, config).action_space
    return rng.integers(0, space.n, (count, config.num_users))


def record_transitions(scenario: str, view: str) -> Arrays:
    """One step from each of some snapshots: rewards, infos, what the users see and the queues that remain."""
    config = configuration(scenario)
    snapshots, actions = make_snapshots(config, SNAPSHOTS), draw_actions(config, SNAPSHOTS, 0)
    if view == "parallel":
        rows = [_parallel_step(config, {k: v[i] for k, v in snapshots.items()}, actions[i]) for i in range(SNAPSHOTS)]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    env = _vector(config, SNAPSHOTS, view)
    before = env.reset(seed=0, options={"snapshot": snapshots})[0]
    state = env.state()
    _, rewards, _, _, info = env.step(actions)
    arrays = {"observation": before, "state": state, "reward": rewards, **info}
    arrays |= _next_queues(env.snapshot())
    return {name: _numpy(array) for name, array in arrays.items()}


def record_games(scenario: str, view: str) -> Arrays:
    """Some slots of a seed's games, across the end of an episode: everything that the view returns."""
    config = configuration(scenario)
    slots = list(_parallel_game(config) if view == "parallel" else _vector_game(config, view))
    names = sorted({name for slot in slots for name in slot})
    return {name: np.stack([slot[name] for slot in slots if name in slot]) for name in names}


def record_choices(scenario: str) -> Arrays:
    """Choices of the planning policies on given snapshots, ``[snapshots, N]``; slow ones are left out."""
    config = configuration(scenario)
    games = make_snapshots(config, SNAPSHOTS)
    chosen = {}
    for name in PLANNING_POLICIES:
        if name == "optimum" and config.num_users > 10:
            continue
        view = PolicyView(config, games, np.random.default_rng(0))
        chosen[name] = np.asarray(policies.make(name).act(view))
    return chosen


def _vector(config: EdgeOffloadConfig, games: int, view: str) -> Any:
    backend, dtype = view.split("-")
    return edgeoffload_v0.vector_env(games, config, backend=backend, dtype=dtype)


def _parallel_step(config: EdgeOffloadConfig, snapshot: dict[str, Any], actions: np.ndarray) -> Arrays:
    env = edgeoffload_v0.parallel_env(config)
    before, _ = env.reset(seed=0, options={"snapshot": snapshot | {"slot": int(snapshot["slot"])}})
    state = env.state()
    _, rewards, _, _, infos = env.step(dict(zip(env.agents, actions.tolist(), strict=True)))
    return {
        "observation": np.stack(list(before.values())),
        "state": state,
        "reward": np.array(list(rewards.values())),
        **_infos(infos),
        **_next_queues(env.snapshot()),
    }


def _next_queues(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {f"next_{name}": snapshot[name] for name in QUEUES if name in snapshot}


def _infos(infos: dict[str, dict[str, Any]]) -> Arrays:
    rows = list(infos.values())
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _parallel_game(config: EdgeOffloadConfig) -> Iterator[Arrays]:
    env = edgeoffload_v0.parallel_env(config)
    observations, _ = env.reset(seed=7)
    for slot in range(SLOTS_PLAYED):
        if not env.agents:
            observations, _ = env.reset()
        seen = {"observation": np.stack(list(observations.values())), "state": env.state()}
        snapshot = {f"snapshot_{name}": np.asarray(value) for name, value in env.snapshot().items()}
        actions = draw_actions(config, 1, slot)[0].tolist()
        observations, rewards, _, _, infos = env.step(dict(zip(env.agents, actions, strict=True)))
        yield seen | snapshot | {"reward": np.array(list(rewards.values()))} | _infos(infos)


def _vector_game(config: EdgeOffloadConfig, view: str) -> Iterator[Arrays]:
    env = _vector(config, GAMES, view)
    observations, _ = env.reset(seed=7)
    for slot in range(SLOTS_PLAYED):
        seen = {"observation": observations, "state": env.state()}
        snapshot = {f"snapshot_{name}": value for name, value in env.snapshot().items()}
        observations, rewards, _, _, info = env.step(draw_actions(config, GAMES, slot))
        yield {name: _numpy(array) for name, array in (seen | snapshot | {"reward": rewards} | info).items()}


def _numpy(array: Any) -> np.ndarray:
    return array.cpu().numpy().copy() if hasattr(array, "cpu") else np.array(array)
