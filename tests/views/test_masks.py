"""Action masks as PettingZoo's own programs take them; those of other people's learners are in ``tests/clients``."""

import functools

import gymnasium
import numpy as np
import pytest

from edgeoffload_env import edgeoffload_v0
from tests.clients.masks import allowed, assert_heeded
from tests.pages import run_masks
from tests.views.test_conformance import api_test, seed_test


def with_masks_in_observations(scenario):
    """The wrapper of the page."""
    return run_masks("Masks in observations")["MasksInObservations"](edgeoffload_v0.env(scenario))


FORMS = {"infos": edgeoffload_v0.env, "observations": with_masks_in_observations}


@pytest.fixture
def sampled(monkeypatch):
    """What is sampled with a mask, in pairs with it."""
    pairs = []
    sample = gymnasium.spaces.Discrete.sample

    def recorded(space, mask=None, **options):
        chosen = sample(space, mask, **options)
        if mask is not None:
            pairs.append((chosen, mask))
        return chosen

    monkeypatch.setattr(gymnasium.spaces.Discrete, "sample", recorded)
    return pairs


def assert_all_heeded(pairs):
    assert_heeded(*zip(*pairs, strict=True))


@pytest.mark.filterwarnings("ignore:Observation")  # PettingZoo expects no dicts but of its board games
@pytest.mark.parametrize("form", FORMS)
def test_api_test_samples_with_masks(form, sampled):
    api_test(FORMS[form]("urban"), num_cycles=500)
    assert len(sampled) > 500
    assert_all_heeded(sampled)


@pytest.mark.parametrize("form", FORMS)
def test_seed_test_compares_masks(form, sampled):
    seed_test(functools.partial(FORMS[form], "urban"), num_cycles=300)
    assert len(sampled) >= 600
    assert_all_heeded(sampled)


def test_masks_of_every_turn():
    """Of the slot that is to come, in the turns of all users."""
    env = with_masks_in_observations("urban")
    env.reset(seed=0)
    for turn in range(300):
        expected = allowed(env.unwrapped.snapshot(), 6)[turn % 30]
        seen, *_, info = env.last()
        assert seen["action_mask"].tolist() == info["action_mask"].tolist() == expected.astype(int).tolist()
        assert env.observation_space(env.agent_selection).contains(seen)
        env.step(5)


@pytest.mark.parametrize("scenario", ["urban", "paper"])
def test_masks_of_the_central_view(scenario):
    """Flat, and of the slot that is to come; everything is allowed where users always have a task."""
    env = gymnasium.make(f"edgeoffload/{scenario}-central-v0", max_cycles=5)
    central = env.unwrapped
    with pytest.raises(ValueError, match=r"action_masks\(\) needs a reset\(\) first"):
        central.action_masks()
    users = central.config.num_users

    def check(info):
        expected = np.ones((users, 6), dtype=bool)
        if scenario == "urban":
            expected = allowed(central.snapshot(), 6)
            assert info["action_mask"].astype(bool).tolist() == expected.tolist()
            info["action_mask"][:] = 0  # a copy
        for _ in range(2):
            masks = central.action_masks()
            assert masks.dtype == bool
            assert masks.tolist() == expected.ravel().tolist()
            masks[:] = False  # a copy, too

    check(env.reset(seed=0)[1])
    for _ in range(5):
        check(env.step(env.action_space.sample())[-1])


def test_masks_of_torch_lie_whole_in_memory():
    """So that ``view`` takes them, as it takes the observations."""
    env = edgeoffload_v0.vector_env(3, "urban", backend="torch")
    _, info = env.reset(seed=0)
    users, actions = env.config.num_users, env.config.num_servers + 1
    assert info["action_mask"].view(3 * users, actions).shape == (3 * users, actions)
    info = env.step(np.zeros((3, users), dtype=int))[-1]
    assert info["action_mask"].view(-1).shape == (3 * users * actions,)
