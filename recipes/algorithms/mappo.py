"""MAPPO: PPO with a centralised critic over the global state, and actors on each user's own observation.

    python -m recipes train mappo

Yu et al. (2022), "The Surprising Effectiveness of PPO in Cooperative Multi-Agent Games". It is ``ippo`` with another
critic: V_i(x) of the global state and a one-hot of the user, in place of V_i(o_i). The critics are needed in training
alone; execution is as distributed as that of ``ippo``. Critics learn standardised returns (``normalize_values``), as
Yu et al. recommend.

Differences from the paper: it has no such algorithm. Its defaults come from no search.
"""

from dataclasses import dataclass

from recipes.algorithms import ippo
from recipes.joint.recipe import algorithm_config, load_policy
from recipes.onpolicy.rollout import Rollout

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(ippo.Hyperparameters):
    """Hyper-parameters of PPO with centralised critics."""

    team_reward: bool = False
    """Train everyone on the mean reward of all users, in place of each user's own."""


class Learner(ippo.Learner):
    """PPO of all users at once, with critics that see the global state."""

    central_critics = True

    def learn(self, batch: Rollout, env_steps: int, game: int = 0) -> None:
        """Run all epochs on a rollout, with the team's rewards if so configured."""
        if self.hyper.team_reward:
            rows = batch.transitions
            rewards, terminated = (column.T.expand_as(rows.rewards) for column in rows.of_team())
            batch = batch._replace(transitions=rows._replace(rewards=rewards, terminated=terminated))
        super().learn(batch, env_steps, game)
