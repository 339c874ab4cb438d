"""Configuration: the constants of the game in one frozen, validated dataclass, in SI units."""

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, Literal, Self

from edgeoffload_env._validation import fail_unknown
from edgeoffload_env.config_checks import check_together, checked_fields
from edgeoffload_env.model.effects import FIELDS, Arrivals, Deadline, Effect, Energy, Failures, HeavyTasks
from edgeoffload_env.model.effects.channel import Channel
from edgeoffload_env.model.effects.effect import check_effect
from edgeoffload_env.model.effects.levels import Levels
from edgeoffload_env.model.effects.mobility import Mobility
from edgeoffload_env.model.effects.trace import CLASHES, TaskTrace
from edgeoffload_env.model.path_loss import path_gain_bounds
from edgeoffload_env.model.schema import Schema, make_schema


@dataclass(frozen=True, kw_only=True)
class EdgeOffloadConfig:
    """The game's constants; the defaults are the paper's Table 2 and the project's choices where it is silent.

    Ranges are ``(low, high)`` pairs from which values are drawn uniformly. Numbers may be Python or numpy numbers, not
    bools; sequences may be tuples, lists or arrays. Stored are Python floats, ints and tuples.

    Raises:
        TypeError: a field of the wrong type, or an unknown field; the message names it.
        ValueError: an impossible value; the message names the field, the value and what is allowed.
    """

    num_users: int = 10
    """N, users in the cell (Table 2)."""
    server_hz: tuple[float, ...] | None = None
    """f_m of each server in cycles/s, server 1 (wired to the eNB) first. Exactly one of this and ``server_hz_range``;
    neither means Figure 8's 12, 14, 16, 18, 20 GHz."""
    server_hz_range: tuple[float, float] | None = None
    """Range of the servers' speeds, drawn anew for each episode, in cycles/s; needs ``num_servers``."""
    num_servers: int | None = None
    """M; follows from ``server_hz`` where that is given."""
    device_hz: tuple[float, float] = (300e6, 500e6)
    """Range of the users' own speeds f_local, cycles/s, drawn once per episode (Table 2)."""
    task_bits: tuple[float, float] = (2.4e6, 4e6)
    """Range of the task length L_n in bit: 300 to 500 KB (Table 2, misprint read so), KB = 1000 bytes (assumed)."""
    task_cycles: tuple[float, float] | None = None
    """Range of a task's CPU cycles C_n. At most one of this and ``cycles_per_bit``; neither means Table 2's 800 to
    1200 million."""
    bandwidth_hz: float = 20e6
    """W, the uplink band in Hz (Table 2's B)."""
    tx_power_w: float = 0.5
    """p_n in W (Table 2)."""
    noise_dbm_per_hz: float = -174.0
    """N0 in dBm/Hz: thermal noise (assumed)."""
    forward_bps: float | tuple[float, ...] = 1e9
    """mu in bit/s, from server 1 to the servers behind it: one rate, or a rate for each of servers 2..M (assumed)."""
    cell_radius_m: float = 250.0
    """Users are uniform over a disc of this radius around the eNB, in m (assumed)."""
    min_distance_m: float = 35.0
    """Shorter distances count as this one, in m (assumed)."""
    channel_sharing: Literal["active", "all"] = "active"
    """The band is split over the K users that offload in the slot, or over all N (both are readings of (5))."""
    slot_s: float = 0.15
    """Length of a slot in s (assumed)."""
    initial_load_s: tuple[float, float] = (0.0, 0.0)
    """Range of the servers' load factors (13) at reset, in s (assumed)."""
    delay_weight: float = 1.0
    """w1 of (20) (assumed)."""
    balance_weight: float = 1.0
    """w2 of (20) (assumed); 0 is DTOMA's reward."""
    reward_sharing: float = 0.0
    """s in (1 - s) R_n + s mean(R): 0 is the paper's own reward, 1 the team's mean. The utility is the same for any."""
    max_cycles: int = 50
    """Slots in an episode (assumed)."""
    observation: Literal["full", "load"] = "full"
    """Users observe the loads and their own task, device and link ("full"), or the load factors (14) alone ("load")."""

    # Effects beyond the paper, off by default: see the page "What each effect does"
    arrivals: Arrivals | None = None
    """Slots in which a user has no task; None: a task in every slot."""
    cycles_per_bit: tuple[float, float] | None = None
    """Range of the cycles for each bit of a task, C = L x density, in place of ``task_cycles``."""
    heavy_tasks: HeavyTasks | None = None
    """Tasks that need several times the cycles."""
    task_trace: TaskTrace | None = None
    """Tasks replayed from a CSV file, in place of ``arrivals`` and of the ranges of tasks."""
    deadline: Deadline | None = None
    """Deadlines of the tasks, and what missing them costs."""
    device_queue: bool = False
    """Whether tasks on a device wait for those before them."""
    uplink_queue: bool = False
    """Whether uploads that take longer than a slot go on in the next."""
    failures: Failures | None = None
    """Servers that fail and are repaired."""
    forward_latency_s: float | tuple[float, ...] = 0.0
    """Latency in s on the way from server 1 to the servers behind it: one, or one for each of servers 2..M."""
    elastic_servers: int = 0
    """Number of servers, the last ones, that never queue; at most M - 1."""
    result_ratio: float = 0.0
    """Bits of a result for each bit of its task, downloaded by the user."""
    downlink_bps: float = 100e6
    """Rate of these downloads in bit/s."""
    energy: Energy | None = None
    """Energy that tasks take from the users, and what it costs."""
    queue_clock: Literal["slot", "continuous"] = "slot"
    """Servers serve nobody while a slot's tasks are on their way, as (8) is printed ("slot"), or work meanwhile
    ("continuous")."""
    channel: Channel | None = None
    """Fading, shadowing and the path-loss model of the users' links; None: TR 36.814, the same all episode."""
    mobility: Mobility | None = None
    """Users that move; None: they stand still for an episode."""
    deadline_weight: float = 1.0
    """Weight of the deadlines' cost in the reward, for training alone; the utility takes 1."""
    energy_weight: float = 1.0
    """Weight of the energy's cost in the reward, for training alone; the utility takes 1."""
    levels: Levels | None = None
    """Powers and shares of the task that users choose beside a server; None: ``tx_power_w``, and whole tasks."""
    extra_effects: tuple[Effect, ...] = ()
    """Effects of your own, see :class:`edgeoffload_env.effects.Effect`."""

    def __post_init__(self) -> None:
        for name, value in checked_fields(self).items():
            object.__setattr__(self, name, value)
        check_together(self)

    @functools.cached_property
    def schema(self) -> Schema:
        """Declarations of all quantities, features, processes, reward terms and metrics of this game."""
        return make_schema(self)

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: what derives from them is made again."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def servers(self) -> int:
        """M, however the servers were given."""
        assert self.num_servers is not None  # set by the checks
        return self.num_servers

    @functools.cached_property
    def noise_w_per_hz(self) -> float:
        """N0 in W/Hz."""
        return float(10.0 ** ((self.noise_dbm_per_hz - 30.0) / 10.0))

    @property
    def speed_bounds_hz(self) -> tuple[float, float]:
        """Slowest and fastest server speed that can occur, cycles/s."""
        if self.server_hz_range is not None:
            return self.server_hz_range
        assert self.server_hz is not None
        return min(self.server_hz), max(self.server_hz)

    @property
    def bits_range(self) -> tuple[float, float]:
        """Shortest and longest task; of a trace, quantiles between which most tasks lie."""
        return self.task_bits if self.task_trace is None else self.task_trace.tasks.bits_range

    @property
    def most_bits(self) -> float:
        """Length of the longest task that can occur."""
        return self.task_bits[1] if self.task_trace is None else self.task_trace.tasks.most_bits

    @property
    def gain_bounds(self) -> tuple[float, float]:
        """Least and greatest channel gain that can occur."""
        edge, near = path_gain_bounds(self)
        if self.channel is None:
            return edge, near
        least, most = self.channel.factor_bounds
        return edge * least, near * most

    @property
    def cycles_range(self) -> tuple[float, float]:
        """Fewest and most cycles of a task that is not heavy; of a trace, quantiles between which most tasks lie."""
        if self.task_trace is not None:
            return self.task_trace.tasks.cycles_range
        if self.task_cycles is not None:
            return self.task_cycles
        assert self.cycles_per_bit is not None  # set by the checks
        return self.task_bits[0] * self.cycles_per_bit[0], self.task_bits[1] * self.cycles_per_bit[1]

    @property
    def tx_powers_w(self) -> tuple[float, ...]:
        """Powers that users choose from, least first."""
        chosen = None if self.levels is None else self.levels.tx_power_w
        return (self.tx_power_w,) if chosen is None else chosen

    @property
    def offload_ratios(self) -> tuple[float, ...]:
        """Shares of an offloaded task that users choose from, least first."""
        chosen = None if self.levels is None else self.levels.offload_ratio
        return (1.0,) if chosen is None else chosen

    @property
    def levels_per_server(self) -> int:
        """P R, the number of actions for each server."""
        return len(self.tx_powers_w) * len(self.offload_ratios)

    @property
    def most_cycles(self) -> float:
        """Most cycles of a task that can occur."""
        if self.task_trace is not None:
            return self.task_trace.tasks.most_cycles
        factor = 1.0 if self.heavy_tasks is None else max(1.0, self.heavy_tasks.factor)
        return self.cycles_range[1] * factor

    def replace(self, **overrides: Any) -> Self:
        """Return a copy with some fields changed.

        ``server_hz`` clears ``server_hz_range`` and vice versa, so do ``task_cycles`` and ``cycles_per_bit``;
        ``task_trace`` clears all fields that say what tasks there are. A name with a dot changes one field of an
        effect: ``replace(**{"energy.cost_s_per_j": 0.2})``.

        Raises:
            TypeError: an unknown field or a wrong type.
            ValueError: an impossible value.
        """
        names = [field.name for field in dataclasses.fields(self)]
        values = {name: getattr(self, name) for name in names}
        changed: dict[str, Any] = {}
        for name, value in overrides.items():
            effect, dot, part = name.partition(".")
            if effect not in (FIELDS if dot else names):
                fail_unknown("effect with fields" if dot else "field", effect, FIELDS if dot else names, TypeError)
            if dot:
                old = changed.get(effect, values[effect])
                if not isinstance(old, dict):
                    old = check_effect(effect, old, FIELDS[effect])
                    old = {} if old is None else old.given()
                changed[effect] = old | {part: value}
            else:
                changed[name] = value
        overrides = changed
        if overrides.get("server_hz") is not None:
            values.update(server_hz_range=None, num_servers=None)
        elif overrides.get("server_hz_range") is not None:
            values.update(server_hz=None)
        if overrides.get("task_cycles") is not None:
            values.update(cycles_per_bit=None)
        elif overrides.get("cycles_per_bit") is not None:
            values.update(task_cycles=None)
        if overrides.get("task_trace") is not None:
            values.update(dict.fromkeys(CLASHES), task_bits=type(self).task_bits)
        return type(self)(**(values | overrides))
