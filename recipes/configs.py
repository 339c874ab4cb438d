"""RLlib configurations of this package's own algorithms, made from their hyper-parameters.

``DTOMALBConfig().environment("edgeoffload/paper-v0", env_config={"num_users": 5}).training(lr=1e-3).build_algo()``,
and in ``tune.Tuner`` as any other.
"""

import functools
from typing import Any

from recipes import registry
from recipes.joint.config import JointConfig
from recipes.joint.hyperparameters import JointHyperparameters
from recipes.offpolicy.config import OffPolicyConfig
from recipes.onpolicy.config import OnPolicyConfig

_BASES: tuple[type[JointConfig], ...] = (OffPolicyConfig, OnPolicyConfig)


@functools.cache
def config_class(name: str) -> type[JointConfig]:
    """Make the RLlib configuration of an algorithm of the registry.

    Its fields, defaults, validation and documentation follow from the algorithm's ``Hyperparameters``. The file's
    ``Learner`` learns, off-policy or on-policy; its ``FIXED_ENV``, if it has one, holds fields of the environment that
    define the algorithm.
    """
    entry = registry.get(name)
    if entry.config is None:
        raise ValueError(f"the registry's entry of {name} names no RLlib configuration; add config=")
    module: Any = entry.load()
    (base,) = (base for base in _BASES if issubclass(module.Learner, base.learner_base))
    title = entry.config.removesuffix("Config")
    made: Any = type(
        entry.config,
        (base,),
        {
            "__module__": "recipes",  # which finds it again, so that it can be pickled
            "__doc__": _docstring(name, module.Hyperparameters),
            "hyperparameters_type": module.Hyperparameters,
            "learner_type": module.Learner,
            "default_env_steps": entry.env_steps,
            "fixed_env": getattr(module, "FIXED_ENV", {}),
        },
    )
    options = {
        "__module__": "recipes",
        "__qualname__": f"{entry.config}.algorithm_type",
        "__doc__": f"Trains ``{name}``; see :class:`recipes.{entry.config}`.",
        "get_default_config": classmethod(lambda cls: made()),
    }
    made.algorithm_type = type(title, (base.algorithm_base,), options)
    config: type[JointConfig] = made
    return config


def _docstring(name: str, hyperparameters: type[JointHyperparameters]) -> str:
    lines = [f"RLlib configuration of ``{name}``. :meth:`training` sets, with these defaults:", ""]
    lines += [f"* ``{field} = {default!r}``: {text}" for field, default, text in hyperparameters.described()]
    return "\n".join(lines)
