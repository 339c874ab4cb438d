"""Shared code of the algorithms that learn for all users at once from joint transitions, off-policy and on-policy.

What needs torch alone are learners' base (:mod:`.learner`), hyper-parameters, transitions, losses, and trained networks
as a policy (:mod:`.policy`) or as files (:mod:`.export`). The rest makes an RLlib algorithm of a learner:
configuration, env runner, module, learner and training loop on RLlib's new API stack.
"""
