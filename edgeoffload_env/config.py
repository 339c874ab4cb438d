"""Configuration: the constants of the game in one frozen, validated dataclass, in SI units."""

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from edgeoffload_env._validation import (
    check_bool,
    check_choice,
    check_float,
    check_floats,
    check_int,
    check_range,
    fail,
    fail_unknown,
)
from edgeoffload_env.model import channel
from edgeoffload_env.model.effects import FIELDS, KINDS, Arrivals, Deadline, Effect, Energy, Failures, HeavyTasks
from edgeoffload_env.model.effects.channel import Channel
from edgeoffload_env.model.effects.cloud import check_latency
from edgeoffload_env.model.effects.effect import check_effect
from edgeoffload_env.model.effects.levels import Levels
from edgeoffload_env.model.effects.mobility import Mobility
from edgeoffload_env.model.effects.trace import CLASHES, TaskTrace, check_alone
from edgeoffload_env.model.path_loss import path_gain_bounds
from edgeoffload_env.model.schema import Schema, make_schema

PAPER_TASK_CYCLES = (800e6, 1200e6)
"""Table 2's cycles of a task."""
PAPER_SERVER_HZ = (12e9, 14e9, 16e9, 18e9, 20e9)
"""Figure 8's five servers."""

# Within these bounds sums and squares of times, and ratios, neither overflow nor vanish in float32
LARGEST_S = 1e18
SMALLEST_SNR, LARGEST_SNR = 1e-30, 3e38
_MOST_CYCLES = 1e16
_SPEED = (1.0, 1e15, "cycles/s")


class Extremes(NamedTuple):
    """Upper bounds of times, and the extremes of the signal to noise ratio in (5)."""

    queue_s: float
    """Longest queue: all tasks of all slots at the slowest server, none served."""
    local_s: float
    upload_s: float
    """With all users on the channel."""
    least_snr: float
    most_snr: float


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
        for name, value in self._checked().items():
            object.__setattr__(self, name, value)
        self._check_together()

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

    def _checked(self) -> dict[str, Any]:
        """Validate each field by itself and return the values in their stored types."""
        server_hz, server_hz_range, num_servers = self.server_hz, self.server_hz_range, self.num_servers
        if server_hz is not None and server_hz_range is not None:
            fail("server_hz", server_hz, f"None where server_hz_range is given (it is {server_hz_range!r})")
        if server_hz_range is None:
            server_hz = check_floats("server_hz", PAPER_SERVER_HZ if server_hz is None else server_hz, *_SPEED)
            if num_servers is not None and check_int("num_servers", num_servers, 1, 10_000) != len(server_hz):
                fail("num_servers", num_servers, f"{len(server_hz)}, the number of speeds in server_hz = {server_hz!r}")
            num_servers = len(server_hz)
        else:
            server_hz_range = check_range("server_hz_range", server_hz_range, *_SPEED)
            num_servers = check_int("num_servers", num_servers, 1, 10_000)
        forward_bps: float | tuple[float, ...]
        if isinstance(self.forward_bps, tuple | list | np.ndarray):
            forward_bps = check_floats("forward_bps", self.forward_bps, 1.0, 1e18, "bit/s")
        else:
            forward_bps = check_float("forward_bps", self.forward_bps, 1.0, 1e18, "bit/s")
        task_cycles, cycles_per_bit = self.task_cycles, self.cycles_per_bit
        if task_cycles is not None and cycles_per_bit is not None:
            fail("task_cycles", task_cycles, f"None where cycles_per_bit is given (it is {cycles_per_bit!r})")
        task_bits = check_range("task_bits", self.task_bits, 1.0, 1e14, "bit")
        if self.task_trace is not None:
            check_alone(self, task_bits)
        elif cycles_per_bit is None:
            task_cycles = PAPER_TASK_CYCLES if task_cycles is None else task_cycles
            task_cycles = check_range("task_cycles", task_cycles, 1.0, _MOST_CYCLES, "CPU cycles")
        else:
            cycles_per_bit = check_range("cycles_per_bit", cycles_per_bit, 1e-9, 1e15, "CPU cycles")
        return {
            **{name: check_effect(name, getattr(self, name), kind) for name, kind in FIELDS.items()},
            "num_users": check_int("num_users", self.num_users, 1, 1_000_000),
            "server_hz": server_hz,
            "server_hz_range": server_hz_range,
            "num_servers": num_servers,
            "device_hz": check_range("device_hz", self.device_hz, *_SPEED),
            "task_bits": task_bits,
            "task_cycles": task_cycles,
            "cycles_per_bit": cycles_per_bit,
            "bandwidth_hz": check_float("bandwidth_hz", self.bandwidth_hz, 1.0, 1e13, "Hz"),
            "tx_power_w": check_float("tx_power_w", self.tx_power_w, 1e-9, 1e6, "W"),
            "noise_dbm_per_hz": check_float("noise_dbm_per_hz", self.noise_dbm_per_hz, -250.0, 0.0, "dBm/Hz"),
            "forward_bps": forward_bps,
            "cell_radius_m": check_float("cell_radius_m", self.cell_radius_m, 1.0, 1e6, "m"),
            "min_distance_m": check_float("min_distance_m", self.min_distance_m, 0.1, 1e6, "m"),
            "channel_sharing": check_choice("channel_sharing", self.channel_sharing, ("active", "all")),
            "slot_s": check_float("slot_s", self.slot_s, 1e-9, 1e9, "s"),
            "initial_load_s": check_range("initial_load_s", self.initial_load_s, 0.0, 1e9, "s"),
            "delay_weight": check_float("delay_weight", self.delay_weight, 0.0, 1e6),
            "balance_weight": check_float("balance_weight", self.balance_weight, 0.0, 1e6),
            "reward_sharing": check_float("reward_sharing", self.reward_sharing, 0.0, 1.0),
            "max_cycles": check_int("max_cycles", self.max_cycles, 1, 10**15),
            "observation": check_choice("observation", self.observation, ("full", "load")),
            "device_queue": check_bool("device_queue", self.device_queue),
            "uplink_queue": check_bool("uplink_queue", self.uplink_queue),
            "forward_latency_s": check_latency(self.forward_latency_s),
            "elastic_servers": check_int("elastic_servers", self.elastic_servers, 0, num_servers - 1),
            "result_ratio": check_float("result_ratio", self.result_ratio, 0.0, 1e6),
            "downlink_bps": check_float("downlink_bps", self.downlink_bps, 1.0, 1e18, "bit/s"),
            "queue_clock": check_choice("queue_clock", self.queue_clock, ("slot", "continuous")),
            "deadline_weight": check_float("deadline_weight", self.deadline_weight, 0.0, 1e6),
            "energy_weight": check_float("energy_weight", self.energy_weight, 0.0, 1e6),
            "extra_effects": self._checked_effects(),
        }

    def _checked_effects(self) -> tuple[Effect, ...]:
        expected = "a tuple of effects"
        if not isinstance(self.extra_effects, tuple | list):
            fail("extra_effects", self.extra_effects, expected, TypeError)
        for effect in self.extra_effects:
            if not isinstance(effect, Effect):
                fail("an item of extra_effects", effect, "an instance of edgeoffload_env.effects.Effect", TypeError)
            if isinstance(effect, KINDS):
                expected = f"an effect of your own; {type(effect).__name__} has a field of the configuration"
                fail("an item of extra_effects", effect, expected)
        return tuple(self.extra_effects)

    def _check_together(self) -> None:
        """Check the fields against each other."""
        if not self.most_cycles <= _MOST_CYCLES:
            name = "heavy_tasks" if self.cycles_range[1] <= _MOST_CYCLES else "cycles_per_bit"
            fail(name, getattr(self, name), f"such that a task has at most {_MOST_CYCLES:g} CPU cycles")
        for name in ("deadline", "energy"):
            weight = getattr(self, f"{name}_weight")
            if getattr(self, name) is None and weight != 1.0:
                fail(f"{name}_weight", weight, f"1.0 where {name} is None")
        for effect in self.schema.effects:
            effect.check(self)
        for name, noun in (("forward_bps", "rate"), ("forward_latency_s", "latency")):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != self.servers - 1:
                fail(name, value, f"one {noun}, or {self.servers - 1}: one for each of servers 2..M")
        if self.min_distance_m > self.cell_radius_m:
            fail("min_distance_m", self.min_distance_m, f"at most cell_radius_m = {self.cell_radius_m!r}")
        worst = self.worst_case(gains=self.gain_bounds)
        if not SMALLEST_SNR <= worst.least_snr <= worst.most_snr <= LARGEST_SNR:
            bounds = f"{SMALLEST_SNR:g} at the edge of the cell and {LARGEST_SNR:g} near the eNB"
            name = "tx_power_w" if self.tx_powers_w == (self.tx_power_w,) else "levels"
            fail(name, getattr(self, name), f"such that the signal to noise ratio lies between {bounds}")
        for name, seconds in (("task_cycles", worst.queue_s + worst.local_s), ("task_bits", worst.upload_s)):
            if not seconds <= LARGEST_S:
                name = name if self.task_trace is None else "task_trace"
                fail(name, getattr(self, name), f"small enough, at these speeds, to keep delays below {LARGEST_S:g} s")
        largest = self.largest_balance_weight(worst.queue_s)
        if not self.balance_weight <= largest:
            fail("balance_weight", self.balance_weight, f"at most {largest:g} with these queues")

    def worst_case(
        self,
        *,
        gains: tuple[float, float],
        task_bits: float = 0.0,
        task_cycles: float = 0.0,
        device_hz: float = math.inf,
        server_hz: float = math.inf,
        load_s: float = 0.0,
    ) -> Extremes:
        """Bound the times and ratios of an episode.

        Args:
            gains: the least and the greatest channel gain.
            task_bits: the longest task.
            task_cycles: the heaviest task.
            device_hz: the slowest device.
            server_hz: the slowest server.
            load_s: the servers' loads together.
        """
        bits, cycles = max(task_bits, self.most_bits), max(task_cycles, self.most_cycles)
        slots = min(self.max_cycles, 10**6)  # an overflow later than that does not justify refusing long episodes
        radio = {"bandwidth_hz": self.bandwidth_hz, "noise_w_per_hz": self.noise_w_per_hz}
        least_w, most_w = self.tx_powers_w[0], self.tx_powers_w[-1]
        slowest_bps = channel.uplink_rate_bps(self.num_users, np.asarray(gains[0]), tx_power_w=least_w, **radio, xp=np)
        return Extremes(
            queue_s=self.num_users * slots * cycles / min(server_hz, self.speed_bounds_hz[0])
            + max(load_s, self.initial_load_s[1]),
            local_s=cycles / min(device_hz, self.device_hz[0]),
            upload_s=bits / float(slowest_bps) if slowest_bps > 0.0 else math.inf,
            least_snr=float(channel.snr(1, gains[0], tx_power_w=least_w, **radio)),
            most_snr=float(channel.snr(self.num_users, gains[1], tx_power_w=most_w, **radio)),
        )

    def has_usable_gains(self, gains: tuple[float, float]) -> bool:
        """Whether ratios and delays stay finite and positive in float32 from the least to the greatest channel gain."""
        worst = self.worst_case(gains=gains)
        return SMALLEST_SNR <= worst.least_snr <= worst.most_snr <= LARGEST_SNR and worst.upload_s <= LARGEST_S

    def largest_balance_weight(self, queue_s: float) -> float:
        """Return the largest w2 that keeps rewards, and their sum where they are shared, finite at that queue."""
        largest = LARGEST_S**2 if self.reward_sharing == 0.0 else min(LARGEST_S**2, 3e38 / self.num_users)
        return largest / queue_s**2
