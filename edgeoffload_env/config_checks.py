"""Checks of a configuration: each field by itself, then the fields together."""

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeoffload_env._validation import (
    check_bool,
    check_choice,
    check_float,
    check_floats,
    check_int,
    check_range,
    fail,
)
from edgeoffload_env.model.effects import FIELDS, KINDS, Effect
from edgeoffload_env.model.effects.cloud import check_latency
from edgeoffload_env.model.effects.effect import check_effect
from edgeoffload_env.model.effects.trace import check_alone
from edgeoffload_env.model.limits import LARGEST_S, LARGEST_SNR, SMALLEST_SNR, largest_balance_weight, worst_case

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

PAPER_TASK_CYCLES = (800e6, 1200e6)
"""Table 2's cycles of a task."""
PAPER_SERVER_HZ = (12e9, 14e9, 16e9, 18e9, 20e9)
"""Figure 8's five servers."""
_MOST_CYCLES = 1e16
_SPEED = (1.0, 1e15, "cycles/s")


def checked_fields(config: "EdgeOffloadConfig") -> dict[str, Any]:
    """Validate each field by itself and return the values in their stored types."""
    server_hz, server_hz_range, num_servers = config.server_hz, config.server_hz_range, config.num_servers
    if server_hz is not None and server_hz_range is not None:
        fail("server_hz", server_hz, f"None where server_hz_range is given (it is {server_hz_range!r})")
    if server_hz_range is None:
        server_hz = check_floats("server_hz", PAPER_SERVER_HZ if server_hz is None else server_hz, *_SPEED)
        if num_servers is not None and check_int("num_servers", num_servers, 1, 10_000) != len(server_hz):
            fail(
                "num_servers",
                num_servers,
                f"{len(server_hz)}, the number of speeds in server_hz = {server_hz!r}",
                hint="give server_hz with as many speeds, or server_hz_range",
            )
        num_servers = len(server_hz)
    else:
        server_hz_range = check_range("server_hz_range", server_hz_range, *_SPEED)
        num_servers = check_int("num_servers", num_servers, 1, 10_000)
    forward_bps: float | tuple[float, ...]
    if isinstance(config.forward_bps, tuple | list | np.ndarray):
        forward_bps = check_floats("forward_bps", config.forward_bps, 1.0, 1e18, "bit/s")
    else:
        forward_bps = check_float("forward_bps", config.forward_bps, 1.0, 1e18, "bit/s")
    task_cycles, cycles_per_bit = config.task_cycles, config.cycles_per_bit
    if task_cycles is not None and cycles_per_bit is not None:
        fail("task_cycles", task_cycles, f"None where cycles_per_bit is given (it is {cycles_per_bit!r})")
    task_bits = check_range("task_bits", config.task_bits, 1.0, 1e14, "bit")
    if config.task_trace is not None:
        check_alone(config, task_bits)
    elif cycles_per_bit is None:
        task_cycles = PAPER_TASK_CYCLES if task_cycles is None else task_cycles
        task_cycles = check_range("task_cycles", task_cycles, 1.0, _MOST_CYCLES, "CPU cycles")
    else:
        cycles_per_bit = check_range("cycles_per_bit", cycles_per_bit, 1e-9, 1e15, "CPU cycles")
    return {
        **{name: check_effect(name, getattr(config, name), kind) for name, kind in FIELDS.items()},
        "num_users": check_int("num_users", config.num_users, 1, 1_000_000),
        "server_hz": server_hz,
        "server_hz_range": server_hz_range,
        "num_servers": num_servers,
        "device_hz": check_range("device_hz", config.device_hz, *_SPEED),
        "task_bits": task_bits,
        "task_cycles": task_cycles,
        "cycles_per_bit": cycles_per_bit,
        "bandwidth_hz": check_float("bandwidth_hz", config.bandwidth_hz, 1.0, 1e13, "Hz"),
        "tx_power_w": check_float("tx_power_w", config.tx_power_w, 1e-9, 1e6, "W"),
        "noise_dbm_per_hz": check_float("noise_dbm_per_hz", config.noise_dbm_per_hz, -250.0, 0.0, "dBm/Hz"),
        "forward_bps": forward_bps,
        "cell_radius_m": check_float("cell_radius_m", config.cell_radius_m, 1.0, 1e6, "m"),
        "min_distance_m": check_float("min_distance_m", config.min_distance_m, 0.1, 1e6, "m"),
        "channel_sharing": check_choice("channel_sharing", config.channel_sharing, ("active", "all")),
        "slot_s": check_float("slot_s", config.slot_s, 1e-9, 1e9, "s"),
        "initial_load_s": check_range("initial_load_s", config.initial_load_s, 0.0, 1e9, "s"),
        "delay_weight": check_float("delay_weight", config.delay_weight, 0.0, 1e6),
        "balance_weight": check_float("balance_weight", config.balance_weight, 0.0, 1e6),
        "reward_sharing": check_float("reward_sharing", config.reward_sharing, 0.0, 1.0),
        "max_cycles": check_int("max_cycles", config.max_cycles, 1, 10**15),
        "observation": check_choice("observation", config.observation, ("full", "load")),
        "device_queue": check_bool("device_queue", config.device_queue),
        "uplink_queue": check_bool("uplink_queue", config.uplink_queue),
        "forward_latency_s": check_latency(config.forward_latency_s),
        "elastic_servers": check_int("elastic_servers", config.elastic_servers, 0, num_servers - 1),
        "result_ratio": check_float("result_ratio", config.result_ratio, 0.0, 1e6),
        "downlink_bps": check_float("downlink_bps", config.downlink_bps, 1.0, 1e18, "bit/s"),
        "queue_clock": check_choice("queue_clock", config.queue_clock, ("slot", "continuous")),
        "deadline_weight": check_float("deadline_weight", config.deadline_weight, 0.0, 1e6),
        "energy_weight": check_float("energy_weight", config.energy_weight, 0.0, 1e6),
        "extra_effects": _checked_effects(config),
    }


def _checked_effects(config: "EdgeOffloadConfig") -> tuple[Effect, ...]:
    expected = "a tuple of effects"
    if not isinstance(config.extra_effects, tuple | list):
        fail("extra_effects", config.extra_effects, expected, TypeError)
    for effect in config.extra_effects:
        if not isinstance(effect, Effect):
            fail("an item of extra_effects", effect, "an instance of edgeoffload_env.effects.Effect", TypeError)
        if isinstance(effect, KINDS):
            expected = f"an effect of your own; {type(effect).__name__} has a field of the configuration"
            fail("an item of extra_effects", effect, expected)
    return tuple(config.extra_effects)


def check_together(config: "EdgeOffloadConfig") -> None:
    """Check the fields against each other."""
    if not config.most_cycles <= _MOST_CYCLES:
        name = "heavy_tasks" if config.cycles_range[1] <= _MOST_CYCLES else "cycles_per_bit"
        fail(name, getattr(config, name), f"such that a task has at most {_MOST_CYCLES:g} CPU cycles")
    for name in ("deadline", "energy"):
        weight = getattr(config, f"{name}_weight")
        if getattr(config, name) is None and weight != 1.0:
            fail(f"{name}_weight", weight, f"1.0 where {name} is None")
    for effect in config.schema.effects:
        effect.check(config)
    for name, noun in (("forward_bps", "rate"), ("forward_latency_s", "latency")):
        value = getattr(config, name)
        if isinstance(value, tuple) and len(value) != config.servers - 1:
            fail(name, value, f"one {noun}, or {config.servers - 1}: one for each of servers 2..M")
    if config.min_distance_m > config.cell_radius_m:
        fail("min_distance_m", config.min_distance_m, f"at most cell_radius_m = {config.cell_radius_m!r}")
    worst = worst_case(config, gains=config.gain_bounds)
    if not worst.has_usable_snr:
        bounds = f"{SMALLEST_SNR:g} at the edge of the cell and {LARGEST_SNR:g} near the eNB"
        name = "tx_power_w" if config.tx_powers_w == (config.tx_power_w,) else "levels"
        fail(name, getattr(config, name), f"such that the signal to noise ratio lies between {bounds}")
    for name, seconds in (("task_cycles", worst.queue_s + worst.local_s), ("task_bits", worst.upload_s)):
        if not seconds <= LARGEST_S:
            name = name if config.task_trace is None else "task_trace"
            fail(name, getattr(config, name), f"small enough, at these speeds, to keep delays below {LARGEST_S:g} s")
    largest = largest_balance_weight(config, worst.queue_s)
    if not config.balance_weight <= largest:
        fail("balance_weight", config.balance_weight, f"at most {largest:g} with these queues")
