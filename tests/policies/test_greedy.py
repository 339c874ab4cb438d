"""``greedy`` and ``drift-plus-penalty`` against hand-worked numbers and a scalar form of docs/effects.md's rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig, policies
from tests import oracle
from tests.policies.games import one_game, small_view, view_in_scenario, view_of_game


def scalar_in_turn(snapshot, config, price):
    """Users in index order, each at the place, device included, of least cost; ties to the lowest place."""
    server_hz, backlog = snapshot["server_hz"], snapshot["backlog_cycles"]
    assigned = [0.0] * len(server_hz)
    down_s = snapshot.get("down_s", [0.0] * len(server_hz))
    free_s = [down_s[m] + backlog[m] / hz for m, hz in enumerate(server_hz)]  # with the continuous clock
    first_elastic = len(server_hz) - config.elastic_servers
    targets = []
    for n in range(config.num_users):
        bits, cycles = snapshot["task_bits"][n], snapshot["task_cycles"][n]
        upload_s = bits / oracle.uplink_rate_bps(config.num_users, snapshot["channel_gain"][n], config)
        costs = [cycles / snapshot["device_hz"][n]]
        for m, hz in enumerate(server_hz):
            queue_s = (backlog[m] + assigned[m]) / hz if m < first_elastic else 0.0
            arrival_s = upload_s + oracle.forward_s(bits, m + 1, config)
            start_s = arrival_s + down_s[m] + queue_s
            if config.queue_clock == "continuous":
                start_s = max(arrival_s, free_s[m])
            costs.append(start_s + cycles / hz + price * queue_s)
        place = costs.index(min(costs))
        targets.append(place)
        if place:
            m = place - 1
            assigned[m] += cycles
            if m < first_elastic:
                arrival_s = upload_s + oracle.forward_s(bits, place, config)
                free_s[m] = max(arrival_s, free_s[m]) + cycles / server_hz[m]
    return targets


@pytest.mark.parametrize("clock", ["slot", "continuous"])
@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    users=st.integers(1, 40),
    servers=st.integers(1, 12),
    price=st.floats(0.0, 100.0),
    outages=st.booleans(),
)
def test_as_the_scalar_form(seed, users, servers, price, outages, clock):
    fields = {"failures": {"mtbf_s": 5.0, "mttr_s": 1.0}, "elastic_servers": servers // 3} if outages else {}
    view = view_of_game(seed, users, servers, batch=3, queue_clock=clock, **fields)
    greedy = policies.make("greedy").act(view)
    drift = policies.make("drift-plus-penalty", price=price).act(view)
    for game in range(3):
        assert greedy[game].tolist() == scalar_in_turn(one_game(view, game), view.config, 0.0)
        assert drift[game].tolist() == scalar_in_turn(one_game(view, game), view.config, price)


@pytest.mark.parametrize("scenario", ["paper", "crowded", "stadium", "two-tier", "random-servers"])
def test_price_zero_is_greedy_and_ten_is_not(scenario):
    view = view_in_scenario(scenario, seed=1, batch=50)
    greedy = policies.make("greedy").act(view)
    assert np.array_equal(policies.make("drift-plus-penalty", price=0).act(view), greedy)
    assert not np.array_equal(policies.make("drift-plus-penalty").act(view), greedy)


def three_users(**changes):
    """Three users with tasks of 1 Gcycle on devices of 0.5 GHz (2 s), an instant link, servers of 10 and 4 GHz.

    Server 1 has 12 Gcycles queued (1.2 s), server 2 none; the hop to server 2 takes 0.1 s.
    """
    config = EdgeOffloadConfig(
        num_users=3,
        server_hz=(10e9, 4e9),
        task_bits=(1.0, 1.0),
        task_cycles=(1e9, 1e9),
        device_hz=(0.5e9, 0.5e9),
        forward_bps=10.0,
        bandwidth_hz=1e13,
    )
    fields = {
        "task_bits": [1.0] * 3,
        "task_cycles": [1e9] * 3,
        "device_hz": [0.5e9] * 3,
        "channel_gain": [1.0] * 3,
        "server_hz": [10e9, 4e9],
        "backlog_cycles": [12e9, 0.0],
    }
    return small_view(config, **(fields | changes))


def test_greedy_by_hand():
    # user 0: 2 s, 1.2 + 0.1 = 1.3 s, 0.1 + 0.25 = 0.35 s -> server 2
    # user 1: 2 s, 1.3 s, 0.1 + 0.25 + 0.25 = 0.6 s      -> server 2
    # user 2: 2 s, 1.3 s, 0.1 + 0.50 + 0.25 = 0.85 s     -> server 2
    assert policies.make("greedy").act(three_users()).tolist() == [[2, 2, 2]]
    # with 2 Gcycles queued at server 1:
    # user 0: 2 s, 0.2 + 0.1 = 0.3 s, 0.35 s       -> server 1
    # user 1: 2 s, 0.2 + 0.1 + 0.1 = 0.4 s, 0.35 s -> server 2
    # user 2: 2 s, 0.4 s, 0.6 s                    -> server 1
    assert policies.make("greedy").act(three_users(backlog_cycles=[2e9, 0.0])).tolist() == [[1, 2, 1]]


def test_drift_by_hand():
    # price 4: user 0 pays nothing for the empty server 2 and goes there for 0.35 s; for user 1 it costs
    # 0.6 + 4 * 0.25 = 1.6 s and for user 2 still that, or with two ahead 0.85 + 4 * 0.5 = 2.85 s: the device, 2 s
    assert policies.make("drift-plus-penalty", price=4.0).act(three_users()).tolist() == [[2, 2, 0]]
    # price 6: already for user 1 it is 0.6 + 6 * 0.25 = 2.1 s > 2 s
    assert policies.make("drift-plus-penalty", price=6.0).act(three_users()).tolist() == [[2, 0, 0]]


def test_a_tie_goes_to_the_device_and_then_to_the_lowest_server():
    even = {"server_hz": [4e9, 4e9], "backlog_cycles": [0.0, 0.0], "task_bits": [1e-300] * 3}
    assert policies.make("greedy").act(three_users(**even)).tolist() == [[1, 2, 1]]
    slow = {"server_hz": [0.5e9, 0.5e9], "backlog_cycles": [0.0, 0.0], "task_bits": [1e-300] * 3}
    assert policies.make("greedy").act(three_users(**slow)).tolist() == [[0, 0, 0]]
