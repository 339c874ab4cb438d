"""Off-policy learning from joint experience, on RLlib's new API stack.

Batched games are sampled by one env runner, every row of the replay holds what all users saw and did in the same step,
and the users' networks are stacked into one module. What is specific to an algorithm is its module (``modules``), its
losses (``losses``) and its learner (``learners``).
"""
