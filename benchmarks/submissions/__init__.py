"""Policies submitted to the leaderboard, a module each; see docs/leaderboard.md for what a submission has."""

PREFIX = f"{__name__}."
"""Start of the names of their modules."""
