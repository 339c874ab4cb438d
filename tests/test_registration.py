"""Ids of the registries, from a program that has not imported the package."""

import subprocess
import sys

PROGRAM = """
import gymnasium

env = gymnasium.make("edgeoffload_env:edgeoffload/urban-central-v0", max_cycles=2)
env.reset(seed=0)
env.step(env.action_space.sample())

import edgeoffload_env
import pettingzoo
from pettingzoo.env_registry import registration

scenarios = edgeoffload_env.scenarios.names()
ours = lambda ids: sorted(name for name in ids if name.startswith("edgeoffload/"))
assert ours(gymnasium.registry) == sorted(f"edgeoffload/{name}-central-v0" for name in scenarios)
gymnasium.register_envs(edgeoffload_env)
edgeoffload_env.registration.register_all()
for registry in (registration.aec_registry, registration.parallel_registry):
    assert ours(registry) == sorted(f"edgeoffload/{name}-v0" for name in scenarios)
pettingzoo.make("parallel", "edgeoffload/paper-v0").reset(seed=0)
"""


def test_ids_need_no_import_and_are_registered_once(tmp_path):
    subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], cwd=tmp_path, check=True, timeout=60)
