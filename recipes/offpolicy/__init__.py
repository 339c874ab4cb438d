"""Shared code of the off-policy algorithms: every row of the replay buffer is a joint transition of all users.

An algorithm's own file in ``recipes/algorithms`` has its hyper-parameters (:mod:`.hyperparameters`) and its learner
(:mod:`.learner`), and needs torch alone. The rest makes an RLlib algorithm of it, on what :mod:`recipes.joint` shares
with on-policy algorithms.
"""
