"""Base of the RLlib configurations of joint algorithms, made from their hyper-parameters."""

import dataclasses
import inspect
from typing import Any, ClassVar, Self

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from edgeoffload_env import scenarios
from edgeoffload_env._validation import check_int, fail, fail_unknown
from recipes.envs.make_envs import game_of
from recipes.joint.algorithm import JointAlgorithm
from recipes.joint.env_runner import BatchedEnvRunner
from recipes.joint.hyperparameters import JointHyperparameters
from recipes.joint.learner import JointLearner
from recipes.joint.rl_module import JointModule
from recipes.joint.rllib_learner import RLlibLearner
from recipes.rllib.adapter import env_id
from recipes.rllib.fault_reporting import PROBE_TIMEOUT_S

_HORIZON = "total_env_steps"


class JointConfig(AlgorithmConfig):  # type: ignore[misc]  # RLlib carries no types
    """Base of the joint algorithms' configurations; :func:`recipes.configs.config_class` makes them.

    Every hyper-parameter is an attribute with the same default as on the command line, and :meth:`training` sets it.
    Hyper-parameters that change over the training do so within ``total_env_steps``, by default the algorithm's default
    run length. An iteration plays ``min_sample_timesteps_per_iteration`` env steps (1,000).
    """

    algorithm_base: ClassVar[type[JointAlgorithm]]
    learner_base: ClassVar[type[JointLearner]]
    module_type: ClassVar[type[JointModule]] = JointModule
    hyperparameters_type: ClassVar[type[JointHyperparameters]]
    learner_type: ClassVar[type[JointLearner]]
    default_env_steps: ClassVar[int]
    fixed_env: ClassVar[dict[str, Any]]
    """Fields of the environment that define the algorithm."""
    algorithm_type: ClassVar[type[JointAlgorithm]]

    def __init__(self, algo_class: Any = None) -> None:
        super().__init__(algo_class=algo_class or self.algorithm_type)
        self.env_runner_cls = BatchedEnvRunner
        self.num_env_runners = 0
        self.rollout_fragment_length = "auto"
        self.min_sample_timesteps_per_iteration = 1_000
        self.env_config = dict(self.fixed_env)
        self.game = 0
        self.total_env_steps = self.default_env_steps
        self._dont_auto_sync_env_runner_states = True  # there are no connectors
        self.env_runner_health_probe_timeout_s = PROBE_TIMEOUT_S
        for name, default in vars(self.hyperparameters_type()).items():
            setattr(self, name, default)

    def training(self, **options: Any) -> Self:
        """Set hyper-parameters, ``total_env_steps``, and what RLlib's ``AlgorithmConfig.training`` takes.

        Raises:
            TypeError: an unknown name.
        """
        own = [field.name for field in dataclasses.fields(self.hyperparameters_type)] + [_HORIZON]
        rllibs = [name for name in inspect.signature(AlgorithmConfig.training).parameters if name != "self"]
        for name in options:
            if name not in own and name not in rllibs:
                fail_unknown("hyper-parameter", name, own, TypeError)
        super().training(**{name: value for name, value in options.items() if name not in own})
        for name in own:
            if name in options:
                setattr(self, name, options[name])
        return self

    @property
    def hyperparameters(self) -> JointHyperparameters:
        """The hyper-parameters, validated.

        Raises:
            TypeError, ValueError: the message names the field, the value and what is allowed.
        """
        fields = dataclasses.fields(self.hyperparameters_type)
        return self.hyperparameters_type(**{field.name: getattr(self, field.name) for field in fields})

    def environment(self, *args: Any, **kwargs: Any) -> Self:
        """Set the environment, as in RLlib.

        Raises:
            ValueError: a field of it has another value than the algorithm is defined by.
        """
        super().environment(*args, **kwargs)
        for name, value in self.fixed_env.items():
            if self.env_config[name] != value:
                fail(f"env.{name}", self.env_config[name], f"{value}, which defines {self.algorithm_type.__name__}")
        return self

    def validate(self) -> None:
        """Validate every field.

        Raises:
            TypeError, ValueError: the message names the field, the value and what is allowed.
        """
        for name, value in vars(self.hyperparameters).items():
            setattr(self, name, value)  # in its stored type
        check_int(_HORIZON, self.total_env_steps, 1, 10**12)
        self.num_gpus_per_learner: float = 0 if self.device == "cpu" else 1
        super().validate()
        if self.num_learners:
            fail("num_learners", self.num_learners, "0: the learner runs in the process that collects transitions")
        if (game := game_of(self.env, self.env_config)) is not None:
            others = {name: scenarios.configure(name) for name in getattr(self, "also", None) or ()}
            self.hyperparameters.check_games({self.env: game} | others)
        if self.num_env_runners and self.other_games():
            fail("num_env_runners", self.num_env_runners, "0 where several scenarios are trained on")

    def exploration(self, env_steps: int) -> tuple[float, float]:
        """Return epsilon and the scale of the noise of :meth:`.ActingNetwork.explore` after some env steps."""
        raise NotImplementedError

    def other_games(self) -> list[Self]:
        """Return the configurations of the games trained on beside ``env``, without the arguments of ``env_config``."""
        configs = []
        for game, name in enumerate(getattr(self, "also", None) or (), start=1):
            config = self.copy(copy_frozen=False)
            config.env_config = dict(self.fixed_env)
            config.environment(env_id(name))
            config.game = game
            configs.append(config)
        return configs

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """Return the module of all users."""
        return RLModuleSpec(module_class=self.module_type)

    def get_default_learner_class(self) -> Any:
        """Return RLlib's learner around the algorithm's own."""
        return RLlibLearner

    @property
    def _model_config_auto_includes(self) -> dict[str, Any]:
        return {
            **super()._model_config_auto_includes,
            "learner": self.learner_type,
            "hyperparameters": self.hyperparameters,
            "network_seed": self.seed,
            "game": game_of(self.env, self.env_config),
        }
