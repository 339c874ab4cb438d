"""What the recipes share of RLlib: adapter, local Ray session, training loop, replay, metrics, trained policies."""
