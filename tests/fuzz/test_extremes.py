"""Extreme but valid numbers: finite and right in every view, or refused when configured."""

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig
from tests.drivers import DRIVERS, VectorDriver
from tests.fuzz import compare
from tests.helpers import random_actions

RANGES = {"server_hz": (1.0, 1e6, 1e12), "device_hz": (1.0, 1e12), "task_bits": (1.0, 8e12), "reward_sharing": 0.5}
LOADS = {"server_hz": (1e9,) * 40, "observation": "load"}
EXTREMES = {
    "servers and devices from 1 Hz to 1 THz": {
        "server_hz_range": (1.0, 1e12),
        "num_servers": 5,
        "device_hz": (1.0, 1e12),
    },
    "servers of 1 Hz and of 1 THz": {"server_hz": (1.0, 1e12, 1.0, 1e12)},
    "all of 1 Hz": {"server_hz": (1.0,) * 3, "device_hz": (1.0, 1.0)},
    "all of 1 THz": {"server_hz": (1e12,) * 3, "device_hz": (1e12, 1e12)},
    "one cycle on 1 THz": {"server_hz": (1e12,) * 2, "device_hz": (1e12, 1e12), "task_cycles": (1.0, 1.0)},
    "tasks from 1 bit to 1 TB": {"task_bits": (1.0, 8e12)},
    "tasks of 1 bit": {"task_bits": (1.0, 1.0)},
    "tasks of 1 TB": {"task_bits": (8e12, 8e12), "forward_bps": (1e9, 1e6, 1.0, 1e18)},
    "one user where the cell ends": {"num_users": 1, "cell_radius_m": 35.0, "min_distance_m": 35.0},
    "one user and one server": {"num_users": 1, "server_hz": (1e9,), "cell_radius_m": 35.0},
    "strong signals on a narrow band": {
        "num_users": 40,
        "tx_power_w": 1e6,
        "noise_dbm_per_hz": -250.0,
        "bandwidth_hz": 1.0,
        "min_distance_m": 0.1,
        "task_bits": (1.0, 1e3),
    },
    "faint signals": {"tx_power_w": 1e-9, "cell_radius_m": 1e5, "noise_dbm_per_hz": -100.0, "task_bits": (1.0, 1.0)},
    "factors that are 0 in float32": {
        "balance_weight": 6e-48,
        "task_bits": (8e12, 8e12),
        "result_ratio": 1e-38,
        "downlink_bps": 1e10,
        "energy": {"cost_s_per_j": 1e-46, "idle_power_w": 1e-46},
        "energy_weight": 1e-46,
        "deadline": {"range_s": (0.1, 0.2), "miss_cost_s": 1e-46, "lateness_cost": 1e-46},
        "deadline_weight": 1e-46,
    },
    "slots of 1 ns": {"slot_s": 1e-9},
    "slots of 30 years": {"slot_s": 1e9, "initial_load_s": (0.0, 1e9)},
    **{f"{users:,} users from 1 Hz to 1 THz": RANGES | {"num_users": users} for users in (1_000, 10_000)},
    **{f"{users:,} users on 40 servers": LOADS | {"num_users": users} for users in (1_000, 10_000)},
}


REFUSED = {
    "servers of less than 1 Hz": ({"server_hz": (0.5, 1e9)}, r"server_hz must be a number in \[1, .*, got 0.5$"),
    "tasks of no bits": ({"task_bits": (0.0, 8e12)}, r"task_bits must be a number in \[1, .*, got 0.0$"),
    "an episode that queues for longer than the universe is old": (
        {"num_users": 10_000, "server_hz": (1.0,), "task_cycles": (1e16, 1e16)},
        r"task_cycles must .* below 1e\+18 s, got \(1e\+16, 1e\+16\)$",
    ),
    "1 TB by a faint signal": (
        {"task_bits": (1.0, 8e12), "tx_power_w": 1e-9, "cell_radius_m": 1e5, "noise_dbm_per_hz": -60.0},
        r"task_bits must .*below 1e\+18 s, got \(1.0, 8000000000000.0\)$",
    ),
    "a cell smaller than the least distance": (
        {"num_users": 1, "cell_radius_m": 34.9},
        "min_distance_m must be at most cell_radius_m = 34.9, got 35.0",
    ),
}


@pytest.mark.parametrize(("fields", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_when_configured(fields, message):
    with pytest.raises(ValueError, match=message):
        EdgeOffloadConfig(**fields)


MANY_USERS = {"10,000 users from 1 Hz to 1 THz": ["numpy-float32"], "10,000 users on 40 servers": ["torch-float64"]}
"""A driver of each of the games that take the oracle seconds; all drivers play them with 1,000 users."""


def _driver(config, driver):
    """Build a driver, with one game where each takes the oracle seconds."""
    backend, _, dtype = driver.partition("-")
    if config.num_users == 10_000:
        return VectorDriver(config, 1, backend=backend, dtype=dtype)
    return DRIVERS[driver](config)


@pytest.mark.parametrize(
    ("case", "driver"), [(case, driver) for case in EXTREMES for driver in MANY_USERS.get(case, DRIVERS)]
)
def test_finite_and_right(case, driver):
    config = EdgeOffloadConfig(**(EXTREMES[case] | {"max_cycles": 3}))
    eps = compare.FLOAT32_EPS if driver.endswith("float32") else compare.FLOAT64_EPS
    view, rng = _driver(config, driver), np.random.default_rng(0)
    observation = view.reset(seed=0)
    compare.assert_fresh(view.snapshot(), config, eps)
    compare.assert_seen(observation, view.state(), view.snapshot(), config, eps)
    for _ in range(1 if config.num_users >= 1_000 else config.max_cycles):
        before = view.snapshot()
        actions = random_actions(rng, config, view.batch)
        played = view.step(actions)
        compare.assert_slot(played, before, actions, config, eps)
        compare.assert_seen(played.observation, played.state, played.after, config, eps)
