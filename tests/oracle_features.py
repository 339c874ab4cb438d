"""The oracle of what is seen: one game's observations and global state in plain Python, column by column."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from tests import oracle_radio, oracle_trace
from tests.oracle import uplink_rate_bps


def log_path_gain(distance_m: float, config: Any) -> float:
    """The natural logarithm of the path's gain."""
    return -oracle_radio.path_loss_db(distance_m, oracle_radio.model_of(config)) * math.log(10.0) / 10.0


def squashed_load(load_s: float) -> float:
    """A load factor in s as a feature."""
    return 2.0 * (load_s / 0.5) / (1.0 + load_s / 0.5) - 1.0


def half_width(low: float, high: float) -> float:
    """Of a range; what lies within a millionth of its middle has no width and counts as 10 % to either side."""
    narrow = high - low < 1e-6 * abs(high + low)
    return 0.05 * abs(high + low) if narrow else 0.5 * (high - low)


def centred(value: float, low: float, high: float) -> float:
    """z / (1 + |z|) with z = -1 at the low end of a range and 1 at its high end; without width 10 % to either side."""
    z = (value - 0.5 * (low + high)) / half_width(low, high)
    return z / (1.0 + abs(z))


def sign(flag: bool) -> float:
    """Yes or no as a feature."""
    return 1.0 if flag else -1.0


def seen(
    snapshot: Mapping[str, Any],
    config: Any,
    load_feature: Callable[[float], float] = squashed_load,
    range_feature: Callable[[float, float, float], float] = centred,
    flag_feature: Callable[[bool], float] = sign,
) -> tuple[list[list[float]], list[float]]:
    """One game's observations, a list for each user, and its global state.

    Other functions can take the place of the features, such as the error bound of each entry.
    """
    load = [load_feature(q / f) for q, f in zip(snapshot["backlog_cycles"], snapshot["server_hz"], strict=True)]
    if config.observation == "load":  # the paper's (14) and no more, for users and critic alike
        return [load for _ in range(config.num_users)], load
    speeds_hz = config.server_hz_range or (min(config.server_hz), max(config.server_hz))
    speed = [range_feature(f, *speeds_hz) for f in snapshot["server_hz"]]
    seen_speed = speed if config.server_hz_range else []
    up = [flag_feature(time == 0.0) for time in snapshot["down_s"]] if config.failures else []
    down = [load_feature(time) for time in snapshot["down_s"]] if config.failures else []
    rows, own_columns, new_columns = [], [], []
    for n in range(config.num_users):
        own = own_features(snapshot, n, config, range_feature)
        extra, new = effect_features(snapshot, n, config, load_feature, range_feature, flag_feature)
        rows.append(load + own + seen_speed + extra + up)
        own_columns += own
        new_columns += new
    return rows, load + speed + own_columns + up + down + new_columns


def own_features(
    snapshot: Mapping[str, Any], n: int, config: Any, range_feature: Callable[[float, float, float], float]
) -> list[float]:
    """User n's task (0 without one), device and link."""
    link_bounds = log_path_gain(config.cell_radius_m, config), log_path_gain(config.min_distance_m, config)
    task = [0.0, 0.0]
    if "active" not in snapshot or snapshot["active"][n] == 1.0:
        task = [
            range_feature(snapshot["task_bits"][n], *bits_range(config)),
            range_feature(snapshot["task_cycles"][n], *cycles_range(config)),
        ]
    device = range_feature(snapshot["device_hz"][n], *config.device_hz)
    return [*task, device, range_feature(math.log(snapshot["channel_gain"][n]), *link_bounds)]


def bits_range(config: Any) -> tuple[float, float]:
    """Shortest and longest task, and of a trace most tasks' range."""
    if config.task_trace is None:
        return config.task_bits
    return oracle_trace.middle_range([task.bits for task in oracle_trace.tasks_of(config.task_trace)])


def cycles_range(config: Any) -> tuple[float, float]:
    """Fewest and most cycles of a task, unless it is a heavy one, and of a trace most tasks' range."""
    if config.task_trace is not None:
        return oracle_trace.middle_range([task.cycles for task in oracle_trace.tasks_of(config.task_trace)])
    if config.cycles_per_bit is None:
        return config.task_cycles
    (least_bits, most_bits), (least, most) = config.task_bits, config.cycles_per_bit
    return least_bits * least, most_bits * most


def effect_features(
    snapshot: Mapping[str, Any],
    n: int,
    config: Any,
    load_feature: Callable[[float], float],
    range_feature: Callable[[float, float, float], float],
    flag_feature: Callable[[bool], float],
) -> tuple[list[float], list[float]]:
    """What the effects that are on add for user n: in its observation and in the state."""
    extra, new = [], []
    active = True
    if config.arrivals is not None or config.task_trace is not None:
        active = snapshot["active"][n] == 1.0
        has_task = flag_feature(active)
        extra.append(has_task)
        new.append(has_task)
    if config.arrivals is not None:
        new.append(flag_feature(snapshot["bursting"][n] == 1.0))
    rest = []
    if config.deadline is not None:
        rest.append(range_feature(snapshot["deadline_s"][n], *config.deadline.range_s) if active else 0.0)
    if config.device_queue:
        rest.append(load_feature(snapshot["device_backlog_cycles"][n] / snapshot["device_hz"][n]))
    if config.uplink_queue:
        rate_bps = uplink_rate_bps(config.num_users, snapshot["channel_gain"][n], config)
        rest.append(load_feature(snapshot["uplink_backlog_bits"][n] / rate_bps))
    return extra + rest, new + rest
