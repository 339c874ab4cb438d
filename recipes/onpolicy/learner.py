"""Base of the on-policy algorithms' learners: advantages, epochs and minibatches; torch without Ray."""

from typing import Any

import torch
from torch import Tensor, nn

from recipes.joint.learner import JointLearner
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import chosen, log_softmax
from recipes.networks.values import ValueNetworks
from recipes.onpolicy.advantages import generalized_advantages, standardized
from recipes.onpolicy.rollout import PolicyBatch, Rollout


class OnPolicyLearner(JointLearner):
    """Learns from rollouts: some epochs of minibatches on each, with advantages that are estimated once.

    A subclass defines :meth:`update`, and ``central_critics``: whether critics see the global state, or each user's its
    own observation.
    """

    central_critics = False

    @classmethod
    def make_networks(cls, hyper: Any, sizes: GameSizes, seed: int | None) -> dict[str, nn.Module]:
        """Make the critics."""
        critics = ValueNetworks(
            sizes,
            hyper.hidden,
            central=cls.central_critics,
            shared=hyper.share_critics,
            normalize=hyper.normalize_values,
            seed=None if seed is None else seed + 1,
        )
        return {"critics": critics}

    # To be defined by a subclass

    def update(self, batch: PolicyBatch) -> None:
        """Learn from a minibatch, by gradient steps."""
        raise NotImplementedError

    # Provided to subclasses

    def learn(self, batch: Rollout, env_steps: int, game: int = 0) -> None:
        """Run all epochs on a rollout, which ends after ``env_steps`` of the training."""
        self.env_steps = env_steps
        prepared = self.prepare(batch)
        rows = len(prepared.actions)
        parts = max(1, round(rows / self.hyper.minibatch_size))
        for _ in range(self.hyper.num_epochs):
            order = torch.randperm(rows, generator=self.generator, device=prepared.actions.device)
            for places in order.tensor_split(parts):
                minibatch = prepared.rows(places)
                self._batch = minibatch._asdict()
                self.update(minibatch)
                self._updates += 1

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def prepare(self, rollout: Rollout) -> PolicyBatch:
        """Return a rollout with its advantages, its returns, and the probabilities of its actions.

        The networks have not changed since it was played, so these are the values and probabilities of that time.
        """
        rows, critics, hyper = rollout.transitions, self.networks.critics, self.hyper
        values = critics.values(rows.obs, rows.state).T
        by_slot = rollout.by_slot
        advantages = generalized_advantages(
            by_slot(rows.rewards),
            by_slot(values),
            by_slot(self._next_values(rollout, values)),
            by_slot(rows.terminated),
            by_slot(rollout.ended[:, None].to(values.dtype)),
            gamma=hyper.gamma,
            lambda_=hyper.lambda_,
        ).flatten(0, 1)
        returns = (advantages + values).T
        critics.observe(returns)
        log_probs = log_softmax(self.networks.acting.values(rows.obs, rows.mask))
        return PolicyBatch(
            rows.obs,
            rows.state,
            rows.actions,
            chosen(log_probs, rows.actions.T).T,
            self._normalized(advantages.T, rows.decided()).T if hyper.normalize_advantages else advantages,
            critics.normalize(returns).T,
            rows.mask,
        )

    def _next_values(self, rollout: Rollout, values: Tensor) -> Tensor:
        """Return the value of what each transition led to, before any reset, ``[T B, N]``."""
        rows, borders = rollout.transitions, rollout.borders()
        following = values.roll(-rollout.num_games, dims=0)
        following[borders] = self.networks.critics.values(rows.next_obs[borders], rows.next_state[borders]).T
        return following

    def _normalized(self, advantages: Tensor, decided: Tensor | None) -> Tensor:
        """Standardise advantages ``[N, batch]`` for each actor: over all users where they share one."""
        if not self.hyper.share_actors:
            return standardized(advantages, decided)
        flat = None if decided is None else decided.reshape(1, -1)
        return standardized(advantages.reshape(1, -1), flat).reshape(advantages.shape)
