"""Random games, comparison with the oracle, and comparison to the last bit."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env.effects import EXAMPLE_TRACE
from tests import oracle, oracle_features, oracle_radio, oracle_trace
from tests.drivers import PARTS, Played, Snapshot, to_numpy

# Warnings of torch at its first compilation
compiles = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:torch", "ignore:Dynamo detected a call to a .functools.lru_cache.:UserWarning"
)


ALL_EFFECTS: dict[str, Any] = {
    "arrivals": {"probability": 0.9, "on_s": 0.6, "off_s": 0.3},
    "cycles_per_bit": (200.0, 400.0),
    "heavy_tasks": {"probability": 0.2, "factor": 3.0},
    "deadline": {"range_s": (0.2, 1.0), "miss_cost_s": 1.0, "lateness_cost": 0.5},
    "device_queue": True,
    "uplink_queue": True,
    "failures": {"mtbf_s": 2.0, "mttr_s": 0.3},
    "forward_latency_s": (0.01, 0.02, 0.05),
    "elastic_servers": 1,
    "result_ratio": 0.1,
    "energy": {"cost_s_per_j": 0.2, "idle_power_w": 0.1},
    "queue_clock": "continuous",
    "levels": {"tx_power_w": (0.1, 0.5), "offload_ratio": (0.4, 0.7, 1.0)},
    "channel": {"fading": "rician", "rician_k_db": 3.0, "shadowing_db": 6.0, "path_loss": "umi-nlos"},
    "mobility": {"speed_mps": (8.0, 20.0)},
}
"""Every effect at once, for four servers."""
ALL_ON = EdgeOffloadConfig(
    num_users=6,
    server_hz=None,
    server_hz_range=(12e9, 20e9),
    num_servers=4,
    device_hz=(0.5e9, 1.5e9),
    initial_load_s=(0.0, 0.2),
    deadline_weight=0.5,
    energy_weight=2.0,
    **ALL_EFFECTS,
)
TRACE = {"path": EXAMPLE_TRACE, "columns": {"time": "time_s", "bits": "bits", "cycles": {"tokens_out": 1e7}}}
TRACE_ON = ALL_ON.replace(task_trace=TRACE)
"""The same with a trace in place of the effects that draw tasks."""


class Game(NamedTuple):
    """A configuration, snapshots of B games, and the next actions of all users, ``[B, N]``."""

    config: EdgeOffloadConfig
    snapshot: Snapshot
    actions: np.ndarray


def random_config(
    rng: np.random.Generator, users: int, servers: int, effects: float = 0.0, **fields: Any
) -> EdgeOffloadConfig:
    """Draw a configuration with the given size, in which each effect is on with a chance of ``effects``."""
    forward: Any = float(10.0 ** rng.uniform(7, 10))
    if servers > 1 and rng.random() < 0.5:
        forward = tuple(10.0 ** rng.uniform(7, 10, servers - 1))
    if rng.random() < 0.5:
        speeds: dict[str, Any] = {"server_hz": tuple(rng.uniform(1e9, 3e10, servers))}
    else:
        speeds = {"server_hz_range": (1e9, 3e10), "num_servers": servers}
    drawn = {
        "num_users": users,
        "forward_bps": forward,
        "bandwidth_hz": float(rng.uniform(5e6, 1e8)),
        "tx_power_w": float(rng.uniform(0.1, 2.0)),
        "noise_dbm_per_hz": float(rng.uniform(-174, -150)),
        "cell_radius_m": float(rng.uniform(50, 1000)),
        "channel_sharing": str(rng.choice(["active", "all"])),
        "slot_s": float(rng.uniform(0.01, 1.0)),
        "initial_load_s": (0.0, float(rng.choice([0.0, 2.0]))),
        "delay_weight": float(rng.choice([0.0, 1.0, rng.uniform(0, 3)])),
        "balance_weight": float(rng.choice([0.0, 1.0, rng.uniform(0, 3)])),
        "reward_sharing": float(rng.choice([0.0, 1.0, rng.uniform(0, 1)])),
        "observation": str(rng.choice(["full", "load"])),
    }
    if effects:
        drawn |= {name: value for name, value in random_effects(rng, servers).items() if rng.random() < effects}
        for name in ("deadline", "energy"):
            if name in drawn:
                drawn[f"{name}_weight"] = float(rng.choice([0.0, 1.0, rng.uniform(0, 3)]))
    if "task_trace" in drawn:
        for name in ("arrivals", "cycles_per_bit", "heavy_tasks"):
            drawn.pop(name, None)
        drawn["task_trace"] = fitting_trace(users, drawn["slot_s"], float(rng.uniform(1.1, 4.0)))
    return EdgeOffloadConfig(**(drawn | speeds | fields))


def fitting_trace(users: int, slot_s: float, spare: float) -> dict[str, Any]:
    """The trace at a speed at which users start ``1 / spare`` tasks a slot, in 70 slots at least."""
    tasks = oracle_trace.tasks_of(TRACE_ON.task_trace)
    slots = max(70.0, spare * len(tasks) / users)
    return TRACE | {"time_unit_s": min(1e9, slots * slot_s / tasks[-1].seconds)}


def random_effects(rng: np.random.Generator, servers: int) -> dict[str, Any]:
    """Draw every effect's field."""
    latency: Any = float(rng.uniform(0.0, 0.2))
    if servers > 1 and rng.random() < 0.5:
        latency = tuple(rng.uniform(0.0, 0.2, servers - 1))
    bursts = {"on_s": float(rng.uniform(0.1, 3)), "off_s": float(rng.uniform(0.1, 3))}
    trace = {"task_trace": TRACE} if rng.random() < 0.3 else {}  # it excludes others, which are to be drawn too
    return trace | {
        "arrivals": {"probability": float(rng.uniform(0.2, 1))} | (bursts if rng.random() < 0.5 else {}),
        "cycles_per_bit": (float(rng.uniform(50, 200)), float(rng.uniform(200, 500))),
        "heavy_tasks": {"probability": float(rng.uniform(0, 1)), "factor": float(rng.uniform(0.5, 5))},
        "deadline": {
            "range_s": (float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.5, 3))),
            "miss_cost_s": float(rng.uniform(0, 2)),
            "lateness_cost": float(rng.choice([0.0, rng.uniform(0, 2)])),
        },
        "device_queue": True,
        "uplink_queue": True,
        "failures": {"mtbf_s": float(rng.uniform(0.1, 10)), "mttr_s": float(rng.uniform(0.1, 2))},
        "forward_latency_s": latency,
        "elastic_servers": int(rng.integers(0, servers)),
        "result_ratio": float(rng.uniform(0.01, 1)),
        "downlink_bps": float(10.0 ** rng.uniform(6, 9)),
        "energy": {
            "cost_s_per_j": float(rng.uniform(0, 1)),
            "switched_capacitance": float(rng.choice([1e-27, 1e-28])),
            "idle_power_w": float(rng.choice([0.0, rng.uniform(0, 0.5)])),
        },
        "queue_clock": str(rng.choice(["slot", "continuous"], p=[0.3, 0.7])),
        "levels": random_levels(rng),
        "channel": random_channel(rng),
        "mobility": {
            "speed_mps": tuple(np.sort(rng.uniform(0.0, 40.0, 2)).tolist()),
            "model": str(rng.choice(["gauss-markov", "waypoint"])),
            "memory_s": float(rng.uniform(0.1, 20.0)),
        },
    }


def random_channel(rng: np.random.Generator) -> dict[str, Any]:
    """Draw the field ``channel``."""
    fading = [None, "rayleigh", "rician"][rng.integers(3)]
    return {
        "fading": fading,
        "rician_k_db": float(rng.uniform(-10.0, 15.0)) if fading == "rician" else None,
        "shadowing_db": float(rng.choice([0.0, rng.uniform(0.0, 10.0)])),
        "shadowing_m": float(rng.uniform(5.0, 100.0)),
        "path_loss": str(rng.choice(["tr36814", "umi-los", "umi-nlos", "uma-los", "uma-nlos"])),
    }


def random_levels(rng: np.random.Generator) -> dict[str, Any]:
    """Draw up to three powers and up to three shares, the whole task sometimes among them, or neither."""
    powers_w = np.sort(rng.uniform(0.05, 2.0, rng.integers(1, 4))).tolist()
    ratios = np.sort(rng.uniform(0.1, 0.99, rng.integers(1, 4))).tolist()
    if rng.random() < 0.7:
        ratios[-1] = 1.0
    drawn = {"tx_power_w": powers_w, "offload_ratio": ratios}
    return {name: value for name, value in drawn.items() if rng.random() < 0.7}


def random_snapshot(rng: np.random.Generator, config: EdgeOffloadConfig, batch: int, twins: float = 0.2) -> Snapshot:
    """Draw snapshots of B games. Some queues are empty, and some users tie with user 0: same task, same channel."""
    users, servers = (batch, config.num_users), (batch, config.servers)
    fields = {
        "task_bits": rng.uniform(*oracle_features.bits_range(config), users),
        "task_cycles": rng.uniform(*oracle_features.cycles_range(config), users),
        "device_hz": rng.uniform(*config.device_hz, users),
        "channel_gain": 10.0 ** rng.uniform(-13, -7, users),
        "server_hz": rng.uniform(*config.speed_bounds_hz, servers),
        "backlog_cycles": rng.uniform(0.0, 2e10, servers) * (rng.random(servers) < 0.7),
        "slot": np.zeros(batch, dtype=np.int64),
    }
    fields["backlog_cycles"][:, config.servers - config.elastic_servers :] = 0.0
    if config.arrivals is not None:
        bursts = config.arrivals.on_s is not None
        fields["bursting"] = (rng.random(users) < (0.7 if bursts else 1.0)).astype(float)
        fields["active"] = fields["bursting"] * (rng.random(users) < 0.8)
    if config.task_trace is not None:
        fields["active"] = (rng.random(users) < 0.7).astype(float)
        fields["trace_start"] = rng.integers(0, len(oracle_trace.slots_of(config)), (batch, 1)).astype(float)
    if config.heavy_tasks is not None:
        fields["task_cycles"] *= np.where(rng.random(users) < 0.3, config.heavy_tasks.factor, 1.0)
    if config.deadline is not None:
        fields["deadline_s"] = rng.uniform(*config.deadline.range_s, users)
    if config.device_queue:
        fields["device_backlog_cycles"] = rng.uniform(0.0, 3e9, users) * (rng.random(users) < 0.7)
    if config.uplink_queue:
        fields["uplink_backlog_bits"] = rng.uniform(0.0, 5e6, users) * (rng.random(users) < 0.5)
    if config.failures is not None:
        fields["down_s"] = rng.exponential(config.failures.mttr_s, servers) * (rng.random(servers) < 0.3)
    fields |= random_radio(rng, config, users)
    alike = np.where(rng.random(users) < twins, 0, np.arange(config.num_users))
    for name in ("task_bits", "channel_gain", "path_gain", "shadow_db", "uplink_backlog_bits"):
        if name in fields:
            fields[name] = np.take_along_axis(fields[name], alike, axis=1)
    return fields


def random_radio(rng: np.random.Generator, config: EdgeOffloadConfig, users: tuple[int, int]) -> Snapshot:
    """Draw what ``channel`` and ``mobility`` add to snapshots."""
    fields: Snapshot = {}
    if config.channel is not None:
        fields["path_gain"] = 10.0 ** rng.uniform(-13, -7, users)
        fields["shadow_db"] = config.channel.shadowing_db * np.clip(rng.standard_normal(users), -3.0, 3.0)
        if config.channel.fading is None:
            fields["channel_gain"] = fields["path_gain"] * 10.0 ** (fields["shadow_db"] / 10.0)
    if config.mobility is not None:
        radius_m, speed_mps = config.cell_radius_m, rng.uniform(*config.mobility.speed_mps, users)[..., None]
        fields["position_m"] = random_directions(rng, users) * radius_m * np.sqrt(rng.random((*users, 1)))
        if config.mobility.model == "waypoint":
            fields["waypoint_m"] = random_directions(rng, users) * radius_m * np.sqrt(rng.random((*users, 1)))
            ways_m = fields["waypoint_m"] - fields["position_m"]
            fields["velocity_mps"] = speed_mps * ways_m / np.linalg.norm(ways_m, axis=-1, keepdims=True)
        else:
            fields["mean_velocity_mps"] = speed_mps * random_directions(rng, users)
            fields["velocity_mps"] = fields["mean_velocity_mps"] + 0.2 * speed_mps * random_directions(rng, users)
    return fields


def random_directions(rng: np.random.Generator, users: tuple[int, int]) -> np.ndarray:
    """Draw unit vectors, ``[B, N, 2]``."""
    turns = rng.uniform(0.0, 2.0 * np.pi, users)
    return np.stack([np.cos(turns), np.sin(turns)], axis=-1)


def random_actions(rng: np.random.Generator, config: EdgeOffloadConfig, batch: int) -> np.ndarray:
    """Draw actions of all users, ``[B, N]``, from random odds in each game: some servers get all users, some none."""
    odds = rng.dirichlet(np.full(config.servers + 1, 0.5), batch)
    draws = rng.random((batch, config.num_users, 1))
    target = np.minimum((draws > np.cumsum(odds, axis=1)[:, None, :]).sum(axis=2), config.servers)
    if config.levels is None:
        return target
    levels = len(oracle.powers_w(config)) * len(oracle.ratios(config))
    return np.where(target > 0, 1 + (target - 1) * levels + rng.integers(0, levels, target.shape), 0)


def make_game(
    seed: int, users: int, servers: int, batch: int, twins: float = 0.2, effects: float = 0.0, **fields: Any
) -> Game:
    """Draw a configuration and B games of it."""
    rng = np.random.default_rng(seed)
    config = random_config(rng, users, servers, effects, **fields)
    return Game(config, random_snapshot(rng, config, batch, twins), random_actions(rng, config, batch))


def games(max_users: int = 100, max_servers: int = 20, batch: int = 1, **fields: Any) -> st.SearchStrategy[Game]:
    """Return a strategy of random games; hypothesis draws a seed, and numpy the numbers."""
    return st.builds(
        make_game,
        seed=st.integers(0, 2**32 - 1),
        users=st.integers(1, max_users),
        servers=st.integers(1, max_servers),
        batch=st.just(batch),
        **{name: st.just(value) for name, value in fields.items()},
    )


def game_of_batch(snapshot: Mapping[str, Any], game: int) -> Snapshot:
    """Return the snapshot of one game, without the batch axis."""
    return {name: to_numpy(values)[game] for name, values in snapshot.items()} | {"slot": int(snapshot["slot"][game])}


EFFECT_INFOS = {
    "arrivals": ("active",),
    "task_trace": ("active",),
    "deadline": ("missed", "lateness_s"),
    "failures": ("utilisation",),
    "result_ratio": ("download_s",),
    "energy": ("energy_j",),
    "levels": ("tx_power_w", "offload_ratio", "local_s"),
}
EFFECT_FIELDS = {
    "arrivals": ("active", "bursting"),
    "task_trace": ("active", "trace_start"),
    "deadline": ("deadline_s",),
    "device_queue": ("device_backlog_cycles",),
    "uplink_queue": ("uplink_backlog_bits",),
    "failures": ("down_s",),
    "channel": ("path_gain", "shadow_db"),
    "mobility": ("position_m", "velocity_mps"),
}
PLAIN_FIELDS = ("task_bits", "task_cycles", "device_hz", "channel_gain", "server_hz", "backlog_cycles", "slot")


def added(config: EdgeOffloadConfig, names: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return what the effects that are on add."""
    found = {name for effect in names if getattr(config, effect) for name in names[effect]}
    if "position_m" in found:
        assert config.mobility is not None
        found.add({"gauss-markov": "mean_velocity_mps", "waypoint": "waypoint_m"}[config.mobility.model])
    return found


def lasting(config: EdgeOffloadConfig) -> tuple[str, ...]:
    """Return the fields of a snapshot that stay the same for an episode."""
    names = ["device_hz", "server_hz"]
    if config.mobility is None:
        if config.channel is not None:
            names += ["path_gain", "shadow_db"]
        if config.channel is None or config.channel.fading is None:
            names.append("channel_gain")
    return tuple(names)


def assert_as_oracle(
    played: Played, before: Snapshot, actions: np.ndarray, config: EdgeOffloadConfig, tolerance: float
) -> int:
    """Compare all quantities of a slot with the oracle, which starts from the view's snapshot.

    Games in which two arrivals at a server, or a delay and its deadline, are closer than rounding can tell are skipped.

    Returns:
        The number of games compared.
    """
    assert set(played.extra) == added(config, EFFECT_INFOS)
    assert set(before) == set(played.after) == {*PLAIN_FIELDS, *added(config, EFFECT_FIELDS)}
    counted = 0
    for i, chosen in enumerate(actions):
        one = game_of_batch(before, i)
        slot = oracle.play(one, chosen, config)
        assert played.target[i].tolist() == slot.target, f"target of game {i}"
        if oracle.closest_arrivals_s(slot) <= tolerance * max(1.0, *slot.arrival_s):
            continue
        if oracle.closest_deadline_s(slot, one) <= 10.0 * tolerance * max(1.0, *slot.delay_s):
            continue
        counted += 1
        for name in (*PARTS, "imbalance"):
            # with the continuous clock waits are differences of times, known as closely as the times are
            times = config.queue_clock == "continuous" and name == "wait_s"
            atol = tolerance * max(1.0, *slot.arrival_s) if times else tolerance
            found, expected = getattr(played, name)[i], getattr(slot, name)
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=atol, err_msg=f"{name} of game {i}")
        for name, values in played.extra.items():
            assert (values.dtype.kind == "b") == (name in ("active", "missed")), name
            assert_close(values[i], getattr(slot, name), tolerance, f"{name} of game {i}")
        one_for_all = played.reward.shape[1] == 1  # in the central view
        reward = [sum(slot.reward) / len(slot.reward)] if one_for_all else slot.reward
        assert_close(played.reward[i], reward, tolerance, f"reward of game {i}")
        if not played.restarted:
            assert_next(game_of_batch(played.after, i), slot, tolerance, f"of game {i}")
    if config.task_trace is not None:
        assert_trace(played.after, config, tolerance)
    if not played.restarted:
        assert np.array_equal(played.after["slot"], before["slot"] + 1)
        if config.task_trace is not None:
            assert np.array_equal(played.after["trace_start"], before["trace_start"] + 1)
        for name in lasting(config):
            assert np.array_equal(played.after[name], before[name]), name
        assert_radio(played.after, before, config, tolerance)
    assert_masks(played.mask, played.after, config)
    return counted


def assert_radio(after: Snapshot, before: Snapshot, config: EdgeOffloadConfig, tolerance: float) -> None:
    """Compare what a slot fixes of the next one's links and positions, for every game."""
    for game in range(len(after["slot"])):
        old, new = game_of_batch(before, game), game_of_batch(after, game)
        for n in range(config.num_users):
            if config.mobility is not None:
                _assert_moved(new, old, n, config, tolerance)
                distance_m = float(np.hypot(*new["position_m"][n]))
                name = "channel_gain" if config.channel is None else "path_gain"
                # the gain is a power of the distance, whose rounding the power multiplies
                expected = oracle_radio.path_gain(distance_m, config)
                np.testing.assert_allclose(new[name][n], expected, rtol=40.0 * tolerance, err_msg=f"{name} of {n}")
            if config.channel is not None:
                fading = oracle_radio.fading(new, n)
                if config.channel.fading is None and config.mobility is not None:
                    np.testing.assert_allclose(fading, 1.0, rtol=40.0 * tolerance)
                assert fading >= 1e-3 * (1.0 - 40.0 * tolerance)
                if config.channel.shadowing_db == 0.0:
                    assert new["shadow_db"][n] == 0.0


def _assert_moved(new: Snapshot, old: Snapshot, n: int, config: EdgeOffloadConfig, tolerance: float) -> None:
    """Compare the position of a user, as far as chance leaves it open, and that it is in the cell."""
    assert config.mobility is not None
    radius_m = config.cell_radius_m
    off_m = tolerance * (radius_m + config.slot_s * float(np.hypot(*old["velocity_mps"][n])))
    assert np.hypot(*new["position_m"][n]) <= radius_m + off_m
    if config.mobility.model == "waypoint":
        speeds = [float(np.hypot(*one["velocity_mps"][n])) for one in (old, new)]
        assert_close(speeds[1], speeds[0], tolerance, "speed")
        expected = oracle_radio.next_at_waypoints(old, new, n, config)
        assert np.hypot(*(new["position_m"][n] - expected)) <= 8.0 * off_m
        return
    _, reflected = oracle_radio.kick_mps(old, new, n, config)
    place, velocity, mean = new["position_m"][n], new["velocity_mps"][n], new["mean_velocity_mps"][n]
    if reflected is not None:
        assert_close(oracle_radio.mirror(mean, place), old["mean_velocity_mps"][n], 100.0 * tolerance, "mean velocity")
        velocity = np.array(oracle_radio.mirror(velocity, place))
        place = np.array(reflected)
    moved_m = old["position_m"][n] + config.slot_s * velocity
    if reflected is None or np.hypot(*new["position_m"][n]) < radius_m - off_m:  # where the way there is known
        assert np.hypot(*(moved_m - place)) <= 8.0 * off_m
    inside = reflected is None
    assert (np.hypot(*moved_m) <= radius_m + off_m) if inside else (np.hypot(*moved_m) >= radius_m - off_m)


def assert_next(after: Snapshot, slot: oracle.Slot, tolerance: float, what: str) -> None:
    """Compare the queues of one game's next snapshot, and what is random in it as far as the slot fixes it."""
    for name, unit in (("backlog_cycles", 1e9), ("device_backlog_cycles", 1e9), ("uplink_backlog_bits", 1e6)):
        if name in after:
            expected = np.array(getattr(slot, f"next_{name}")) / unit
            assert_close(after[name] / unit, expected, tolerance, f"{name} {what}, in units of {unit:g}")
    if "down_s" in after:
        left_s = np.array(slot.left_down_s)
        assert (after["down_s"] >= 0.0).all()
        down = left_s > tolerance  # the others may fail
        assert_close(after["down_s"][down], left_s[down], tolerance, f"down_s {what}")


def assert_trace(snapshot: Snapshot, config: EdgeOffloadConfig, tolerance: float) -> None:
    """Compare the tasks of snapshots with those of their slots of the trace; behind its end there are none."""
    slots = oracle_trace.slots_of(config)
    for i in range(len(snapshot["slot"])):
        one = game_of_batch(snapshot, i)
        (start,) = one["trace_start"].tolist()
        started = slots[int(start)] if start < len(slots) else {}
        assert start == int(start)
        assert np.flatnonzero(one["active"]).tolist() == sorted(started)
        for name in ("bits", "cycles"):
            expected = [getattr(started[n], name) if n in started else 1.0 for n in range(config.num_users)]
            assert_close(one[f"task_{name}"], expected, tolerance, f"task_{name} of game {i}")


def assert_seen(
    observation: np.ndarray, state: np.ndarray, snapshot: Snapshot, config: EdgeOffloadConfig, tolerance: float
) -> None:
    """Compare every entry of observations (but the central view's, which is the state) and state with the oracle."""
    for i, (own, whole) in enumerate(zip(observation, state, strict=True)):
        expected_rows, expected_state = oracle_features.seen(game_of_batch(snapshot, i), config)
        assert_close(whole, expected_state, tolerance, f"state of game {i}")
        if not np.array_equal(own, state[i, None]):
            assert_close(own, expected_rows, tolerance, f"observations of game {i}")


def assert_masks(mask: np.ndarray | None, snapshot: Snapshot, config: EdgeOffloadConfig) -> None:
    """Compare the action masks with the tasks there are."""
    if config.arrivals is None and config.task_trace is None:
        assert mask is None
        return
    assert mask is not None
    assert mask.dtype == np.int8
    expected = [oracle.action_masks(game_of_batch(snapshot, i), config) for i in range(len(snapshot["slot"]))]
    assert mask.tolist() == expected


def assert_one_traceback(error: BaseException) -> None:
    """Assert that no other error is shown before this one."""
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


def assert_close(actual: Any, expected: Any, tolerance: float, what: str = "") -> None:
    """Assert equality up to a relative or an absolute tolerance, whichever is wider."""
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance, err_msg=what)


def assert_same(actual: Any, expected: Any) -> None:
    """Assert equality to the last bit and in type, through dicts, tuples and arrays of either backend."""
    assert type(actual) is type(expected)
    if isinstance(expected, dict):
        assert list(actual) == list(expected)
        for name in expected:
            assert_same(actual[name], expected[name])
    elif isinstance(expected, tuple | list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    elif hasattr(expected, "dtype"):
        assert actual.dtype == expected.dtype
        assert np.array_equal(np.asarray(actual), np.asarray(expected))
    else:
        assert actual == expected
