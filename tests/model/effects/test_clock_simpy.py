"""The continuous clock against SimPy: servers that work through a whole episode and know nothing of slots.

Their tasks come in order of slot, arrival and user, whenever they arrive: those of earlier slots go first.
"""

import dataclasses
import itertools

import numpy as np
import pytest
import simpy

from edgeoffload_env import EdgeOffloadConfig
from tests.drivers import DRIVERS
from tests.helpers import random_actions

GAME = EdgeOffloadConfig(
    num_users=12,
    server_hz_range=(6e9, 20e9),
    num_servers=4,
    arrivals={"on_s": 0.6, "off_s": 0.6},
    initial_load_s=(0.0, 0.3),
    failures={"mtbf_s": 1e12, "mttr_s": 1.0},  # for the utilisation; none of the servers fails
    queue_clock="continuous",
    max_cycles=41,
    cell_radius_m=100.0,
    bandwidth_hz=40e6,
)
GAMES = {
    "short ways": GAME,
    "ways longer than a slot": GAME.replace(cell_radius_m=1500.0, forward_latency_s=(0.0, 0.1, 0.4)),
    "uplink queues and elastic servers": GAME.replace(uplink_queue=True, cell_radius_m=1000.0, elastic_servers=2),
    "few users": GAME.replace(num_users=2, arrivals=None),
    "many users": GAME.replace(num_users=70, task_cycles=(0.1e9, 0.3e9), device_hz=(2e9, 3e9)),
}


@dataclasses.dataclass
class Task:
    """One task at a server; times since the episode began."""

    arrival_s: float
    work_s: float
    start_s: float = np.nan


class Server:
    """A server as a SimPy process: tasks one by one in the order in which they were announced."""

    def __init__(self, env, backlog_s):
        self.env, self.announced, self.busy_s = env, simpy.Store(env), [(0.0, backlog_s)]
        env.process(self.work(backlog_s))

    def work(self, backlog_s):
        yield self.env.timeout(backlog_s)
        while True:
            task = yield self.announced.get()
            if task.arrival_s > self.env.now:
                yield self.env.timeout(task.arrival_s - self.env.now)
            task.start_s = self.env.now
            yield self.env.timeout(task.work_s)
            self.busy_s.append((task.start_s, self.env.now))

    def busy_between(self, begin, end):
        return sum(max(0.0, min(end, e) - max(begin, b)) for b, e in self.busy_s)


class Elastic(Server):
    """A server that starts on every task as it arrives."""

    def work(self, backlog_s):
        while True:
            task = yield self.announced.get()
            task.start_s = task.arrival_s


def simulate(config, start, slots):
    """Announce the tasks of each slot at its start, and let the servers run until all is done."""
    env = simpy.Environment()
    queueing = config.servers - config.elastic_servers
    servers = [
        (Server if m < queueing else Elastic)(env, start["backlog_cycles"][m] / start["server_hz"][m])
        for m in range(config.servers)
    ]

    def announce():
        for slot in slots:
            for target, task in slot:
                yield servers[target - 1].announced.put(task)
            yield env.timeout(config.slot_s)

    env.process(announce())
    env.run()
    return servers[:queueing]


@pytest.fixture(params=[(name, driver) for name in GAMES for driver in ("parallel", "numpy-float64", "torch-float64")])
def episode(request):
    """A game, its start, what is played in each slot, and the same tasks in SimPy."""
    name, driver = request.param
    config, rng = GAMES[name], np.random.default_rng(len(name))
    view = DRIVERS[driver](config)
    view.reset(seed=6)
    before, played = [], []
    for _ in range(config.max_cycles - 1):
        before.append(view.snapshot())
        played.append(view.step(random_actions(rng, config, view.batch)))
    slots = []
    for t, (start, slot) in enumerate(zip(before, played, strict=True)):
        tasks = []
        for n in np.flatnonzero(slot.target[0]):
            m = slot.target[0, n]
            arrival_s = t * config.slot_s + slot.upload_s[0, n] + slot.forward_s[0, n]
            work_s = start["task_cycles"][0, n] / start["server_hz"][0, m - 1]
            tasks.append((arrival_s, n, m, Task(arrival_s, work_s), slot.wait_s[0, n]))
        slots.append(sorted(tasks, key=lambda task: task[:2]))
    first = {name: values[0] for name, values in before[0].items()}
    servers = simulate(config, first, [[(m, task) for _, _, m, task, _ in slot] for slot in slots])
    return config, first, played, slots, servers


def test_every_task_starts_when_it_does_in_simpy(episode):
    config, _, _, slots, _ = episode
    tasks = [(task, wait_s) for slot in slots for *_, task, wait_s in slot]
    expected = [task.start_s - task.arrival_s for task, _ in tasks]
    np.testing.assert_allclose([wait_s for _, wait_s in tasks], expected, atol=1e-9)
    assert sum(wait_s > 1e-6 for wait_s in expected) > config.num_users / 2


def test_what_is_queued_is_the_time_until_the_server_is_free(episode):
    config, first, played, slots, servers = episode
    for t, slot in enumerate(played):
        now_s = (t + 1) * config.slot_s
        for m in range(len(servers)):
            ends_s = [
                task.start_s + task.work_s for past in slots[: t + 1] for _, _, at, task, _ in past if at == m + 1
            ]
            free_s = max([first["backlog_cycles"][m] / first["server_hz"][m], *ends_s])
            left_s = slot.after["backlog_cycles"][0, m] / first["server_hz"][m]
            assert left_s == pytest.approx(max(0.0, free_s - now_s), abs=1e-9)


def work_done(config, first, played, slots, servers):
    """Cycles done in each slot by the utilisation and by SimPy, those done later, and those that came in all."""
    hz = first["server_hz"][: len(servers)]
    could = config.slot_s * hz.sum()
    measured = np.array([slot.extra["utilisation"][0] * could for slot in played])
    edges_s = [*(config.slot_s * np.arange(len(played) + 1)), np.inf]
    busy_s = [[server.busy_between(*edges) for server in servers] for edges in itertools.pairwise(edges_s)]
    *worked, left = np.array(busy_s) @ hz
    cycles = sum(hz[m - 1] * task.work_s for slot in slots for _, _, m, task, _ in slot if m <= len(servers))
    return measured, np.array(worked), left, first["backlog_cycles"].sum() + cycles


def test_utilisation_is_the_time_in_which_servers_work(episode):
    """Where tasks arrive in later slots, the time that servers are kept for them after their own slot counts too."""
    config, _, _, slots, _ = episode
    measured, worked, left, came = work_done(*episode)
    late = [any(arrival_s > (t + 1) * config.slot_s for arrival_s, *_ in slot) for t, slot in enumerate(slots)]
    in_time = np.cumsum(late) == 0  # up to and with the first late task
    np.testing.assert_allclose(measured[in_time], worked[in_time], rtol=1e-9, atol=1.0)
    assert (measured >= worked - 1.0).all()
    assert worked.sum() + left == pytest.approx(came, rel=1e-9)
    if not any(late):  # cycles in = done + queued
        assert measured.sum() + left == pytest.approx(came, rel=1e-9)
    assert any(late) == (config.cell_radius_m != GAME.cell_radius_m or config.num_users > 50)
