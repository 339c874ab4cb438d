"""The paper's own quantities, processes, features, reward terms and metrics, declared once."""

import math
from typing import TYPE_CHECKING, Any

from edgeoffload_env.model import draws, metrics
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.features import LOAD_SCALE_S, centred, centred_formula, squashed
from edgeoffload_env.model.path_loss import path_gain_bounds
from edgeoffload_env.model.quantities import Feature, Metric, Process, Quantity, RewardTerm
from edgeoffload_env.model.servers import load_factor_s

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

QUANTITIES = (
    Quantity(name="task_bits", unit="bit", scope="user", kind="state", text="L_n, length of the task"),
    Quantity(name="task_cycles", unit="cycles", scope="user", kind="state", text="C_n, CPU cycles of the task"),
    Quantity(name="device_hz", unit="cycles/s", scope="user", kind="state", text="f_local, speed of the device"),
    Quantity(name="channel_gain", unit="1", scope="user", kind="state", text="g_n, linear channel gain"),
    Quantity(name="server_hz", unit="cycles/s", scope="server", kind="state", text="f_m, speed of the server"),
    Quantity(
        name="backlog_cycles",
        unit="cycles",
        scope="server",
        kind="state",
        queue=True,
        minimum=0.0,
        text="Q_m, cycles queued at the start of the slot",
    ),
    Quantity(name="delay_s", unit="s", scope="user", kind="info", text="t_n (11), the sum of its parts"),
    Quantity(name="upload_s", unit="s", scope="user", kind="info", text="(7), 0 for a local task"),
    Quantity(name="forward_s", unit="s", scope="user", kind="info", text="(9), 0 for a local task and at server 1"),
    Quantity(
        name="wait_s",
        unit="s",
        scope="user",
        kind="info",
        text="the queueing part of (8); 0 for a local task, unless devices have queues",
    ),
    Quantity(name="compute_s", unit="s", scope="user", kind="info", text="C_n / f: (6), or the last term of (8)"),
    Quantity(name="target", unit="1", scope="user", kind="info", type=int, text="a_n: 0 = device, m >= 1 = server m"),
    Quantity(name="imbalance", unit="s^2", scope="game", kind="info", text="var(LD) (19) of the slot"),
)

PROCESSES = (
    Process(
        name="system",
        fields=("device_hz", "channel_gain", "server_hz", "backlog_cycles"),
        first=draws.draw_system,
        first_uniforms={"user": 2, "server": 2},
    ),
    Process(
        name="tasks",
        fields=("task_bits", "task_cycles"),
        first=draws.draw_tasks,
        first_uniforms={"user": 2},
        next=draws.draw_tasks,
        next_uniforms={"user": 2},
        independent=True,
    ),
)

REWARD_TERMS = (
    RewardTerm(
        name="delay",
        text="t_n (11)",
        cost=lambda infos: infos["delay_s"],
        weight=lambda config: config.delay_weight,
    ),
    RewardTerm(
        name="imbalance",
        text="var(LD) (19)",
        cost=lambda infos: infos["imbalance"],
        weight=lambda config: config.balance_weight,
    ),
)


def link_bounds(config: "EdgeOffloadConfig") -> tuple[float, float]:
    """Return the logarithms of the path's gains at the cell's edge and at the least distance."""
    edge, near = path_gain_bounds(config)
    return math.log(edge), math.log(near)


def features(config: "EdgeOffloadConfig") -> tuple[Feature, ...]:
    """The features of a game, in the order of the observation's columns."""
    bounds = link_bounds(config)
    return (
        Feature(
            name="load",
            scope="server",
            text="load of server",
            formula=f"2 x / (1 + x) - 1, x = backlog_cycles / server_hz / {LOAD_SCALE_S}",
            reads=("backlog_cycles", "server_hz"),
            value=_load,
            paper=True,
        ),
        Feature(
            name="task_bits",
            scope="user",
            text="length of the own task",
            formula=centred_formula("task_bits", config.bits_range),
            reads=("task_bits",),
            value=_centred_over(config.bits_range),
            of_task=True,
        ),
        Feature(
            name="task_cycles",
            scope="user",
            text="cycles of the own task",
            formula=centred_formula("task_cycles", config.cycles_range),
            reads=("task_cycles",),
            value=_centred_over(config.cycles_range),
            of_task=True,
        ),
        Feature(
            name="device_speed",
            scope="user",
            text="speed of the own device",
            formula=centred_formula("device_hz", config.device_hz),
            reads=("device_hz",),
            value=_centred_over(config.device_hz),
        ),
        Feature(
            name="link_quality",
            scope="user",
            text="quality of the own link",
            formula=centred_formula("ln(channel_gain)", bounds),
            reads=("channel_gain",),
            value=lambda gain, config, *, xp: centred(xp.log(gain), bounds, xp=xp),
        ),
        Feature(
            name="server_speed",
            scope="server",
            text="speed of server",
            formula=centred_formula("server_hz", config.speed_bounds_hz),
            reads=("server_hz",),
            value=_centred_over(config.speed_bounds_hz),
            observed=config.server_hz_range is not None,
        ),
    )


def _load(backlog_cycles: Array, server_hz: Array, config: "EdgeOffloadConfig", *, xp: Any) -> Array:
    return squashed(load_factor_s(backlog_cycles, server_hz), LOAD_SCALE_S)


def _centred_over(bounds: tuple[float, float]) -> Any:
    return lambda value, config, *, xp: centred(value, bounds, xp=xp)


METRICS = (
    Metric(
        name="utility",
        heading="utility",
        text="mean over users of the sum over slots of (20) at weights 1, whatever the game's own; higher is better",
        accumulator=metrics.UtilitySum,
    ),
    Metric(
        name="mean_delay_s",
        heading="mean delay (s)",
        text="mean over tasks of t_n (11), seconds; lower is better",
        accumulator=metrics.task_mean(lambda infos: infos["delay_s"]),
    ),
    Metric(
        name="p95_delay_s",
        heading="p95 delay (s)",
        text="95th percentile of t_n over all tasks, seconds; lower is better",
        accumulator=metrics.DelayTail,
    ),
    Metric(
        name="imbalance",
        heading="imbalance (s^2)",
        text="mean over slots of var(LD) (19), seconds squared; lower is better",
        accumulator=metrics.slot_mean(lambda infos: infos["imbalance"]),
    ),
    Metric(
        name="offload_fraction",
        heading="offloaded",
        text="share of tasks that left their device, 0 to 1",
        accumulator=metrics.task_mean(lambda infos: infos["target"] > 0),
    ),
    Metric(
        name="jain_fairness",
        heading="fairness",
        text="Jain's index of the users' mean delays, 1/N to 1 (all equal)",
        accumulator=metrics.JainFairness,
    ),
)
