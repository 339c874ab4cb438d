"""Plays an episode with every view of the installed wheel, where neither torch nor ray is present.

PettingZoo's and Gymnasium's own tests run there, too.
"""

import importlib.util
import sys
import tempfile
from pathlib import Path

import gymnasium
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

from edgeoffload_env import edgeoffload_v0, evaluate, policies, scenarios
from edgeoffload_env.rendering.play import play

assert not any(importlib.util.find_spec(name) for name in ("torch", "ray", "recipes", "benchmarks"))

env = edgeoffload_v0.parallel_env()
env.reset(seed=0)
while env.agents:
    observations, rewards, _, _, _ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
assert len(rewards) == 10

aec = edgeoffload_v0.env(max_cycles=2)
aec.reset(seed=0)
for _ in aec.agent_iter():
    _, _, terminated, truncated, _ = aec.last()
    aec.step(None if terminated or truncated else 0)

venv = edgeoffload_v0.vector_env(num_envs=4, max_cycles=3)
venv.reset(seed=0)
for _ in range(7):
    venv.step([[1] * 10] * 4)

central = gymnasium.make("edgeoffload/paper-central-v0")
central.reset(seed=0)
central.step(central.action_space.sample())

for scenario in ("paper", "urban"):
    parallel_api_test(edgeoffload_v0.parallel_env(scenario), num_cycles=100)
    parallel_seed_test(lambda scenario=scenario: edgeoffload_v0.parallel_env(scenario))
    api_test(edgeoffload_v0.env(scenario), num_cycles=100)
    seed_test(lambda scenario=scenario: edgeoffload_v0.env(scenario), num_cycles=100)
    check_env(gymnasium.make(f"edgeoffload/{scenario}-central-v0").unwrapped, skip_render_check=True)

with tempfile.TemporaryDirectory() as folder:
    page = Path(folder) / "game.html"
    play(["greedy", "random"], scenarios.configure("sparse"), record=page)
    assert "</html>" in page.read_text(encoding="utf-8")

utility = evaluate("greedy", episodes=2).utility.mean()
assert -20 < utility < -5
print(
    f"Python {sys.version.split()[0]}: {len(scenarios.names())} scenarios, {len(policies.names())} policies, "
    f"greedy {utility:.1f}"
)
