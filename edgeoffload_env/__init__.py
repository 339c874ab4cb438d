"""EdgeOffload: multi-agent task offloading in edge computing, as PettingZoo environments."""

import edgeoffload_env._interrupts  # noqa: F401  (first: it decides what Ctrl-C does during the other imports)
from edgeoffload_env import edgeoffload_v0, effects, observation, policies, scenarios, tables
from edgeoffload_env._version import __version__
from edgeoffload_env.config import EdgeOffloadConfig
from edgeoffload_env.evaluation import Evaluation, evaluate
from edgeoffload_env.registration import register_all

__all__ = [
    "EdgeOffloadConfig",
    "Evaluation",
    "__version__",
    "edgeoffload_v0",
    "effects",
    "evaluate",
    "observation",
    "policies",
    "scenarios",
    "tables",
]

register_all()
