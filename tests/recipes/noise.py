"""Warnings from inside RLlib that its users cannot avoid."""

import pytest

RAY_NOISE = [
    # RLlib registers the same id with Gymnasium for each env runner
    pytest.mark.filterwarnings("ignore:.*Overriding environment rllib-multi-agent-env-v0:UserWarning"),
]
