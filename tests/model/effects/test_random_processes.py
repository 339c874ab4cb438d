"""What effects draw: shares, ranges and durations in every view, at fixed seeds."""

import math

import numpy as np
import pytest
from scipy import stats

from tests.drivers import ParallelDriver
from tests.model.effects.conftest import GAME, VIEWS

LEAST_P = 1e-3  # of a test at a fixed seed: a right distribution passes for good


def assert_share(flags, share):
    assert stats.binomtest(int(np.sum(flags)), np.size(flags), share).pvalue > LEAST_P


def assert_distributed(values, distribution, **parameters):
    assert stats.kstest(np.ravel(values), distribution(**parameters).cdf).pvalue > LEAST_P


def assert_uniform(values, low, high):
    assert low <= np.min(values)
    assert np.max(values) <= high
    assert_distributed(values, stats.uniform, loc=low, scale=high - low)


def assert_unrelated(one, other):
    assert stats.pearsonr(np.ravel(one), np.ravel(other)).pvalue > LEAST_P


def test_tasks_come_with_their_probability(snapshots):
    found = snapshots(arrivals={"probability": 0.3})
    active = found["active"]
    assert set(np.unique(active)) == {0.0, 1.0}
    assert (found["bursting"] == 1.0).all()
    assert_share(active, 0.3)
    assert_share(active[:, 0], 0.3)
    assert_unrelated(active[:, :-1], active[:, 1:])  # from slot to slot
    assert_unrelated(active[..., :-1], active[..., 1:])  # from user to user
    assert_unrelated(active, found["task_bits"])


@pytest.mark.parametrize(("probability", "active"), [(0.0, 0.0), (1.0, 1.0)])
def test_certain_arrivals(snapshots, probability, active):
    assert (snapshots(20, arrivals={"probability": probability})["active"] == active).all()


def test_bursts_last_as_long_as_they_should(snapshots):
    found = snapshots(arrivals={"probability": 0.8, "on_s": 0.6, "off_s": 0.9})
    on = found["bursting"]
    assert set(np.unique(on)) == {0.0, 1.0}
    assert (found["active"] <= on).all()  # a task comes only while its user is on
    assert_share(found["active"][on == 1.0], 0.8)
    p_on, p_off = 1.0 - math.exp(-0.15 / 0.6), 1.0 - math.exp(-0.15 / 0.9)
    assert_share(on[:, 1:][on[:, :-1] == 1.0] == 0.0, p_on)
    assert_share(on[:, 1:][on[:, :-1] == 0.0] == 1.0, p_off)
    assert_geometric(run_lengths(on, 1.0), p_on)
    assert_geometric(run_lengths(on, 0.0), p_off)


def assert_geometric(lengths, chance):
    assert len(lengths) > 500
    most = int(3.0 / chance)
    counts = np.bincount(np.minimum(lengths, most), minlength=most + 1)[1:]
    expected = stats.geom(chance).pmf(np.arange(1, most + 1))
    expected[-1] += stats.geom(chance).sf(most)
    assert stats.chisquare(counts, expected * len(lengths)).pvalue > LEAST_P


def run_lengths(values, state):
    """Lengths of the runs that begin in the first half of an episode; none is so long that it lasts to its end."""
    lengths = []
    for column in np.moveaxis(values == state, 1, -1).reshape(-1, values.shape[1]):
        changes = np.flatnonzero(np.diff(column.astype(int)))
        starts = [at + 1 for at in changes if column[at + 1] and at + 1 < len(column) // 2]
        ends = [at + 1 for at in changes if not column[at + 1]]
        lengths += [min(end for end in ends if end > start) - start for start in starts]
    return np.array(lengths)


@pytest.mark.parametrize("make", [VIEWS["numpy"][0], VIEWS["torch"][0], ParallelDriver], ids=["numpy", "torch", "one"])
def test_an_episode_begins_with_the_chains_own_share(make):
    view = make(GAME.replace(arrivals={"on_s": 0.3, "off_s": 1.2}))
    p_on, p_off = 1.0 - math.exp(-0.15 / 0.3), 1.0 - math.exp(-0.15 / 1.2)
    first = []
    for episode in range(max(30, 300 // view.batch)):
        view.reset(seed=0 if episode == 0 else None)
        snapshot = view.snapshot()
        assert np.array_equal(snapshot["active"], snapshot["bursting"])  # with the default probability of 1
        first.append(snapshot["bursting"])
    assert_share(np.array(first), p_off / (p_on + p_off))


def test_cycles_follow_from_bits_and_density(snapshots):
    found = snapshots(50, cycles_per_bit=(100.0, 300.0))
    density = found["task_cycles"] / found["task_bits"]
    assert_uniform(density, 100.0, 300.0)
    assert_uniform(found["task_bits"], 2.4e6, 4e6)
    assert_unrelated(density, found["task_bits"])


def test_some_tasks_are_heavy(snapshots):
    found = snapshots(50, heavy_tasks={"probability": 0.3, "factor": 4.0})
    cycles = found["task_cycles"]
    heavy = cycles > 1200e6
    assert_share(heavy, 0.3)
    assert_uniform(cycles[~heavy], 800e6, 1200e6)
    assert_uniform(cycles[heavy], 3200e6, 4800e6)
    assert_unrelated(heavy, found["task_bits"])
    assert_unrelated(heavy[:, :-1], heavy[:, 1:])


@pytest.mark.parametrize(("probability", "factor"), [(0.0, 1.0), (1.0, 4.0)])
def test_certainly_light_or_heavy(snapshots, probability, factor):
    found = snapshots(20, heavy_tasks={"probability": probability, "factor": 4.0})
    assert_uniform(found["task_cycles"], 800e6 * factor, 1200e6 * factor)


def test_deadlines_are_uniform(snapshots):
    found = snapshots(50, deadline={"range_s": (0.2, 0.6), "miss_cost_s": 1.0})
    assert_uniform(found["deadline_s"], 0.2, 0.6)
    assert_unrelated(found["deadline_s"], found["task_bits"])
    assert_unrelated(found["deadline_s"], found["task_cycles"])
    assert_unrelated(found["deadline_s"][:, :-1], found["deadline_s"][:, 1:])


def test_failures_and_repairs(snapshots):
    found = snapshots(failures={"mtbf_s": 1.0, "mttr_s": 0.4})
    down_s = found["down_s"]
    assert (down_s[:, 0] == 0.0).all()
    left_s = np.maximum(0.0, down_s[:, :-1] - 0.15)
    after_s = down_s[:, 1:]
    np.testing.assert_allclose(after_s[left_s > 0.0], left_s[left_s > 0.0])
    may_fail = left_s == 0.0
    just_repaired = may_fail & (down_s[:, :-1] > 0.0)
    failed = may_fail & (after_s > 0.0)
    chance = 1.0 - math.exp(-0.15)
    for where in (may_fail, just_repaired, may_fail & ~just_repaired):
        assert_share(failed[where], chance)
    assert_distributed(after_s[failed], stats.expon, scale=0.4)
    assert_unrelated(failed[..., :-1], failed[..., 1:])
    assert_geometric(run_lengths(down_s == 0.0, True), chance)  # slots until a server fails, from its repair on


@pytest.mark.parametrize("elastic", [0, 3])
def test_elastic_servers_start_empty(snapshots, elastic):
    found = snapshots(3, elastic_servers=elastic, initial_load_s=(0.5, 1.5))
    backlog = found["backlog_cycles"][:, 0]
    assert_uniform(backlog[:, : 10 - elastic] / 10e9, 0.5, 1.5)
    assert (backlog[:, 10 - elastic :] == 0.0).all()
