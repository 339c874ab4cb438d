"""Effects that are off are absent, and those that are on leave the draws of all else as they are."""

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0, observation
from tests.drivers import DRIVERS, INFOS, VectorDriver
from tests.helpers import ALL_EFFECTS, ALL_ON, EFFECT_FIELDS, PLAIN_FIELDS, assert_same, random_actions

CONFIG = ALL_ON.replace(max_cycles=5, deadline_weight=1.0, energy_weight=1.0)
OFF = {field: getattr(EdgeOffloadConfig(), field) for field in ALL_EFFECTS} | {"cycles_per_bit": None}
MOVING = ("path_gain", "shadow_db", "position_m", "velocity_mps", "mean_velocity_mps")
DRAWN = ("task_bits", "task_cycles", "device_hz", "channel_gain", "server_hz", "active", "bursting", "deadline_s")


CHANGED = {  # what an effect changes of the draws of others
    "cycles_per_bit": {"task_cycles"},
    "heavy_tasks": {"task_cycles"},
    "channel": {"channel_gain"},
    "mobility": {"channel_gain", "path_gain", "shadow_db"},
}
DRAWING = set(DRIVERS) - {"aec", "central"}


def without(effect, config=CONFIG):
    if effect == "cycles_per_bit":
        return config.replace(task_cycles=(0.8e9, 1.2e9))
    return config.replace(**{effect: OFF[effect]})


def drawn(make, config):
    """What is drawn in two episodes in which nobody offloads; the queues depend on more than that."""
    view = make(config)
    idle = np.zeros((view.batch, config.num_users), dtype=int)
    snapshots = []
    for episode in range(2):
        view.reset(seed=9 if episode == 0 else None)
        snapshots.append(view.snapshot())
        snapshots += [view.step(idle).after for _ in range(config.max_cycles - 1)]
    names = [name for name in (*DRAWN, *MOVING, "down_s") if name in snapshots[0]]
    return {name: np.array([snapshot[name] for snapshot in snapshots]) for name in names}


# the AEC and the central view play the parallel one's games, here beyond what is drawn ahead
@pytest.mark.parametrize(("driver", "slots"), [(name, 70 if name == "parallel" else 5) for name in sorted(DRAWING)])
class TestDraws:
    def test_of_the_other_effects(self, driver, slots):
        """Switch off one after the other."""
        all_on = drawn(DRIVERS[driver], CONFIG.replace(max_cycles=slots))
        for effect in ALL_EFFECTS:
            found = drawn(DRIVERS[driver], without(effect).replace(max_cycles=slots))
            changed = CHANGED.get(effect, set())
            gone = set(EFFECT_FIELDS.get(effect, ())) | ({"mean_velocity_mps"} if effect == "mobility" else set())
            assert set(all_on) - set(found) == gone & set(all_on)
            for name in set(found) - changed:
                assert np.array_equal(found[name], all_on[name]), (effect, name)

    def test_of_the_game_alone(self, driver, slots):
        """Switch on one after the other."""
        plain = CONFIG.replace(max_cycles=slots)
        for effect in ALL_EFFECTS:
            plain = without(effect, plain)
        alone = drawn(DRIVERS[driver], plain)
        for effect, value in ALL_EFFECTS.items():
            found = drawn(DRIVERS[driver], plain.replace(**{effect: value}))
            changed = CHANGED.get(effect, set())
            for name in set(alone) - changed:
                assert np.array_equal(found[name], alone[name]), (effect, name)
            if effect == "heavy_tasks":
                factor = found["task_cycles"] / alone["task_cycles"]
                light = factor == 1.0
                assert light.any()
                np.testing.assert_allclose(factor[~light], 3.0, rtol=1e-6)


@pytest.mark.parametrize("driver", DRIVERS)
def test_all_off(driver):
    """The fields that say so change nothing, and nothing of an effect is seen."""
    config = EdgeOffloadConfig(**(OFF | {"task_cycles": (800e6, 1200e6), "downlink_bps": 1e6}), max_cycles=4)
    views = [DRIVERS[driver](config), DRIVERS[driver](EdgeOffloadConfig(max_cycles=4))]
    assert_same(views[0].reset(seed=1), views[1].reset(seed=1))
    assert set(views[0].snapshot()) == set(PLAIN_FIELDS)
    assert views[0].mask is None
    rng = np.random.default_rng(0)
    for _ in range(4):
        actions = random_actions(rng, config, views[0].batch)
        played = [view.step(actions) for view in views]
        assert_same(played[0]._asdict(), played[1]._asdict())
        assert played[0].extra == {}
        assert played[0].mask is None
        assert played[0].final_mask is None


def test_columns_of_each_effect():
    """Those that docs/effects.md gives, and none for the others."""
    plain = EdgeOffloadConfig(num_users=2, server_hz=(1e10,) * 4)
    columns = {
        "arrivals": (["has_task"], [], ["has_task", "bursting"]),
        "deadline": (["deadline"], [], ["deadline"]),
        "device_queue": (["device_load"], [], ["device_load"]),
        "uplink_queue": (["uplink_load"], [], ["uplink_load"]),
        "failures": (
            [f"up_{m}" for m in range(1, 5)],
            [f"{name}_{m}" for name in ("up", "down") for m in range(1, 5)],
            [],
        ),
    }
    for effect, value in ALL_EFFECTS.items():
        config = plain.replace(**{effect: value})
        own, servers, users = columns.get(effect, ([], [], []))
        assert observation.names(config) == observation.names(plain) + own
        new = servers + [f"user_{n}/{name}" for n in range(2) for name in users]
        assert observation.state_names(config) == observation.state_names(plain) + new
        env = edgeoffload_v0.parallel_env(config)
        assert env.observation_space("user_0").shape == (len(observation.names(config)),)
        assert env.state_space.shape == (len(observation.state_names(config)),)


NEUTRAL = {  # on, but without effect
    "arrivals": {"probability": 1.0},
    "heavy_tasks": {"probability": 0.0, "factor": 9.0},
    "deadline": {"range_s": (1e-3, 1e-3), "miss_cost_s": 0.0},
    "failures": {"mtbf_s": 1e12, "mttr_s": 1e9},
    "forward_latency_s": (0.0, 0.0, 0.0, 0.0),
    "energy": {"cost_s_per_j": 0.0},
    "channel": {},
}


@pytest.mark.parametrize("effect", NEUTRAL)
def test_an_effect_that_does_nothing(effect):
    """The games are the same to the bit."""
    plain = EdgeOffloadConfig(max_cycles=6)
    views = [VectorDriver(config, 4, dtype="float64") for config in (plain, plain.replace(**{effect: NEUTRAL[effect]}))]
    for view in views:
        view.reset(seed=2)
    rng = np.random.default_rng(0)
    for _ in range(5):
        actions = random_actions(rng, plain, 4)
        without_it, with_it = (view.step(actions) for view in views)
        for name in (*INFOS, "reward"):
            assert np.array_equal(getattr(with_it, name), getattr(without_it, name)), name
        for name, values in without_it.after.items():
            assert np.array_equal(with_it.after[name], values), name
