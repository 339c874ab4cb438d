"""Effects for :class:`.EdgeOffloadConfig`, and what an effect of your own is made of.

See the guide "Add an effect".
"""

from edgeoffload_env._validation import check_choice, check_float, check_int, check_range
from edgeoffload_env.model.effects import Effect
from edgeoffload_env.model.features import centred, squashed
from edgeoffload_env.model.metrics import slot_mean
from edgeoffload_env.model.quantities import Feature, Metric, Process, Quantity, RewardTerm
from edgeoffload_env.model.slot import Slot

__all__ = [
    "Effect",
    "Feature",
    "Metric",
    "Process",
    "Quantity",
    "RewardTerm",
    "Slot",
    "check_choice",
    "check_float",
    "check_int",
    "check_range",
    "centred",
    "slot_mean",
    "squashed",
]
