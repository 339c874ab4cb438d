"""IPPO: independent PPO, actors and critics on each user's own observation and reward (20).

    python -m recipes train ippo

De Witt et al. (2020), "Is Independent Learning All You Need in the StarCraft Multi-Agent Challenge?". Every user
follows the clipped surrogate of Schulman et al. (2017), with advantages from the value of its own observation. Users
share one actor and one critic, as they do there, which also see a one-hot of the user; ``share_actors=False`` and
``share_critics=False`` give each its own.

Differences from the paper: it has no such algorithm. Its defaults come from no search.
"""

from dataclasses import dataclass
from typing import Annotated

from torch import nn

from recipes.hyperparameters import Range, Scale, Weight
from recipes.joint.losses import entropy
from recipes.joint.recipe import algorithm_config, load_policy
from recipes.networks.stacked_mlp import chosen, log_softmax
from recipes.onpolicy import losses
from recipes.onpolicy.hyperparameters import OnPolicyHyperparameters
from recipes.onpolicy.learner import OnPolicyLearner
from recipes.onpolicy.rollout import PolicyBatch

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(OnPolicyHyperparameters):
    """Hyper-parameters of PPO for each user; those that RLlib's ``PPOConfig`` has bear its names."""

    clip_param: Annotated[float, Range(0.0, 10.0)] = 0.2
    """Largest change of an action's probability in an update that is rewarded, as a ratio."""
    entropy_coeff: Weight = 0.01
    """Weight of the actors' entropy at the beginning."""
    final_entropy_coeff: Weight = 0.001
    """Weight of the actors' entropy at the end."""
    vf_loss_coeff: Weight = 0.5
    """Weight of the critics' loss. Actors and critics share no parameters: without ``grad_clip``, Adam's steps do not
    depend on it."""
    vf_clip_param: Scale | None = None
    """Squared errors of the critics beyond it have no gradient; None for no limit."""


class Learner(OnPolicyLearner):
    """PPO of all users at once; the acting network holds everyone's actor."""

    def parameter_groups(self) -> dict[str, list[nn.Module]]:
        """Train actors and critics on one loss: the sum of the users' own."""
        return {"actors_and_critics": [self.networks.acting, self.networks.critics]}

    def update(self, batch: PolicyBatch) -> None:
        """Step down the negative of (9) in Schulman et al. (2017): L^CLIP - c_1 L^VF + c_2 S."""
        hyper, actions, decided = self.hyper, batch.actions.T, batch.decided()
        logits = self.networks.acting.values(batch.obs, batch.mask)
        log_probs, old = chosen(log_softmax(logits), actions), batch.log_probs.T
        policy_loss = losses.clipped_surrogate(log_probs, old, batch.advantages.T, hyper.clip_param, decided)
        values = self.networks.critics(batch.obs, batch.state)
        vf_loss = losses.value_error(values, batch.targets.T, hyper.vf_clip_param)
        bonus = entropy(logits, decided)
        loss = policy_loss + hyper.vf_loss_coeff * vf_loss - self.scheduled("entropy_coeff") * bonus
        self.gradient_step("actors_and_critics", loss)
        divergence = losses.kl_divergence(log_probs.detach(), old, decided)
        self.report(policy_loss=policy_loss, vf_loss=vf_loss, entropy=bonus, kl_loss=divergence)
