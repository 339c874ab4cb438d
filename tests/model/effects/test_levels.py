"""Power levels and partial offloading: by hand, by counting actions out, and by the laws that they obey."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0, observation
from edgeoffload_env.agents import action_count, action_of
from edgeoffload_env.effects import Levels
from edgeoffload_env.model.effects.levels import decode
from edgeoffload_env.views.central import EdgeOffloadCentralEnv
from tests import oracle
from tests.drivers import DRIVERS, INFOS, VectorDriver
from tests.helpers import ALL_EFFECTS, ALL_ON, assert_as_oracle, random_actions, random_config, random_effects
from tests.model.effects.test_hand_worked import NOISE_W_PER_HZ, check

__all__ = ["check"]

SHARES = {"levels": {"offload_ratio": (0.25, 0.5, 1.0)}}
QUARTER, HALF, WHOLE = 1, 2, 3  # to server 1; 3 more to server 2
ENERGY = {"cost_s_per_j": 0.2, "idle_power_w": 0.1}


class TestShares:
    """Three users at 20 Mbit/s with 2 Mbit: the example of the other effects."""

    def test_parts_run_side_by_side(self, check):
        # User 0: 0.5 Gcycles to server 1 (1 Gcycle waits there), 0.5 on its device of 1 GHz
        # User 1: 0.5 Gcycles to server 2 (4 Gcycles wait there), 1.5 on its device
        expected = {
            "target": [1, 2, 0],
            "offload_ratio": [0.5, 0.25, 0.0],
            "tx_power_w": [0.5, 0.5, 0.0],
            "upload_s": [0.05, 0.025, 0.0],
            "forward_s": [0.0, 0.005, 0.0],
            "wait_s": [0.1, 0.2, 0.0],
            "compute_s": [0.05, 0.025, 0.5],
            "local_s": [0.5, 1.5, 0.5],
            "delay_s": [0.5, 1.5, 0.5],
            "imbalance": 0.00140625,  # loads 0.15 and 0.225 s
            "next_backlog_cycles": [0.5e9, 2.5e9],
        }
        check(SHARES, {}, expected, [HALF, 3 + QUARTER, 0])

    def test_the_offloaded_part_can_be_the_last(self, check):
        start = {"backlog_cycles": [8e9, 4e9]}
        check(SHARES, start, {"delay_s": [0.9, 1.5, 0.5], "local_s": [0.5, 1.5, 0.5]}, [HALF, 3 + QUARTER, 0])

    def test_a_whole_task_leaves_nothing_behind(self, check):
        start = {"device_backlog_cycles": [9e9, 9e9, 0.0]}
        expected = {"delay_s": [0.3, 0.42, 0.5], "local_s": [0.0, 0.0, 0.5], "offload_ratio": [1.0, 1.0, 0.0]}
        check(SHARES | {"device_queue": True}, start, expected, [WHOLE, 3 + WHOLE, 0])

    def test_the_rest_queues_on_the_device(self, check):
        start = {"device_backlog_cycles": [0.05e9, 0.3e9, 0.2e9]}
        expected = {
            "local_s": [0.55, 1.8, 0.7],
            "delay_s": [0.55, 1.8, 0.7],
            "wait_s": [0.1, 0.2, 0.2],  # of the offloaded parts at their servers
            "next_device_backlog_cycles": [0.45e9, 1.7e9, 0.6e9],
        }
        check(SHARES | {"device_queue": True}, start, expected, [HALF, 3 + QUARTER, 0])

    def test_parts_queue_on_the_uplink(self, check):
        start = {"uplink_backlog_bits": [1.5e6, 0.0, 5e6]}
        expected = {
            "upload_s": [0.125, 0.025, 0.0],
            "next_uplink_backlog_bits": [0.5e6, 0.0, 3e6],
            "tx_power_w": [0.5, 0.5, 0.5],
        }
        check(SHARES | {"uplink_queue": True}, start, expected, [HALF, 3 + QUARTER, 0])

    def test_energies_add(self, check):
        # 1e-27 (1e9)^2 J a cycle at home; 0.5 W while sending; 0.1 W for 0.15 and 0.23 s of waiting
        energy_j = [0.5 + 0.025 + 0.015, 1.5 + 0.0125 + 0.023, 0.5]
        check(SHARES | {"energy": ENERGY}, {}, {"energy_j": energy_j}, [HALF, 3 + QUARTER, 0])

    def test_deadlines_are_of_both_parts(self, check):
        deadline = {"range_s": (0.1, 1.0), "miss_cost_s": 1.0, "lateness_cost": 2.0}
        expected = {"missed": [False, True, False], "lateness_s": [0.0, 0.75, 0.0]}
        check(SHARES | {"deadline": deadline}, {"deadline_s": [0.5, 0.75, 0.5]}, expected, [HALF, 3 + QUARTER, 0])

    def test_results_of_the_offloaded_part_are_downloaded(self, check):
        expected = {"download_s": [0.5, 0.25, 0.0], "delay_s": [0.7, 1.5, 0.5]}
        check(SHARES | {"result_ratio": 0.5, "downlink_bps": 1e6}, {}, expected, [HALF, 3 + QUARTER, 0])

    def test_an_idle_user_has_no_part(self, check):
        fields = SHARES | {"arrivals": {"probability": 0.5}, "device_queue": True, "energy": ENERGY}
        start = {"active": [0, 1, 1], "bursting": [1, 1, 1], "device_backlog_cycles": [0.05e9, 0.0, 0.0]}
        for action in range(7):
            expected = {
                "target": [0, 2, 0],
                "offload_ratio": [0.0, 0.25, 0.0],
                "tx_power_w": [0.0, 0.5, 0.0],
                "local_s": [0.0, 1.5, 0.5],
                "delay_s": [0.0, 1.5, 0.5],
                "energy_j": [0.0, 1.5 + 0.0125 + 0.023, 0.5],
                "next_device_backlog_cycles": [0.0, 1.4e9, 0.4e9],
            }
            check(fields, start, expected, [action, 3 + QUARTER, 0])


POWERS = {"levels": {"tx_power_w": (0.5 / 3.0, 0.5)}}


class TestPowers:
    """Of 10 MHz each at ratios of 1 and 3: 10 and 20 Mbit/s."""

    def test_uploads(self, check):
        expected = {
            "target": [1, 2, 0],
            "tx_power_w": [0.5 / 3.0, 0.5, 0.0],
            "offload_ratio": [1.0, 1.0, 0.0],
            "upload_s": [0.2, 0.1, 0.0],
            "delay_s": [0.4, 0.42, 0.5],
            "local_s": [0.0, 0.0, 0.5],
        }
        check(POWERS, {}, expected, [1, 4, 0])

    def test_energy(self, check):
        energy_j = [0.1 / 3.0 + 0.02, 0.05 + 0.032, 0.5]
        check(POWERS | {"energy": ENERGY}, {}, {"energy_j": energy_j}, [1, 4, 0])

    def test_what_is_left_is_sent_at_the_slots_power_or_the_last(self, check):
        start = {"uplink_backlog_bits": [5e6, 5e6, 5e6]}
        expected = {
            "tx_power_w": [0.5 / 3.0, 0.5, 0.5],
            "upload_s": [0.7, 0.35, 0.0],
            "next_uplink_backlog_bits": [6e6, 5e6, 3e6],
        }
        check(POWERS | {"uplink_queue": True}, start, expected, [1, 4, 0])

    def test_the_observation_takes_the_last_power(self):
        config = EdgeOffloadConfig(num_users=3, bandwidth_hz=30e6, uplink_queue=True, **POWERS)
        view = VectorDriver(config, 1, dtype="float64")
        view.reset(seed=0)
        gain = np.full((1, 3), 3.0 * 10e6 * NOISE_W_PER_HZ / 0.5)
        bits = np.array([[10e6, 20e6, 0.0]])  # 0.5 s, 1 s, and nothing at 20 Mbit/s
        rows = view.reset(seed=0, snapshot=view.snapshot() | {"uplink_backlog_bits": bits, "channel_gain": gain})
        column = observation.names(config).index("uplink_load")
        np.testing.assert_allclose(rows[0, :, column], [0.0, 1.0 / 3.0, -1.0], atol=1e-9)


@given(servers=st.integers(1, 6), powers=st.integers(1, 4), ratios=st.integers(1, 4))
def test_actions_are_counted_out(servers, powers, ratios):
    levels = {"tx_power_w": np.arange(1.0, powers + 1.0), "offload_ratio": np.arange(1.0, ratios + 1.0) / 4.0}
    config = EdgeOffloadConfig(server_hz=(1e10,) * servers, levels=levels)
    counted = [(0, powers - 1, ratios - 1), *itertools.product(range(1, servers + 1), range(powers), range(ratios))]
    assert action_count(config) == len(counted) == len(oracle.choices(config))
    target, power, ratio = decode(np.arange(len(counted)), powers, ratios)
    assert list(zip(target, power, ratio, strict=True)) == counted
    last = action_of(np.arange(servers + 1), config)
    assert [counted[action] for action in last] == [(m, powers - 1, ratios - 1) for m in range(servers + 1)]


def test_spaces_and_masks():
    config = ALL_ON
    assert action_count(config) == 1 + 4 * 2 * 3
    env = edgeoffload_v0.parallel_env(config)
    env.reset(seed=0)
    assert all(env.action_space(agent).n == 25 for agent in env.agents)
    assert edgeoffload_v0.vector_env(2, config).action_space.n == 25
    central = EdgeOffloadCentralEnv(config)
    assert central.action_space.nvec.tolist() == [25] * config.num_users
    central.reset(seed=0)
    assert central.action_masks().shape == (25 * config.num_users,)


@pytest.mark.parametrize("driver", DRIVERS)
def test_bad_actions_are_told_what_numbers_mean(driver):
    view = DRIVERS[driver](ALL_ON)
    view.reset(seed=0)
    meaning = (
        r"in \[0, 24\] \(0 = device, 1 \+ \(\(m - 1\) 2 \+ p\) 3 \+ r = server m at power p and share r, both from 0\)"
    )
    with pytest.raises(ValueError, match=meaning + r", got (np.int64\()?25\)?$"):
        view.step(np.full((view.batch, 6), 25))
    view.step(np.full((view.batch, 6), 24))


@pytest.mark.parametrize("levels", [{}, {"tx_power_w": (0.7,)}, {"offload_ratio": (1.0,)}], ids=str)
@pytest.mark.parametrize("driver", DRIVERS)
def test_one_level_is_the_game_without(driver, levels):
    """To the last bit, whatever else is on, and with the infos of the effect."""
    without = ALL_ON.replace(levels=None, tx_power_w=0.7, max_cycles=6)
    views = [DRIVERS[driver](config) for config in (without, without.replace(levels=levels))]
    seen = [view.reset(seed=2) for view in views]
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert np.array_equal(*seen)
        actions = random_actions(rng, without, views[0].batch)
        plain, played = (view.step(actions) for view in views)
        seen = [plain.observation, played.observation]
        for name in (*INFOS, "reward", "state", "mask"):
            assert np.array_equal(getattr(played, name), getattr(plain, name)), name
        for name, values in plain.extra.items():
            assert np.array_equal(played.extra[name], values), name
        for name, values in plain.after.items():
            assert np.array_equal(played.after[name], values), name
        offloads = plain.target > 0
        assert np.array_equal(played.extra["offload_ratio"], offloads)
        active = plain.extra["active"]
        np.testing.assert_array_equal(played.extra["local_s"], np.where(offloads, 0.0, plain.delay_s))
        sends = played.extra["tx_power_w"] > 0.0
        assert np.allclose(played.extra["tx_power_w"][sends], 0.7, rtol=1e-7)
        assert sends[offloads & active].all()


@pytest.mark.parametrize("driver", [name for name in DRIVERS if name != "central"])
def test_the_last_levels_are_the_game_without(driver):
    """Whoever sends whole tasks at the game's own power plays the game without levels."""
    without = ALL_ON.replace(levels=None, tx_power_w=0.7, max_cycles=6)
    levels = {"tx_power_w": (0.1, 0.7), "offload_ratio": (0.5, 1.0)}
    with_levels = without.replace(levels=levels)
    views = [DRIVERS[driver](config) for config in (without, with_levels)]
    for view in views:
        view.reset(seed=2)
    rng = np.random.default_rng(0)
    tolerance = 1e-5 if driver.endswith("float32") else 1e-12
    for _ in range(5):
        actions = random_actions(rng, without, views[0].batch)
        plain, played = views[0].step(actions), views[1].step(action_of(actions, with_levels))
        for name in (*INFOS, "reward"):
            # waits are differences of times with the continuous clock
            least = tolerance * (plain.upload_s + plain.forward_s).max() if name == "wait_s" else 0.0
            expected = getattr(plain, name)
            np.testing.assert_allclose(getattr(played, name), expected, rtol=tolerance, atol=least, err_msg=name)


@pytest.mark.parametrize("other", [name for name in ALL_EFFECTS if name != "levels"])
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_with_each_other_effect(other, seed):
    """In pairs, against the oracle."""
    rng = np.random.default_rng(seed)
    users, servers = int(rng.integers(1, 9)), int(rng.integers(2, 6))
    effects = random_effects(rng, servers)
    config = random_config(rng, users, servers).replace(**{name: effects[name] for name in (other, "levels")})
    view = VectorDriver(config, 3, dtype="float64")
    view.reset(seed=seed)
    for _ in range(3):
        before, actions = view.snapshot(), random_actions(rng, config, 3)
        assert_as_oracle(view.step(actions), before, actions, config, 1e-9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tx_power_w": ()}, "Levels.tx_power_w must be a non-empty tuple of numbers in "),
        ({"tx_power_w": (0.5, 0.1)}, r"Levels.tx_power_w must be a tuple of increasing numbers, got \(0.5, 0.1\)"),
        ({"tx_power_w": (0.5, 0.5)}, r"Levels.tx_power_w must be a tuple of increasing numbers, got \(0.5, 0.5\)"),
        ({"offload_ratio": (0.0, 1.0)}, r"Levels.offload_ratio must be a number in \[1e-09, 1\], got 0.0"),
        ({"offload_ratio": (0.5, 1.1)}, r"Levels.offload_ratio must be a number in \[1e-09, 1\], got 1.1"),
        ({"offload_ratio": (1.0, 0.5)}, "Levels.offload_ratio must be a tuple of increasing numbers"),
        ({"offload_ratio": 0.5}, "Levels.offload_ratio must be "),
        ({"powers": (0.5,)}, "powers"),
    ],
    ids=str,
)
def test_bad_levels(fields, message):
    with pytest.raises((TypeError, ValueError), match=message):
        EdgeOffloadConfig(levels=fields)


def test_too_many_actions():
    many = tuple(np.linspace(0.1, 1.0, 1000))
    with pytest.raises(
        ValueError, match=r"^levels must be such that a user has at most 1000000 actions with 5 servers"
    ):
        EdgeOffloadConfig(levels={"tx_power_w": many, "offload_ratio": many})


def test_powers_whose_signal_to_noise_overflows_are_refused():
    with pytest.raises(ValueError, match=r"^levels must be such that the signal to noise ratio lies between"):
        EdgeOffloadConfig(
            num_users=300,
            bandwidth_hz=1.0,
            noise_dbm_per_hz=-250.0,
            min_distance_m=0.1,
            levels={"tx_power_w": (1e-9, 1e6)},
        )


def test_many_levels_fit_their_integer_types():
    """At 127 and 32,767 actions the vector view changes to wider integers."""
    for servers, powers in ((1, 126), (1, 127), (1, 32_766), (1, 32_767), (2, 20_000)):
        levels = Levels(tx_power_w=tuple(np.linspace(0.1, 1.0, powers)))
        config = EdgeOffloadConfig(num_users=2, server_hz=(1e10,) * servers, levels=levels)
        view = VectorDriver(config, 2, dtype="float64")
        view.reset(seed=0)
        last = action_count(config) - 1
        before, actions = view.snapshot(), np.array([[last, 0], [1, last - 1]])
        played = view.step(actions)
        assert played.target.tolist() == [[servers, 0], [1, servers]]
        np.testing.assert_allclose(played.extra["tx_power_w"][0], [1.0, 0.0], rtol=1e-12)
        assert assert_as_oracle(played, before, actions, config, 1e-9) == 2
