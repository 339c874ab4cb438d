"""Published results: made under the protocol, with recorded origins, and with tuned settings."""

import itertools
import statistics
from typing import Any

import pandas as pd
import pytest

from benchmarks.study import provenance, tuning
from benchmarks.study.plan import JOINT_HEAD
from benchmarks.study.store import KEY, RESULTS, Results, select, values
from recipes import protocol, registry
from recipes.rllib.build import MAX_STEPS_PER_ITERATION

STORED = Results(RESULTS)
TUNED_SEEDS = {100, 101, 102}
MYOPIC = {"greedy", "optimum", "best-response"}
"""Shipped policies that look at the current slot alone."""


@pytest.mark.parametrize(("algorithm", "least"), [("dtomalb", -13.4), ("dtomalb-exact", -12.3)])
def test_utility_on_the_papers_game(algorithm: str, least: float) -> None:
    utilities = values(STORED.last(), algorithm, "paper")
    assert len(utilities) >= 5
    assert utilities.mean() >= least


@pytest.mark.parametrize("algorithm", ["dtomalb", "dtomalb-exact"])
def test_on_the_crowded_game_every_seed_is_above_every_myopic_policy(algorithm: str) -> None:
    utilities = values(STORED.last(), algorithm, "crowded-team", variant="team")
    leaders, policies = (select(STORED.table(name), scenario="crowded-team") for name in ("leaderboard", "policies"))
    leaders, policies = (rows[rows["policy"].isin(MYOPIC)] for rows in (leaders, policies))
    assert set(leaders["policy"]) == MYOPIC
    assert len(utilities) >= 5
    assert utilities.min() > max(leaders["utility"].max(), policies["utility_mean"].max())


def test_the_origin_of_every_table_is_recorded() -> None:
    known: dict[str, Any] = provenance.read(RESULTS)
    rows = {path.name for path in RESULTS.glob("*.csv")} - {"leaderboard.csv", "policies.csv", "soak.csv"}
    assert known.keys() == rows | {"summary.json"}
    for entry in [*known.values(), *STORED.table("leaderboard").to_dict("records")]:
        assert entry["command"].startswith("python -m ")
        assert entry["versions"]
    assert known["final.csv"]["draws"] == sorted(set(STORED.table("final")["draws"]))
    for entry in STORED.configurations().values():
        assert entry["versions"] in known["final.csv"]["versions"]
        assert entry["command"].startswith("python -m recipes train ")
    assert STORED.table("policies")["package"].nunique() == 1  # by the environment's own command


def test_no_published_run_has_a_seed_that_was_tuned_on() -> None:
    assert set(tuning.entries(RESULTS)["seed"].astype(int)) == TUNED_SEEDS
    for name in ("final", "curves", "servers", "generalization"):
        assert len(rows := STORED.table(name))
        assert TUNED_SEEDS.isdisjoint(rows["seed"])


def test_every_row_has_the_protocols_number_of_episodes() -> None:
    assert set(tuning.entries(RESULTS)["episodes"].astype(int)) == {protocol.EVALUATION_EPISODES}
    for name in ("final", "generalization", "leaderboard"):
        assert set(STORED.table(name)["episodes"]) == {protocol.FINAL_EPISODES}


def test_every_published_run_was_evaluated_at_every_hundredth() -> None:
    """A run stops for it only between two steps of all its games, PPO and RLlib's algorithms between rounds.

    Those of more than half a million env steps stop between iterations.
    """
    for key, run in STORED.table("curves").groupby(list(KEY)):
        hyper = registry.get(key[0]).load().Hyperparameters()
        stride = hyper.num_envs_per_env_runner
        if key[0].startswith("rllib"):
            stride = getattr(hyper, "slots_per_update", 0) * stride or hyper.train_batch_size_per_learner
        elif hasattr(hyper, "num_epochs"):
            stride = hyper.train_batch_size_per_learner
        steps = [0, *run["env_steps"]]
        apart = protocol.steps_between_evaluations(steps[-1])
        stride += MAX_STEPS_PER_ITERATION * (apart > MAX_STEPS_PER_ITERATION)
        for before, after in itertools.pairwise(steps):
            assert min(apart, MAX_STEPS_PER_ITERATION) <= after - before < apart + stride, key


UNTUNED = ("dtomalb", "dtoma", "dtomalb-equivariant", "ippo", "mappo", "vdn", "qmix")
TUNED = [*((name, "paper") for name in registry.ALGORITHMS if name not in UNTUNED), ("dqn-tolb", "sparse")]
"""``dtomalb`` and ``dtoma`` have since got other settings, see the tuning's README; the others were not tuned yet. The
joint head was tuned on ``sparse``."""


@pytest.mark.parametrize(("algorithm", "scenario"), TUNED)
def test_default_settings_are_the_tuned_ones(algorithm: str, scenario: str) -> None:
    """Ten on the first seed, the best three that differ on two more; the best mean is the default."""
    hyper = vars(registry.get(algorithm).load().Hyperparameters()) | (JOINT_HEAD if scenario == "sparse" else {})
    rows = select(tuning.entries(RESULTS), algorithm=algorithm, scenario=scenario)
    names = [name for name in rows if name in hyper]
    table = rows.assign(utility=rows["utility"].astype(float)).pivot(index=names, columns="seed", values="utility")
    assert table.shape == (10, len(TUNED_SEEDS))
    first = table[str(min(TUNED_SEEDS))]
    assert first.notna().all()
    finalists = table.dropna()
    assert set(finalists.iloc[:, 0]) == set(first.drop_duplicates().nlargest(3))
    means = pd.Series({setting: statistics.fmean(found) for setting, *found in finalists.itertuples()})
    for name, text in zip(names, means.idxmax(), strict=True):
        if text:  # else it was not searched
            assert text == str(list(hyper[name]) if isinstance(hyper[name], tuple) else hyper[name]), name
