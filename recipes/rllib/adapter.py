"""Adapter for stock RLlib: any PettingZoo ``ParallelEnv`` as a ``MultiAgentEnv``.

RLlib 2.60 ships a wrapper, ``ParallelPettingZooEnv``, with two defects that this adapter does not have:

* **Order of agents.** The wrapper keeps its agents in a set, so their order changes from process to process. Here it is
  the order of ``possible_agents``. RLlib itself keeps sets of agents too, and batches in their order: with names for
  agents the same seed gives another training in every process. With ``numbered=True`` agents are integers, whose sets
  have the same order in every process.
* **Time limits.** A parallel game that reaches its horizon marks every agent as truncated. ``MultiAgentEpisode`` takes
  "all agents are done" as *terminated*, so DQN, SAC and PPO do not bootstrap there. Here an episode that ends by
  truncation has only ``truncateds["__all__"]`` set, and each agent's episode is (terminated False, truncated True).
  Terminations, and agents that end before the others, are passed on unchanged.

:func:`register_envs` registers every scenario with RLlib under its own id::

    from ray.rllib.algorithms.ppo import PPOConfig

    from recipes.rllib.adapter import one_policy, register_envs

    register_envs()
    config = (
        PPOConfig()
        .environment("edgeoffload/paper-v0", env_config={"num_users": 4, "agent_id": True})
        .multi_agent(policies={"shared"}, policy_mapping_fn=one_policy)
        .env_runners(num_env_runners=0)
        .training(train_batch_size_per_learner=1_000, minibatch_size=500, num_epochs=4)
    )
    algorithm = config.build_algo()
    print(algorithm.train()["env_runners"]["episode_return_mean"])
    algorithm.stop()

``env_config`` takes every field of ``EdgeOffloadConfig``, ``agent_id``, ``numbered`` and ``action_masks``. For one
network per user, as independent learners need, use
``.multi_agent(policies=env.possible_agents, policy_mapping_fn=own_policy)``. Another game takes one line:
``ray.tune.register_env("spread", lambda config: RLlibParallelEnv(simple_spread_v3.parallel_env(**config)))``.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from pettingzoo import ParallelEnv
from ray.rllib.env.multi_agent_env import MultiAgentEnv
from ray.tune.registry import _global_registry, register_env

from edgeoffload_env import edgeoffload_v0, scenarios
from edgeoffload_env._validation import fail

__all__ = ["RLlibParallelEnv", "make_env", "one_policy", "own_policy", "register_envs"]

_ALL = "__all__"
_OPTIONS = ("agent_id", "numbered", "action_masks")


class RLlibParallelEnv(MultiAgentEnv):  # type: ignore[misc]  # RLlib carries no types
    """A PettingZoo ``ParallelEnv`` behind RLlib's ``MultiAgentEnv``.

    Agents may have equal or different spaces, and may end at different times.

    Attributes:
        par_env: the wrapped game.
        possible_agents: all agents, in the game's own order; ``agents`` those that still play, in that order.
        observation_spaces, action_spaces: a space for each possible agent.
    """

    def __init__(
        self,
        par_env: "ParallelEnv[str, Any, Any]",
        *,
        agent_id: bool = False,
        numbered: bool = False,
        action_masks: bool = False,
    ) -> None:
        """Wrap a game.

        Args:
            par_env: the game; the adapter takes it over.
            agent_id: append a one-hot of the agent's place in ``possible_agents`` to its observation, so that one
                shared network can distinguish the agents. Needs 1-D boxes.
            numbered: identify agents to RLlib by their place in ``possible_agents``, 0, 1, ..., instead of their
                names, so that the same seed gives the same training in every process.
            action_masks: append the ``action_mask`` of the agent's info to its observation, last; ones where an info
                has none. For modules that split it off, see :mod:`.action_masks`. Needs 1-D boxes and discrete actions.

        Raises:
            TypeError: ``agent_id`` or ``action_masks`` for spaces that they do not suit, or an option that is not a
                bool.
        """
        for option, value in (("agent_id", agent_id), ("numbered", numbered), ("action_masks", action_masks)):
            if not isinstance(value, bool):
                fail(option, value, "True or False", TypeError)
        self.par_env = par_env
        names = list(par_env.possible_agents)
        self._keys: dict[str, Any] = {name: n if numbered else name for n, name in enumerate(names)}
        self._names = {key: name for name, key in self._keys.items()}
        self.possible_agents = list(self._names)
        self.agents: list[Any] = []
        self.render_mode = getattr(par_env, "render_mode", None)
        self.metadata = dict(getattr(par_env, "metadata", {}))
        self._one_hot = dict(zip(names, np.eye(len(names)), strict=True))
        self._agent_id, self._action_masks = agent_id, action_masks
        self.action_spaces = {self._keys[name]: par_env.action_space(name) for name in names}
        self.observation_spaces = {self._keys[name]: self._seen_space(name) for name in names}
        super().__init__()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[Any, Any], dict[Any, dict[str, Any]]]:
        """Start an episode; return observations and infos of all agents, in their order."""
        observations, infos = self.par_env.reset(seed=seed, options=options)
        self.agents = list(self._keyed(dict.fromkeys(observations)))
        return self._keyed(self._seen(observations, infos)), self._keyed(infos)

    def step(
        self, action_dict: Mapping[Any, Any]
    ) -> tuple[dict[Any, Any], dict[Any, float], dict[Any, bool], dict[Any, bool], dict[Any, dict[str, Any]]]:
        """Play one step.

        Args:
            action_dict: an action for each agent that still plays.

        Returns:
            Observations, rewards, terminateds, truncateds and infos of the agents that played; terminateds and
            truncateds have ``"__all__"`` too. If the last agents were truncated, ``truncateds == {"__all__": True}``.
        """
        # the game refuses unknown agents
        actions = {self._names.get(key, key): action for key, action in action_dict.items()}
        observations, rewards, terminations, truncations, infos = self.par_env.step(actions)
        self.agents = list(self._keyed(dict.fromkeys(self.par_env.agents)))
        over = not self.agents
        terminated = {agent: bool(flag) for agent, flag in self._keyed(terminations).items()}
        truncated = {agent: bool(flag) for agent, flag in self._keyed(truncations).items()}
        cut_short = over and any(flag and not terminated.get(agent) for agent, flag in truncated.items())
        if cut_short:
            terminated[_ALL], truncated = False, {_ALL: True}
        else:
            terminated[_ALL], truncated[_ALL] = over, False
        seen = self._keyed(self._seen(observations, infos))
        return seen, self._keyed(rewards), terminated, truncated, self._keyed(infos)

    def render(self) -> Any:
        """Render the game."""
        return self.par_env.render()

    def close(self) -> None:
        """Close the game."""
        self.par_env.close()

    def _keyed(self, values: Mapping[str, Any]) -> dict[Any, Any]:
        """Return the values by RLlib's agents, in their order."""
        return {key: values[name] for name, key in self._keys.items() if name in values}

    def _seen(self, observations: Mapping[str, Any], infos: Mapping[str, Any]) -> dict[str, Any]:
        if not (self._agent_id or self._action_masks):
            return dict(observations)
        return {
            name: np.concatenate((observation, *self._appended(name, infos))).astype(observation.dtype)
            for name, observation in observations.items()
        }

    def _appended(self, name: str, infos: Mapping[str, Any]) -> list[NDArray[Any]]:
        """Return what follows an agent's own observation."""
        parts = [self._one_hot[name]] if self._agent_id else []
        if self._action_masks:
            count = self.action_spaces[self._keys[name]].n
            parts.append(np.asarray(infos.get(name, {}).get("action_mask", np.ones(count))))
        return parts

    def _seen_space(self, name: str) -> gymnasium.Space[Any]:
        space: gymnasium.Space[Any] = self.par_env.observation_space(name)
        options = {"agent_id": self._agent_id, "action_masks": self._action_masks}
        if not any(options.values()):
            return space
        if not isinstance(space, gymnasium.spaces.Box) or len(space.shape) != 1:
            option = next(option for option, used in options.items() if used)
            fail(f"observation space of {name} with {option}=True", space, "a 1-D Box", TypeError)
        count = len(self._keys) if self._agent_id else 0
        if self._action_masks:
            actions = self.par_env.action_space(name)
            if not isinstance(actions, gymnasium.spaces.Discrete):
                fail(f"action space of {name} with action_masks=True", actions, "Discrete", TypeError)
            count += int(actions.n)
        low, high = np.append(space.low, np.zeros(count)), np.append(space.high, np.ones(count))
        dtype: Any = space.dtype
        return gymnasium.spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype.type)


def make_env(scenario: str, env_config: Mapping[str, Any]) -> RLlibParallelEnv:
    """Make a scenario's parallel game for RLlib.

    Args:
        scenario: a name from ``scenarios.names()``.
        env_config: fields of ``EdgeOffloadConfig``, and the options of :class:`RLlibParallelEnv`.

    Raises:
        TypeError, ValueError: the message names the field, the value and what is allowed.
    """
    overrides = dict(env_config)
    options = {name: overrides.pop(name) for name in _OPTIONS if name in overrides}
    return RLlibParallelEnv(edgeoffload_v0.parallel_env(scenario, **overrides), **options)


def register_envs() -> None:
    """Register every scenario with RLlib as ``edgeoffload/<scenario>-v0``; once for each Ray session is enough."""
    # The registry keeps the first job of this process in its keys, and env runners of later jobs would find nothing
    _global_registry._prefix = None
    for scenario in scenarios.names():
        # a default argument binds each creator to its scenario
        register_env(env_id(scenario), lambda config, scenario=scenario: make_env(scenario, config))


def env_id(scenario: str) -> str:
    """Return the environment id of a scenario."""
    return f"edgeoffload/{scenario}-v0"


def own_policy(agent_id: Any, episode: Any = None, **_: Any) -> str:
    """Policy mapping: each agent has the policy of its name, ``user_3`` if agents are numbered."""
    return f"user_{agent_id}" if isinstance(agent_id, int) else agent_id


def one_policy(agent_id: Any, episode: Any = None, **_: Any) -> str:
    """Policy mapping: all agents share the policy ``"shared"``."""
    return "shared"
