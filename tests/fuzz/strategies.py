"""Strategies for the inputs of a view: valid and invalid configurations, actions, seeds and snapshots."""

import math
import re
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig
from tests import oracle
from tests.drivers import Snapshot
from tests.helpers import fitting_trace

LIMITS = {  # allowed range of each field
    "device_hz": (1.0, 1e15),
    "task_bits": (1.0, 1e14),
    "task_cycles": (1.0, 1e16),
    "bandwidth_hz": (1.0, 1e13),
    "tx_power_w": (1e-9, 1e6),
    "noise_dbm_per_hz": (-250.0, 0.0),
    "cell_radius_m": (1.0, 1e6),
    "min_distance_m": (0.1, 1e6),
    "slot_s": (1e-9, 1e9),
    "initial_load_s": (0.0, 1e9),
    "delay_weight": (0.0, 1e6),
    "balance_weight": (0.0, 1e6),
    "reward_sharing": (0.0, 1.0),
}
USUAL = {  # games in which most terms count
    "device_hz": (1e8, 1e9),
    "task_bits": (1e5, 1e7),
    "task_cycles": (1e8, 1e10),
    "bandwidth_hz": (1e6, 1e8),
    "tx_power_w": (0.1, 2.0),
    "noise_dbm_per_hz": (-180.0, -150.0),
    "cell_radius_m": (50.0, 1000.0),
    "min_distance_m": (1.0, 50.0),
    "slot_s": (0.01, 1.0),
    "initial_load_s": (0.0, 2.0),
    "delay_weight": (0.0, 3.0),
    "balance_weight": (0.0, 3.0),
    "reward_sharing": (0.0, 1.0),
}
RANGES = ("device_hz", "task_bits", "task_cycles", "initial_load_s")
SIGNED = ("shadow_db", "position_m", "velocity_mps", "mean_velocity_mps", "waypoint_m")  # fields of a snapshot
SPEED_HZ, USUAL_SPEED_HZ = (1.0, 1e15), (1e9, 3e10)
RATE_BPS, USUAL_RATE_BPS = (1.0, 1e18), (1e7, 1e10)


def magnitudes(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of every order of magnitude in a range, its ends, and Hypothesis's own choices."""
    plain = st.floats(low, high, allow_subnormal=False)
    if low <= 0.0:
        return st.one_of(st.sampled_from([low, high]), plain)
    powers = st.floats(math.log10(low), math.log10(high)).map(lambda x: min(high, max(low, 10.0**x)))
    return st.one_of(powers, powers, st.sampled_from([low, high]), plain)


def ranges(low: float, high: float) -> st.SearchStrategy[tuple[float, ...]]:
    """Pairs in order: wide, without width, and as narrow as floats can be."""
    numbers = magnitudes(low, high)
    narrow = numbers.map(lambda x: (x, min(high, float(np.nextafter(x, math.inf)))))
    return st.one_of(st.tuples(numbers, numbers).map(lambda pair: tuple(sorted(pair))), narrow)


def increasing(low: float, high: float) -> st.SearchStrategy[list[float]]:
    """One to three numbers in order, often with the highest there is."""
    numbers = st.lists(magnitudes(low, high), min_size=1, max_size=3, unique=True).map(sorted)
    return st.one_of(numbers, numbers.map(lambda x: [*[y for y in x if y < high], high]))


@st.composite
def fields(draw: st.DrawFn) -> dict[str, Any]:
    """All fields of a configuration, each usual, anywhere within its limits, or left out."""
    mixed = ["usual", "usual", "any", "default"]
    kinds = st.sampled_from(draw(st.sampled_from([mixed, ["usual"], ["any"], ["least", "most", "any"]])))
    drawn: dict[str, Any] = {}
    for name, limits in LIMITS.items():
        kind = draw(kinds)
        if kind in ("least", "most"):
            end = limits[kind == "most"]
            drawn[name] = (end, end) if name in RANGES else end
        elif kind != "default":
            low, high = limits if kind == "any" else USUAL[name]
            drawn[name] = draw(ranges(low, high) if name in RANGES else magnitudes(low, high))
    if drawn.get("min_distance_m", 35.0) > (radius := drawn.get("cell_radius_m", 250.0)):
        drawn["min_distance_m"] = draw(st.sampled_from([radius, max(0.1, 0.5 * radius)]))
    # mostly small; also sizes that sort or mask by index, and server numbers of two bytes
    drawn["num_users"] = draw(st.one_of(st.integers(1, 7), st.integers(1, 7), st.sampled_from([30, 64, 65, 80, 300])))
    servers = draw(st.one_of(st.integers(1, 5), st.integers(1, 5), st.sampled_from([17, 20, 130])))
    low, high = draw(st.sampled_from([USUAL_SPEED_HZ, USUAL_SPEED_HZ, SPEED_HZ]))
    if draw(st.booleans()):
        drawn["server_hz_range"], drawn["num_servers"] = draw(ranges(low, high)), servers
    else:
        some = draw(st.lists(magnitudes(low, high), min_size=1, max_size=min(servers, 5)))
        drawn["server_hz"] = tuple((some * servers)[:servers])
    low, high = draw(st.sampled_from([USUAL_RATE_BPS, RATE_BPS]))
    drawn["forward_bps"] = draw(magnitudes(low, high))
    if servers > 1 and draw(st.booleans()):
        some = draw(st.lists(magnitudes(low, high), min_size=1, max_size=4))
        drawn["forward_bps"] = tuple((some * servers)[: servers - 1])
    drawn["channel_sharing"] = draw(st.sampled_from(["active", "all"]))
    drawn["observation"] = draw(st.sampled_from(["full", "load"]))
    if draw(st.booleans()):
        drawn |= draw(effects(servers, dense="task_cycles" not in drawn))
    if "task_trace" in drawn:
        for name in ("arrivals", "cycles_per_bit", "heavy_tasks", "task_cycles", "task_bits"):
            drawn.pop(name, None)
        drawn["task_trace"] = fitting_trace(drawn["num_users"], drawn.get("slot_s", 0.15), drawn["task_trace"])
    drawn["max_cycles"] = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 64, 65, 66, 66 if "task_trace" in drawn else 10**15]))
    return drawn


@st.composite
def effects(draw: st.DrawFn, servers: int, dense: bool) -> dict[str, Any]:
    """Some of the effects, ``cycles_per_bit`` only with ``dense``, with usual constants."""
    share, short_s = st.floats(0.0, 1.0), magnitudes(0.01, 10.0)
    every: dict[str, st.SearchStrategy[Any]] = {
        "arrivals": st.one_of(
            st.fixed_dictionaries({"probability": share}),
            st.fixed_dictionaries({"probability": share, "on_s": short_s, "off_s": short_s}),
        ),
        "task_trace": st.floats(1.1, 4.0),  # the spare room for its tasks
        "heavy_tasks": st.fixed_dictionaries({"probability": share, "factor": magnitudes(0.1, 10.0)}),
        "deadline": st.fixed_dictionaries(
            {"range_s": ranges(0.01, 10.0), "miss_cost_s": st.floats(0.0, 3.0), "lateness_cost": st.floats(0.0, 3.0)}
        ),
        "device_queue": st.just(True),
        "uplink_queue": st.just(True),
        "failures": st.fixed_dictionaries({"mtbf_s": magnitudes(0.01, 100.0), "mttr_s": short_s}),
        "forward_latency_s": st.one_of(short_s, st.lists(short_s, min_size=servers - 1, max_size=servers - 1)),
        "elastic_servers": st.integers(0, servers - 1),
        "result_ratio": share,
        "downlink_bps": magnitudes(*USUAL_RATE_BPS),
        "energy": st.fixed_dictionaries({"cost_s_per_j": st.floats(0.0, 3.0), "idle_power_w": share}),
        "queue_clock": st.sampled_from(["slot", "continuous"]),
        "levels": st.fixed_dictionaries(
            {}, optional={"tx_power_w": increasing(0.01, 10.0), "offload_ratio": increasing(0.01, 1.0)}
        ),
        "channel": channels(),
        "mobility": st.fixed_dictionaries(
            {
                "speed_mps": ranges(0.0, 40.0),
                "model": st.sampled_from(["gauss-markov", "waypoint"]),
                "memory_s": magnitudes(0.01, 100.0),
            }
        ),
    }
    if dense:
        every["cycles_per_bit"] = ranges(1.0, 1e4)
    if servers == 1:
        every["forward_latency_s"] = short_s
    chosen = draw(st.lists(st.sampled_from(sorted(every)), unique=True, max_size=len(every)))
    drawn = {name: draw(every[name]) for name in chosen}
    for name in {"deadline", "energy"} & set(drawn):
        drawn[f"{name}_weight"] = draw(st.floats(0.0, 3.0))
    return drawn


def channels() -> st.SearchStrategy[dict[str, Any]]:
    """Values of the field ``channel``."""
    rest = {
        "shadowing_db": st.floats(0.0, 10.0),
        "shadowing_m": magnitudes(1.0, 1000.0),
        "path_loss": st.sampled_from(["tr36814", "umi-los", "umi-nlos", "uma-los", "uma-nlos"]),
    }
    return st.one_of(
        st.fixed_dictionaries({"fading": st.sampled_from([None, "rayleigh"]), **rest}),
        st.fixed_dictionaries({"fading": st.just("rician"), "rician_k_db": st.floats(-30.0, 30.0), **rest}),
    )


def accepted(given: dict[str, Any]) -> EdgeOffloadConfig:
    """The configuration of these fields; where it is refused, by the name of a field, that of the usual numbers."""
    try:
        return EdgeOffloadConfig(**given)
    except ValueError as error:
        refused = str(error)
    name = re.match(r"(\w+) must be .+, got .", refused, re.DOTALL)
    assert name is not None, refused
    assert name[1] in {*given, *LIMITS}, refused
    kept = ("num_users", "server_hz_range", "num_servers", "channel_sharing", "observation")
    usual = {key: given[key] for key in kept if key in given} | {"max_cycles": min(given["max_cycles"], 65)}
    if "server_hz" in given:
        usual["server_hz"] = tuple(max(hz, 1e3) for hz in given["server_hz"])
    else:
        usual["server_hz_range"] = tuple(max(hz, 1e3) for hz in given["server_hz_range"])
    return EdgeOffloadConfig(**usual)


def configs() -> st.SearchStrategy[EdgeOffloadConfig]:
    """Every configuration that can be played."""
    return fields().map(accepted)


def last_action(config: EdgeOffloadConfig) -> int:
    """The largest action."""
    return len(oracle.choices(config)) - 1


def actions(config: EdgeOffloadConfig, batch: int) -> st.SearchStrategy[np.ndarray]:
    """Everyone's actions ``[B, N]``: drawn one by one where they are few, else from a seed; also all alike."""
    shape, most = (batch, config.num_users), last_action(config)
    alike = st.integers(0, most).map(lambda a: np.full(shape, a))
    seeded = st.integers(0, 2**16).map(lambda seed: np.random.default_rng(seed).integers(0, most + 1, shape))
    if batch * config.num_users > 20:
        return st.one_of(seeded, alike)
    size = batch * config.num_users
    each = st.lists(st.integers(0, most), min_size=size, max_size=size).map(lambda a: np.array(a).reshape(shape))
    return st.one_of(each, seeded, alike)


class Bad(NamedTuple):
    """An invalid input, and a pattern of the error message."""

    value: Any
    message: str


def bad_action(last: int) -> st.SearchStrategy[Any]:
    """Invalid actions of one user."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.floats(),
        st.text(max_size=2),
        st.complex_numbers(),
        st.lists(st.integers(0, last), max_size=2),
        st.integers(max_value=-1),
        st.integers(min_value=last + 1),
        st.sampled_from([np.array([1]), np.array(1.0), np.True_, np.float32(0), np.int8(-1), np.uint64(2**64 - 1), {}]),
    )


@st.composite
def bad_named_actions(draw: st.DrawFn, config: EdgeOffloadConfig) -> Bad:
    """Invalid dicts of actions."""
    agents = [f"user_{n}" for n in range(config.num_users)]
    good: dict[Any, Any] = dict.fromkeys(agents, draw(st.integers(0, last_action(config))))
    agent = draw(st.sampled_from(agents))
    how = draw(st.sampled_from(["bad", "bad", "missing", "extra", "other", "not a dict"]))
    if how == "bad":
        return Bad(good | {agent: draw(bad_action(last_action(config)))}, rf"{agent}\b")
    if how == "not a dict":
        return Bad(
            draw(st.sampled_from([None, list(good.values()), 1, "user_0", np.zeros(config.num_users)])), "actions"
        )
    if how != "extra":
        del good[agent]
    if how != "missing":
        good[draw(st.sampled_from([f"user_{config.num_users}", "user_00", "", None, 0]))] = 0
    return Bad(good, "unknown agent" if how == "extra" else rf"{agent}\b")


@st.composite
def bad_central_actions(draw: st.DrawFn, config: EdgeOffloadConfig) -> Bad:
    """Invalid lists of actions."""
    good: list[Any] = [draw(st.integers(0, last_action(config)))] * config.num_users
    if draw(st.booleans()):
        good[draw(st.integers(0, len(good) - 1))] = draw(bad_action(last_action(config)))
        return Bad(good, "action")
    wrong = [good[1:], [*good, 0], [good], np.ones(len(good)), None, {}, "0" * len(good), 0, np.zeros(len(good), bool)]
    return Bad(draw(st.sampled_from(wrong)), "action")


@st.composite
def bad_batch_actions(draw: st.DrawFn, config: EdgeOffloadConfig, batch: int) -> Bad:
    """Invalid arrays of actions."""
    shape = (batch, config.num_users)
    last = last_action(config)
    good = np.full(shape, draw(st.integers(0, last)))
    game, user = draw(st.integers(0, batch - 1)), draw(st.integers(0, config.num_users - 1))
    how = draw(st.sampled_from(["range", "list", "kind", "shape", "none"]))
    if how == "range":
        beyond = st.one_of(st.integers(-(2**63), -1), st.integers(last + 1, 2**63 - 1))
        good[game, user] = draw(beyond)
        return Bad(good, rf"action of user_{user} in game {game} must be an integer in \[0, {last}\] .*, got ")
    if how == "list":
        # numpy and torch themselves make integer arrays of lists with bools or small arrays in them
        taken = st.one_of(st.none(), st.floats(), st.text(max_size=2), st.sampled_from([-1, 2**70, -(2**70), 2**63]))
        rows = good.tolist()
        rows[game][user] = draw(taken)
        return Bad(rows, "action")
    if how == "kind":
        return Bad(good.astype(draw(st.sampled_from([float, np.float32, bool, complex, object, str]))), "actions")
    if how == "shape":
        wrong = [good[:, 1:], good[1:], good[None], good[0], good[..., None], np.concatenate([good, good])]
        return Bad(draw(st.sampled_from(wrong)), "actions")
    return Bad(draw(st.sampled_from([None, {}, "0", 0.0, [[0], []], Ellipsis])), "actions")


def bad_seeds() -> st.SearchStrategy[Bad]:
    """Invalid seeds."""
    values = [True, np.False_, 1.0, math.nan, "1", [1], np.array([1, 2]), -1, np.int64(-5), 2**128 + 1]
    return st.sampled_from(values).map(lambda value: Bad(value, "^seed must be an integer in .*, got "))


@st.composite
def bad_snapshots(draw: st.DrawFn, good: Snapshot, max_cycles: int) -> Bad:
    """A snapshot with one thing wrong in it."""
    changed = dict(good)
    name = draw(st.sampled_from(sorted(changed)))
    how = draw(st.sampled_from(["missing", "unknown", "shape", "value", "value", "kind"]))
    if how == "missing":
        del changed[name]
    elif how == "unknown":
        name = "task_bytes"
        changed[name] = changed["task_bits"]
    elif name == "slot":
        changed[name] = np.full_like(changed[name], draw(st.sampled_from([-1, max_cycles, 2**60])))
    elif how == "shape":
        changed[name] = draw(st.sampled_from([changed[name][:, 1:], changed[name][..., None], changed[name][:, :0]]))
    elif how == "kind":
        changed[name] = changed[name].astype(draw(st.sampled_from([str, bool, complex, object])))
    else:
        array = np.array(changed[name])
        negative = [] if name in SIGNED else [-1.0, -1e-300]
        array[draw(st.integers(0, len(array) - 1)), draw(st.integers(0, array.shape[1] - 1))] = draw(
            st.sampled_from([math.nan, math.inf, -math.inf, 1e31, 1e300, *negative])
        )
        changed[name] = array
    return Bad(changed, name)


@st.composite
def odd_snapshots(draw: st.DrawFn, good: Snapshot) -> Snapshot:
    """A snapshot with numbers far from what a game would draw; it may be refused."""
    changed = dict(good)
    for name in draw(st.lists(st.sampled_from(sorted(set(good) - {"slot"})), min_size=1, max_size=3, unique=True)):
        power = draw(st.one_of(st.integers(-3, 3), st.integers(-300, 300)))
        with np.errstate(over="ignore", under="ignore"):
            changed[name] = changed[name] * 10.0**power
    return changed
