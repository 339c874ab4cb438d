"""``evaluate`` against its definitions, slot by slot through the scalar model of the tests."""

import sys

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, Evaluation, evaluate, policies, scenarios
from edgeoffload_env.evaluation import METRICS, rollout
from edgeoffload_env.policies import PolicyError
from tests import oracle
from tests.helpers import assert_one_traceback


class Recorder:
    """Plays another policy and keeps what was shown and done."""

    name = "recorder"

    def __init__(self, policy):
        self.policy, self.slots = policy, []

    def act(self, view):
        actions = self.policy.act(view)
        self.slots.append((view.snapshot, actions.copy(), view.config))
        return actions

    def tasks(self):
        return np.array([snapshot["task_bits"] for snapshot, _, _ in self.slots])


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("random", {}),
        ("greedy", {"num_users": 20}),
        ("proportional", {"num_users": 1, "max_cycles": 1}),
        ("local", {}),
        ("random", {"delay_weight": 3.0, "balance_weight": 0.0, "reward_sharing": 0.5, "initial_load_s": (0.0, 1.0)}),
    ],
)
def test_metrics_are_what_they_are_called(name, fields):
    recorder = Recorder(policies.make(name))
    fields = {"num_users": 4, "max_cycles": 6} | fields
    result = evaluate(recorder, "paper", episodes=5, seed=3, **fields)
    assert len(recorder.slots) == fields["max_cycles"]
    for episode in range(5):
        slots = [
            oracle.play({key: values[episode] for key, values in snapshot.items()}, actions[episode], config)
            for snapshot, actions, config in recorder.slots
        ]
        delays = np.array([slot.delay_s for slot in slots])
        imbalances = np.array([slot.imbalance for slot in slots])
        targets = np.array([actions[episode] for _, actions, _ in recorder.slots])
        per_user = delays.mean(axis=0)
        expected = {
            "utility": np.mean(
                [sum(-delays[t, n] - imbalances[t] for t in range(len(slots))) for n in range(len(per_user))]
            ),
            "mean_delay_s": delays.mean(),
            "p95_delay_s": np.percentile(delays, 95),
            "imbalance": imbalances.mean(),
            "offload_fraction": (targets > 0).mean(),
            "jain_fairness": per_user.sum() ** 2 / (len(per_user) * (per_user**2).sum()),
        }
        assert set(expected) == set(METRICS)
        for metric, value in expected.items():
            assert getattr(result, metric)[episode] == pytest.approx(value, rel=1e-10, abs=1e-15), metric


def test_jain_fairness_by_hand():
    game = {
        "num_users": 2,
        "device_hz": (1e9, 1e9),
        "task_cycles": (1e9, 1e9),
        "server_hz": (1e15,),
        "task_bits": (1, 1),
    }

    class OneAway:
        def act(self, view):
            return np.tile([0, 1], (view.num_games, 1))

    even, uneven = evaluate("local", episodes=2, **game), evaluate(OneAway(), episodes=2, **game)
    assert even.jain_fairness == pytest.approx([1.0, 1.0], rel=1e-12)
    # 1 s and next to nothing: (1 + 0)^2 / (2 (1 + 0)); half of the delays are 1 s, so the 95th percentile is
    assert uneven.jain_fairness == pytest.approx([0.5, 0.5], abs=1e-4)
    assert uneven.offload_fraction.tolist() == [0.5, 0.5]
    for result in (even, uneven):
        assert result.p95_delay_s == pytest.approx([1.0, 1.0], rel=1e-12)
    assert even.utility == pytest.approx([-50.0, -50.0], rel=1e-12)


def test_result_has_the_contracts_fields():
    result = evaluate("greedy", episodes=4)
    assert isinstance(result, Evaluation)
    assert (result.policy, result.scenario, result.episodes, result.seed) == ("greedy", "paper", 4, 0)
    assert result.config == scenarios.get("paper").config
    names = (*METRICS, "score", "gain_over_fixed")
    for name in names:
        assert getattr(result, name).shape == (4,)
        assert getattr(result, name).dtype == np.float64
    summary = result.summary()
    assert tuple(summary) == names
    for name, (mean, low, high) in summary.items():
        assert mean == pytest.approx(getattr(result, name).mean(), rel=1e-14)
        assert low <= mean <= high
    assert "utility" in str(result)


@pytest.mark.parametrize(
    ("scenario", "overrides", "reason"),
    [
        ("sparse", {"max_cycles": 3}, "the overrides change the scenario's game"),
        (EdgeOffloadConfig(max_cycles=3), {}, "no floor and reference are stored for it"),
    ],
)
def test_what_a_result_lacks_is_shown_with_the_reason(scenario, overrides, reason):
    one, two = (str(evaluate("local", scenario, episodes=episodes, **overrides)) for episodes in (1, 2))
    assert "nan" not in one + two
    for text in (one, two):
        rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()[1:]}
        assert rows["score"] == rows["gain_over_fixed"] == ["-"]
        assert len(rows["utility"]) == (1 if text is one else 3)
        assert text.endswith(f"\nno score and no gain: {reason}")
    note = "\nno confidence intervals: they need at least 2 episodes\n"
    assert note in one
    assert note not in two
    scored = str(evaluate("local", "sparse", episodes=2))
    assert "no score" not in scored
    assert "-" not in [line.split()[1] for line in scored.splitlines()]


def test_a_shipped_scenario_that_was_not_measured_is_not_called_changed(monkeypatch):
    monkeypatch.setattr("edgeoffload_env.evaluation.score.score_baselines", lambda config: None)
    assert evaluate("local", "sparse", episodes=2).notes() == [
        "no score and no gain: no floor and reference are stored for it"
    ]


def test_the_greatest_seed_is_shown_as_a_power():
    with pytest.raises(ValueError, match=r"^seed must be an integer in \[0, 2\*\*128\], got -1$"):
        evaluate("local", seed=-1)


def test_weights_sharing_and_observation_leave_every_measure_alone():
    plain = evaluate("drift-plus-penalty", episodes=3, seed=1)
    changed = evaluate(
        "drift-plus-penalty",
        episodes=3,
        seed=1,
        delay_weight=0.0,
        balance_weight=7.0,
        reward_sharing=1.0,
        observation="load",
    )
    for name in (*METRICS, "score", "gain_over_fixed"):
        assert np.array_equal(getattr(plain, name), getattr(changed, name)), name


def test_every_policy_meets_the_same_games():
    shown = {}
    for name in ("random", "local", "proportional", "greedy"):
        recorder = Recorder(policies.make(name))
        evaluate(recorder, episodes=3, seed=8, max_cycles=5)
        shown[name] = recorder.tasks()
    assert all(np.array_equal(tasks, shown["local"]) for tasks in shown.values())


def test_what_a_policy_draws_changes_no_game():
    class Wasteful:
        def act(self, view):
            view.rng.random(1000)
            for array in view.snapshot.values():
                array[...] = 1
            return np.zeros((view.num_games, view.config.num_users), dtype=np.int8)

    plain, wasteful = (evaluate(policy, episodes=3, seed=4, max_cycles=5) for policy in ("local", Wasteful()))
    for name in METRICS:
        assert np.array_equal(getattr(plain, name), getattr(wasteful, name))


@pytest.mark.parametrize("name", ["random", "best-response", "optimum"])
def test_the_same_seed_gives_the_same_result(name):
    first, second, other = (evaluate(name, episodes=2, seed=seed, max_cycles=6) for seed in (5, 5, 6))
    for metric in METRICS:
        assert np.array_equal(getattr(first, metric), getattr(second, metric))
    assert not np.array_equal(first.utility, other.utility)


def test_global_randomness_is_untouched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002  # the global state is what must stay
    evaluate("random", episodes=2, max_cycles=3)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_large_runs_are_cut_into_batches(monkeypatch):
    monkeypatch.setattr(rollout, "_LARGEST_TABLE", 200)
    recorder = Recorder(policies.make("random"))
    played = []
    result = evaluate(recorder, episodes=11, num_users=10, max_cycles=4, progress=played.append)
    sizes = [len(snapshot["slot"]) for snapshot, _, _ in recorder.slots]
    assert sizes == [4] * 8 + [3] * 4
    assert played == sizes
    assert result.utility.shape == (11,)
    assert len(np.unique(result.utility)) == 11, "no two batches alike"


def test_memory_stays_bounded_at_a_thousand_users():
    config = scenarios.configure("paper", num_users=1000, server_hz_range=(12e9, 20e9), num_servers=100)
    assert rollout._batch_limit(config) * 1000 * 100 <= 2**22
    endless = config.replace(max_cycles=10**5)
    assert rollout._batch_limit(endless) == 1
    result = evaluate("greedy", config, episodes=2, max_cycles=2)
    assert np.isfinite(result.utility).all()


def test_a_rule_for_one_user_does_as_a_policy():
    def nearest(agent, observation):
        assert agent.startswith("user_")
        assert observation.dtype == np.float32
        return 1

    result = evaluate(nearest, episodes=2, max_cycles=5)
    assert result.policy == "nearest"
    assert np.array_equal(result.utility, evaluate("nearest", episodes=2, max_cycles=5).utility)


def test_a_configuration_of_ones_own():
    config = EdgeOffloadConfig(num_users=3, max_cycles=4)
    result = evaluate("greedy", config, episodes=2)
    assert result.scenario is None
    assert result.config == config
    assert np.isnan(result.score).all()
    assert np.isnan(result.gain_over_fixed).all()
    assert evaluate("greedy", config, episodes=2, max_cycles=2).config.max_cycles == 2


def test_diagnostics_are_averaged_over_the_slots():
    class Talker:
        diagnostics: dict = {}  # noqa: RUF012  # replaced at every act

        def act(self, view):
            self.diagnostics = {"third": view.snapshot["slot"] % 3 == 0}
            return np.zeros((view.num_games, 10), dtype=int)

    assert evaluate(Talker(), episodes=2, max_cycles=6).diagnostics["third"].tolist() == [1 / 3, 1 / 3]
    assert evaluate("best-response", episodes=2, max_cycles=4).diagnostics["settled"].tolist() == [1.0, 1.0]
    optimum = evaluate("optimum", "sparse", episodes=2, max_cycles=4).diagnostics
    assert {name: values.tolist() for name, values in optimum.items()} == {"exact": [1.0, 1.0], "gap": [0.0, 0.0]}
    assert evaluate("greedy", episodes=1, max_cycles=2).diagnostics == {}


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (
            np.zeros((2, 10)),
            r"^actions of policy 'Bad' must be integers in \[0, 5\] of shape \[2, 10\], got type float64$",
        ),
        (np.zeros((2, 10), dtype=bool), "got type bool"),
        (np.zeros((2, 9), dtype=int), r"got shape \[2, 9\]"),
        (np.zeros(10, dtype=int), r"got shape \[10\]"),
        (np.zeros((10, 2), dtype=int), r"got shape \[10, 2\]"),
        (np.full((2, 10), 6), "got 6 for user_0$"),
        (np.array([[0] * 10, [0] * 7 + [-1, 0, 0]]), "got -1 for user_7$"),
        (None, "got type object"),
        ([[0] * 10, [0] * 9], "got list$"),
        ("greedy", "got type"),
        ({"user_0": 1}, "got type object"),
        (np.full((2, 10), np.nan), "got type float64"),
    ],
)
def test_bad_actions_name_the_policy(actions, message):
    class Bad:
        def act(self, _):
            return actions

    with pytest.raises(PolicyError, match=message):
        evaluate(Bad(), episodes=2)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, list])
def test_any_integers_will_do(dtype):
    class Own:
        def act(self, view):
            actions = np.ones((view.num_games, 10), dtype=np.int64)
            return actions.tolist() if dtype is list else actions.astype(dtype)

    assert np.array_equal(evaluate(Own(), episodes=2).utility, evaluate("nearest", episodes=2).utility)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"policy": "gredy"}, ValueError, r"unknown policy 'gredy'; did you mean 'greedy'\?"),
        ({"policy": 7}, TypeError, "policy must be a name, an object with act.*, got 7$"),
        ({"policy": None}, TypeError, "policy must be a name, .*, got None$"),
        ({"policy": Recorder}, TypeError, "an instance of the class"),
        ({"scenario": "papers"}, ValueError, r"unknown scenario 'papers'; did you mean 'paper'\? Known: "),
        ({"episodes": 0}, ValueError, "episodes must be an integer in .*, got 0$"),
        ({"episodes": 2.0}, TypeError, "episodes must be .*, got 2.0$"),
        ({"episodes": True}, TypeError, "episodes must be .*, got True$"),
        ({"seed": -1}, ValueError, "seed must be .*, got -1$"),
        ({"seed": None}, TypeError, "seed must be .*, got None$"),
        ({"num_user": 3}, TypeError, r"unknown field 'num_user'; did you mean 'num_users'\?"),
        ({"num_users": 0}, ValueError, "num_users must be .*, got 0$"),
        ({"policy": "optimum", "scenario": "stadium"}, ValueError, "use bounded=True"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message) as refused:
        evaluate(**({"policy": "local"} | arguments))
    assert_one_traceback(refused.value)


def test_to_frame():
    """A row per episode with the columns of the CSV report; NaN where the game has no score."""
    shown = evaluate("best-response", "urban", episodes=3, seed=2, max_cycles=2)
    frame = shown.to_frame()
    assert list(frame.columns[:4]) == ["policy", "scenario", "seed", "episode"]
    assert list(frame.columns[4:]) == [*shown.metrics, "score", "gain_over_fixed", "settled"]
    assert frame.episode.tolist() == [0, 1, 2]
    assert set(zip(frame.policy, frame.scenario, frame.seed, strict=True)) == {("best-response", "urban", 2)}
    assert {"miss_fraction", "energy_j"} <= set(frame.columns)
    for name, values in (shown.per_episode() | shown.diagnostics).items():
        np.testing.assert_array_equal(frame[name], values)
    assert frame.score.isna().all()
    assert evaluate("local", episodes=2).to_frame().notna().all(axis=None)
    assert evaluate("local", EdgeOffloadConfig(max_cycles=2), episodes=1).to_frame().scenario.isna().all()


def test_to_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="data frames need pandas: pip install pandas"):
        evaluate("local", episodes=1, max_cycles=1).to_frame()
