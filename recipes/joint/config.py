"""Configurations of the joint off-policy algorithms, as RLlib's users build and tune them.

``DTOMALBConfig().environment("edgeoffload/paper-v0", env_config={"num_users": 5}).training(lr=1e-3).build_algo()``,
and in ``tune.Tuner`` as any other.
"""

from typing import Any, Self

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig, NotProvided
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from edgeoffload_env._validation import check_choice, check_float, check_int, fail
from recipes.joint.critics import KINDS
from recipes.joint.env_runner import JointEnvRunner
from recipes.joint.schedule import Schedule
from recipes.rllib.fault_reporting import PROBE_TIMEOUT_S

_MOST = 10**12


class JointOffPolicyConfig(AlgorithmConfig):  # type: ignore[misc]  # RLlib carries no types
    """What all of them share. Schedules are a number or points (env steps, value) with lines between them.

    Beside RLlib's own ``gamma``, ``lr`` (a schedule), ``grad_clip`` (the norm of each user's gradients) and
    ``train_batch_size_per_learner`` (joint rows), :meth:`training` sets:

    * ``env_steps_per_update``: env steps, over all games, between two updates;
    * ``num_steps_sampled_before_learning_starts``: env steps before the first;
    * ``replay_capacity``: joint rows kept;
    * ``tau``: how far targets move at each update;
    * ``hidden``: units of each hidden layer (ReLU);
    * ``share_actors``: all users act with one network that sees a one-hot of the user;
    * ``epsilon``: share of random actions, a schedule;
    * ``exploration_noise``: scale of the Gumbel noise added to what an action is chosen by;
    * ``reward_scale``: what rewards are multiplied by before they are learned from;
    * ``huber``: errors of values beyond 1 count linearly, not squared;
    * ``device``: "cpu", or "cuda" to keep games, replay and learner on the GPU.

    An iteration plays ``min_sample_timesteps_per_iteration`` env steps (1,000).
    """

    kind = "per-user"

    def __init__(self, algo_class: Any = None) -> None:
        super().__init__(algo_class=algo_class)
        self.env_runner_cls = JointEnvRunner
        self.num_env_runners = 0
        self.num_envs_per_env_runner = 16
        self.rollout_fragment_length = 1
        self.min_sample_timesteps_per_iteration = 1_000
        self.train_batch_size_per_learner = 512
        self.gamma = 0.9
        self.lr = 1e-3
        self.grad_clip = None
        self.env_steps_per_update = 16
        self.num_steps_sampled_before_learning_starts = 1_000
        self.replay_capacity = 100_000
        self.tau = 0.01
        self.hidden: tuple[int, ...] = (64, 64)
        self.share_actors = False
        self.epsilon: Schedule = 0.05
        self.exploration_noise = 1.0
        self.reward_scale = 1.0
        self.huber = False
        self.device = "cpu"
        self._dont_auto_sync_env_runner_states = True  # there are no connectors
        self.env_runner_health_probe_timeout_s = PROBE_TIMEOUT_S

    def training(
        self,
        *,
        env_steps_per_update: int = NotProvided,
        num_steps_sampled_before_learning_starts: int = NotProvided,
        replay_capacity: int = NotProvided,
        tau: float = NotProvided,
        hidden: tuple[int, ...] = NotProvided,
        share_actors: bool = NotProvided,
        epsilon: Schedule = NotProvided,
        exploration_noise: float = NotProvided,
        reward_scale: float = NotProvided,
        huber: bool = NotProvided,
        device: str = NotProvided,
        **kwargs: Any,
    ) -> Self:
        """Set what the class's docstring lists, and RLlib's own fields."""
        super().training(**kwargs)
        return self._set(
            env_steps_per_update=env_steps_per_update,
            num_steps_sampled_before_learning_starts=num_steps_sampled_before_learning_starts,
            replay_capacity=replay_capacity,
            tau=tau,
            hidden=hidden,
            share_actors=share_actors,
            epsilon=epsilon,
            exploration_noise=exploration_noise,
            reward_scale=reward_scale,
            huber=huber,
            device=device,
        )

    def validate(self) -> None:
        """Check every field.

        Raises:
            TypeError, ValueError: the message names the field, the value and what is allowed.
        """
        self.num_gpus_per_learner: float = 0 if self.device == "cpu" else 1
        super().validate()
        if self.num_learners:
            fail("num_learners", self.num_learners, "0: the learner runs beside the replay")
        for name in ("env_steps_per_update", "replay_capacity", "train_batch_size_per_learner"):
            check_int(name, getattr(self, name), 1, _MOST)
        check_int("num_steps_sampled_before_learning_starts", self.num_steps_sampled_before_learning_starts, 0, _MOST)
        check_float("tau", self.tau, 0.0, 1.0)
        check_float("gamma", self.gamma, 0.0, 1.0)
        check_float("exploration_noise", self.exploration_noise, 0.0, 1e6)
        check_float("reward_scale", self.reward_scale, 1e-9, 1e9)
        self._check_sizes("hidden")
        self._check_schedule("epsilon", 0.0, 1.0)
        self._check_schedule("lr", 0.0, 1.0)

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """The module of all users."""
        from recipes.joint.modules import JointModule

        return RLModuleSpec(module_class=JointModule)

    def learning_rate_of(self, network: str) -> Schedule:
        """The learning rate of one of the module's networks."""
        rate: Schedule = self.lr
        return rate

    @property
    def _model_config_auto_includes(self) -> dict[str, Any]:
        return {
            **super()._model_config_auto_includes,
            "kind": self.kind,
            "hidden": tuple(self.hidden),
            "share_actors": self.share_actors,
            "network_seed": self.seed,
        }

    def _set(self, **fields: Any) -> Self:
        for name, value in fields.items():
            if value is not NotProvided:
                setattr(self, name, value)
        return self

    def _check_sizes(self, name: str) -> None:
        sizes = getattr(self, name)
        if not isinstance(sizes, tuple | list) or not sizes:
            fail(name, sizes, "units of one hidden layer or more, such as (64, 64)", TypeError)
        for size in sizes:
            check_int(name, size, 1, 10**6)

    def _check_schedule(self, name: str, low: float, high: float) -> None:
        schedule = getattr(self, name)
        points = schedule if isinstance(schedule, tuple | list) else [(0, schedule)]
        steps = [check_int(f"env steps of {name}", step, 0, _MOST) for step, _ in points]
        for _, value in points:
            check_float(name, value, low, high)
        if not points or steps != sorted(set(steps)) or steps[0] != 0:
            fail(name, schedule, "a number, or points (env steps, value) that begin at 0 and ascend")


class DTOMALBConfig(JointOffPolicyConfig):
    """DTOMALB (Table 1): MADDPG for discrete actions by straight-through Gumbel-Softmax, on any parallel game.

    :meth:`training` also sets:

    * ``actor_gradient``: "straight-through" (the paper's), or "exact": the expectation over the user's own actions;
    * ``target_actions``: a' of (32) and (35) as the target actors' "greedy" choice, or "sampled" from their softmax;
    * ``temperature``: of the Gumbel-Softmax, a schedule;
    * ``entropy_bonus``: weight of the actors' entropy, a schedule;
    * ``actor_lr``, ``critic_lr``: schedules in place of ``lr``;
    * ``critic_hidden``: in place of ``hidden``;
    * ``critic``: "separate" (the paper's: one for each user), "shared" (one that sees a one-hot of the user), "pooled"
      (one that treats users alike, over everyone's observations) or "team" (the same with one value for all);
    * ``normalize_advantages``: actors follow advantages over their policy's mean, in units of their root mean square;
    * ``actor_batch_size``: of the batch's rows, how many the actors learn from; None for all.
    """

    def __init__(self, algo_class: Any = None) -> None:
        from recipes.joint.algorithm import DTOMALB

        super().__init__(algo_class=algo_class or DTOMALB)
        self.actor_gradient = "straight-through"
        self.target_actions = "greedy"
        self.temperature: Schedule = 1.0
        self.entropy_bonus: Schedule = 0.0
        self.actor_lr: Schedule | None = None
        self.critic_lr: Schedule | None = None
        self.critic_hidden: tuple[int, ...] | None = None
        self.critic = "separate"
        self.normalize_advantages = False
        self.actor_batch_size: int | None = None

    def training(
        self,
        *,
        actor_gradient: str = NotProvided,
        target_actions: str = NotProvided,
        temperature: Schedule = NotProvided,
        entropy_bonus: Schedule = NotProvided,
        actor_lr: Schedule | None = NotProvided,
        critic_lr: Schedule | None = NotProvided,
        critic_hidden: tuple[int, ...] | None = NotProvided,
        critic: str = NotProvided,
        normalize_advantages: bool = NotProvided,
        actor_batch_size: int | None = NotProvided,
        **kwargs: Any,
    ) -> Self:
        """Set what the class's docstring lists."""
        super().training(**kwargs)
        return self._set(
            actor_gradient=actor_gradient,
            target_actions=target_actions,
            temperature=temperature,
            entropy_bonus=entropy_bonus,
            actor_lr=actor_lr,
            critic_lr=critic_lr,
            critic_hidden=critic_hidden,
            critic=critic,
            normalize_advantages=normalize_advantages,
            actor_batch_size=actor_batch_size,
        )

    def validate(self) -> None:
        """Check every field."""
        super().validate()
        check_choice("actor_gradient", self.actor_gradient, ("straight-through", "exact"))
        check_choice("critic", self.critic, KINDS)
        if self.actor_batch_size is not None:
            check_int("actor_batch_size", self.actor_batch_size, 1, _MOST)
        check_choice("target_actions", self.target_actions, ("greedy", "sampled"))
        self._check_schedule("temperature", 1e-3, 1e3)
        self._check_schedule("entropy_bonus", 0.0, 1e6)
        for name in ("actor_lr", "critic_lr"):
            if getattr(self, name) is not None:
                self._check_schedule(name, 0.0, 1.0)
        if self.critic_hidden is not None:
            self._check_sizes("critic_hidden")

    def get_default_learner_class(self) -> Any:
        """The learner of Table 1."""
        from recipes.joint.learners import ActorCriticLearner

        return ActorCriticLearner

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """Actors and critics."""
        from recipes.joint.modules import ActorCriticModule

        return RLModuleSpec(module_class=ActorCriticModule)

    def learning_rate_of(self, network: str) -> Schedule:
        """The actors' or the critics'."""
        own = self.actor_lr if network == "acting" else self.critic_lr
        return super().learning_rate_of(network) if own is None else own

    @property
    def _model_config_auto_includes(self) -> dict[str, Any]:
        return super()._model_config_auto_includes | {
            "critic_hidden": tuple(self.critic_hidden or self.hidden),
            "critic": self.critic,
        }
