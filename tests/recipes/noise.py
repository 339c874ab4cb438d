"""Warnings of RLlib's own making that its users cannot help."""

import pytest

RAY_NOISE = [
    # RLlib registers the same id with Gymnasium for each env runner
    pytest.mark.filterwarnings("ignore:.*Overriding environment rllib-multi-agent-env-v0:UserWarning"),
]
