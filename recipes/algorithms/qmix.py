"""QMIX (Rashid et al., 2018): a monotone network on the global state mixes the users' values into the team's.

    python -m recipes train qmix --scenario crowded-team

As ``vdn`` with a mixing network in place of the sum: hypernetworks on the state give its parameters, and weights that
are not negative keep Q_tot largest where each user's own value is. Only training needs the state. A user that has no
choice in a slot adds nothing to what is mixed.

Differences from the original: feed-forward Q-networks on the present observation in place of recurrent ones on it and
the last action, and with them a replay buffer of single transitions in place of episodes; Adam in place of RMSprop;
the rest as in ``recipes/algorithms/vdn.py``: a small replay buffer (``replay_capacity=5_000``), targets that follow
softly (``tau=0.01``) in place of copies after every 200 episodes, a learning rate that falls (``final_lr=5e-5``),
scaled rewards (``reward_scale=0.01``), Huber's loss (``huber=True``) and a smaller discount (``gamma=0.9``). As in the
original's code, double Q-learning (``double_q=True``) and one network for all users (``share_actors=True``).

Differences from the paper reproduced here: it has no such algorithm. Its defaults come from no search.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from recipes.algorithms import vdn
from recipes.algorithms.vdn import algorithm_config, load_policy
from recipes.hyperparameters import Count
from recipes.networks.mixers import MonotoneMixer
from recipes.networks.sizes import GameSizes

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(vdn.Hyperparameters):
    """Hyper-parameters of QMIX."""

    mixing_units: Count = 32
    """Units of the mixing network's hidden layer, and of the hidden layer of its last bias."""


class Learner(vdn.Learner):
    """VDN with a mixing network, which learns on the same loss."""

    @staticmethod
    def make_networks(hyper: Hyperparameters, sizes: GameSizes, seed: int | None) -> dict[str, nn.Module]:
        """Make the mixing network."""
        return {"mixer": MonotoneMixer(sizes, hyper.mixing_units, seed=None if seed is None else seed + 1)}

    def parameter_groups(self) -> dict[str, list[nn.Module]]:
        """Train the Q-networks and the mixing network on the team's loss."""
        return {"team": [self.networks.acting, self.networks.mixer]}

    def mix(self, values: Tensor, state: Tensor, *, target: bool = False) -> Tensor:
        """Return the team's value Q_tot, ``[1, batch]``, of the mixing network; arguments as of VDN's."""
        mixer = self.networks.target_mixer if target else self.networks.mixer
        mixed: Tensor = mixer(values, state)
        return mixed
