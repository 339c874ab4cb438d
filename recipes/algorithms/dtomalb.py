"""DTOMALB (Table 1): MADDPG for discrete actions by straight-through Gumbel-Softmax, on the reward (20).

    python -m recipes train dtomalb

Every user has an actor on its own observation and a centralised critic over the global state and everyone's actions,
(27) to (35). The loss of line 17 has its bracket, the gradient of line 18 its sign and its Q at x, a as in (34).

A critic has an output for each of its user's own actions, ``Q_i(x, a) = <a_i, h_i(x, a_-i)>``: any function of a
one-hot is linear in it, so nothing is lost, and the slope of (34) in the own action holds the value of each action. A
perceptron that reads it as an input (``critic=separate``) is trained on one-hots alone: at one of them, its slope
points to the best of the others in 54 to 75 % of cases (``python -m benchmarks slopes``, five runs).

Differences from the paper's Table 1: one minibatch for all users in place of one per user (lines 14 and 15); an update
(``train_batch_size_per_learner=256``) for every 16 slots (``num_envs_per_env_runner=16``, ``slots_per_update=1``) in
place of one per slot; a small replay buffer (``replay_capacity=3_000``), so that the others' actions in (34) are
those of about now; rewards scaled before they are learned from (``reward_scale=0.1``) and errors beyond 1 that count
linearly in (35) (``huber=True``), since an overloaded slot costs hundreds of times an ordinary one; exploration noise
N_t as Gumbel noise on the logits (``exploration_noise=1.0``) plus a fraction of random actions
(``final_epsilon=0.05``); a' of (32) drawn from the target actors' softmax (``target_actions=sampled``) in place of
their best actions; learning rates that fall (``lr=1e-3``, ``final_lr=5e-5``). The paper leaves open the discount and
the Gumbel-Softmax's temperature: ``gamma=0.9`` and ``temperature=0.5``, which does not fall
(``final_temperature=0.5``).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from recipes.hyperparameters import Count, CountOrZero, Fraction, Range, Scale, Weight
from recipes.joint.recipe import algorithm_config, load_policy
from recipes.joint.transitions import TransitionBatch
from recipes.networks.critics import Critics, make_critics
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import argmax, gumbel, log_softmax, softmax
from recipes.offpolicy import losses
from recipes.offpolicy.hyperparameters import OffPolicyHyperparameters
from recipes.offpolicy.learner import OffPolicyLearner

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]

Temperature = Annotated[float, Range(1e-3, 1e3)]


@dataclass(frozen=True, kw_only=True)
class ActorCriticHyperparameters(OffPolicyHyperparameters):
    """Hyper-parameters of DTOMALB and of its variants."""

    train_batch_size_per_learner: Count = 256
    """Joint transitions in a batch; each holds one slot of all users."""
    replay_capacity: Count = 10_000
    """Joint transitions kept in the replay buffer: the others' actions in it are to be those of about now."""
    exploration_noise: Annotated[float, Range(0.0, 1e6)] = 1.0
    """Scale of the Gumbel noise on the actors' logits; at 1, actions are sampled from their softmax."""
    target_actions: Literal["greedy", "sampled"] = "sampled"
    """a' of (32): the target actors' best actions, or actions sampled from their softmax."""
    entropy_coeff: Weight = 0.0
    """Weight of the actors' entropy at the beginning."""
    final_entropy_coeff: Weight = 0.0
    """Weight of the actors' entropy at the end."""
    normalize_advantages: bool = False
    """Train actors on advantages over their policy's mean, in units of their root mean square."""
    actor_batch_size: CountOrZero = 0
    """Joint transitions of the batch that the actors learn from; 0 for all."""


@dataclass(frozen=True, kw_only=True)
class CriticHyperparameters(ActorCriticHyperparameters):
    """Hyper-parameters of algorithms with a choice of critics."""

    critic: Literal["per-action", "separate", "shared", "pooled", "team"] = "per-action"
    """One for each user with an output for each of its own actions; one for each user that reads its action as an
    input; one such that also sees a one-hot of the user; one that treats users alike, over everyone's observations; or
    the same with one value for all, on the mean reward."""


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(CriticHyperparameters):
    """Hyper-parameters of DTOMALB."""

    gamma: Fraction = 0.9
    reward_scale: Scale = 0.1
    huber: bool = True
    replay_capacity: Count = 3_000
    """Joint transitions kept in the replay buffer: the others' actions in it are to be those of about now."""
    temperature: Temperature = 0.5
    """Temperature of the Gumbel-Softmax at the beginning."""
    final_temperature: Temperature = 0.5
    """Temperature of the Gumbel-Softmax at the end."""
    estimator: Literal["gumbel-softmax", "reinforce"] = "gumbel-softmax"
    """The actors' gradient: through relaxed samples, or by the likelihood ratio with the policy's mean as baseline."""


class Learner(OffPolicyLearner):
    """Lines 14 to 20 of Table 1, for all users at once; an env runner plays lines 6 to 13."""

    @staticmethod
    def make_networks(hyper: ActorCriticHyperparameters, sizes: GameSizes, seed: int | None) -> dict[str, nn.Module]:
        """Make the critics (lines 4 and 5); the actors (line 3) are the acting network."""
        assert isinstance(hyper, CriticHyperparameters)
        critic_seed = None if seed is None else seed + 1
        return {"critics": make_critics(hyper.critic, sizes, hyper.hidden, seed=critic_seed)}

    def parameter_groups(self) -> dict[str, list[nn.Module]]:
        """Train the critics on (35), the actors on (34)."""
        return {"critics": [self.networks.critics], "actors": [self.networks.acting]}

    def update(self, batch: TransitionBatch) -> None:
        """Learn from the minibatch of line 15."""
        critic_loss = self.critic_loss(batch, self.targets(batch))
        self.gradient_step("critics", critic_loss)
        size = self.hyper.actor_batch_size
        actor_loss = self.actor_loss(batch.first(size) if size else batch)
        self.gradient_step("actors", actor_loss)
        self.move_targets()  # line 20
        self.report(critic_loss=critic_loss, actor_loss=actor_loss)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def targets(self, batch: TransitionBatch) -> Tensor:
        """Line 16, (32) and (35): y = r + gamma Q'(x', a'), ``[N, batch]``; one for all with the team's critic."""
        hyper, networks = self.hyper, self.networks
        next_actions = networks.target_acting.explore(
            batch.next_obs,
            batch.next_mask,
            epsilon=0.0,
            noise=1.0 if hyper.target_actions == "sampled" else 0.0,
            generator=self.generator,
        )
        next_values = networks.target_critics(batch.next_obs, batch.next_state, next_actions)
        rewards, terminated = batch.of_team() if networks.critics.team else (batch.rewards.T, batch.terminated.T)
        return losses.td_target(rewards, terminated, next_values, hyper.gamma)

    def critic_loss(self, batch: TransitionBatch, targets: Tensor) -> Tensor:
        """Line 17, (35): the mean over the batch of (y - Q(x, a))^2, summed over users."""
        critics = self.networks.critics
        counted = None if critics.team else batch.decided()
        return self.td_error(critics(batch.obs, batch.state, batch.actions), targets, counted)

    def actor_loss(self, batch: TransitionBatch) -> Tensor:
        """Line 18, (34): its gradient is -nabla mu_i(o_i) nabla_{a_i} Q_i(x, a), summed over users."""
        logits = self.networks.acting.values(batch.obs, batch.mask)
        choice, values = self.choice_and_values(batch, logits)
        decided = batch.decided()
        if self.hyper.normalize_advantages:
            values = normalized_advantages(values, logits, decided)
        loss = policy_loss(choice, values, decided)
        weight = self.scheduled("entropy_coeff")
        return loss - weight * losses.entropy(logits, decided) if weight > 0.0 else loss

    def choice_and_values(self, batch: TransitionBatch, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return relaxed samples of each user's action, and nabla_{a_i} Q_i at the sampled ones, ``[N, batch, A]``."""
        uniform = torch.rand(logits.shape, generator=self.generator, device=logits.device)
        relaxed, sampled = gumbel_softmax(logits, uniform, self.scheduled("temperature"))
        if self.hyper.estimator == "reinforce":
            with torch.no_grad():
                values = self.networks.critics.for_each_own_action(batch.obs, batch.state, batch.actions)
            return likelihood_ratio(logits, sampled), values - (softmax(logits) * values).sum(dim=-1, keepdim=True)
        return relaxed, action_gradient(self.networks.critics, batch, sampled)


def gumbel_softmax(logits: Tensor, uniform: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return relaxed samples of softmax(logits), and one-hots of the actions sampled with the same noise.

    Args:
        logits: ``[..., A]``.
        uniform: numbers in [0, 1) of the same shape.
        temperature: of the relaxation; the sampled actions do not depend on it.
    """
    relaxed = softmax((logits + gumbel(uniform)) / temperature)
    sampled = torch.zeros_like(relaxed).scatter_(-1, argmax(relaxed).unsqueeze(-1), 1.0)
    return relaxed, sampled.detach()


def likelihood_ratio(logits: Tensor, sampled: Tensor) -> Tensor:
    """Return log softmax(logits) of the sampled actions, 0 elsewhere: its gradient is REINFORCE's, ``[..., A]``."""
    return torch.where(sampled > 0.0, log_softmax(logits), 0.0)


def action_gradient(critics: Critics, batch: TransitionBatch, sampled: Tensor) -> Tensor:
    """Return nabla_{a_i} Q_i(x, a_1, .., a_N) of (34) at a_i = ``sampled``, ``[N, batch, A]``, and the batch's a_j."""
    if critics.linear_in_own:
        with torch.no_grad():
            return critics.for_each_own_action(batch.obs, batch.state, batch.actions)
    own = sampled.detach().requires_grad_()
    values = critics.with_own_action(batch.obs, batch.state, batch.actions, own)
    (gradient,) = torch.autograd.grad(values.sum(), own)
    return gradient


def policy_loss(choice: Tensor, values: Tensor, decided: Tensor | None = None) -> Tensor:
    """Return the negative of (34)'s objective, for values ``[N, batch, A]`` that are held fixed.

    With relaxed samples as ``choice`` and :func:`action_gradient` as ``values`` its gradient is that of the
    straight-through Gumbel-Softmax, nabla mu_i nabla_a Q_i. With the policy's probabilities and the value of each
    action it is that of the expectation over the user's own action. Users that could not choose, where ``decided``
    ``[N, batch]`` is False, do not count.
    """
    return -losses.mean_over_batch((choice * values.detach()).sum(dim=-1), decided).sum()


def normalized_advantages(values: Tensor, logits: Tensor, decided: Tensor | None = None) -> Tensor:
    """Return values ``[N, batch, A]`` minus the policy's mean, divided by each user's root mean square."""
    advantages = values - (softmax(logits) * values).sum(dim=-1, keepdim=True)
    squares = losses.mean_over_batch(advantages.square().mean(dim=2), decided)
    return advantages / (squares.sqrt() + 1e-6)[:, None, None]
