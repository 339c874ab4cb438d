"""Over whole episodes with every effect: what comes in is done or queued, at devices, on the uplink and at servers.

With the slot clock: the continuous one counts pauses as queued, see ``test_clock_simpy``.
"""

import numpy as np
import pytest

from tests.drivers import DRIVERS
from tests.helpers import ALL_ON, random_actions

CONFIG = ALL_ON.replace(max_cycles=60, bandwidth_hz=4e6, queue_clock="slot")
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}


@pytest.fixture(params=DRIVERS)
def episode(request):
    """The snapshots before each slot, the slots, and a relative tolerance."""
    view = DRIVERS[request.param](CONFIG)
    rng = np.random.default_rng(5)
    view.reset(seed=5)
    before, played = [], []
    for _ in range(CONFIG.max_cycles - 1):  # a batch starts the next episode at the end
        before.append(view.snapshot())
        played.append(view.step(random_actions(rng, CONFIG, view.batch)))
    return before, played, TOLERANCE[request.param.partition("-")[2] or "float64"]


def assert_conserved(arrived, left, could, first, tolerance):
    """Of what arrived, ``[slots, ...]``, all is done but what is left, and nobody pauses while there is work."""
    queued = np.concatenate([first[None], left[:-1]]) + arrived
    done = queued - left
    scale = tolerance * (queued.max() + could.max())
    np.testing.assert_allclose(first + arrived.sum(axis=0), done.sum(axis=0) + left[-1], rtol=10 * tolerance)
    assert (done >= -scale).all()
    assert (done <= could + scale).all()
    assert (abs(done - could) <= scale)[left > scale].all()  # all it could
    assert (left > scale).any()
    assert (left == 0.0).any()


def test_cycles_on_devices(episode):
    before, played, tolerance = episode
    cycles = np.array([start["task_cycles"] * start["active"] for start in before])
    kept = 1.0 - np.array([slot.extra["offload_ratio"] for slot in played])
    assert ((kept > 0.1) & (kept < 0.9)).any()
    left = np.array([slot.after["device_backlog_cycles"] for slot in played])
    could = np.array([start["device_hz"] * CONFIG.slot_s for start in before])
    assert_conserved(cycles * kept, left, could, before[0]["device_backlog_cycles"], tolerance)


def test_cycles_at_servers(episode):
    before, played, tolerance = episode
    ratio = np.array([slot.extra["offload_ratio"] for slot in played])
    cycles = ratio * np.array([start["task_cycles"] for start in before])
    target = np.array([slot.target for slot in played])
    arrived = np.stack([(cycles * (target == m)).sum(axis=-1) for m in range(1, CONFIG.servers + 1)], axis=-1)
    left = np.array([slot.after["backlog_cycles"] for slot in played])
    runs_s = np.array([np.maximum(0.0, CONFIG.slot_s - start["down_s"]) for start in before])
    hz = before[0]["server_hz"]
    assert (arrived[..., -1] > 0.0).any()
    assert (left[..., -1] == 0.0).all()  # the elastic server
    queueing = [values[..., :-1] for values in (arrived, left, runs_s * hz, before[0]["backlog_cycles"])]
    assert_conserved(*queueing, tolerance)
    used = np.array([slot.extra["utilisation"] for slot in played]).sum(axis=0)
    served = used * CONFIG.slot_s * hz[:, :-1].sum(axis=-1)
    came = before[0]["backlog_cycles"][:, :-1].sum(axis=-1) + arrived[..., :-1].sum(axis=(0, -1))
    np.testing.assert_allclose(served + left[-1].sum(axis=-1), came, rtol=10 * tolerance)


def test_bits_on_the_uplink(episode):
    before, played, tolerance = episode
    ratio = np.array([slot.extra["offload_ratio"] for slot in played])
    bits = ratio * np.array([start["task_bits"] for start in before])
    offloads = np.array([slot.target > 0 for slot in played])
    unsent = np.array([start["uplink_backlog_bits"] for start in before])
    left = np.array([slot.after["uplink_backlog_bits"] for slot in played])
    upload_s = np.array([slot.upload_s for slot in played])
    done = unsent + bits * offloads - left
    whole = (left == 0.0) | (upload_s == 0.0)
    rate_bps = (unsent + bits)[~whole] / upload_s[~whole]
    assert (~whole).sum() > 30
    # one bit more may count as sent
    np.testing.assert_allclose(done[~whole], rate_bps * CONFIG.slot_s, rtol=20 * tolerance, atol=1.0)
    assert (done >= 0.0).all()
    assert (done[(unsent == 0.0) & ~offloads] == 0.0).all()
    assert (done[unsent > 1e3] > 0.0).all()  # whoever has bits left sends
    np.testing.assert_allclose(
        unsent[0] + (bits * offloads).sum(axis=0), done.sum(axis=0) + left[-1], rtol=10 * tolerance
    )
