"""Independent DQN through RLlib's own DQN: every user has a Q-network, a replay and an optimiser of its own.

    python -m recipes train rllib-dqn

Results to expect on ``paper`` (seeds 0 to 2, 40,448 env steps, greedy execution, 320 unseen episodes): utility -13.5,
-13.4, -13.8 (mean -13.6), score 0.88 to 0.89, in minutes of one core, little of it in networks and optimisers: RLlib
keeps its records in Python.

Differences from the paper's IDQL: double Q-learning and a dueling head are on (``double=True``, ``dueling=True``),
RLlib's defaults; the state is all that the user observes; one update for every 64 slots (``num_envs=16``,
``slots_per_update=4``) in place of one per slot. The paper leaves open the discount: ``discount=0.9``.

It got the tuning that the others had, ten settings and the best three of them again, at its own length
(``benchmarks/tuning``).

RLlib does not store replayed experience in its checkpoints, whatever ``store_buffer_in_checkpoints`` says: a resumed
run goes on with the networks, targets, optimisers and epsilon it had and fills its replay anew, so it does not end in
the same numbers as a run that was never interrupted. An uninterrupted run does: the same seed, the same numbers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes.hyperparameters import Checked, Count, Rate, Share, Sizes

if TYPE_CHECKING:
    from edgeoffload_env.policies import Policy
    from recipes.settings import RunSettings


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(Checked):
    """Of independent DQN."""

    learning_rate: Rate = 4e-3
    """Step size of Adam."""
    discount: Share = 0.9
    """gamma: what a unit of reward in the next slot is worth now."""
    hidden: Sizes = (128, 128)
    """Units of each hidden layer (ReLU); the value and advantage heads are linear."""
    batch_size: Count = 32
    """Slots that each user replays in an update."""
    num_envs: Count = 16
    """Games played side by side."""
    slots_per_update: Count = 4
    """Slots played in each game between two updates."""
    replay_capacity: Count = 200_000
    """Slots kept for replay. RLlib becomes slow once it has to drop old ones."""
    learning_starts: Count = 1_000
    """Slots to collect before the first update."""
    target_rate: Rate = 0.01
    """tau: how far the target network moves towards the network at each update."""
    final_epsilon: Share = 0.05
    """Share of random actions in the end."""
    exploration: Share = 0.3
    """Share of the training over which epsilon falls from 1 to ``final_epsilon``."""
    double: bool = True
    """Double Q-learning: the network chooses the next action, the target network rates it."""
    dueling: bool = True
    """Separate value and advantage heads."""


def algorithm_config(settings: "RunSettings") -> Any:
    """An RLlib ``DQNConfig`` for the run."""
    from ray.rllib.algorithms.dqn import DQNConfig

    from recipes.rllib.adapter import env_id, own_policy, register_envs
    from recipes.rllib.nan_guard import FiniteDQNLearner

    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    register_envs()
    epsilon_until = max(1, round(hyper.exploration * settings.env_steps))
    users = [f"user_{n}" for n in range(settings.env_config.num_users)]
    return (
        DQNConfig()
        .environment(env_id(settings.scenario), env_config=settings.env | {"numbered": True})
        .multi_agent(policies=users, policy_mapping_fn=own_policy)
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=hyper.num_envs,
            rollout_fragment_length=hyper.slots_per_update,
        )
        .learners(num_learners=0, learner_class=FiniteDQNLearner)
        .rl_module(model_config={"fcnet_hiddens": list(hyper.hidden), "fcnet_activation": "relu"})
        .training(
            lr=hyper.learning_rate,
            gamma=hyper.discount,
            train_batch_size_per_learner=hyper.batch_size,
            replay_buffer_config={
                "type": "recipes.rllib.replay.SeededMultiAgentEpisodeReplayBuffer",
                "capacity": hyper.replay_capacity,
                "seed": settings.seed,
            },
            num_steps_sampled_before_learning_starts=hyper.learning_starts,
            target_network_update_freq=1,
            tau=hyper.target_rate,
            epsilon=[(0, 1.0), (epsilon_until, hyper.final_epsilon)],
            double_q=hyper.double,
            dueling=hyper.dueling,
        )
    )


def load_policy(settings: "RunSettings", checkpoint: Path) -> "Policy":
    """The greedy policy: each user's own network on the user's own observation."""
    from recipes.rllib.policy import TrainedPolicy

    return TrainedPolicy.load(settings, algorithm_config(settings), checkpoint, shared=False, agent_id=False)
