"""Every effect by examples that can be checked on paper, for the oracle and for the views."""

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig
from tests import oracle
from tests.drivers import ParallelDriver, VectorDriver

# Three users have 10 MHz each at a ratio of 3 and so 20 Mbit/s: 2 Mbit take 0.1 s, and 0.02 s more to server 2.
NOISE_W_PER_HZ = 10.0 ** (-174.0 / 10.0) / 1000.0
GAME = EdgeOffloadConfig(
    num_users=3,
    server_hz=(10e9, 20e9),
    bandwidth_hz=30e6,
    forward_bps=100e6,
    channel_sharing="all",
    slot_s=0.1,
    tx_power_w=0.5,
)
START = {
    "task_bits": [2e6, 2e6, 2e6],
    "task_cycles": [1e9, 2e9, 0.5e9],
    "device_hz": [1e9, 1e9, 1e9],
    "channel_gain": [3.0 * 10e6 * NOISE_W_PER_HZ / 0.5] * 3,
    "server_hz": [10e9, 20e9],
    "backlog_cycles": [1e9, 4e9],
}
ACTIONS = [1, 2, 0]
QUEUES = ("backlog_cycles", "device_backlog_cycles", "uplink_backlog_bits")


def play_oracle(config, start, actions):
    return vars(oracle.play(start, actions, config))


def play_view(driver, start, actions):
    snapshot = {name: np.array([values] * driver.batch, dtype=float) for name, values in start.items()}
    driver.reset(seed=0, snapshot=snapshot | {"slot": np.zeros(driver.batch, dtype=int)})
    played = driver.step(np.array([actions] * driver.batch))
    fields = {name: values for name, values in played._asdict().items() if name not in ("after", "extra")}
    following = {f"next_{name}": played.after[name] for name in QUEUES if name in played.after}
    return {
        name: values[0]
        for name, values in (fields | played.extra | following).items()
        if isinstance(values, np.ndarray)
    }


PLAYERS = {
    "oracle": play_oracle,
    "parallel": lambda config, *game: play_view(ParallelDriver(config), *game),
    "numpy": lambda config, *game: play_view(VectorDriver(config, 2, dtype="float64"), *game),
    "torch": lambda config, *game: play_view(VectorDriver(config, 2, backend="torch", dtype="float64"), *game),
}


@pytest.fixture(params=PLAYERS)
def check(request):
    """Play the slot with some fields of configuration and snapshot, and compare some of what comes of it."""

    def check(fields, start, expected, actions=ACTIONS, atol=1e-12):
        found = PLAYERS[request.param](GAME.replace(**fields), START | start, actions)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=atol, err_msg=name)

    return check


def test_no_effect(check):
    expected = {
        "upload_s": [0.1, 0.1, 0.0],
        "forward_s": [0.0, 0.02, 0.0],
        "wait_s": [0.1, 0.2, 0.0],
        "compute_s": [0.1, 0.1, 0.5],
        "delay_s": [0.3, 0.42, 0.5],
        "imbalance": 0.0025,  # loads 0.2 and 0.3 s
        "reward": [-0.3025, -0.4225, -0.5025],
        "next_backlog_cycles": [1e9, 4e9],  # 2 and 6 Gcycles less 1 and 2
    }
    check({}, {}, expected)


ARRIVALS = {"arrivals": {"probability": 0.5}}
FAILURES = {"failures": {"mtbf_s": 1e9, "mttr_s": 1.0}}
ENERGY = {"cost_s_per_j": 0.2, "idle_power_w": 0.1}


class TestArrivals:
    def test_an_idle_user_starts_nothing_but_pays_for_the_imbalance(self, check):
        expected = {
            "active": [False, True, True],
            "target": [0, 2, 0],
            "upload_s": [0.0, 0.1, 0.0],
            "wait_s": [0.0, 0.2, 0.0],
            "compute_s": [0.0, 0.1, 0.5],
            "delay_s": [0.0, 0.42, 0.5],
            "imbalance": 0.01,  # loads 0.1 and 0.3 s
            "reward": [-0.01, -0.43, -0.51],
            "next_backlog_cycles": [0.0, 4e9],
        }
        check(ARRIVALS, {"active": [0, 1, 1], "bursting": [1, 1, 1]}, expected)

    def test_an_idle_users_action_has_no_effect(self, check):
        for action in (0, 1, 2):
            expected = {"target": [1, 2, 0], "delay_s": [0.3, 0.42, 0.0], "imbalance": 0.0025}
            check(ARRIVALS, {"active": [1, 1, 0], "bursting": [1, 1, 1]}, expected, [1, 2, action])

    def test_idle_users_share_no_band(self, check):
        # Twice 15 MHz at a ratio of 2
        sent_s = 2e6 / (15e6 * np.log2(3.0))
        start = {"active": [1, 1, 0], "bursting": [1, 1, 1]}
        check(ARRIVALS | {"channel_sharing": "active"}, start, {"upload_s": [sent_s, sent_s, 0.0]}, [1, 2, 1])

    def test_all_are_idle(self, check):
        fields = ARRIVALS | {
            "device_queue": True,
            "uplink_queue": True,
            "channel_sharing": "active",
            "energy": {"cost_s_per_j": 1.0, "idle_power_w": 1.0},
            "deadline": {"range_s": (0.1, 1.0), "miss_cost_s": 1.0, "lateness_cost": 1.0},
        }
        start = {
            "active": [0, 0, 0],
            "bursting": [1, 1, 1],
            "device_backlog_cycles": [0.05e9, 0.3e9, 0.0],
            "uplink_backlog_bits": [0.0, 0.0, 10e6],
            "deadline_s": [0.1, 0.2, 0.3],
        }
        expected = {
            "delay_s": [0.0] * 3,
            "energy_j": [0.0] * 3,
            "missed": [False] * 3,
            "lateness_s": [0.0] * 3,
            "imbalance": 0.0025,  # loads 0.1 and 0.2 s
            "reward": [-0.0025] * 3,
            "next_backlog_cycles": [0.0, 2e9],
            "next_device_backlog_cycles": [0.0, 0.2e9, 0.0],
            "next_uplink_backlog_bits": [0.0, 0.0, 7e6],  # alone on 30 MHz at a ratio of 1: 3 Mbit in a slot
        }
        check(fields, start, expected, [1, 2, 0])

    def test_masks(self):
        for driver in (ParallelDriver, lambda config: VectorDriver(config, 1)):
            view = driver(GAME.replace(**ARRIVALS))
            start = {name: np.array([values], dtype=float) for name, values in START.items()}
            flags = {"active": np.array([[1.0, 0.0, 1.0]]), "bursting": np.ones((1, 3)), "slot": np.zeros(1, int)}
            view.reset(seed=0, snapshot=start | flags)
            assert view.mask.tolist() == [[[1, 1, 1], [1, 0, 0], [1, 1, 1]]]
            assert view.mask.dtype == np.int8


def test_deadlines(check):
    deadline = {"range_s": (0.1, 1.0), "miss_cost_s": 1.0, "lateness_cost": 2.0}
    start = {"deadline_s": [0.25, 0.5, 0.5]}
    expected = {
        "missed": [True, False, False],  # user 2 is right on time
        "lateness_s": [0.05, 0.0, 0.0],
        "delay_s": [0.3, 0.42, 0.5],
        "reward": [-0.3025 - 1.1, -0.4225, -0.5025],
        "next_backlog_cycles": [1e9, 4e9],  # late work is done all the same
    }
    check({"deadline": deadline}, start, expected)
    check({"deadline": deadline, "deadline_weight": 0.5}, start, {"reward": [-0.3025 - 0.55, -0.4225, -0.5025]})


def test_device_queue(check):
    start = {"device_backlog_cycles": [0.05e9, 0.3e9, 0.2e9]}
    expected = {
        "wait_s": [0.1, 0.2, 0.2],  # of the offloaded at their servers
        "compute_s": [0.1, 0.1, 0.5],
        "delay_s": [0.3, 0.42, 0.7],
        "next_device_backlog_cycles": [0.0, 0.2e9, 0.6e9],
    }
    check({"device_queue": True}, start, expected)


class TestUplinkQueue:
    def test_what_is_left_goes_first(self, check):
        # 20 Mbit/s for each, 2 Mbit in a slot
        start = {"uplink_backlog_bits": [1e6, 0.0, 5e6]}
        expected = {
            "upload_s": [0.15, 0.1, 0.0],
            "delay_s": [0.35, 0.42, 0.5],
            "next_uplink_backlog_bits": [1e6, 0.0, 3e6],
        }
        check({"uplink_queue": True}, start, expected)

    def test_who_still_sends_takes_his_share(self, check):
        # User 2 computes at home and sends: all three share the band as before. Without him, two do.
        fields = {"uplink_queue": True, "channel_sharing": "active"}
        expected = {"upload_s": [0.15, 0.1, 0.0], "next_uplink_backlog_bits": [1e6, 0.0, 3e6]}
        check(fields, {"uplink_backlog_bits": [1e6, 0.0, 5e6]}, expected)
        rate_bps = 15e6 * np.log2(3.0)
        expected = {
            "upload_s": [3e6 / rate_bps, 2e6 / rate_bps, 0.0],
            "next_uplink_backlog_bits": [3e6 - 0.1 * rate_bps, 0.0, 0.0],
        }
        check(fields, {"uplink_backlog_bits": [1e6, 0.0, 0.0]}, expected)

    def test_it_decides_who_arrives_first(self, check):
        # Both to server 1: user 0 needs 0.15 s, user 1, whose 2 Gcycles go first now, 0.1 s
        start = {"uplink_backlog_bits": [1e6, 0.0, 0.0]}
        check({"uplink_queue": True}, start, {"wait_s": [0.3, 0.1, 0.0]}, [1, 1, 0])
        check({"uplink_queue": True}, start | {"uplink_backlog_bits": [0, 0, 0]}, {"wait_s": [0.1, 0.2, 0]}, [1, 1, 0])

    def test_less_than_a_bit_is_sent(self, check):
        # of 2 Mbit and a little more; to 1e-3 bit, for the rates are rounded
        start = {"uplink_backlog_bits": [2e6 + 0.5, 2e6 + 1.5, 0.0]}
        check({"uplink_queue": True}, start, {"next_uplink_backlog_bits": [0.0, 1.5, 0.0]}, [0, 0, 0], atol=1e-3)


class TestFailures:
    def test_a_server_that_is_down_serves_later(self, check):
        expected = {
            "wait_s": [0.14, 0.35, 0.0],
            "delay_s": [0.34, 0.57, 0.5],
            "imbalance": 0.0025,  # of the queues alone
            "next_backlog_cycles": [1.4e9, 6e9],  # server 1 runs for 0.06 s of the slot
            "utilisation": 0.2,  # 0.6 of 3 Gcycles
        }
        check(FAILURES, {"down_s": [0.04, 0.15]}, expected)

    def test_utilisation(self, check):
        # 1 and 2 Gcycles, and then 0.5 of 1 and 2
        check(FAILURES, {"down_s": [0.0, 0.0]}, {"utilisation": 1.0})
        start = {"down_s": [0.0, 0.0], "backlog_cycles": [0.5e9, 4e9]}
        check(FAILURES, start, {"utilisation": 2.5 / 3.0}, [0, 0, 0])

    def test_it_runs_again_in_time(self):
        for driver in (ParallelDriver, lambda config: VectorDriver(config, 1, dtype="float64")):
            view = driver(GAME.replace(**FAILURES))
            start = {name: np.array([values], dtype=float) for name, values in START.items()}
            view.reset(seed=0, snapshot=start | {"down_s": np.array([[0.04, 0.25]]), "slot": np.zeros(1, int)})
            for expected in ([0.0, 0.15], [0.0, 0.05], [0.0, 0.0], [0.0, 0.0]):
                played = view.step(np.zeros((1, 3), dtype=int))
                np.testing.assert_allclose(played.after["down_s"][0], expected, atol=1e-12)


class TestCloud:
    def test_latency(self, check):
        check({"forward_latency_s": 0.03}, {}, {"forward_s": [0.0, 0.05, 0.0], "delay_s": [0.3, 0.45, 0.5]})
        check({"forward_latency_s": (0.03,)}, {}, {"forward_s": [0.0, 0.05, 0.0], "delay_s": [0.3, 0.45, 0.5]})

    def test_a_latency_for_each_server(self, check):
        fields = {"server_hz": (10e9, 20e9, 40e9), "forward_latency_s": (0.03, 0.07)}
        start = {"server_hz": fields["server_hz"], "backlog_cycles": [1e9, 4e9, 0.0]}
        check(fields, start, {"forward_s": [0.05, 0.09, 0.0], "delay_s": [0.4, 0.24, 0.5]}, [2, 3, 0])

    def test_elastic_servers_never_queue(self, check):
        fields = {"server_hz": (10e9, 20e9, 40e9), "elastic_servers": 1}
        start = {"server_hz": fields["server_hz"], "backlog_cycles": [1e9, 4e9, 0.0]}
        expected = {
            "wait_s": [0.0, 0.0, 0.0],
            "compute_s": [0.025, 0.05, 0.0125],
            "imbalance": 0.0025,  # loads 0.1 and 0.2 s; the elastic server has none
            "next_backlog_cycles": [0.0, 2e9, 0.0],
        }
        check(fields, start, expected, [3, 3, 3])

    def test_elastic_servers_fail(self, check):
        fields = {"server_hz": (10e9, 20e9, 40e9), "elastic_servers": 1, "failures": {"mtbf_s": 1e9, "mttr_s": 1.0}}
        start = {"server_hz": fields["server_hz"], "backlog_cycles": [1e9, 4e9, 0.0], "down_s": [0.0, 0.0, 0.4]}
        expected = {"wait_s": [0.1, 0.4, 0.0], "next_backlog_cycles": [1e9, 2e9, 0.0], "utilisation": 1.0}
        check(fields, start, expected, [1, 3, 0])


def test_download(check):
    # 1 Mbit at 100 Mbit/s
    expected = {"download_s": [0.01, 0.01, 0.0], "delay_s": [0.31, 0.43, 0.5], "reward": [-0.3125, -0.4325, -0.5025]}
    check({"result_ratio": 0.5, "downlink_bps": 100e6}, {}, expected)


class TestEnergy:
    # At home 1e-27 (1e9)^2 0.5e9 J; else 0.5 W for 0.1 s, and 0.1 W for 0.2 and 0.32 s
    ENERGY_J = (0.07, 0.082, 0.5)

    def test_energy(self, check):
        expected = {"energy_j": self.ENERGY_J, "reward": [-0.3025 - 0.014, -0.4225 - 0.0164, -0.5025 - 0.1]}
        check({"energy": ENERGY}, {}, expected)
        expected = {"energy_j": self.ENERGY_J, "reward": [-0.3025 - 0.042, -0.4225 - 0.0492, -0.5025 - 0.3]}
        check({"energy": ENERGY, "energy_weight": 3.0}, {}, expected)

    def test_other_chips(self, check):
        energy = {"cost_s_per_j": 0.2, "switched_capacitance": 2e-27}
        check({"energy": energy}, {}, {"energy_j": [0.05, 0.05, 1.0]})

    def test_a_task_pays_for_its_own_bits(self, check):
        start = {"uplink_backlog_bits": [1e6, 0.0, 5e6]}
        check({"energy": ENERGY, "uplink_queue": True}, start, {"energy_j": self.ENERGY_J})

    def test_a_task_pays_for_its_own_cycles(self, check):
        start = {"device_backlog_cycles": [0.05e9, 0.3e9, 0.2e9]}
        check({"energy": ENERGY, "device_queue": True}, start, {"energy_j": self.ENERGY_J})

    def test_the_device_idles_until_the_result_is_there(self, check):
        fields = {"energy": ENERGY, "result_ratio": 0.5, "downlink_bps": 1e6}  # 1 s more
        check(fields, {}, {"energy_j": [0.17, 0.182, 0.5]})


def test_everything_is_shared_as_reward(check):
    fields = {
        "reward_sharing": 0.5,
        "energy": ENERGY,
        "deadline": {"range_s": (0.1, 1.0), "miss_cost_s": 1.0},
    }
    own = np.array([-0.3165 - 1.0, -0.4389, -0.6025])
    check(fields, {"deadline_s": [0.25, 0.5, 0.6]}, {"reward": 0.5 * own + 0.5 * own.mean()})
