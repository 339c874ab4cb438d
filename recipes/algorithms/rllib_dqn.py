"""Independent DQN through RLlib's own DQN: every user has a Q-network, a replay and an optimiser of its own.

    python -m recipes train rllib-dqn

Differences from the paper's IDQL: double Q-learning and a dueling head are on (``double_q=True``, ``dueling=True``),
RLlib's defaults; the state is all that the user observes; one update for every 64 slots
(``num_envs_per_env_runner=16``, ``slots_per_update=4``) in place of one per slot. The paper leaves open the discount:
``gamma=0.9``.

It was tuned as the paper's algorithms were, at its own run length (``benchmarks/config/tuning``).

Where users can be without a task, forbidden actions are neither explored nor in the targets' maxima, and slots without
a choice do not count in the losses (:mod:`recipes.rllib.action_masks`).

RLlib does not store the replay buffer in its checkpoints, even with ``store_buffer_in_checkpoints``: a resumed run
keeps its networks, targets, optimisers and epsilon and fills its replay buffer anew, so it does not end in the same
numbers as an uninterrupted run. Uninterrupted runs of the same seed give the same numbers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeoffload_env.agents import user_names
from recipes.hyperparameters import Count, Fraction, LayerSizes, LearningRate, ValidatedConfig
from recipes.registry import Run

if TYPE_CHECKING:
    from recipes.rllib.policy import TrainedPolicy


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(ValidatedConfig):
    """Hyper-parameters of independent DQN; those that RLlib's ``DQNConfig`` has bear its names."""

    lr: LearningRate = 4e-3
    """Learning rate of Adam."""
    gamma: Fraction = 0.9
    """Discount of the next slot's value."""
    hidden: LayerSizes = (128, 128)
    """Units of each hidden layer (ReLU); the value and advantage heads are linear."""
    train_batch_size_per_learner: Count = 32
    """Slots that each user replays in an update."""
    num_envs_per_env_runner: Count = 16
    """Games played side by side."""
    slots_per_update: Count = 4
    """Slots played in each game between two updates."""
    replay_capacity: Count = 200_000
    """Slots kept in the replay buffer. RLlib becomes slow once it has to drop old ones."""
    num_steps_sampled_before_learning_starts: Count = 1_000
    """Env steps before the first update."""
    tau: LearningRate = 0.01
    """Step of the target network towards the network at each update."""
    final_epsilon: Fraction = 0.05
    """Fraction of random actions in the end."""
    exploration_fraction: Fraction = 0.3
    """Fraction of the training over which epsilon falls from 1 to ``final_epsilon``."""
    double_q: bool = True
    """Double Q-learning: the network chooses the next action, the target network rates it."""
    dueling: bool = True
    """Separate value and advantage heads."""


def algorithm_config(settings: Run) -> Any:
    """Return an RLlib ``DQNConfig`` for the run."""
    from ray.rllib.algorithms.dqn import DQNConfig

    from recipes.rllib.action_masks import MaskedDQNLearner, MaskedDQNModule, with_action_masks
    from recipes.rllib.adapter import env_id, own_policy, register_envs
    from recipes.rllib.nan_guard import FiniteDQNLearner

    hyper = settings.hyperparameters
    assert isinstance(hyper, Hyperparameters)
    register_envs()
    epsilon_until = max(1, round(hyper.exploration_fraction * settings.env_steps))
    config = (
        DQNConfig()
        .environment(env_id(settings.scenario), env_config=settings.env | {"numbered": True})
        .multi_agent(policies=user_names(settings.env_config.num_users), policy_mapping_fn=own_policy)
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=hyper.num_envs_per_env_runner,
            rollout_fragment_length=hyper.slots_per_update,
        )
        .learners(num_learners=0, learner_class=FiniteDQNLearner)
        .rl_module(model_config={"fcnet_hiddens": list(hyper.hidden), "fcnet_activation": "relu"})
        .training(
            lr=hyper.lr,
            gamma=hyper.gamma,
            train_batch_size_per_learner=hyper.train_batch_size_per_learner,
            replay_buffer_config={
                "type": "recipes.rllib.seeded_replay.SeededMultiAgentEpisodeReplayBuffer",
                "capacity": hyper.replay_capacity,
                "seed": settings.seed,
            },
            num_steps_sampled_before_learning_starts=hyper.num_steps_sampled_before_learning_starts,
            target_network_update_freq=1,
            tau=hyper.tau,
            epsilon=[(0, 1.0), (epsilon_until, hyper.final_epsilon)],
            double_q=hyper.double_q,
            dueling=hyper.dueling,
        )
    )
    masked = settings.env_config.schema.masked
    return with_action_masks(config, MaskedDQNModule, MaskedDQNLearner) if masked else config


def load_policy(settings: Run, checkpoint: Path) -> "TrainedPolicy":
    """Return the greedy policy: each user's own network on the user's own observation."""
    from recipes.rllib.policy import TrainedPolicy

    return TrainedPolicy.load(settings, algorithm_config(settings), checkpoint, shared=False, agent_id=False)
