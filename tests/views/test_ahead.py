"""Drawing ahead: the first slot is drawn with the others."""

from dataclasses import dataclass

import numpy as np

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0
from edgeoffload_env.effects import Effect, Quantity


@dataclass(frozen=True, kw_only=True)
class FirstTask(Effect):
    """A queue that starts with the length of the first task."""

    def quantities(self):
        return (Quantity(name="first_bits", unit="bit", scope="user", kind="state", queue=True, text="first L_n"),)

    def start(self, fields, config, *, xp):
        return {"first_bits": fields["task_bits"]}

    def after_serve(self, slot):
        slot.next["first_bits"] = slot.snapshot["first_bits"]


def test_queues_start_from_the_tasks_of_the_first_slot():
    env = edgeoffload_v0.parallel_env(EdgeOffloadConfig(extra_effects=(FirstTask(),)))
    env.reset(seed=4)
    snapshot = env.snapshot()
    assert np.array_equal(snapshot["first_bits"], snapshot["task_bits"])
