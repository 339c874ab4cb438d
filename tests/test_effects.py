"""An effect of one's own, as the guide "Add an effect" writes it, in every view and wherever quantities are shown."""

import copy
import dataclasses
import itertools
import json
import pickle
import re
import sys
import types
import warnings

import numpy as np
import pytest
import torch
from torch._dynamo.testing import CompileCounter

from edgeoffload_env import edgeoffload_v0, evaluate, observation, policies, scenarios, stored, tables
from edgeoffload_env.evaluation.report import Report
from edgeoffload_env.model import numpy_namespace as xp
from edgeoffload_env.model.reward import utility
from edgeoffload_env.rendering import page
from edgeoffload_env.views.central import EdgeOffloadCentralEnv
from tests.drivers import ParallelDriver, VectorDriver
from tests.helpers import ALL_ON, TRACE_ON, compiles, random_actions
from tests.pages import ROOT, blocks
from tests.policies.games import make_for

with warnings.catch_warnings():  # the module imports games of its own that it deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

GUIDE = (ROOT / "docs" / "guides" / "add-an-effect.md").read_text(encoding="utf-8")
SCENARIO = "random-servers"
BACKENDS = list(itertools.product(("numpy", "torch"), ("float64", "float32")))


@pytest.fixture(scope="module")
def battery():
    """The guide's module, importable under its name, so that configurations pickle."""
    (source,) = [block.text for block in blocks(GUIDE) if block.file == "battery.py"]
    module = types.ModuleType("battery")
    sys.modules["battery"] = module
    exec(compile(source, "battery.py", "exec"), module.__dict__)
    yield module.Battery(capacity_j=10.0)
    del sys.modules["battery"]


@pytest.fixture
def config(battery):
    return scenarios.configure(SCENARIO, max_cycles=6, extra_effects=(battery,))


def actions_of(config, games, salt):
    return np.random.default_rng(salt).integers(0, config.servers + 1, (games, config.num_users))


def check_slot(battery, config, before, actions, infos, rewards, after):
    """The effect worked by hand from the snapshot, beside the game without it."""
    local = actions == 0
    drained = np.where(local, 1e-9 * before["task_cycles"], 0.0)
    lacking = np.maximum(0.0, battery.capacity_j - before["battery_j"])
    charged = before["sun_share"] * battery.sun_w * config.slot_s
    left = np.minimum(battery.capacity_j, np.maximum(before["battery_j"] - drained, 0.0) + charged)
    np.testing.assert_allclose(infos["drained_j"], drained, rtol=1e-5)
    np.testing.assert_allclose(infos["lacking_j"], lacking, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(after["battery_j"], left, rtol=1e-5)
    plain = config.replace(extra_effects=())
    env = edgeoffload_v0.vector_env(len(actions), plain, dtype="float64")
    env.reset(seed=0, options={"snapshot": {name: before[name] for name in (*plain.schema.snapshot, "slot")}})
    _, plain_rewards, _, _, plain_infos = env.step(actions)
    np.testing.assert_allclose(rewards, plain_rewards - 0.05 * lacking, rtol=1e-4)
    for name, values in plain_infos.items():
        np.testing.assert_allclose(infos[name], values, rtol=1e-4, atol=1e-5)


def to_numpy(arrays):
    return {name: array.cpu().numpy() if hasattr(array, "cpu") else np.asarray(array) for name, array in arrays.items()}


def play_vector(battery, config, **options):
    env = edgeoffload_v0.vector_env(3, config, **options)
    observations, _ = env.reset(seed=5)
    for slot in range(config.max_cycles - 1):
        before = to_numpy(env.snapshot())
        actions = actions_of(config, 3, slot)
        seen = to_numpy({"observations": observations, "state": env.state()})
        feature = (before["battery_j"] - 5.0) / (before["battery_j"] + 5.0)
        np.testing.assert_allclose(seen["observations"][:, :, -1], feature, atol=1e-5)
        np.testing.assert_allclose(seen["state"][:, -config.num_users :], feature, atol=1e-5)
        observations, rewards, _, _, infos = env.step(actions)
        found = to_numpy(infos)
        check_slot(battery, config, before, actions, found, np.asarray(rewards), to_numpy(env.snapshot()))
    observations, _, _, truncations, infos = env.step(actions_of(config, 3, 99))
    assert bool(truncations.all())
    assert infos["final_obs"].shape == observations.shape
    assert np.all(to_numpy(env.snapshot())["battery_j"] == battery.capacity_j)


@pytest.mark.parametrize(("backend", "dtype"), BACKENDS)
def test_vector_views(battery, config, backend, dtype):
    play_vector(battery, config, backend=backend, dtype=dtype)


@compiles
def test_one_graph(config):
    torch._dynamo.reset()
    counter = CompileCounter()
    game = edgeoffload_v0.functional_env(config, backend="torch", dtype="float64")
    compiled = torch.compile(game.advance, fullgraph=True, backend=counter)
    generators = game.generators(5)
    snapshot = game.init(generators, 3)
    for slot in range(2):
        arguments = snapshot, torch.as_tensor(actions_of(config, 3, slot)), game.noise(generators, 3)
        found, expected = compiled(*arguments), game.advance(*arguments)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)
        snapshot = expected[1]
    assert "battery_j" in snapshot
    assert counter.frame_count == 1


@compiles
@pytest.mark.slow
def test_compiled_to_machine_code(battery, config):
    play_vector(battery, config, backend="torch", compile=True)


def test_single_game(battery, config):
    env = edgeoffload_v0.parallel_env(config.replace(max_cycles=80))
    observations, _ = env.reset(seed=5)
    for slot in range(70):  # beyond what is drawn ahead
        before = {name: np.asarray(value)[None] for name, value in env.snapshot().items()}
        assert observations["user_3"][-1] == pytest.approx(
            (before["battery_j"][0, 3] - 5) / (before["battery_j"][0, 3] + 5)
        )
        assert env.state()[-1] == observations[env.agents[-1]][-1]
        actions = actions_of(config, 1, slot)
        observations, rewards, _, _, infos = env.step(dict(zip(env.agents, actions[0].tolist(), strict=True)))
        found = {name: np.array([[info[name] for info in infos.values()]]) for name in infos["user_0"]}
        found["imbalance"] = found["imbalance"][:, 0]
        after = {name: np.asarray(value)[None] for name, value in env.snapshot().items()}
        check_slot(battery, env.config, before, actions, found, np.array([list(rewards.values())]), after)
        assert env.utility() == pytest.approx(float(utility(found, env.config, xp=xp)[0]))
    assert (before["battery_j"] < battery.capacity_j).any()


def test_pure_functions(config):
    """They play the single game to the last bit."""
    env, game = edgeoffload_v0.parallel_env(config), edgeoffload_v0.functional_env(config)
    env.reset(seed=5)
    generators = game.generators(seed=5)
    snapshot = game.init(generators)
    for slot in range(config.max_cycles):
        (action,) = actions_of(config, 1, slot)
        outcome, snapshot = game.advance(snapshot, action, game.noise(generators))
        _, rewards, _, _, infos = env.step(dict(zip(env.agents, action.tolist(), strict=True)))
        assert outcome["reward"].tolist() == list(rewards.values())
        assert outcome["drained_j"].tolist() == [info["drained_j"] for info in infos.values()]
        assert all(np.array_equal(snapshot[name], value) for name, value in env.snapshot().items())
    assert (snapshot["battery_j"] < 10.0).any()


@pytest.mark.parametrize("others", [ALL_ON, TRACE_ON], ids=["all effects", "a trace"])
def test_with_all_of_the_packages_effects(battery, others):
    """In every view the battery is as by hand, and all else as without it."""
    config = others.replace(extra_effects=(battery,), max_cycles=6)
    plain, rng = config.replace(extra_effects=()), np.random.default_rng(0)
    drained = 0.0
    for make in (
        lambda config: VectorDriver(config, dtype="float64"),
        lambda config: VectorDriver(config, backend="torch", dtype="float64"),
        ParallelDriver,
    ):
        driver, without = make(config), make(plain)
        driver.reset(seed=3)
        without.reset(seed=3)
        for _ in range(config.max_cycles - 1):
            before = driver.snapshot()
            actions = random_actions(rng, config, driver.batch)
            found, expected = driver.step(actions), without.step(actions)
            local = (found.target == 0) & (before["active"] > 0.5)
            lacking = battery.capacity_j - before["battery_j"]
            np.testing.assert_allclose(found.extra["drained_j"], local * 1e-9 * before["task_cycles"])
            np.testing.assert_allclose(found.reward, expected.reward - 0.05 * lacking)
            for name, values in expected.after.items():
                np.testing.assert_array_equal(found.after[name], values)
            np.testing.assert_array_equal(found.delay_s, expected.delay_s)
            np.testing.assert_array_equal(found.mask, expected.mask)
            np.testing.assert_array_equal(found.observation[..., :-1], expected.observation)
            drained += found.extra["drained_j"].sum()
    assert drained > 0.0


def test_single_game_conforms(config):
    parallel_api_test(edgeoffload_v0.parallel_env(config), num_cycles=20)
    api_test(edgeoffload_v0.env(config), num_cycles=40)
    parallel_seed_test(lambda: edgeoffload_v0.parallel_env(config))
    seed_test(lambda: edgeoffload_v0.env(config), num_cycles=40)


def test_central_view(config):
    env = EdgeOffloadCentralEnv(config)
    state, _ = env.reset(seed=1)
    assert state.shape == (len(observation.state_names(config)),) == env.observation_space.shape
    info = env.step([0] * config.num_users)[-1]
    assert info["drained_j"].shape == (config.num_users,)


def test_a_game_goes_on_from_its_snapshot_copy_and_pickle(config):
    env = edgeoffload_v0.parallel_env(config)
    env.reset(seed=3)
    env.step(dict.fromkeys(env.agents, 0))
    twins = [copy.deepcopy(env), pickle.loads(pickle.dumps(env)), edgeoffload_v0.parallel_env(config)]
    twins[2].reset(seed=3, options={"snapshot": env.snapshot()})
    expected = env.step(dict.fromkeys(env.agents, 0))
    for twin in twins:
        found = twin.step(dict.fromkeys(twin.agents, 0))
        assert found[1] == expected[1]
        assert found[4] == expected[4]


def test_snapshots_are_checked(config):
    env = edgeoffload_v0.parallel_env(config)
    env.reset(seed=3)
    snapshot = env.snapshot()
    with pytest.raises(ValueError, match="snapshot lacks the field 'battery_j'"):
        env.reset(options={"snapshot": {k: v for k, v in snapshot.items() if k != "battery_j"}})
    with pytest.raises(ValueError, match=r"snapshot field 'battery_j' must be finite numbers in \[0, 1e\+?30\)"):
        env.reset(options={"snapshot": snapshot | {"battery_j": -snapshot["battery_j"] - 1.0}})
    plain = edgeoffload_v0.parallel_env(SCENARIO)
    with pytest.raises(ValueError, match="unknown snapshot field 'sun_share'"):
        plain.reset(options={"snapshot": snapshot})


def test_other_processes_keep_their_numbers(config):
    plain = config.replace(extra_effects=())
    for with_effect, without in (
        (edgeoffload_v0.parallel_env(config), edgeoffload_v0.parallel_env(plain)),
        (edgeoffload_v0.vector_env(2, config), edgeoffload_v0.vector_env(2, plain)),
        (edgeoffload_v0.vector_env(2, config, backend="torch"), edgeoffload_v0.vector_env(2, plain, backend="torch")),
    ):
        with_effect.reset(seed=11)
        without.reset(seed=11)
        found, expected = to_numpy(with_effect.snapshot()), to_numpy(without.snapshot())
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values)


def test_columns_are_named(config):
    env = edgeoffload_v0.parallel_env(config)
    names = observation.names(config)
    assert names[-1] == "battery"
    assert len(names) == len(set(names)) == env.observation_space("user_0").shape[0]
    assert observation.state_names(config)[-1] == f"user_{config.num_users - 1}/battery"
    assert len(observation.state_names(config)) == env.state_space.shape[0]
    only_loads = config.replace(observation="load")
    assert observation.names(only_loads) == observation.state_names(only_loads) == [f"load_{m}" for m in range(1, 6)]


def test_evaluation_measures_it(battery, config):
    result = evaluate("local", config, episodes=3)
    plain = evaluate("local", config.replace(extra_effects=()), episodes=3)
    assert result.drained_j == pytest.approx(1.0, rel=0.1)  # U[0.8, 1.2] Gcycles at 1 nJ
    assert (result.utility < plain.utility).all()
    assert list(result.summary())[-3:] == ["drained_j", "score", "gain_over_fixed"]
    report = Report([("local", result)])
    assert "drained (J)" in report.table()
    assert "no score and no gain: no floor and reference are stored for it" in report.table()
    assert "drained_j_mean" in report.to_csv()
    assert "drained_j" in json.loads(report.to_json())["results"][0]["summary"]
    with pytest.raises(AttributeError, match="no attribute 'drained_j'"):
        _ = plain.drained_j


def test_another_game_has_no_score(battery):
    assert np.isnan(evaluate("local", "paper", episodes=2, extra_effects=(battery,)).score).all()
    assert "extra_effects" not in stored.game_of(scenarios.configure("paper"))


def test_tables_and_pictures_show_it(config):
    text = tables.describe(config)
    for name in ("`battery_j`", "`sun_share`", "`drained_j`", "charge of the own battery", "cost of what the battery"):
        assert name in text
    env = edgeoffload_v0.parallel_env(config, render_mode="ansi")
    env.reset(seed=0)
    assert "battery (J)" in env.render()
    env.step(dict.fromkeys(env.agents, 0))
    table = env.render()
    assert "drained (J)" in table
    assert "battery (J)" in table
    content = page.content([page.record("local", config)], config, title="")
    (play,) = content["plays"]
    for kind, name, heading in (("snapshot", "battery_j", "battery (J)"), ("infos", "drained_j", "drained (J)")):
        (declared,) = [quantity for quantity in content[kind] if quantity["name"] == name]
        assert declared["heading"] == heading
        assert len((content["shared"] | play[kind])[name]["values"]) == config.max_cycles
    assert "drained_j" in play["metrics"]


def test_policies_play_it(config):
    for name in policies.names():
        assert evaluate(make_for(name, config), config, episodes=1).utility.shape == (1,)


@pytest.mark.parametrize("values", [{"capacity_j": -1.0}, {"capacity_j": "full"}, {"sun_w": float("nan")}])
def test_bad_constants_are_refused(battery, values):
    (name,) = values
    with pytest.raises((TypeError, ValueError), match=f"{name} must be a number in"):
        type(battery)(**values)


def test_only_effects_are_effects():
    with pytest.raises(TypeError, match="an item of extra_effects must be an instance of"):
        scenarios.configure("paper", extra_effects=("battery",))
    with pytest.raises(TypeError, match="extra_effects must be a tuple of effects, got 3"):
        scenarios.configure("paper", extra_effects=3)


def test_two_effects_may_not_declare_the_same(battery):
    with pytest.raises(ValueError, match="quantity 'sun_share' is declared twice"):
        scenarios.configure("paper", extra_effects=(battery, battery))


FAULTS = {
    "unknown stage in the name of Faulty.after_dealy, 'dealy'; did you mean 'delay'": {
        "after_dealy": lambda effect, slot: None
    },
    "unknown field of the snapshot, read by the feature 'battery', 'batery_j'; did you mean 'battery_j'": {
        "features": lambda effect, config: [
            dataclasses.replace(feature, reads=("batery_j",)) for feature in effect.guides.features(config)
        ]
    },
    "unknown field of the snapshot, drawn by the process 'sun', 'sunshine'": {
        "processes": lambda effect: [
            dataclasses.replace(process, fields=("sunshine",)) for process in effect.guides.processes()
        ]
    },
    "the field 'sun_share' of the snapshot needs a process that draws it, or queue=True": {
        "processes": lambda effect: ()
    },
    "kind of the quantity 'lacking_j' must be 'state' or 'info'": {
        "quantities": lambda effect: (
            *effect.guides.quantities()[:-1],
            dataclasses.replace(effect.guides.quantities()[-1], kind="infos"),
        )
    },
    "scope of the quantity 'lacking_j' must be 'user' or 'server' or 'game'": {
        "quantities": lambda effect: (
            *effect.guides.quantities()[:-1],
            dataclasses.replace(effect.guides.quantities()[-1], scope="users"),
        )
    },
    "scope of the feature 'battery' must be 'user' or 'server'": {
        "features": lambda effect, config: [
            dataclasses.replace(feature, scope="game") for feature in effect.guides.features(config)
        ]
    },
    "'battery_j' has no first value: no process draws it": {"start": lambda effect, fields, config, *, xp: {}},
    "'drained_j' is declared, but no stage wrote slot.outcome['drained_j']": {
        "after_serve": lambda effect, slot: slot.outcome.pop("drained_j")
    },
    "'battery_j' is declared, but no stage wrote slot.next['battery_j']": {
        "after_serve": lambda effect, slot: slot.next.pop("battery_j")
    },
    "unknown queue in slot.next, 'batery_j'; did you mean 'battery_j'": {
        "after_serve": lambda effect, slot: slot.next.update(batery_j=slot.offloads)
    },
}


def play_a_slot(effect, *, single):
    if single:
        env = edgeoffload_v0.parallel_env(SCENARIO, extra_effects=(effect,))
        env.reset(seed=0)
        env.step(dict.fromkeys(env.agents, 0))
    else:
        env = edgeoffload_v0.vector_env(2, SCENARIO, extra_effects=(effect,))
        env.reset(seed=0)
        env.step(np.zeros((2, env.config.num_users), dtype=int))


@pytest.mark.parametrize("single", [True, False], ids=["single game", "batch"])
@pytest.mark.parametrize("message", FAULTS)
def test_faulty_effects_are_told_what_is_wrong(battery, message, single):
    faulty = type("Faulty", (type(battery),), FAULTS[message] | {"guides": battery})()
    with pytest.raises(ValueError, match=re.escape(message)):
        play_a_slot(faulty, single=single)


def test_columns_of_the_table_lie_below_their_headings(battery):
    long = [dataclasses.replace(battery.quantities()[3], name=name, unit="bit") for name in ("volume_bits", "rest_bit")]

    def after_serve(effect, slot):
        slot.outcome |= dict.fromkeys(("volume_bits", "rest_bit"), 1e9 * slot.offloads)

    members = {"quantities": lambda effect: (*battery.quantities(), *long), "after_serve": after_serve}
    effect = type("Longer", (type(battery),), members)()
    env = edgeoffload_v0.parallel_env(SCENARIO, extra_effects=(effect,), render_mode="ansi")
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 1))
    lines = env.render().splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("user")]
    heading, *rows = lines[at : at + 1 + env.num_agents]
    assert {"volume (bit)", "rest (bit)"} < set(re.split(r"\s{2,}", heading))
    ends = [found.end() for found in re.finditer(r"\S+(?: \S+)*", heading)]
    for row in rows:
        assert [found.end() for found in re.finditer(r"\S+", row)] == ends
