"""One actor and one team critic for any number of users and servers, our own: trained on one game, it plays any.

    python -m recipes train dtomalb-equivariant
    python -m recipes train dtomalb-equivariant --scenario paper sparse crowded-team

Users act on their own observations, their number n and N, with one network that scores each server and the device. The
critic is of the team's mean reward: a sum over servers and users, as delays are. Actors follow the exact gradient of
the expected value over each user's own action, as in ``recipes/algorithms/dtomalb_exact.py``, by advantages in units of
their root mean square.

With several scenarios one network learns all of them. Each gets an equal share of the env steps and a replay buffer of
its own, and they take turns in updates; ``reward_scales`` puts their rewards into units of their own. Evaluations
during training, and with them ``best/``, are of the first; at the end the last networks play each.

Differences from the paper: all of this; those of ``recipes/algorithms/dtomalb.py`` in minibatches, updates, a' of (32)
and learning rates that fall.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from edgeoffload_env import EdgeOffloadConfig, scenarios
from edgeoffload_env._validation import fail
from recipes.algorithms import dtomalb_exact
from recipes.algorithms.dtomalb import ActorCriticHyperparameters, algorithm_config, load_policy
from recipes.hyperparameters import Count, Fraction, Scale, Weight
from recipes.joint.transitions import TransitionBatch
from recipes.networks.acting import ActingNetwork
from recipes.networks.critics import make_critics
from recipes.networks.equivariant import EquivariantActor, EquivariantTeamCritic
from recipes.networks.equivariant_inputs import RememberingReader, has_levels
from recipes.networks.sizes import GameSizes
from recipes.networks.stacked_mlp import argmax, gumbel, softmax

__all__ = ["Hyperparameters", "Learner", "algorithm_config", "load_policy"]


SMALLEST_UNIT = 1e-3
"""Lower bound of the standard deviation that errors are divided by."""


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(ActorCriticHyperparameters):
    """Hyper-parameters of the equivariant network."""

    gamma: Fraction = 0.9
    train_batch_size_per_learner: Count = 128
    replay_capacity: Count = 20_000
    epsilon: Fraction = 0.0
    final_epsilon: Fraction = 0.0
    reward_scale: Scale = 0.1
    huber: bool = True
    normalize_advantages: bool = True
    entropy_coeff: Weight = 0.05
    final_entropy_coeff: Weight = 0.002
    ring: bool = True
    """The actor sees users' places on the ring, by which users part without talking."""
    critic: Literal["structured", "team"] = "structured"
    """The team's value as a sum over servers and users, or by the perceptron of ``dtomalb``'s critic of that name,
    which is of one game."""
    normalize_errors: bool = False
    """Train the critic on errors in units of the standard deviation of the batch's targets, so that games whose rewards
    are of other sizes weigh alike."""
    also: tuple[str, ...] | None = None
    """Scenarios trained on beside the first, in equal shares; ``--scenario`` with several names sets it."""
    reward_scales: tuple[Scale, ...] | None = None
    """Further factors of the rewards in the loss, one for each scenario; None for 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.share_actors:
            fail("share_actors", True, "False: there is one actor for all users without it")
        if self.also and self.critic != "structured":
            fail("critic", self.critic, "'structured' where several scenarios are trained on")
        for name in self.also or ():
            if scenarios.configure(name).observation != "full":
                fail("also", name, "scenarios with observation='full', which the networks decode")
        games = 1 + len(self.also or ())
        if self.reward_scales is not None and len(self.reward_scales) != games:
            fail("reward_scales", self.reward_scales, f"a factor for each of {games} scenarios")

    def check_games(self, games: Mapping[str, EdgeOffloadConfig]) -> None:
        """See :class:`.ValidatedConfig`; one network is for games with levels or for games without."""
        (first, config), *others = games.items()
        for name, game in games.items():
            if game.observation != "full":
                fail(f"observation of {name}", game.observation, "'full', which the networks decode")
        for name, game in others:
            if has_levels(game) != has_levels(config):
                expected = f"{'given' if has_levels(config) else 'None'} as in {first}: one network trains on both"
                fail(f"levels of {name}", game.levels, expected)


class Learner(dtomalb_exact.Learner):
    """DTOMALB's exact gradients with one actor for all users and a critic of the team."""

    def __init__(self, hyper: Hyperparameters, networks: Any, **options: Any) -> None:
        super().__init__(hyper, networks, **options)
        if None in self.games:
            fail("games", self.games, "the configurations of the games")
        self._networks_of = [of_game(networks, game) for game in self.games if game is not None]

    def learn(self, batch: TransitionBatch, env_steps: int, game: int = 0) -> None:
        """Run one :meth:`update`, with inputs decoded as the game's."""
        self.networks = self._networks_of[game]
        if (scales := self.hyper.reward_scales) is not None:
            batch = batch._replace(rewards=scales[game] * batch.rewards)
        super().learn(batch, env_steps, game)

    @staticmethod
    def make_acting(hyper: Hyperparameters, sizes: GameSizes, seed: int | None) -> ActingNetwork:
        """Make the one actor."""
        return EquivariantActor(sizes, hyper.hidden, seed=seed, ring=hyper.ring)

    @staticmethod
    def make_networks(hyper: ActorCriticHyperparameters, sizes: GameSizes, seed: int | None) -> dict[str, nn.Module]:
        """Make the team's critic."""
        assert isinstance(hyper, Hyperparameters)
        critic_seed = None if seed is None else seed + 1
        if hyper.critic == "structured":
            return {"critics": EquivariantTeamCritic(sizes, hyper.hidden, seed=critic_seed)}
        return {"critics": make_critics(hyper.critic, sizes, hyper.hidden, seed=critic_seed)}

    def td_error(self, values: Tensor, targets: Tensor, counted: Tensor | None = None) -> Tensor:
        """See :meth:`.OffPolicyLearner.td_error`."""
        if self.hyper.normalize_errors:
            unit = targets.std(correction=0).clamp_min(SMALLEST_UNIT)
            values, targets = values / unit, targets / unit
        return super().td_error(values, targets, counted)

    def choice_and_values(self, batch: TransitionBatch, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return the policy's probabilities and the value of each action, ``[N, batch, A]``.

        The others act as the present policy does, not as they did when the transition was stored: one network learns
        for all of them, and would otherwise learn what suits users who chose at random in the beginning.
        """
        with torch.no_grad():
            uniform = torch.rand(logits.shape, generator=self.generator, device=logits.device)
            actions = argmax(logits + gumbel(uniform)).T
            values = self.networks.critics.for_each_own_action(batch.obs, batch.state, actions)
        return softmax(logits), values


def of_game(networks: Any, game: EdgeOffloadConfig) -> SimpleNamespace:
    """Return the networks, with the same parameters, for a game; they read its observations once for all.

    A network that is of one game is returned as it is.
    """
    reader = RememberingReader(game)
    return SimpleNamespace(
        **{
            name: network.for_game(game, reader) if hasattr(network, "for_game") else network
            for name, network in networks.named_children()
        }
    )
