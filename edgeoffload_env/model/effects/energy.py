"""Energy that tasks take from the users' batteries. See docs/effects.md."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edgeoffload_env._validation import fail
from edgeoffload_env.model import channel
from edgeoffload_env.model.channel import Array
from edgeoffload_env.model.effects.effect import Effect
from edgeoffload_env.model.metrics import task_mean
from edgeoffload_env.model.quantities import Metric, Quantity, RewardTerm

if TYPE_CHECKING:
    from edgeoffload_env.config import EdgeOffloadConfig

LARGEST_COST_S = 1e37
"""Largest cost of the energy of all users' tasks, so that rewards and their sums stay finite in float32."""
LARGEST_WAIT_S = 1e18
"""Longest delay that a game can have."""


def compute_j(switched_capacitance: float, device_hz: Array, task_cycles: Array) -> Array:
    """Energy of a task on the device: kappa f_local^2 C, joules, ``[B, N]``.

    Dynamic power of CMOS, kappa f^3 for C / f seconds; kappa = 1e-27 is usual in the literature on offloading.
    """
    return switched_capacitance * device_hz * device_hz * task_cycles


def offload_j(tx_power_w: Array | float, send_s: Array, idle_power_w: float, idle_s: Array) -> Array:
    """Energy of an offloaded task: p t_send + idle_power_w (t - t_up), joules, ``[B, N]``."""
    return tx_power_w * send_s + idle_power_w * idle_s


@dataclass(frozen=True, kw_only=True)
class Energy(Effect):
    """Users pay for the energy that their tasks take: cost_s_per_j E_n.

    Raises:
        TypeError, ValueError: a field of the wrong type or out of range; the message names it.
    """

    field: ClassVar[str] = "energy"
    example: ClassVar[dict[str, Any]] = {"cost_s_per_j": 0.2}

    cost_s_per_j: float
    """Cost of a joule, in seconds of delay."""
    switched_capacitance: float = 1e-27
    """kappa, J s^2 per cycle^3."""
    idle_power_w: float = 0.0
    """Power of a device that waits for its result."""

    def __post_init__(self) -> None:
        self._check_floats("s/J", cost_s_per_j=(0.0, 1e6))
        self._check_floats(switched_capacitance=(0.0, 1e-20))
        self._check_floats("W", idle_power_w=(0.0, 1e6))

    def check(self, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        local_j = compute_j(self.switched_capacitance, config.device_hz[1], config.most_cycles)
        if not self._largest_cost_s(local_j, config) <= LARGEST_COST_S:
            fail("energy", self, f"such that the energy of all tasks of a slot costs at most {LARGEST_COST_S:g} s")

    def check_snapshot(self, snapshot: Any, config: "EdgeOffloadConfig") -> None:
        """See :class:`.Effect`."""
        local_j = compute_j(self.switched_capacitance, snapshot["device_hz"], snapshot["task_cycles"]).max()
        if not self._largest_cost_s(local_j, config) <= LARGEST_COST_S:
            expected = f"such that the energy of all tasks costs at most {LARGEST_COST_S:g} s with these task_cycles"
            fail("snapshot field 'device_hz'", snapshot["device_hz"], expected)

    def _largest_cost_s(self, local_j: float, config: "EdgeOffloadConfig") -> float:
        """Bound the cost of a slot's energy: all users on their devices, or all waiting as long as can be."""
        offloaded_j = (config.tx_powers_w[-1] + self.idle_power_w) * LARGEST_WAIT_S
        weight = max(1.0, self.cost_s_per_j * max(1.0, config.energy_weight))
        return config.num_users * weight * max(local_j, offloaded_j)

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`.Effect`."""
        return (Quantity(name="energy_j", unit="J", scope="user", kind="info", text="energy of the task"),)

    def before_balance(self, slot: Any) -> None:
        """Measure each task's energy."""
        snapshot, outcome = slot.snapshot, slot.outcome
        local = compute_j(self.switched_capacitance, snapshot["device_hz"], slot.device_cycles)
        send_s = channel.upload_s(slot.bits, slot.rate_bps)
        offloaded_s = outcome["delay_s"] if slot.offloaded_s is None else slot.offloaded_s
        offloaded = offload_j(slot.tx_power_w, send_s, self.idle_power_w, offloaded_s - outcome["upload_s"])
        outcome["energy_j"] = local + slot.offloads * offloaded

    def reward_terms(self) -> tuple[RewardTerm, ...]:
        """See :class:`.Effect`."""
        return (
            RewardTerm(
                name="energy",
                text="cost_s_per_j E_n",
                cost=lambda infos: self.cost_s_per_j * infos["energy_j"],
                weight=lambda config: config.energy_weight,
            ),
        )

    def metrics(self) -> tuple[Metric, ...]:
        """See :class:`.Effect`."""
        return (
            Metric(
                name="energy_j",
                heading="energy (J)",
                text="mean energy of a task, joules; lower is better",
                accumulator=task_mean(lambda infos: infos["energy_j"]),
            ),
        )
