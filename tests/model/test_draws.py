"""Random draws: ranges, distributions and independence."""

import array_api_compat.numpy as xp
import numpy as np
import pytest
from scipy import stats

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env.model import channel
from edgeoffload_env.model.draws import draw_system, draw_tasks

BATCH = 4000
LEAST_P = 1e-3  # of a test at a fixed seed: a right distribution passes for good


def noise(batch, config, seed=0):
    """Uniform numbers for ``draw_system``; those of the users serve for ``draw_tasks`` too."""
    rng = np.random.default_rng(seed)
    return {"user": rng.random((2, config.num_users, batch)), "server": rng.random((2, config.servers, batch))}


def tasks(batch=BATCH, **fields):
    config = EdgeOffloadConfig(**fields)
    return draw_tasks(noise(batch, config), {}, config, xp=xp)


def system(batch=BATCH, **fields):
    config = EdgeOffloadConfig(**fields)
    return draw_system(noise(batch, config), {}, config, xp=xp)


def distances_m(gain):
    """From the path loss, backwards."""
    return 1000.0 * 10.0 ** ((-10.0 * np.log10(gain) - 128.1) / 37.6)


def assert_uniform(values, low, high):
    assert low <= values.min()
    assert values.max() <= high
    assert stats.kstest(values.ravel(), stats.uniform(low, high - low).cdf).pvalue > LEAST_P


def test_tasks_are_uniform_over_their_ranges():
    bits, cycles = tasks().values()
    assert bits.shape == cycles.shape == (BATCH, 10)
    assert_uniform(bits, 2.4e6, 4e6)
    assert_uniform(cycles, 800e6, 1200e6)


def test_devices_and_servers_are_uniform_over_their_ranges():
    drawn = system(server_hz_range=(12e9, 20e9), num_servers=5, initial_load_s=(0.5, 1.5))
    assert drawn["device_hz"].shape == drawn["channel_gain"].shape == (BATCH, 10)
    assert drawn["server_hz"].shape == drawn["backlog_cycles"].shape == (BATCH, 5)
    assert_uniform(drawn["device_hz"], 300e6, 500e6)
    assert_uniform(drawn["server_hz"], 12e9, 20e9)
    assert_uniform(drawn["backlog_cycles"] / drawn["server_hz"], 0.5, 1.5)


def test_fixed_servers_are_as_given_and_queues_start_empty():
    drawn = system()
    assert (drawn["server_hz"] == [12e9, 14e9, 16e9, 18e9, 20e9]).all()
    assert (drawn["backlog_cycles"] == 0.0).all()


def test_users_are_uniform_over_the_disc():
    distance_m = distances_m(system(min_distance_m=1.0)["channel_gain"])
    assert stats.kstest((distance_m / 250.0).ravel() ** 2, "uniform").pvalue > LEAST_P


def test_nobody_is_nearer_than_the_least_distance():
    gain = system()["channel_gain"]
    assert distances_m(gain).max() <= 250.0 * (1 + 1e-12)
    nearest = gain == channel.path_gain(35.0)
    assert np.isclose(distances_m(gain).min(), 35.0)
    share = (35.0 / 250.0) ** 2
    assert stats.binomtest(int(nearest.sum()), nearest.size, share).pvalue > LEAST_P


def test_mean_upload_is_as_documented():
    """0.12 s with all ten users of the defaults on the channel."""
    config = EdgeOffloadConfig()
    radio = {
        "bandwidth_hz": config.bandwidth_hz,
        "tx_power_w": config.tx_power_w,
        "noise_w_per_hz": config.noise_w_per_hz,
    }
    rate_bps = channel.uplink_rate_bps(10, system()["channel_gain"], **radio, xp=xp)
    assert channel.upload_s(tasks()["task_bits"], rate_bps).mean() == pytest.approx(0.12, abs=0.005)


def test_all_draws_are_independent():
    config = EdgeOffloadConfig(server_hz_range=(12e9, 20e9), num_servers=10, initial_load_s=(0.5, 1.5))
    drawn = draw_system(noise(BATCH, config), {}, config, xp=xp)
    bits, cycles = draw_tasks(noise(BATCH, config, seed=1), {}, config, xp=xp).values()
    load_s = drawn["backlog_cycles"] / drawn["server_hz"]
    columns = (drawn["device_hz"], np.log(drawn["channel_gain"]), drawn["server_hz"], load_s, bits, cycles)
    correlation = np.corrcoef(np.concatenate(columns, axis=1).T)  # of every user's and server's number with all others
    np.fill_diagonal(correlation, 0.0)
    assert abs(correlation).max() < 5.0 / np.sqrt(BATCH)


@pytest.mark.parametrize("name", ["task_bits", "task_cycles", "device_hz"])
def test_a_range_without_width_gives_its_value(name):
    fields = {name: (5e8, 5e8)}
    drawn = tasks(3, **fields) | system(3, **fields)
    assert (drawn[name] == 5e8).all()


def test_one_range_leaves_the_other_draws_of_a_seed():
    usual, other = system(), system(device_hz=(1e9, 1e9), initial_load_s=(1.0, 2.0), server_hz=(1e9,) * 5)
    assert np.array_equal(usual["channel_gain"], other["channel_gain"])
    assert np.array_equal(tasks()["task_bits"], tasks(task_cycles=(1.0, 1.0))["task_bits"])
    assert np.array_equal(tasks()["task_cycles"], tasks(task_bits=(1.0, 1.0))["task_cycles"])
