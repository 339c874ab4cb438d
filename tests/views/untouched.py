"""A game that must play on as if a refused call had not been made."""

import re

import numpy as np
import pytest

from edgeoffload_env import EdgeOffloadConfig
from tests.drivers import DRIVERS, VectorDriver
from tests.helpers import ALL_EFFECTS, assert_same

CONFIG = EdgeOffloadConfig(num_users=4, server_hz=(12e9, 16e9, 20e9), initial_load_s=(0.1, 0.4), max_cycles=5)
ALL_ON = CONFIG.replace(**(ALL_EFFECTS | {"forward_latency_s": (0.01, 0.02)}))
BATCH = 2
GOOD = np.array([[1, 0, 3, 2]])

SINGLES = {name: DRIVERS[name] for name in ("parallel", "aec", "central")}
VECTORS = {
    "numpy": lambda config: VectorDriver(config, BATCH),
    "torch": lambda config: VectorDriver(config, BATCH, backend="torch", dtype="float64"),
}
VIEWS = SINGLES | VECTORS


class Untouched:
    """A view in mid-episode and its twin: after refusals both must play on alike, into the next episode."""

    def __init__(self, make, config=CONFIG):
        self.views = [make(config), make(config)]
        for view in self.views:
            view.reset(seed=3)
            view.step(self.good)

    @property
    def view(self):
        return self.views[0]

    @property
    def good(self):
        return np.repeat(GOOD, self.views[0].batch, axis=0)

    def refuses(self, error, match, call, *arguments, **options):
        before = self.view.snapshot()
        with pytest.raises(error, match=re.compile(match, re.DOTALL)):
            call(*arguments, **options)
        assert_same(self.view.snapshot(), before)

    def plays_on(self):
        for _ in range(CONFIG.max_cycles - int(self.view.snapshot()["slot"][0])):
            played = [view.step(self.good)._asdict() for view in self.views]
            assert_same(*played)
        assert_same(*(view.reset() for view in self.views))
        assert_same(*(view.snapshot() for view in self.views))


def value_in(value):
    return ".*" + re.escape(repr(value))
