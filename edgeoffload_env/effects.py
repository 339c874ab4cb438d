"""Effects for :class:`.EdgeOffloadConfig`, and what an effect of your own is made of.

See the guide "Add an effect".
"""

from edgeoffload_env._validation import check_choice, check_float, check_int, check_range
from edgeoffload_env.example_trace import EXAMPLE_TRACE
from edgeoffload_env.model.effects import Arrivals, Deadline, Effect, Energy, Failures, HeavyTasks
from edgeoffload_env.model.effects.channel import Channel
from edgeoffload_env.model.effects.levels import Levels
from edgeoffload_env.model.effects.mobility import Mobility
from edgeoffload_env.model.effects.trace import TaskTrace
from edgeoffload_env.model.features import centred, squashed
from edgeoffload_env.model.metrics import slot_mean, task_mean
from edgeoffload_env.model.quantities import Feature, Metric, Process, Quantity, RewardTerm
from edgeoffload_env.model.slot import Slot

__all__ = [
    "Arrivals",
    "Channel",
    "Deadline",
    "Effect",
    "Energy",
    "Failures",
    "Feature",
    "HeavyTasks",
    "Levels",
    "Metric",
    "Mobility",
    "Process",
    "Quantity",
    "RewardTerm",
    "Slot",
    "TaskTrace",
    "EXAMPLE_TRACE",
    "check_choice",
    "check_float",
    "check_int",
    "check_range",
    "centred",
    "slot_mean",
    "squashed",
    "task_mean",
]
