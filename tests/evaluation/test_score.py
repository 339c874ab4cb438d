"""Scores and gains over ``fixed``: what 0 and 1 mean, and when there are none."""

import dataclasses

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, evaluate, policies, scenarios, stored
from edgeoffload_env.effects import EXAMPLE_TRACE, Effect
from edgeoffload_env.evaluation import score

every_scenario = pytest.mark.parametrize("scenario", scenarios.names())


@every_scenario
def test_every_scenario_has_its_baselines(scenario):
    entry = stored.content()["scenarios"][scenario]
    config = scenarios.get(scenario).config
    assert entry["game"] == stored.game_of(config), "the scenario changed: make the references again"
    baselines = score.score_baselines(config)
    assert baselines.floor.policy in ("random", "local")
    assert baselines.reference.policy in policies.names()
    policies.make(baselines.reference.policy, **baselines.reference.parameters)
    assert baselines.fixed.policy == "fixed"
    for baseline in (baselines.floor, baselines.reference, baselines.fixed):
        assert baseline.low < baseline.utility < baseline.high
    for baseline in (baselines.floor, baselines.fixed):
        assert baseline.high < baselines.reference.low


def test_nothing_but_the_scenarios_is_stored():
    content = stored.content()
    assert list(content["scenarios"]) == scenarios.names()
    assert content["version"] == 0
    assert content["command"].startswith("python -m edgeoffload_env references")
    assert content["selection"]["seed"] != content["measurement"]["seed"]


def assert_near(baseline, scenario, **expected):
    """Play a baseline on games of another seed: its scores are as expected."""
    policy = policies.make(baseline.policy, **baseline.parameters)
    summary = evaluate(policy, scenario, episodes=64, seed=77).summary()
    for name, value in expected.items():
        mean, low, high = summary[name]
        assert mean == pytest.approx(value, abs=1.5 * (high - low)), name
        if name == "score":  # the gain of `fixed` is as wide as the reference is near
            assert (high < 1.0) if value == 0.0 else (low > 0.0)


@every_scenario
def test_floor_scores_0_and_fixed_gains_0(scenario):
    baselines = score.score_baselines(scenarios.get(scenario).config)
    assert_near(baselines.floor, scenario, score=0.0)
    assert_near(baselines.fixed, scenario, gain_over_fixed=0.0)


@every_scenario
def test_reference_scores_1_and_gains_1(scenario):
    reference = score.score_baselines(scenarios.get(scenario).config).reference
    if reference.policy in ("optimum", "lookahead"):
        pytest.skip("slow: test_references plays it")
    assert_near(reference, scenario, score=1.0, gain_over_fixed=1.0)


def test_the_better_floor_is_the_floor():
    for scenario in ("paper", "crowded", "two-tier"):
        floor = score.score_baselines(scenarios.get(scenario).config).floor
        for name in ("random", "local"):
            assert evaluate(name, scenario, episodes=64, seed=3).utility.mean() <= floor.utility + 1.0


def test_score_is_the_formula():
    baselines = score.score_baselines(scenarios.get("crowded").config)
    result = evaluate("greedy", "crowded", episodes=4)
    low, high = baselines.floor.utility, baselines.reference.utility
    assert result.score == pytest.approx([(u - low) / (high - low) for u in result.utility], rel=1e-14)


def test_gain_is_the_formula():
    baselines = score.score_baselines(scenarios.get("crowded").config)
    result = evaluate("greedy", "crowded", episodes=4)
    zero, one = baselines.fixed.utility, baselines.reference.utility
    assert result.gain_over_fixed == pytest.approx([(u - zero) / (one - zero) for u in result.utility], rel=1e-14)
    assert not np.allclose(result.gain_over_fixed, result.score)


def test_both_scales_by_hand():
    floor, fixed, reference = (
        score.Baseline(policy="local", parameters={}, utility=utility, low=utility, high=utility, episodes=1)
        for utility in (-100.0, -60.0, -20.0)
    )
    baselines = score.ScoreBaselines(floor=floor, reference=reference, fixed=fixed)
    assert [baselines.score(utility) for utility in (-100.0, -60.0, -20.0, -10.0)] == [0.0, 0.5, 1.0, 1.125]
    assert [baselines.gain_over_fixed(utility) for utility in (-100.0, -60.0, -20.0, -10.0)] == [-1.0, 0.0, 1.0, 1.25]
    assert baselines.gain_over_fixed(np.array([-60.0, -40.0])).tolist() == [0.0, 0.5]


CHANGES = {
    "num_users": 9,
    "server_hz": (12e9, 14e9, 16e9, 18e9, 20.1e9),
    "server_hz_range": (12e9, 21e9),  # up to 20 GHz it is the scenario random-servers
    "device_hz": (300e6, 501e6),
    "task_bits": (2.4e6, 4.1e6),
    "task_cycles": (800e6, 1201e6),
    "bandwidth_hz": 21e6,
    "tx_power_w": 0.6,
    "noise_dbm_per_hz": -173.0,
    "forward_bps": 2e9,
    "cell_radius_m": 251.0,
    "min_distance_m": 36.0,
    "channel_sharing": "all",
    "slot_s": 0.16,
    "initial_load_s": (0.0, 0.1),
    "max_cycles": 49,
    "arrivals": {"probability": 0.9},
    "cycles_per_bit": (250.0, 300.0),
    "heavy_tasks": {"probability": 0.1, "factor": 3.0},
    "task_trace": {"path": EXAMPLE_TRACE},
    "deadline": {"range_s": (0.2, 0.4), "miss_cost_s": 1.0},
    "device_queue": True,
    "uplink_queue": True,
    "failures": {"mtbf_s": 10.0, "mttr_s": 1.0},
    "forward_latency_s": 0.01,
    "elastic_servers": 1,
    "result_ratio": 0.1,
    "queue_clock": "continuous",
    "downlink_bps": 1e9,
    "energy": {"cost_s_per_j": 0.1},
    "levels": {"tx_power_w": (0.1, 0.5)},
    "channel": {"fading": "rayleigh"},
    "mobility": {"speed_mps": (1.0, 2.0)},
    "extra_effects": (Effect(),),
}
HARMLESS = {"delay_weight": 2.0, "balance_weight": 0.0, "reward_sharing": 0.5, "observation": "load"}
OF_EFFECTS = {"deadline_weight", "energy_weight"}
"""Weights that are 1 without their effect."""


def test_every_field_is_one_or_the_other():
    fields = {field.name for field in dataclasses.fields(EdgeOffloadConfig)}
    assert set(CHANGES) | set(HARMLESS) | OF_EFFECTS | {"num_servers"} == fields
    assert set(HARMLESS) | OF_EFFECTS == set(stored.IGNORED_FIELDS)


@pytest.mark.parametrize("field", CHANGES)
def test_no_score_for_another_game(field):
    overrides = {field: CHANGES[field]} | ({"num_servers": 5} if field == "server_hz_range" else {})
    result = evaluate("local", episodes=1, **overrides)
    assert np.isnan(result.score).all()
    assert np.isnan(result.gain_over_fixed).all()


@pytest.mark.parametrize("field", HARMLESS)
def test_the_same_score_under_other_rewards_and_observations(field):
    plain, changed = evaluate("local", episodes=2), evaluate("local", episodes=2, **{field: HARMLESS[field]})
    assert np.isfinite(changed.score).all()
    assert np.array_equal(plain.score, changed.score)
    assert np.array_equal(plain.gain_over_fixed, changed.gain_over_fixed)


def test_overrides_that_change_nothing_keep_the_score():
    plain, same = (
        evaluate("local", episodes=2),
        evaluate("local", episodes=2, num_users=10, server_hz=(12e9, 14e9, 16e9, 18e9, 20e9)),
    )
    assert np.array_equal(plain.score, same.score)


def test_a_configuration_that_is_a_scenarios_game_has_its_score():
    assert np.array_equal(
        evaluate("local", scenarios.get("crowded").config, episodes=2).score,
        evaluate("local", "crowded", episodes=2).score,
    )


def test_two_scenarios_of_one_game_have_one_score():
    assert score.score_baselines(scenarios.get("crowded").config) == score.score_baselines(
        scenarios.get("crowded-team").config
    )
