"""A whole slot: worked by hand, and by the laws that every slot obeys."""

import array_api_compat.numpy as xp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgeoffload_env import EdgeOffloadConfig
from edgeoffload_env.model.slot import advance
from tests import oracle
from tests.helpers import compiles, games, make_game

USER_FIELDS = ("task_bits", "task_cycles", "device_hz", "channel_gain")


def play(game):
    """The outcome, with the next backlog as ``next_backlog_cycles``."""
    return play_arrays({name: game.snapshot[name] for name in HAND_SNAPSHOT}, game.actions, game.config)


def play_arrays(snapshot, actions, config):
    outcome, following = advance(snapshot, actions, {}, config, xp=xp)
    assert set(following) == set(snapshot)
    return outcome | {"next_backlog_cycles": following["backlog_cycles"]}


def change(game, actions=None, config=None, **fields):
    """The game with other actions, configuration or snapshot fields."""
    snapshot = game.snapshot | fields
    return game._replace(
        snapshot=snapshot,
        actions=game.actions if actions is None else actions,
        config=game.config if config is None else config,
    )


# Five users, two servers. N0 = 1e-20 W/Hz, so that p g K / (W N0) = 2.5e12 g K.
#          bits  Mcycles  device  gain                        on 5 MHz each (K = 4)       on 4 MHz (K = 5)
# user 0   4e6   1000     500 M   25.5e-12 (ratio 255 at 4)   40 Mbit/s, 0.1 s
# user 1   2e6   2000     400 M   0.3e-12  (ratio 3)          10 Mbit/s, 0.2 s
# user 2   2e6   800      400 M   anything, stays local
# user 3   2e6   1200     400 M   0.3e-12  (ratio 3)          10 Mbit/s, 0.2 s
# user 4   4e6   500      400 M   1.5e-12  (ratio 15)         20 Mbit/s, 0.2 s
HAND_CONFIG = EdgeOffloadConfig(
    num_users=5,
    server_hz=(10e9, 20e9),
    noise_dbm_per_hz=-170.0,
    forward_bps=10e6,
    slot_s=0.15,
    balance_weight=2.0,
)
HAND_SNAPSHOT = {
    "task_bits": np.array([[4e6, 2e6, 2e6, 2e6, 4e6]]),
    "task_cycles": np.array([[1000e6, 2000e6, 800e6, 1200e6, 500e6]]),
    "device_hz": np.array([[500e6, 400e6, 400e6, 400e6, 400e6]]),
    "channel_gain": np.array([[25.5e-12, 0.3e-12, 1e-12, 0.3e-12, 1.5e-12]]),
    "server_hz": np.array([[10e9, 20e9]]),
    "backlog_cycles": np.array([[1e9, 4e9]]),
}


def hand_slot(actions, config=HAND_CONFIG, play_one=None):
    if play_one is None:
        return play_arrays(HAND_SNAPSHOT, np.array([actions]), config)
    return play_one({name: array[0] for name, array in HAND_SNAPSHOT.items()}, actions, config)


def check(result, expected):
    """The kernel's outcome or the oracle's slot against numbers."""
    found = result if isinstance(result, dict) else vars(result)
    for name, values in expected.items():
        np.testing.assert_allclose(np.ravel(found[name]), np.ravel(values), rtol=1e-12, err_msg=name)


BOTH = pytest.mark.parametrize("play_one", [None, oracle.play], ids=["kernel", "oracle"])


@BOTH
def test_hand_worked_slot_with_forwarding_that_reorders(play_one):
    # Users 0, 1, 3 go to server 2, user 4 to server 1, user 2 stays.
    # User 0 is uploaded first (0.1 s) but its 4 Mbit need 0.4 s on the fibre: it arrives at 0.5 s, after users 1 and
    # 3, who arrive at 0.2 + 0.2 = 0.4 s and are served in order of their index.
    expected = {
        "upload_s": [0.1, 0.2, 0.0, 0.2, 0.2],
        "forward_s": [0.4, 0.2, 0.0, 0.2, 0.0],
        # server 2: 4 Gcycles first (0.2 s); then user 1 (2 G), user 3 (1.2 G), user 0. Server 1: 1 Gcycle (0.1 s).
        "wait_s": [7.2 / 20, 4.0 / 20, 0.0, 6.0 / 20, 1.0 / 10],
        "compute_s": [1.0 / 20, 2.0 / 20, 2.0, 1.2 / 20, 0.5 / 10],
        "delay_s": [0.91, 0.70, 2.0, 0.76, 0.35],
        # queues 1.5 and 8.2 Gcycles: 0.15 s and 0.41 s, variance 0.13 squared
        "imbalance": [0.0169],
        "reward": [-0.9438, -0.7338, -2.0338, -0.7938, -0.3838],
        # less 1.5 and 3 Gcycles
        "next_backlog_cycles": [0.0, 5.2e9],
    }
    check(hand_slot([2, 2, 0, 2, 1], play_one=play_one), expected)


@BOTH
def test_hand_worked_slot_without_forwarding(play_one):
    # The same users to server 1: now user 0 is first, and users 1, 3 and 4 tie at 0.2 s.
    expected = {
        "upload_s": [0.1, 0.2, 0.0, 0.2, 0.2],
        "forward_s": [0.0] * 5,
        "wait_s": [0.1, 0.2, 0.0, 0.4, 0.52],
        "compute_s": [0.1, 0.2, 2.0, 0.12, 0.05],
        "delay_s": [0.3, 0.6, 2.0, 0.72, 0.77],
        "imbalance": [0.034225],  # loads 0.57 s and 0.2 s: 0.185 squared
        "next_backlog_cycles": [4.2e9, 1e9],
    }
    check(hand_slot([1, 1, 0, 1, 1], play_one=play_one), expected)


@BOTH
def test_hand_worked_slot_with_the_band_split_over_all_users(play_one):
    # A fifth of the band each whoever offloads: 4 MHz, ratio 3.75 for user 1, 318.75 for user 0
    config = HAND_CONFIG.replace(channel_sharing="all")
    upload_s = [4e6 / (4e6 * np.log2(319.75)), 2e6 / (4e6 * np.log2(4.75)), 0.0, 0.0, 0.0]
    expected = {"upload_s": upload_s, "wait_s": [0.1, 0.2, 0.0, 0.0, 0.0], "compute_s": [0.1, 0.2, 2.0, 3.0, 1.25]}
    check(hand_slot([1, 1, 0, 0, 0], config, play_one), expected)


@BOTH
def test_hand_worked_slot_alone_on_the_channel(play_one):
    # K = 1: 20 MHz, ratio 0.75 for user 1
    check(hand_slot([0, 1, 0, 0, 0], play_one=play_one), {"upload_s": [0, 0.1 / np.log2(1.75), 0, 0, 0]})


@BOTH
def test_hand_worked_slot_with_a_rate_for_each_server(play_one):
    config = HAND_CONFIG.replace(server_hz=(10e9, 20e9, 5e9), forward_bps=(10e6, 40e6))
    snapshot = HAND_SNAPSHOT | {"server_hz": np.array([[10e9, 20e9, 5e9]]), "backlog_cycles": np.zeros((1, 3))}
    actions = [2, 3, 0, 1, 3]
    if play_one is None:
        result = play_arrays(snapshot, np.array([actions]), config)
    else:
        result = play_one({name: array[0] for name, array in snapshot.items()}, actions, config)
    expected = {"forward_s": [0.4, 0.05, 0.0, 0.0, 0.1], "wait_s": [0.0, 0.0, 0.0, 0.0, 0.4]}
    check(result, expected)


@BOTH
def test_hand_worked_slot_with_nobody_offloading(play_one):
    expected = {
        "delay_s": [2.0, 5.0, 2.0, 3.0, 1.25],
        "imbalance": [0.0025],  # loads 0.1 s and 0.2 s stand
        "reward": [-2.005, -5.005, -2.005, -3.005, -1.255],
        "next_backlog_cycles": [0.0, 1e9],
    }
    check(hand_slot([0] * 5, play_one=play_one), expected)


@given(game=games(batch=3))
def test_every_cycle_is_served_or_queued(game):
    outcome, server_hz = play(game), game.snapshot["server_hz"]
    for i, actions in enumerate(game.actions):
        came = np.bincount(actions, game.snapshot["task_cycles"][i], minlength=server_hz.shape[1] + 1)[1:]
        left = outcome["next_backlog_cycles"][i]
        served = game.snapshot["backlog_cycles"][i] + came - left
        capacity = server_hz[i] * game.config.slot_s
        assert (served >= 0.0).all()
        assert (served <= capacity * (1 + 1e-12) + 1e-3).all()  # 1e-3 of 1e9 cycles: a difference of large numbers
        busy = left > 0.0
        np.testing.assert_allclose(served[busy], capacity[busy], rtol=1e-6)  # no server rests with work to do


@given(game=games(batch=3))
def test_the_last_task_of_a_server_ends_when_its_load_does(game):
    """Queues have no gaps: the longest wait and compute time at a server is its load factor after the slot's tasks."""
    outcome = play(game)
    busy_s = outcome["wait_s"] + outcome["compute_s"]
    queued = game.snapshot["backlog_cycles"].copy()
    for i, actions in enumerate(game.actions):
        np.add.at(queued[i], actions[actions > 0] - 1, game.snapshot["task_cycles"][i][actions > 0])
        for m in np.unique(actions[actions > 0]):
            load_s = queued[i, m - 1] / game.snapshot["server_hz"][i, m - 1]
            assert busy_s[i, actions == m].max() == pytest.approx(load_s, rel=1e-9)
    load_s = queued / game.snapshot["server_hz"]
    np.testing.assert_allclose(outcome["imbalance"][:, 0], load_s.var(axis=1), rtol=1e-9, atol=1e-12)


@given(game=games(batch=3, twins=0.0), seed=st.integers(0, 2**32 - 1))
def test_users_may_be_relabelled(game, seed):
    order = np.random.default_rng(seed).permutation(game.config.num_users)
    relabelled = {name: game.snapshot[name][:, order] for name in USER_FIELDS}
    outcome, other = play(game), play(change(game, actions=game.actions[:, order], **relabelled))
    for name in ("delay_s", "upload_s", "forward_s", "wait_s", "compute_s", "reward"):
        np.testing.assert_allclose(other[name], outcome[name][:, order], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(other["imbalance"], outcome["imbalance"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other["next_backlog_cycles"], outcome["next_backlog_cycles"], rtol=1e-9, atol=1e-3)


@given(game=games(batch=3), seed=st.integers(0, 2**32 - 1))
def test_servers_behind_the_first_may_be_relabelled(game, seed):
    """With their speeds, queues and fibre; so equal servers are all the same."""
    servers = game.config.servers
    assume(servers > 2)
    order = np.append(0, 1 + np.random.default_rng(seed).permutation(servers - 1))  # new place -> old place
    new_label = np.append(0, 1 + np.argsort(order))  # old action -> new action
    config = game.config
    if isinstance(config.forward_bps, tuple):
        config = config.replace(forward_bps=tuple(np.array(config.forward_bps)[order[1:] - 1]))
    relabelled = {name: game.snapshot[name][:, order] for name in ("server_hz", "backlog_cycles")}
    outcome = play(game)
    other = play(change(game, actions=new_label[game.actions], config=config, **relabelled))
    for name in ("delay_s", "upload_s", "forward_s", "wait_s", "compute_s", "reward", "imbalance"):
        np.testing.assert_allclose(other[name], outcome[name], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        other["next_backlog_cycles"], outcome["next_backlog_cycles"][:, order], rtol=1e-9, atol=1e-3
    )


@given(game=games(), server=st.integers(1, 20))
def test_one_more_offloader_never_speeds_an_upload(game, server):
    assume(game.config.num_users > 1)
    user = game.config.num_users // 2
    without, joining = game.actions.copy(), game.actions.copy()
    without[0, user], joining[0, user] = 0, min(server, game.config.servers)
    others = np.flatnonzero(without[0] > 0)
    before, after = (play(change(game, actions=actions))["upload_s"][0] for actions in (without, joining))
    assert (after[others] >= before[others]).all()
    if game.config.channel_sharing == "active":
        assert (after[others] > before[others]).all()
    else:
        assert np.array_equal(after[others], before[others])
    assert after[user] > 0.0


@given(game=games(), more=st.floats(0.0, 1e10))
def test_a_longer_queue_makes_nobody_faster(game, more):
    longer = play(change(game, backlog_cycles=game.snapshot["backlog_cycles"] + more))
    assert (longer["delay_s"] >= play(game)["delay_s"]).all()


@given(game=games(batch=3))
def test_one_game_does_not_touch_another(game):
    together = play(game)
    for i in range(3):
        alone = play(
            game._replace(
                snapshot={name: values[i : i + 1] for name, values in game.snapshot.items()},
                actions=game.actions[i : i + 1],
            )
        )
        for name, values in alone.items():
            np.testing.assert_allclose(values, together[name][i : i + 1], rtol=1e-12, atol=1e-12, err_msg=name)


def test_a_thousand_users_and_a_hundred_servers():
    game = make_game(0, 1000, 100, 2)
    outcome = play(game)
    for i in range(2):
        one = {name: values[i] for name, values in game.snapshot.items()}
        slot = oracle.play(one, game.actions[i], game.config)
        np.testing.assert_allclose(outcome["delay_s"][i], slot.delay_s, rtol=1e-9)


@compiles
def test_the_slot_compiles_as_one_graph():
    import array_api_compat.torch as torch_xp
    import torch
    from torch._dynamo.testing import CompileCounter

    for users in (10, 100):  # both forms of first come first served
        torch._dynamo.reset()
        counter = CompileCounter()
        config = HAND_CONFIG.replace(num_users=users)
        generator = torch.Generator().manual_seed(0)
        real = {"dtype": torch.float64}
        fields = [torch.rand((3, users), generator=generator, **real) * x for x in (4e6, 1e9, 5e8, 1e-9)]
        fields += [torch.full((3, 2), 1e10, **real), torch.zeros((3, 2), **real)]
        snapshot = dict(zip(HAND_SNAPSHOT, fields, strict=True))
        target = torch.randint(0, 3, (3, users), generator=generator)
        compiled = torch.compile(advance, backend=counter, fullgraph=True)
        found = compiled(snapshot, target, {}, config, xp=torch_xp)
        assert counter.frame_count == 1
        for result, expected in zip(found, advance(snapshot, target, {}, config, xp=torch_xp), strict=True):
            assert set(result) == set(expected)
            for name, values in expected.items():
                torch.testing.assert_close(result[name], values, msg=name)
