"""The most extreme configurations that are taken can be played."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig
from tests.drivers import DRIVERS
from tests.helpers import random_actions
from tests.test_config import RANGES

LIMITS = {
    "num_users": [1, 40],
    "device_hz": [1.0, 1e15],
    "task_bits": [1.0, 1e14],
    "task_cycles": [1.0, 1e16],
    "bandwidth_hz": [1.0, 1e13],
    "tx_power_w": [1e-9, 1e6],
    "noise_dbm_per_hz": [-250.0, 0.0],
    "forward_bps": [1.0, 1e18],
    "cell_radius_m": [1.0, 1e6],
    "min_distance_m": [0.1, 1e6],
    "slot_s": [1e-9, 1e9],
    "initial_load_s": [0.0, 1e9],
    "delay_weight": [0.0, 1e6],
    "balance_weight": [0.0, 1e6],
    "reward_sharing": [0.0, 1.0],
    "server_hz_range": [1.0, 1e15],
}


@st.composite
def extreme_configs(draw):
    """Each field at its least or greatest value, or as usual; ranges from one limit to the other too."""
    fields = {}
    for name, (low, high) in LIMITS.items():
        if name in RANGES:
            value = draw(st.sampled_from([None, (low, low), (low, high), (high, high)]))
        else:
            value = draw(st.sampled_from([None, low, high]))
        if value is not None:
            fields[name] = value
    if "server_hz_range" in fields:
        fields["num_servers"] = draw(st.sampled_from([1, 3]))
    return fields


EFFECT_LIMITS = {
    "arrivals": [{"probability": p, "on_s": on_s, "off_s": 1.0} for p in (0.0, 1.0) for on_s in (1e-9, 1e9)],
    "cycles_per_bit": [(1e-12, 1e-12), (1e-12, 1e15), (1e15, 1e15)],
    "heavy_tasks": [{"probability": 0.5, "factor": factor} for factor in (1e-6, 1e6)],
    "deadline": [
        {"range_s": range_s, "miss_cost_s": 1e6, "lateness_cost": 1e6} for range_s in ((1e-9, 1e-9), (1e-9, 1e9))
    ],
    "device_queue": [True],
    "uplink_queue": [True],
    "failures": [{"mtbf_s": mtbf_s, "mttr_s": mttr_s} for mtbf_s in (1e-9, 1e12) for mttr_s in (1e-9, 1e9)],
    "forward_latency_s": [1e-9, 1e9],
    "result_ratio": [1e-6, 1e6],
    "downlink_bps": [1.0, 1e18],
    "energy": [{"cost_s_per_j": 1e6, "switched_capacitance": kappa, "idle_power_w": 1e6} for kappa in (0.0, 1e-20)],
    "levels": [
        {"tx_power_w": powers_w, "offload_ratio": ratios}
        for powers_w in (None, (1e-9,), (1e-9, 1e6))
        for ratios in (None, (1e-9,), (1e-9, 1.0))
    ],
    "channel": [
        {"fading": "rician", "rician_k_db": k_db, "shadowing_db": shadow_db, "shadowing_m": shadow_m, "path_loss": loss}
        for k_db in (-60.0, 60.0)
        for shadow_db, shadow_m in ((0.0, 1e9), (10.0, 1e-3))
        for loss in ("tr36814", "uma-nlos")
    ],
    "mobility": [
        {"speed_mps": speeds, "model": model, "memory_s": memory_s}
        for speeds in ((0.0, 0.0), (0.0, 1e6), (1e-12, 1e-12))
        for model, memory_s in (("waypoint", 5.0), ("gauss-markov", 1e-9), ("gauss-markov", 1e9))
    ],
}


@st.composite
def extreme_effects(draw):
    """Limits of effects, of their weights and of the fields that they depend on."""
    fields = draw(extreme_configs())
    for name, values in EFFECT_LIMITS.items():
        value = draw(st.sampled_from([None, *values]))
        if value is not None:
            fields[name] = value
    for name in ("deadline", "energy"):
        if name in fields and draw(st.booleans()):
            fields[f"{name}_weight"] = draw(st.sampled_from([0.0, 1e6]))
    if "cycles_per_bit" in fields:
        fields.pop("task_cycles", None)
    if fields.get("num_servers") == 3:
        fields["elastic_servers"] = draw(st.sampled_from([0, 2]))
    return fields


@given(fields=st.one_of(extreme_configs(), extreme_effects()))
def test_what_is_accepted_can_be_played(fields):
    """Any combination of limits is refused by name or gives finite numbers in every view, and no warnings."""
    refused = None
    try:
        config = EdgeOffloadConfig(**fields, max_cycles=4)
    except ValueError as error:
        refused = str(error)
    if refused is not None:
        assert re.match(rf"({'|'.join([*LIMITS, *EFFECT_LIMITS])})\w* must be .*, got ", refused)
        return
    rng = np.random.default_rng(0)
    for name, make in DRIVERS.items():
        view = make(config)
        assert np.isfinite(view.reset(seed=0)).all(), name
        for _ in range(4):
            played = view.step(random_actions(rng, config, view.batch))
            for part in ("delay_s", "upload_s", "wait_s", "imbalance", "reward", "observation", "state"):
                assert np.isfinite(getattr(played, part)).all(), (name, part)
            for part, values in played.extra.items():
                assert np.isfinite(values).all(), (name, part)
