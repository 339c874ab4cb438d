"""RLlib's learner around an algorithm's own, without RLlib's connectors, which cost more than an update does."""

from typing import Any

import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from recipes.envs.make_envs import game_of
from recipes.joint.learner import JointLearner
from recipes.rllib.nan_guard import require_finite

_GENERATOR = "learner_generator"


class RLlibLearner(TorchLearner):  # type: ignore[misc]  # RLlib carries no types
    """Hands batches of joint transitions, tensors on the right device already, to the algorithm's own learner.

    Attributes:
        learner: the algorithm's own, of the class ``config.learner_type``.
        networks: RLlib's module with all networks.
    """

    learner: JointLearner

    def build(self) -> None:
        """Build the module, the algorithm's learner and its optimisers."""
        super().build()
        self.networks = self.module[DEFAULT_MODULE_ID]

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Make the algorithm's learner, and register its optimisers with RLlib, which stores them in checkpoints."""
        generator = torch.Generator(self.device)
        if self.config.seed is None:
            generator.seed()
        else:
            generator.manual_seed(self.config.seed + 2)
        self.learner = self.config.learner_type(
            self.config.hyperparameters,
            self.module[module_id],
            total_env_steps=self.config.total_env_steps,
            generator=generator,
            check_loss=require_finite,
            games=[game_of(config.env, config.env_config) for config in (self.config, *self.config.other_games())],
        )
        for name, optimizer in self.learner.optimizers.items():
            self.register_optimizer(
                module_id=module_id,
                optimizer_name=name,
                optimizer=optimizer,
                params=self.learner.parameters(name),
            )

    def update(
        self,
        batch: Any = None,
        *,
        training_data: Any = None,
        timesteps: Any = None,
        game: int = 0,
        **_: Any,
    ) -> Any:
        """Run one update.

        Args:
            batch: transitions, as the algorithm's learner takes them.
            training_data: the same, as a ``LearnerGroup`` passes it.
            timesteps: ``NUM_ENV_STEPS_SAMPLED_LIFETIME`` so far, for schedules.
            game: which of the games the transitions are of.
        """
        self._weights_seq_no += 1
        transitions = training_data.batch if batch is None else batch
        self.learner.learn(transitions, (timesteps or {}).get(NUM_ENV_STEPS_SAMPLED_LIFETIME, 0), game)
        return {}

    def get_metrics(self) -> Any:
        """Log the means over the updates since the last call."""
        means, updates = self.learner.take_metrics()
        for name, value in means.items():
            self.metrics.log_value((DEFAULT_MODULE_ID, name), value, window=1)
        self.metrics.log_value((DEFAULT_MODULE_ID, "num_updates_lifetime"), updates, reduce="lifetime_sum")
        return self.metrics.reduce()

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return RLlib's state with the generator's."""
        state: dict[str, Any] = super().get_state(*args, **kwargs)
        state[_GENERATOR] = self.learner.generator.get_state().cpu().numpy().copy()
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state that :meth:`get_state` returned."""
        super().set_state(state)
        if _GENERATOR in state:
            self.learner.generator.set_state(torch.from_numpy(state[_GENERATOR].copy()))

    def compute_loss_for_module(self, **_: Any) -> Any:
        """Raise: the algorithm's learner computes its losses itself."""
        raise NotImplementedError
