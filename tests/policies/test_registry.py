"""Shipped and custom policies, and the view that they act on."""

import copy
import doctest
import pickle

import gymnasium
import numpy as np
import pytest

from edgeoffload_env import edgeoffload_v0, policies
from edgeoffload_env.policies import Policy, PolicyError, PolicyView
from tests.helpers import assert_one_traceback
from tests.policies.games import view_of_game


def test_names_are_the_contracts():
    assert set(policies.names()) == {
        "random",
        "local",
        "nearest",
        "fixed",
        "round-robin",
        "proportional",
        "least-loaded",
        "herd",
        "greedy",
        "best-response",
        "lookahead",
        "optimum",
        "drift-plus-penalty",
    }


@pytest.mark.parametrize("name", policies.names())
def test_made_by_name(name):
    needed = {"counts": (1, 0, 3)} if name == "fixed" else {}
    policy = policies.make(name, **needed)
    assert isinstance(policy, Policy)
    assert policy.name == name
    line = policies.describe(name)
    assert "nows " in line, "its information"
    assert "cost" in line or "a round" in line or "a slot" in line, "its cost"
    defaults = policies.parameters(name) | needed
    again = policies.make(name, **defaults)
    view = view_of_game(1, users=4, servers=2)
    other = PolicyView(view.config, view.snapshot, np.random.default_rng(1))
    assert np.array_equal(policy.act(view), again.act(other))
    for twin in (copy.deepcopy(policy), pickle.loads(pickle.dumps(policy))):
        assert {key: getattr(twin, key) for key in defaults} == defaults


@pytest.mark.parametrize(
    ("name", "values", "error", "message"),
    [
        ("gredy", {}, ValueError, r"unknown policy 'gredy'; did you mean 'greedy'\? Known: random, local, "),
        (3, {}, TypeError, r"policy must be a string, one of random, .*, got 3$"),
        (None, {}, TypeError, r"policy must be a string, .*, got None$"),
        ("greedy", {"price": 1.0}, TypeError, r"unknown parameter of policy 'greedy': 'price'. Known: none$"),
        (
            "drift-plus-penalty",
            {"prize": 1.0},
            TypeError,
            r"'drift-plus-penalty': 'prize'; did you mean 'price'\? Known: price$",
        ),
        ("drift-plus-penalty", {"price": -1.0}, ValueError, r"price must be a number in \[0, .*, got -1.0$"),
        ("drift-plus-penalty", {"price": float("nan")}, ValueError, r"price must be .* got nan$"),
        ("drift-plus-penalty", {"price": float("inf")}, ValueError, r"price must be .* got inf$"),
        ("drift-plus-penalty", {"price": "10"}, TypeError, r"price must be .* got '10'$"),
        ("drift-plus-penalty", {"price": True}, TypeError, r"price must be .* got True$"),
        ("lookahead", {"price": -0.1}, ValueError, r"price must be a number in \[0, .*, got -0.1$"),
        ("lookahead", {"price": float("inf")}, ValueError, r"price must be .* got inf$"),
        ("lookahead", {"price": None}, TypeError, r"price must be .* got None$"),
        ("lookahead", {"rounds": 0}, ValueError, r"rounds must be an integer in \[1, .*, got 0$"),
        ("lookahead", {"rounds": 2.0}, TypeError, r"rounds must be an integer .*, got 2.0$"),
        ("lookahead", {"rounds": True}, TypeError, r"rounds must be an integer .*, got True$"),
        ("lookahead", {"round": 2}, TypeError, r"'lookahead': 'round'; did you mean 'rounds'\? Known: price, rounds$"),
        ("herd", {"noise_s": -1e-3}, ValueError, r"noise_s must be a number in \[0, .* s, got -0.001$"),
        ("herd", {"noise_s": float("nan")}, ValueError, r"noise_s must be .* got nan$"),
        ("herd", {"noise_s": "0.1"}, TypeError, r"noise_s must be .* got '0.1'$"),
        ("herd", {"noise_s": False}, TypeError, r"noise_s must be .* got False$"),
        ("herd", {"noise": 1.0}, TypeError, r"'herd': 'noise'; did you mean 'noise_s'\? Known: noise_s$"),
        ("fixed", {"count": 1}, TypeError, r"'fixed': 'count'; did you mean 'counts'\? Known: counts$"),
        ("best-response", {"max_rounds": 0}, ValueError, r"max_rounds must be an integer in \[1, .*, got 0$"),
        ("best-response", {"max_rounds": 2.5}, TypeError, r"max_rounds must be .*, got 2.5$"),
        ("best-response", {"settled": 1}, TypeError, r"unknown parameter of policy 'best-response': 'settled'"),
        ("optimum", {"bounded": 1}, TypeError, r"bounded must be True or False, got 1$"),
        ("optimum", {"time_limit_s": -1}, ValueError, r"time_limit_s must be a number in \[0, .* s, got -1$"),
        ("optimum", {"gap": 1}, TypeError, r"'optimum': 'gap'\. Known: bounded, time_limit_s$"),
    ],
)
def test_bad_names_and_parameters(name, values, error, message):
    with pytest.raises(error, match=message) as refused:
        policies.make(name, **values)
    assert_one_traceback(refused.value)


def test_a_rule_is_asked_for_every_user_with_what_the_user_sees():
    view = view_of_game(2, users=3, servers=4, batch=2)
    seen = []

    def rule(agent, observation):
        seen.append((agent, observation))
        return np.int16(len(seen) % 5)

    policy = policies.from_callable(rule)
    assert isinstance(policy, Policy)
    assert policy.name == "rule"
    assert policy.act(view).tolist() == [[1, 2, 3], [4, 0, 1]]
    assert [agent for agent, _ in seen] == ["user_0", "user_1", "user_2"] * 2
    assert np.array_equal([observation for _, observation in seen], view.observation.reshape(6, -1))


@pytest.mark.parametrize("action", [1.0, True, None, "1", [1], 5, -1, np.float64(2.0), float("nan")])
def test_a_rules_bad_action_names_the_rule_and_the_user(action):
    def wayward(agent, _):
        return action if agent == "user_1" else 0

    with pytest.raises(
        PolicyError, match=r"policy 'wayward': the action of user_1 must be an integer in \[0, 4\] .*, got "
    ):
        policies.from_callable(wayward).act(view_of_game(2, users=3, servers=4))


def test_a_rule_must_be_callable():
    with pytest.raises(TypeError, match=r"rule must be a callable .*, got 3$"):
        policies.from_callable(3)


@pytest.mark.parametrize("scenario", ["paper", "paper-load-only", "random-servers", "two-tier"])
def test_a_view_shows_what_the_parallel_view_shows(scenario):
    env = edgeoffload_v0.parallel_env(scenario)
    observations, _ = env.reset(seed=5)
    for _ in range(3):
        view = policies.view_of(env, np.random.default_rng(0))
        assert view.num_games == 1
        assert view.config == env.config
        assert view.observation.dtype == view.state.dtype == np.float32
        assert np.array_equal(view.observation[0], list(observations.values()))
        assert np.array_equal(view.state[0], env.state())
        assert {name: array.shape for name, array in view.snapshot.items()} == {
            name: (1, *np.shape(array)) for name, array in env.snapshot().items()
        }
        actions = policies.make("proportional").act(view)[0]
        observations = env.step(dict(zip(env.agents, actions, strict=True)))[0]


def test_every_view_can_be_shown():
    rng = np.random.default_rng(0)
    single = edgeoffload_v0.parallel_env(), edgeoffload_v0.env(), gymnasium.make("edgeoffload/paper-central-v0")
    batched = [edgeoffload_v0.vector_env(2, backend=backend, dtype="float64") for backend in ("numpy", "torch")]
    for env in (*single, *batched):
        env.reset(seed=1)
        view = policies.view_of(env, rng)
        assert view.num_games == (2 if env in batched else 1)
        assert all(type(array) is np.ndarray for array in view.snapshot.values())
        assert view.snapshot["task_bits"].dtype == np.float64
        assert policies.make("greedy").act(view).shape == (view.num_games, 10)
        assert view.rng is rng


def test_the_packages_example_runs():
    result = doctest.testmod(policies)
    assert result.attempted > 5
    assert result.failed == 0
