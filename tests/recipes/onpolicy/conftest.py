"""The Ray of the off-policy tests, with the same games."""

from tests.recipes.offpolicy.conftest import ray_session as ray_session
