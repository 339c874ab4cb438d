"""Equations (5), (7) and (9) and the path loss, against numbers worked out by hand."""

import array_api_compat.numpy as xp
import numpy as np
import pytest

from edgeoffload_env.model import channel

# With N0 = 1e-20 W/Hz, 0.5 W and 20 MHz, p g / (W N0) = 2.5e12 g
RADIO = {"bandwidth_hz": 20e6, "tx_power_w": 0.5, "noise_w_per_hz": 1e-20}


@pytest.mark.parametrize(
    ("distance_m", "loss_db"),
    [
        (35.0, 73.3570),  # 128.1 + 37.6 * -1.455932
        (100.0, 90.5),  # 128.1 - 37.6
        (250.0, 105.4625),  # 128.1 + 37.6 * -0.602060
        (1000.0, 128.1),
    ],
)
def test_path_loss(distance_m, loss_db):
    assert -10.0 * np.log10(channel.path_gain(distance_m)) == pytest.approx(loss_db, abs=1e-4)


def test_path_gain_of_an_array():
    gains = channel.path_gain(np.array([[35.0, 250.0]]))
    np.testing.assert_allclose(gains, [[4.6164e-8, 2.8428e-11]], rtol=1e-4)


@pytest.mark.parametrize(
    ("sharers", "gain", "rate_bps"),
    [
        (1, 1.2e-12, 40e6),  # ratio 3: 20 MHz * log2(4)
        (4, 0.3e-12, 10e6),  # a quarter of the band, a quarter of its noise: ratio 3 again, 5 MHz * log2(4)
        (4, 1.5e-12, 20e6),  # ratio 15: 5 MHz * log2(16)
        (10, 10.2e-12, 16e6),  # ratio 255: 2 MHz * log2(256)
    ],
)
def test_uplink_rate(sharers, gain, rate_bps):
    rates = channel.uplink_rate_bps(np.array([[float(sharers)]]), np.array([[gain]]), **RADIO, xp=xp)
    assert rates == pytest.approx(rate_bps)
    assert channel.uplink_rate_bps(sharers, gain, **RADIO, xp=xp) == pytest.approx(rate_bps)


def test_uplink_rate_far_below_the_noise():
    # log2(1 + x) -> x / ln 2, where 1 + x is 1 in floating point
    rate_bps = channel.uplink_rate_bps(1.0, np.array([[4e-33]]), **RADIO, xp=xp)
    np.testing.assert_allclose(rate_bps, 20e6 * 1e-20 / np.log(2.0))


def test_noise_ratio_grows_with_the_sharers():
    gains = np.array([[1e-12, 2e-12], [1e-12, 2e-12]])
    np.testing.assert_allclose(channel.snr(np.array([[1.0], [3.0]]), gains, **RADIO), [[2.5, 5.0], [7.5, 15.0]])


def test_upload():
    np.testing.assert_allclose(channel.upload_s(np.array([[4e6, 2e6]]), np.array([[20e6, 40e6]])), [[0.2, 0.05]])


def test_forward_at_one_rate_and_at_each_servers_own():
    bits, forwarded = np.array([[4e6, 2e6, 3e6]]), np.array([[True, False, True]])
    np.testing.assert_allclose(channel.forward_s(bits, forwarded, 1e9), [[0.004, 0.0, 0.003]])
    rates_bps = np.array([[1e6, 1e9, 1e7]])
    np.testing.assert_allclose(channel.forward_s(bits, forwarded, rates_bps), [[4.0, 0.0, 0.3]])
