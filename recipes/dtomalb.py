"""DTOMALB (Table 1): MADDPG for discrete actions by straight-through Gumbel-Softmax, on the reward (20).

    python -m recipes train dtomalb

Results to expect on ``paper`` (seeds 0 to 4, 60,192 env steps, greedy execution, 320 unseen episodes): utility -13.1,
-12.5, -12.0, -13.0, -11.9 (mean -12.5), score 0.91 to 0.96, in less than 2 minutes of one core.

On ``crowded-team`` (seeds 0 to 4, 100,800 env steps, ``benchmarks/settings/crowded-team-straight-through.yaml``, the
command is there): utility -70.2, -73.9, -69.2, -72.3, -71.9 (mean -71.5), beyond what the best choice for each
slot gets; about 3 minutes of one core.

Every user has an actor on its own observation and a centralised critic over the global state and everyone's actions,
(27) to (35). The loss of line 17 has its bracket, the gradient of line 18 its sign and its Q at x, a as in (34).

Differences from the paper's Table 1: one minibatch for all users in place of one per user (lines 14 and 15); an update
(``batch_size=512``) for every 16 slots (``num_envs=16``, ``slots_per_update=1``) in place of one per slot; exploration
noise N_t as Gumbel noise on the logits plus a share of random actions (``final_epsilon=0.05``); a' of (32) drawn from
the target actors' softmax (``target_actions=sampled``) in place of their best actions; learning rates that fall
(``learning_rate=1e-3``, ``final_learning_rate=5e-5``). The paper leaves open the discount and the Gumbel-Softmax's
temperature: ``discount=0.5`` and ``temperature=0.5``, which does not fall (``final_temperature=0.5``).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from recipes.hyperparameters import Share, Within
from recipes.joint import recipe
from recipes.joint.recipe import JointHyperparameters, Weight
from recipes.joint.schedule import linear

if TYPE_CHECKING:
    from edgeoffload_env.policies import Policy
    from recipes.settings import RunSettings

Temperature = Annotated[float, Within(1e-3, 1e3)]


@dataclass(frozen=True, kw_only=True)
class ActorCriticHyperparameters(JointHyperparameters):
    """Of actors with centralised critics."""

    discount: Share = 0.5
    """gamma: what a unit of reward in the next slot is worth now."""
    target_actions: Literal["greedy", "sampled"] = "sampled"
    """a' of (32): the target actors' best actions, or actions drawn from their softmax."""
    entropy_bonus: Weight = 0.0
    """Weight of the actors' entropy at the beginning."""
    final_entropy_bonus: Weight = 0.0
    """Weight of the actors' entropy at the end."""
    critic: Literal["separate", "shared", "pooled", "team"] = "separate"
    """One for each user; one that also sees who the user is; one that treats users alike, over everyone's observations;
    or the same with one value for all, on the mean reward."""
    normalize_advantages: bool = False
    """Actors follow advantages over their policy's mean, in units of their root mean square."""
    actor_batch_size: Annotated[int, Within(0, 10**9)] = 0
    """Of the slots that an update replays, how many the actors learn from; 0 for all."""


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(ActorCriticHyperparameters):
    """Of DTOMALB."""

    temperature: Temperature = 0.5
    """Of the Gumbel-Softmax at the beginning."""
    final_temperature: Temperature = 0.5
    """Of the Gumbel-Softmax at the end."""


def algorithm_config(settings: "RunSettings", env: dict[str, Any] | None = None) -> Any:
    """A ``DTOMALBConfig`` for the run; ``env`` changes the game that is trained on."""
    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    temperature = linear(hyper.temperature, hyper.final_temperature, settings.env_steps)
    return actor_critic_config(settings, env, actor_gradient="straight-through", temperature=temperature)


def actor_critic_config(settings: "RunSettings", env: dict[str, Any] | None = None, **training: Any) -> Any:
    """A ``DTOMALBConfig`` with what the recipes of actors and critics share."""
    from recipes.joint.config import DTOMALBConfig

    hyper = settings.hyperparameters
    assert isinstance(hyper, ActorCriticHyperparameters)
    return recipe.configured(
        DTOMALBConfig(),
        settings,
        env,
        target_actions=hyper.target_actions,
        entropy_bonus=linear(hyper.entropy_bonus, hyper.final_entropy_bonus, settings.env_steps),
        critic=hyper.critic,
        normalize_advantages=hyper.normalize_advantages,
        actor_batch_size=hyper.actor_batch_size or None,
        **training,
    )


def load_policy(settings: "RunSettings", checkpoint: Path) -> "Policy":
    """The greedy policy: each user's own actor on the user's own observation."""
    return recipe.load_policy(settings, checkpoint)
