"""``optimum`` against every joint action played in the environment itself, and against all other policies."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeoffload_env import edgeoffload_v0, policies
from edgeoffload_env.policies.optimum import UNSOLVED, slot_problems
from tests.pages import ROOT
from tests.policies.games import view_in_scenario, view_of_game


def mean_delays_s(view, game, joint_actions):
    """Mean delay of the slot under each of many joint actions ``[J, N]``, by the vector view."""
    joint_actions = np.asarray(joint_actions)
    env = edgeoffload_v0.vector_env(len(joint_actions), view.config, dtype="float64")
    many = {
        name: np.repeat(array[game : game + 1], len(joint_actions), axis=0) for name, array in view.snapshot.items()
    }
    env.reset(seed=0, options={"snapshot": many})
    return env.step(joint_actions)[-1]["delay_s"].mean(axis=1)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([(1, 1), (1, 5), (2, 4), (4, 3), (5, 2), (6, 1), (4, 4)]))
def test_is_the_best_of_all_joint_actions(seed, size):
    view = view_of_game(seed, *size, batch=2)
    policy = policies.make("optimum")
    actions = policy.act(view)
    everything = list(itertools.product(range(size[1] + 1), repeat=size[0]))
    for game in range(2):
        chosen = mean_delays_s(view, game, actions[game : game + 1])[0]
        assert chosen == pytest.approx(mean_delays_s(view, game, everything).min(), rel=1e-11)
    assert policy.exact.all()
    assert (policy.gap == 0.0).all()


ADDITIVE = {
    "energy": {"cost_s_per_j": 2.0, "idle_power_w": 0.3},
    "failures": {"mtbf_s": 1.0, "mttr_s": 1.0},
    "heavy_tasks": {"probability": 0.3, "factor": 3.0},
    "device_queue": True,
    "result_ratio": 0.5,
    "downlink_bps": 20e6,
    "forward_latency_s": 0.05,
}


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([(2, 4), (4, 3), (5, 2), (4, 4)]),
    names=st.sets(st.sampled_from([*ADDITIVE]), min_size=1),
)
def test_is_the_best_of_all_joint_actions_with_costs_that_add_up(seed, size, names):
    view = view_of_game(seed, *size, **{name: ADDITIVE[name] for name in names})
    policy = policies.make("optimum")
    everything = np.array(list(itertools.product(range(size[1] + 1), repeat=size[0])))
    costs_s = mean_costs_s(view, everything)
    assert mean_costs_s(view, policy.act(view))[0] == pytest.approx(costs_s.min(), rel=1e-11)
    assert policy.exact.all()
    (problem,) = slot_problems(view)
    proportional = np.array([problem.delays(actions).mean() for actions in everything])
    assert proportional / proportional[0] == pytest.approx(costs_s / costs_s[0], rel=1e-11)


def mean_costs_s(view, joint_actions):
    """Mean delay and cost of the energy under each of many joint actions ``[J, N]``, by the vector view."""
    joint_actions = np.asarray(joint_actions)
    env = edgeoffload_v0.vector_env(len(joint_actions), view.config, dtype="float64")
    many = {name: np.repeat(array[:1], len(joint_actions), axis=0) for name, array in view.snapshot.items()}
    env.reset(seed=0, options={"snapshot": many})
    infos = env.step(joint_actions)[-1]
    energy = view.config.energy
    costs = infos["delay_s"] + (energy.cost_s_per_j * infos["energy_j"] if energy else 0.0)
    return costs.mean(axis=1)


@pytest.mark.parametrize("scenario", ["paper", "sparse", "random-servers", "crowded", "held-out-small"])
def test_no_other_policy_is_better(scenario):
    view = view_in_scenario(scenario, seed=2, batch=3)
    best = policies.make("optimum").act(view)
    for game in range(3):
        least = mean_delays_s(view, game, best[game : game + 1])[0]
        for name in policies.names():
            other = mean_delays_s(view, game, policies.make(name).act(view)[game : game + 1])[0]
            assert least <= other * (1.0 + 1e-11), name


def test_the_bounded_form_brackets_the_optimum():
    view = view_in_scenario("paper", seed=3, batch=6)
    exact, bounded = policies.make("optimum"), policies.make("optimum", bounded=True, time_limit_s=60.0)
    optimal, found = exact.act(view), bounded.act(view)
    assert bounded.gap.shape == bounded.exact.shape == (6,)
    assert (bounded.gap[bounded.exact] == 0.0).all()
    for game in range(6):
        least, reached = mean_delays_s(view, game, np.stack([optimal[game], found[game]]))
        assert reached * (1.0 - bounded.gap[game]) <= least * (1.0 + 1e-11)
        assert least <= reached * (1.0 + 1e-11)


def test_too_large_is_an_error_that_offers_the_bounded_form():
    view = view_in_scenario("stadium", seed=0)
    with pytest.raises(ValueError, match=r"50 users and 5 servers are too many .* use bounded=True"):
        policies.make("optimum").act(view)
    bounded = policies.make("optimum", bounded=True, time_limit_s=0.05)
    actions = bounded.act(view)
    greedy, selfish = (policies.make(name).act(view) for name in ("greedy", "best-response"))
    reached, *others = mean_delays_s(view, 0, np.concatenate([actions, greedy, selfish]))
    assert reached <= min(others) * (1.0 + 1e-11)
    assert 0.0 <= bounded.gap[0] < 1.0


@pytest.mark.parametrize("bounded", [False, True])
def test_the_continuous_clock_is_refused_by_name(bounded):
    view = view_of_game(0, 3, 2, queue_clock="continuous")
    message = r"^optimum: cannot solve games with queue_clock = 'continuous', bounded or not$"
    with pytest.raises(ValueError, match=message):
        policies.make("optimum", bounded=bounded).act(view)


def test_the_page_names_the_effects_that_it_refuses():
    text = " ".join((ROOT / "docs" / "effects.md").read_text(encoding="utf-8").split())
    refused, solved = re.search(
        r"`optimum` refuses games with (.*?) by name, and solves those with (.*?)\.", text
    ).groups()
    assert sorted(re.findall(r"`(\w+)`", refused)) == sorted(UNSOLVED)
    assert solved == "other effects"


def test_out_of_time_it_plays_the_best_it_has_and_says_so():
    view = view_in_scenario("crowded", seed=1, batch=2)
    policy = policies.make("optimum", time_limit_s=0.0)
    actions = policy.act(view)
    assert not policy.exact.any()
    assert (policy.gap > 0.0).all()
    selfish = policies.make("best-response").act(view)
    for game in range(2):
        reached, other = mean_delays_s(view, game, np.stack([actions[game], selfish[game]]))
        assert reached <= other * (1.0 + 1e-11)
