"""Training on RLlib: environment adapter, Ray sessions, training of runs and sweeps, replay, metrics, policies."""
