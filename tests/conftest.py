"""Settings that hold for all tests."""

from hypothesis import HealthCheck, settings

# The same examples at every run; `pytest --hypothesis-profile thorough` looks for new ones.
settings.register_profile("default", derandomize=True, database=None, deadline=None, print_blob=True, max_examples=100)
settings.register_profile(
    "thorough",
    database=None,
    deadline=None,
    print_blob=True,
    max_examples=1000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")
