"""EdgeOffload: multi-agent task offloading in edge computing, as PettingZoo environments."""

from edgeoffload_env import edgeoffload_v0, scenarios
from edgeoffload_env._version import __version__
from edgeoffload_env.config import EdgeOffloadConfig


__all__ = ["EdgeOffloadConfig", "__version__", "edgeoffload_v0", "scenarios"]
