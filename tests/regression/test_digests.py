"""The model computes what it computed: renew digests.json only for a change that CHANGELOG marks as **[learning]**."""

import numpy as np
import pytest

from edgeoffload_env import scenarios
from tests.regression import digests, recording

STORED = digests.stored()


def test_every_scenario_has_its_digests():
    for kind in ("transitions", "games", "choices"):
        assert list(STORED[kind]) == scenarios.names()


@pytest.mark.parametrize("view", recording.VIEWS)
@pytest.mark.parametrize("scenario", scenarios.names())
@pytest.mark.parametrize("kind", ["transitions", "games"])
def test_everything_that_a_view_returns_is_as_stored(kind, scenario, view):
    recorded = getattr(recording, f"record_{kind}")(scenario, view)
    stored = STORED[kind][scenario][view]
    assert set(recorded) == set(stored)
    single = view.endswith("32")
    assert [name for name in stored if not digests.agrees(recorded[name], stored[name], single)] == []


@pytest.mark.parametrize("scenario", scenarios.names())
def test_planning_policies_choose_as_stored(scenario):
    recorded, stored = recording.record_choices(scenario), STORED["choices"][scenario]
    assert {name: digests.digest(array) for name, array in recorded.items()} == stored


def test_a_digest_moves_with_every_value():
    array = np.random.default_rng(0).uniform(1.0, 2.0, (5, 7))
    stored = digests.digest(array)
    assert digests.agrees(array, stored, False)
    assert digests.agrees(array * (1.0 + 1e-15), stored, False)
    for index in np.ndindex(array.shape):
        changed = array.copy()
        changed[index] *= 1.0 + 1e-9
        assert not digests.agrees(changed, stored, False)
