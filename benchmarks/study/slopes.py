"""Measure how often a critic's slope in a user's own action points to the best other action.

Trains ``dtomalb`` on ``paper`` with either critic. At actions sampled from the policy, the slope of (34) ranks the
user's other actions; so do the critic's own values at their one-hots, which it is trained on. ``slopes.csv`` has a row
for each critic and seed: the share of cases in which the best other action is the same, over all users and a batch.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.study import provenance
from benchmarks.study.store import COLUMNS, write_table
from recipes.registry import get
from recipes.settings import RunSettings

FILE = "slopes.csv"
CRITICS = ("separate", "per-action")
ENV_STEPS, SEEDS, ROWS = 20_000, 5, 4_096


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    command.add_argument("--env-steps", type=int, default=ENV_STEPS, help=f"of each training (default: {ENV_STEPS:,})")
    command.add_argument("--seeds", type=int, default=SEEDS, help=f"trainings with each critic (default: {SEEDS})")
    command.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="folder of the table")


def run(options: argparse.Namespace) -> None:
    """Train, measure, and write the table."""
    from recipes.rllib.session import local_ray

    rows = []
    with local_ray(1):
        for critic in CRITICS:
            for seed in range(options.seeds):
                rows.append(measured(critic, seed, options.env_steps))
                print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    write_table(options.out / FILE, rows, COLUMNS["slopes"])
    configuration = {"scenario": "paper", "rows": ROWS}
    command = f"python -m benchmarks slopes --env-steps {options.env_steps} --seeds {options.seeds}"
    provenance.note(options.out, FILE, command, configuration)


def measured(critic: str, seed: int, env_steps: int) -> dict[str, Any]:
    """Train one run and return its row."""
    import torch

    from recipes.algorithms.dtomalb import gumbel_softmax

    recipe: Any = get("dtomalb").load()
    hyper = recipe.Hyperparameters(critic=critic)
    settings = RunSettings(algorithm="dtomalb", scenario="paper", seed=seed, env_steps=env_steps, hyperparameters=hyper)
    config = recipe.algorithm_config(settings).debugging(seed=seed, log_level="ERROR")
    algorithm = config.reporting(min_sample_timesteps_per_iteration=env_steps).build_algo()
    try:
        algorithm.train()
        networks, batch = algorithm.learner_group._learner.networks, algorithm.replay.sample(ROWS)
        with torch.no_grad():
            logits = networks.acting.values(batch.obs)
        uniform = torch.rand(logits.shape, generator=torch.Generator().manual_seed(seed))
        _, sampled = gumbel_softmax(logits, uniform, hyper.temperature)
        share = agreement(networks.critics, batch, sampled)
    finally:
        algorithm.stop()
    return {"critic": critic, "seed": seed, "env_steps": env_steps, "agreement": round(share, 3)}


def agreement(critics: Any, batch: Any, sampled: Any) -> float:
    """Return the share of users and rows whose best other action is the same by slope and by value.

    Args:
        critics: a :class:`recipes.networks.critics.Critics`.
        batch: joint transitions.
        sampled: one-hots of the own actions at which the slope is taken, ``[N, batch, A]``.
    """
    import torch

    from recipes.algorithms.dtomalb import action_gradient

    by_slope = action_gradient(critics, batch, sampled)
    with torch.no_grad():
        by_value = critics.for_each_own_action(batch.obs, batch.state, batch.actions)
    best = [values.masked_fill(sampled > 0.0, -torch.inf).argmax(dim=-1) for values in (by_slope, by_value)]
    return float((best[0] == best[1]).double().mean())
