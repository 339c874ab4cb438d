"""Registration of every scenario in the registries of PettingZoo and Gymnasium.

* ``pettingzoo.make("parallel", "edgeoffload/<scenario>-v0")``, and "aec": PettingZoo 1.27 and later have a registry.
* ``gymnasium.make("edgeoffload/<scenario>-central-v0")``: one learner in charge of all users.

Importing the package registers them: ``import edgeoffload_env`` comes before ``pettingzoo.make``, whose ids name no
module. Gymnasium imports it itself for ``gymnasium.make("edgeoffload_env:edgeoffload/<scenario>-central-v0")``.
"""

import gymnasium
import pettingzoo

from edgeoffload_env import scenarios

NAMESPACE = "edgeoffload"
_MODULE = "edgeoffload_env.edgeoffload_v0"
_ENTRY_POINTS = {"parallel": f"{_MODULE}:parallel_env", "aec": f"{_MODULE}:env"}
_CENTRAL = "edgeoffload_env.views.central:EdgeOffloadCentralEnv"


def register_all() -> None:
    """Register all scenarios, each once: a second registration warns, and modules may be loaded twice."""
    for name in scenarios.names():
        kwargs = {"scenario": name}
        central = f"{NAMESPACE}/{name}-central-v0"
        if central not in gymnasium.registry:
            gymnasium.register(central, entry_point=_CENTRAL, kwargs=kwargs)
        for env_type, entry_point in _ENTRY_POINTS.items():
            if hasattr(pettingzoo, "register") and not _pettingzoo_has(env_type, f"{NAMESPACE}/{name}-v0"):
                pettingzoo.register(env_type, f"{NAMESPACE}/{name}-v0", entry_point=entry_point, kwargs=kwargs)


def _pettingzoo_has(env_type: str, env_id: str) -> bool:
    from pettingzoo.env_registry.exceptions import PettingZooRegistryError

    try:
        pettingzoo.spec(env_type, env_id)
    except PettingZooRegistryError:
        return False
    return True
