"""EdgeOffload: multi-agent task offloading in edge computing, as PettingZoo environments."""

from edgeoffload_env import edgeoffload_v0, scenarios
from edgeoffload_env.config import EdgeOffloadConfig

__version__ = "0.1.0"
__all__ = ["EdgeOffloadConfig", "edgeoffload_v0", "scenarios"]
