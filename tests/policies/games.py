"""Views to try policies on, and what comes of their actions by an independent scalar model."""

import numpy as np

from edgeoffload_env import EdgeOffloadConfig, edgeoffload_v0, policies
from edgeoffload_env.policies import PolicyView
from tests import oracle
from tests.helpers import make_game, random_snapshot


def view_of_game(seed, users, servers, batch=1, **fields):
    """B random games in the middle of an episode, every option of the configuration drawn at random."""
    game = make_game(seed, users, servers, batch, **fields)
    return PolicyView(game.config, game.snapshot, np.random.default_rng(seed))


def view_in_scenario(scenario, seed, batch=1):
    """B games at a scenario's sizes, with some servers' queues filled."""
    config = edgeoffload_v0.parallel_env(scenario).config
    rng = np.random.default_rng(seed)
    return PolicyView(config, random_snapshot(rng, config, batch), rng)


def one_game(view, game=0):
    """One game's snapshot, without the batch axis."""
    return {name: array[game] for name, array in view.snapshot.items()}


def oracle_delays_s(view, game, actions):
    """Everyone's delays by the scalar model of the tests."""
    return oracle.play(one_game(view, game), actions, view.config).delay_s


def small_view(config: EdgeOffloadConfig, **fields):
    """One game written out by hand: lists per user or server, on a link of 1 Mbit/s and more."""
    arrays = {name: np.array([values], dtype=np.float64) for name, values in fields.items() if name != "slot"}
    return PolicyView(config, arrays | {"slot": np.array([fields.get("slot", 0)])}, np.random.default_rng(0))


def make_for(name, config):
    """A shipped policy that plays a game: ``fixed`` gets counts that spread the users evenly over the places."""
    if name != "fixed":
        return policies.make(name)
    places = config.servers + 1
    return policies.make(name, counts=[len(range(place, config.num_users, places)) for place in range(places)])
