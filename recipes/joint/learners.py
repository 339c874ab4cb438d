"""RLlib learners without the connectors, conversions and metrics that cost more than the mathematics of an update."""

from typing import Any, ClassVar

import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME
from torch import Tensor

from recipes.joint import losses
from recipes.joint.networks import softmax
from recipes.joint.replay import Rows
from recipes.joint.schedule import value_at
from recipes.rllib.nan_guard import require_finite

_GENERATOR = "joint_generator"


class JointLearner(TorchLearner):  # type: ignore[misc]  # RLlib carries no types
    """One gradient step of each optimiser per ``update``, on joint rows that already are tensors of the right device.

    Subclasses name their networks in ``trained`` and say what is learned in :meth:`learn`.
    """

    trained: ClassVar[dict[str, tuple[str, str]]] = {}
    """For each optimiser: the module's trained network and its target."""

    def build(self) -> None:
        """Build the module and the optimisers."""
        super().build()
        self.networks = self.module[DEFAULT_MODULE_ID]
        self._generator = torch.Generator(self.device)
        if self.config.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(self.config.seed + 2)
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Adam for each trained network."""
        module = self.module[module_id]
        self._parameters = {name: list(getattr(module, name).parameters()) for name, _ in self.trained.values()}
        for name, parameters in self._parameters.items():
            optimizer = torch.optim.Adam(parameters, lr=self._rate(name, 0), fused=True)
            self.register_optimizer(module_id=module_id, optimizer_name=name, optimizer=optimizer, params=parameters)

    def update(self, batch: Rows | None = None, *, training_data: Any = None, timesteps: Any = None, **_: Any) -> Any:
        """One update.

        Args:
            batch: rows of the replay.
            training_data: the same, as a ``LearnerGroup`` hands it over.
            timesteps: ``NUM_ENV_STEPS_SAMPLED_LIFETIME`` so far, for what changes over the training.
        """
        rows = training_data.batch if batch is None else batch
        self._rows = rows
        self._weights_seq_no += 1
        self.learn(rows, (timesteps or {}).get(NUM_ENV_STEPS_SAMPLED_LIFETIME, 0))
        self._move_targets()
        self._count += 1
        return {}

    def learn(self, rows: Rows, env_steps: int) -> None:
        """The gradient steps of an update."""
        raise NotImplementedError

    def descend(self, name: str, loss: Tensor, env_steps: int) -> None:
        """A step of one network's optimiser down the gradient of a loss with respect to its parameters alone.

        Raises:
            NotFiniteError: the loss is NaN or infinite; nothing was learned from it.
        """
        require_finite(name, loss, self._rows._asdict())
        parameters = self._parameters[name]
        gradients = torch.autograd.grad(loss, parameters)
        if self.config.grad_clip is not None:
            clip_per_user(gradients, self.config.grad_clip)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.contiguous()  # fused Adam on the CPU misreads any other layout without a word
        optimizer = self.get_optimizer(DEFAULT_MODULE_ID, name)
        self._set_optimizer_lr(optimizer, self._rate(name, env_steps))
        optimizer.step()

    def error(self, values: Tensor, targets: Tensor) -> Tensor:
        """The loss of values, ``[N, batch]``: (35), or its robust variant."""
        return losses.huber_error(values, targets) if self.config.huber else losses.squared_error(values, targets)

    def report(self, name: str, value: Tensor) -> None:
        """Add to the mean that :meth:`get_metrics` logs."""
        value = value.detach()
        self._sums[name] = self._sums[name] + value if name in self._sums else value

    def get_metrics(self) -> Any:
        """Means over the updates since the last call, logged once."""
        for name, total in self._sums.items():
            self.metrics.log_value((DEFAULT_MODULE_ID, name), float(total) / self._count, window=1)
        self.metrics.log_value((DEFAULT_MODULE_ID, "num_updates_lifetime"), self._count, reduce="lifetime_sum")
        self._sums, self._count = {}, 0
        return self.metrics.reduce()

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """RLlib's, and the generator's."""
        state: dict[str, Any] = super().get_state(*args, **kwargs)
        state[_GENERATOR] = self._generator.get_state().cpu().numpy().copy()
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`get_state` gave."""
        super().set_state(state)
        if _GENERATOR in state:
            self._generator.set_state(torch.from_numpy(state[_GENERATOR].copy()))

    def compute_loss_for_module(self, **_: Any) -> Any:
        """Not how these learners work: each optimiser has a loss of its own."""
        raise NotImplementedError

    def _rate(self, name: str, env_steps: int) -> float:
        return value_at(self.config.learning_rate_of(name), env_steps)

    def _move_targets(self) -> None:
        """Line 20 of Table 1: theta' = tau theta + (1 - tau) theta'."""
        with torch.no_grad():
            for name, target in self.trained.values():
                follower = list(getattr(self.networks, target).parameters())
                torch._foreach_lerp_(follower, self._parameters[name], self.config.tau)


class ActorCriticLearner(JointLearner):
    """Lines 14 to 20 of Table 1 for all users at once, on one minibatch for all."""

    trained: ClassVar = {"critics": ("critics", "target_critics"), "actors": ("acting", "target_acting")}

    def learn(self, rows: Rows, env_steps: int) -> None:
        """Critics down (35), then actors up (34)."""
        critic_loss = self.error(self.networks.critics(rows.obs, rows.state, rows.actions), self.targets(rows))
        self.descend("critics", critic_loss, env_steps)
        rows = Rows(*(column[: self.config.actor_batch_size] for column in rows))
        actor_loss = self.actor_loss(rows, env_steps)
        self.descend("acting", actor_loss, env_steps)
        self.report("critic_loss", critic_loss)
        self.report("actor_loss", actor_loss)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def targets(self, rows: Rows) -> Tensor:
        """The y of (32) and (35), ``[N, batch]``; one for all where the critic is the team's."""
        config, networks = self.config, self.networks
        next_actions = networks.target_acting.explore(
            rows.next_obs,
            rows.next_state,
            share=0.0,
            noise=1.0 if config.target_actions == "sampled" else 0.0,
            generator=self._generator,
        )
        next_values = networks.target_critics(rows.next_obs, rows.next_state, next_actions)
        rewards, terminated = config.reward_scale * rows.rewards.T, rows.terminated.T
        if networks.critics.team:
            rewards, terminated = rewards.mean(0, keepdim=True), terminated.amin(0, keepdim=True)
        return losses.td_target(rewards, terminated, next_values, config.gamma)

    def actor_loss(self, rows: Rows, env_steps: int) -> Tensor:
        """The negative of (34)'s objective, sampled or exact."""
        config, networks = self.config, self.networks
        seen = rows.obs, rows.state, rows.actions
        logits = networks.acting.values(rows.obs, rows.state)
        if config.actor_gradient == "exact":
            choice = softmax(logits)
            with torch.no_grad():
                values = networks.critics.for_each_own_action(*seen)
        else:
            uniform = torch.rand(logits.shape, generator=self._generator, device=self.device)
            choice, drawn = losses.gumbel_softmax(logits, uniform, value_at(config.temperature, env_steps))
            values = losses.action_gradient(networks.critics, *seen, drawn)
        if config.normalize_advantages:
            values = losses.normalized(values, logits)
        loss = losses.actor_loss(choice, values)
        bonus = value_at(config.entropy_bonus, env_steps)
        return loss - bonus * losses.entropy(logits) if bonus > 0.0 else loss


class QLearner(JointLearner):
    """Q-learning: each user by itself on its own reward, or one agent for all on the mean reward."""

    trained: ClassVar = {"values": ("acting", "target_acting")}

    def learn(self, rows: Rows, env_steps: int) -> None:
        """Down the squared error of r + gamma max Q'."""
        config, acting = self.config, self.networks.acting
        rewards, terminated = config.reward_scale * rows.rewards.T, rows.terminated.T
        with torch.no_grad():
            online = acting.values(rows.next_obs, rows.next_state) if config.double_q else None
            target_values = self.networks.target_acting.values(rows.next_obs, rows.next_state)
            next_values = losses.next_value(target_values, online)
            if acting.central:  # one agent: it ends when the game has ended for everyone; branches share one target
                rewards, terminated = rewards.mean(0, keepdim=True), terminated.amin(0, keepdim=True)
                next_values = next_values.mean(0, keepdim=True)
            targets = losses.td_target(rewards, terminated, next_values, config.gamma)
        values = losses.chosen(acting.values(rows.obs, rows.state), acting.index_of(rows.actions))
        loss = self.error(values, targets.expand_as(values))
        self.descend("acting", loss, env_steps)
        self.report("td_loss", loss)


def clip_per_user(gradients: tuple[Tensor, ...], largest: float) -> None:
    """Scale each user's gradients, in place, to a norm over all its parameters of at most ``largest``.

    Args:
        gradients: ``[users, ...]`` each, or ``[1, ...]`` where users share a network.
        largest: the norm.
    """
    squares = torch.stack([gradient.flatten(1).square().sum(dim=1) for gradient in gradients]).sum(dim=0)
    scale = (largest / squares.sqrt().clamp_min(1e-12)).clamp_max(1.0)
    for gradient in gradients:
        gradient.mul_(scale.reshape(-1, *[1] * (gradient.dim() - 1)))
