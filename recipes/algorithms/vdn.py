"""VDN (Sunehag et al., 2018): Q-networks of the users' own observations, whose sum is the team's value.

    python -m recipes train vdn --scenario crowded-team

Q_tot(o, a) = sum_n Q_n(o_n, a_n) learns from the team's reward, the mean of the users'. Since a sum is largest where
each of its terms is, users act on their own observations alone and need no state. A user that has no choice in a slot
adds nothing to the sum.

Differences from the original: feed-forward Q-networks on the present observation in place of recurrent, dueling ones,
and with them a replay buffer of transitions in place of sequences, without eligibility traces; a small replay buffer
(``replay_capacity=5_000``), so that the others' actions in it are those of about now; double Q-learning
(``double_q=True``); one network for all users that sees a one-hot of the user (``share_actors=True``), an option of the
original; targets that follow softly (``tau=0.01``); a learning rate that falls (``lr=1e-3``, ``final_lr=5e-5``);
rewards scaled before they are learned from (``reward_scale=0.01``) and errors beyond 1 that count linearly
(``huber=True``), since an overloaded slot costs hundreds of times an ordinary one. The discount is ``gamma=0.9``.

Differences from the paper reproduced here: it has no such algorithm. Its defaults come from no search.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recipes.hyperparameters import Count, Fraction, Scale
from recipes.joint.recipe import algorithm_config, load_policy
from recipes.joint.transitions import TransitionBatch
from recipes.offpolicy import losses
from recipes.offpolicy.hyperparameters import OffPolicyHyperparameters
from recipes.offpolicy.learner import OffPolicyLearner

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(OffPolicyHyperparameters):
    """Hyper-parameters of value decomposition networks."""

    gamma: Fraction = 0.9
    replay_capacity: Count = 5_000
    """Joint transitions kept in the replay buffer: the others' actions in it are to be those of about now."""
    epsilon: Fraction = 0.3
    final_epsilon: Fraction = 0.02
    reward_scale: Scale = 0.01
    huber: bool = True
    share_actors: bool = True
    double_q: bool = True
    """Double Q-learning: the networks choose the next actions, the target networks rate them."""


class Learner(OffPolicyLearner):
    """Q-learning of the team's value; the acting network holds everyone's Q-network."""

    def parameter_groups(self) -> dict[str, list[nn.Module]]:
        """Train all Q-networks on the team's loss."""
        return {"team": [self.networks.acting]}

    def update(self, batch: TransitionBatch) -> None:
        """Step down the mean error of Q_tot against y."""
        values = losses.chosen(self.networks.acting.values(batch.obs), batch.actions.T)
        total = self.mix(without_idle(values, batch.decided()), batch.state)
        loss = self.td_error(total, self.targets(batch))
        self.gradient_step("team", loss)
        self.move_targets()
        self.report(td_loss=loss)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def targets(self, batch: TransitionBatch) -> Tensor:
        """Return y = r + gamma Q_tot'(o', a'), ``[1, batch]``, with each user's best next action."""
        hyper, networks = self.hyper, self.networks
        online_values = networks.acting.values(batch.next_obs, batch.next_mask) if hyper.double_q else None
        next_values = losses.next_value(networks.target_acting.values(batch.next_obs, batch.next_mask), online_values)
        next_total = self.mix(without_idle(next_values, batch.next_decided()), batch.next_state, target=True)
        return losses.td_target(*batch.of_team(), next_total, hyper.gamma)

    def mix(self, values: Tensor, state: Tensor, *, target: bool = False) -> Tensor:
        """Return the team's value Q_tot, ``[1, batch]``: the sum of the users'.

        Args:
            values: the users', ``[N, batch]``.
            state: the global state, ``[batch, S]``, which a sum does not read.
            target: mix with target networks.
        """
        return values.sum(dim=0, keepdim=True)


def without_idle(values: Tensor, decided: Tensor | None) -> Tensor:
    """Return values ``[N, batch]`` with 0 for users that have no choice; ``decided`` None: everyone has."""
    return values if decided is None else values * decided
