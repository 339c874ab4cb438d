"""Snapshots of whole episodes, for tests of what is drawn, and files of traces."""

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig
from tests.drivers import ParallelDriver, VectorDriver

GAME = EdgeOffloadConfig(num_users=10, server_hz=(10e9,) * 10, max_cycles=400)
VIEWS = {
    "parallel": (ParallelDriver, 3),
    "numpy": (lambda config: VectorDriver(config, 10, dtype="float64"), 1),
    "torch": (lambda config: VectorDriver(config, 10, backend="torch", dtype="float64"), 1),
}


@pytest.fixture(params=VIEWS)
def snapshots(request):
    """Return each field over the slots of some episodes, ``[episodes, slots, N or M]``; nobody offloads."""

    def snapshots(slots=GAME.max_cycles, **fields):
        make, episodes = VIEWS[request.param]
        view = make(GAME.replace(**({"max_cycles": slots} | fields)))
        found = []
        for episode in range(episodes):
            view.reset(seed=episode)
            taken = [view.snapshot()]
            actions = np.zeros((view.batch, GAME.num_users), dtype=int)
            taken += [view.step(actions).after for _ in range(slots - 1)]
            found.append({name: np.stack([one[name] for one in taken], axis=1) for name in taken[0]})
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]}

    return snapshots


@pytest.fixture
def write(tmp_path):
    """Write a file of lines and return its path."""

    def write(*lines, name="trace.csv"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def short(write):
    """Seven tasks in six slots of a second, one slot empty."""
    rows = ["0,1e6,1e9", "0.5,2e6,2e9", "0.75,3e6,3e9", "1.5,4e6,4e9", "2,5e6,5e9", "5,6e6,6e9", "5.5,7e6,7e9"]
    return write("time_s,bits,cycles", *rows)
