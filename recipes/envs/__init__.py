"""Batched environments for env runners: EdgeOffload's vector view, and any PettingZoo parallel game."""
