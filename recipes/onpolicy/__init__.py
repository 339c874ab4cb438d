"""Shared code of the on-policy algorithms: play a rollout with the present policy, learn from it, discard it.

An algorithm's own file in ``recipes/algorithms`` has its hyper-parameters (:mod:`.hyperparameters`), its loss and its
learner (:mod:`.learner`), and needs torch alone. The rest makes an RLlib algorithm of it, on what :mod:`recipes.joint`
shares with off-policy algorithms.
"""
